//! Where reading continues after a batch that cannot be decoded. Pure.

use nabiz_core::ids::Offset;

/// Offsets that are passed over, because their batch cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SkippedRange {
    /// The first offset.
    pub from: Offset,
    /// The offset after the last one, where reading continues.
    pub to: Offset,
    /// The reason of the client.
    pub why: String,
}

impl SkippedRange {
    /// Returns the number of offsets. How many records there were, the client does not tell.
    pub(super) fn offsets(&self) -> u64 {
        self.to.0.abs_diff(self.from.0)
    }

    /// Returns the last offset.
    pub(super) fn last(&self) -> Offset {
        Offset(self.to.0.saturating_sub(1))
    }
}

/// Finds the first offset after the batch that holds `from`: doubles the distance until a try no
/// longer hits the batch, then halves the interval. `high_watermark` is past the batch. `hits`
/// tries to read at an offset and returns whether that hits the same batch.
///
/// # Errors
/// The first error of `hits`.
pub(super) fn first_offset_after<E>(
    from: Offset,
    high_watermark: Offset,
    mut hits: impl FnMut(Offset) -> Result<bool, E>,
) -> Result<Offset, E> {
    let (mut inside, mut distance) = (from.0, 1_i64);
    let mut outside = loop {
        let next = from.0.saturating_add(distance);
        if next >= high_watermark.0 {
            break high_watermark.0;
        }
        if !hits(Offset(next))? {
            break next;
        }
        inside = next;
        distance = distance.saturating_mul(2);
    };
    while outside.saturating_sub(inside) > 1 {
        let middle = inside + (outside - inside) / 2;
        if hits(Offset(middle))? {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    Ok(Offset(outside))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where reading continues after a batch that ends before `end`, and the tries.
    fn search(from: i64, end: i64, high_watermark: i64) -> (i64, usize) {
        let mut tries = 0;
        let found = first_offset_after(Offset(from), Offset(high_watermark), |offset| {
            assert!(offset.0 > from && offset.0 < high_watermark, "{offset:?} is in the log");
            tries += 1;
            Ok::<_, ()>(offset.0 < end)
        });
        (found.unwrap().0, tries)
    }

    #[test]
    fn search_finds_the_end_of_every_batch() {
        for length in 1..200 {
            for rest in 0..3 {
                let (found, tries) = search(7, 7 + length, 7 + length + rest);
                assert_eq!(found, 7 + length, "{length} offsets, {rest} after them");
                assert!(tries <= 18, "{tries} tries for {length} offsets");
            }
        }
    }

    #[test]
    fn search_ends_when_a_try_fails() {
        let failed = first_offset_after(Offset(0), Offset(9), |_| Err("no answer"));
        assert_eq!(failed, Err("no answer"));
    }
}
