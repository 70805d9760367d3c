//! The fuel of a record: a bound on the work that a program may do for it.
//!
//! jaq has no limit of steps. Its values are ours, so that each operation whose cost grows with the
//! data takes fuel, and each value that a generator gives. The amount stands in a thread-local
//! variable, because operators such as `+` have no context: a program runs on one thread from its
//! first to its last value.

use std::cell::Cell;

/// Fuel that each record gets, whatever its size.
const BASE: u64 = 100_000;
/// Fuel for each byte of a record.
const PER_BYTE: u64 = 16;
/// Bytes of text that cost as much as one step.
const BYTES_PER_STEP: usize = 16;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static SPENT: Cell<bool> = const { Cell::new(false) };
}

/// The record has no fuel left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfFuel;

/// Fills up for a record of `bytes` bytes, and returns the amount.
pub(crate) fn refill(bytes: usize) -> u64 {
    let amount = BASE + PER_BYTE * bytes as u64;
    LEFT.set(amount);
    SPENT.set(false);
    amount
}

/// Takes `steps` of fuel.
///
/// # Errors
/// [`OutOfFuel`] where less is left: then nothing is left, and every later call fails too.
pub(crate) fn take(steps: usize) -> Result<(), OutOfFuel> {
    match LEFT.get().checked_sub(steps as u64) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => {
            spend();
            Err(OutOfFuel)
        }
    }
}

/// Takes the fuel for reading or writing a text of `bytes` bytes.
///
/// # Errors
/// [`OutOfFuel`], as [`take`].
pub(crate) fn take_text(bytes: usize) -> Result<(), OutOfFuel> {
    take(1 + bytes / BYTES_PER_STEP)
}

/// Takes all fuel: the record has reached a bound that no amount of fuel can pass.
pub(crate) fn spend() {
    LEFT.set(0);
    SPENT.set(true);
}

/// Returns whether the record has run out of fuel.
pub(crate) fn is_spent() -> bool {
    SPENT.get()
}
