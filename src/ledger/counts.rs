//! Counts of an interval as columns of the table `intervals`.
//!
//! The names are those of the table of counters, so a new counter needs only its column: one
//! `ALTER TABLE` in the migrations.

use nabiz_core::measures::IntervalCounts;
use nabiz_core::time::Millis;
use rusqlite::Connection;

/// The columns of [`IntervalCounts::left`], by [`nabiz_core::event::LeftReason::index`].
const LEFT: [&str; 8] = [
    "left_timeout",
    "left_full",
    "left_empty",
    "left_exit_key",
    "left_withdrawn",
    "left_transfer",
    "left_callback",
    "left_closed",
];

/// The bound of a stored number: far above what an interval can reach, and low enough that a few of
/// them can be added without an overflow.
pub(super) const COUNT_MAX: u64 = 1 << 58;

/// Returns each column with the count that it holds.
pub(super) fn columns(
    counts: &mut IntervalCounts,
) -> impl Iterator<Item = (&'static str, &mut u64)> {
    // Destructured by name, so that the compiler finds a field that is missing here.
    let IntervalCounts {
        visits,
        service_level,
        contacts,
        sums,
        responses,
        left,
        lost,
        wait_max: Millis(wait_max_ms),
        cohort,
        waits,
    } = counts;
    visits
        .iter_mut()
        .chain(LEFT.into_iter().zip(left))
        .chain([("lost", lost), ("wait_max_ms", wait_max_ms)])
        .chain(service_level.iter_mut())
        .chain(sums.iter_mut())
        .chain(responses.iter_mut())
        .chain(contacts.iter_mut())
        .chain(cohort.iter_mut())
        .chain(waits.iter_mut())
}

/// Returns the name of each column, in the order of [`columns`].
pub(super) fn names() -> Vec<&'static str> {
    columns(&mut IntervalCounts::default()).map(|(name, _)| name).collect()
}

/// The column with the version of the tables when a row began. Such a row knows the columns up to
/// that version.
pub(super) const COUNTED_SINCE: &str = "counted_since";
/// The version that added [`IntervalCounts::cohort`], [`IntervalCounts::waits`] and the counts of
/// responses in target.
pub(super) const COHORT_SINCE: i64 = 16;

/// Returns what a statement selects from `intervals` for each column, in the order of [`columns`],
/// and then for [`COUNTED_SINCE`]: its name, or 0 where the ledger is of a version that does not
/// have the column.
pub(super) fn selected(connection: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let mut select = connection.prepare("SELECT name FROM pragma_table_info('intervals')")?;
    let stored = select.query_map([], |row| row.get(0))?;
    let stored: Vec<String> = stored.collect::<Result<_, _>>()?;
    let select = |name| if stored.iter().any(|known| known == name) { name } else { "0" };
    Ok(names().into_iter().chain([COUNTED_SINCE]).map(select).collect())
}

/// Adds an increment to a row: its misses are without those that the increment revokes. No count
/// exceeds the bound of a stored number.
pub(super) fn add_increment(counts: &mut IntervalCounts, increment: &IntervalCounts) {
    counts.add_increment(increment);
    bound(counts);
}

/// Adds counts, and keeps the larger maximum. No count exceeds the bound of a stored number.
pub(super) fn add(counts: &mut IntervalCounts, more: &IntervalCounts) {
    counts.add(more);
    bound(counts);
}

fn bound(counts: &mut IntervalCounts) {
    for (_, count) in columns(counts) {
        *count = (*count).min(COUNT_MAX);
    }
}

/// Converts a count into the integer that SQLite stores.
pub(super) fn to_stored(count: u64) -> i64 {
    // Every count up to the bound fits.
    i64::try_from(count.min(COUNT_MAX)).unwrap_or(i64::MAX)
}

/// Converts a stored integer into a count. A negative one, which is never written, becomes 0.
pub(super) fn from_stored(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0).min(COUNT_MAX)
}

#[cfg(test)]
mod tests {
    use nabiz_core::event::LeftReason;
    use nabiz_core::measures::VisitCounts;

    use super::*;

    #[test]
    fn count_has_one_column_and_reason_has_its_own() {
        let mut counts = IntervalCounts::default();
        for (number, (_, count)) in (1..).zip(columns(&mut counts)) {
            *count = number;
        }
        let names = names();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        for reason in LeftReason::ALL {
            let column = names.iter().position(|name| *name == format!("left_{}", reason.as_str()));
            assert_eq!(column.map(|at| at as u64 + 1), Some(counts.left[reason.index()]));
        }
    }

    #[test]
    fn add_stops_at_the_bound_and_keeps_the_larger_maximum() {
        let of = |offered, answered, wait_max| IntervalCounts {
            visits: VisitCounts { offered, answered, ..VisitCounts::default() },
            wait_max: Millis(wait_max),
            ..IntervalCounts::default()
        };
        let mut sum = of(u64::MAX, 0, 7);
        add(&mut sum, &of(u64::MAX, 2, 5));
        assert_eq!(sum, of(COUNT_MAX, 2, 7));
        assert_eq!(from_stored(to_stored(u64::MAX)), COUNT_MAX);
        assert_eq!(from_stored(-1), 0);
    }
}
