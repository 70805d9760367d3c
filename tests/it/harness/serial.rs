//! Which tests may run at the same time.
//!
//! The tests of this binary run in threads of one process, as many as the machine has processors.
//! Tests with processes, servers and deadlines take [`shared`]; a test that needs the machine for
//! itself takes [`alone`] and waits for them. Tests that only compute take neither. A test takes
//! its guard once, in its first line.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// Waits until no test runs alone.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until no other test with a guard runs, and keeps others from starting.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}
