//! The counts of an interval as columns of the table `intervals`.

use nabiz_core::measures::IntervalCounts;

/// A column and the count that it holds.
type Column = (&'static str, fn(&mut IntervalCounts) -> &mut u64);

/// Every count, in the order of the table.
pub(super) const COLUMNS: [Column; 31] = [
    ("offered", |counts| &mut counts.offered),
    ("answered", |counts| &mut counts.answered),
    ("answered_in_target", |counts| &mut counts.answered_in_target),
    ("abandoned", |counts| &mut counts.abandoned),
    ("abandoned_in_target", |counts| &mut counts.abandoned_in_target),
    ("abandoned_short", |counts| &mut counts.abandoned_short),
    ("left_timeout", |counts| &mut counts.left[0]),
    ("left_full", |counts| &mut counts.left[1]),
    ("left_empty", |counts| &mut counts.left[2]),
    ("left_exit_key", |counts| &mut counts.left[3]),
    ("left_withdrawn", |counts| &mut counts.left[4]),
    ("left_transfer", |counts| &mut counts.left[5]),
    ("left_callback", |counts| &mut counts.left[6]),
    ("left_closed", |counts| &mut counts.left[7]),
    ("lost", |counts| &mut counts.lost),
    ("service_level_met", |counts| &mut counts.met),
    ("service_level_missed", |counts| &mut counts.missed),
    ("wait_sum_ms", |counts| &mut counts.wait_sum_ms),
    (WAIT_MAX, |counts| &mut counts.wait_max_ms),
    ("abandon_wait_sum_ms", |counts| &mut counts.abandon_wait_sum_ms),
    ("handled", |counts| &mut counts.handled),
    ("handle_sum_ms", |counts| &mut counts.handle_sum_ms),
    ("first_responses", |counts| &mut counts.first_responses),
    ("first_response_sum_ms", |counts| &mut counts.first_response_sum_ms),
    ("resolutions", |counts| &mut counts.resolutions),
    ("resolution_sum_ms", |counts| &mut counts.resolution_sum_ms),
    ("not_answered", |counts| &mut counts.not_answered),
    ("transfers", |counts| &mut counts.transfers),
    ("reopened", |counts| &mut counts.reopened),
    ("surveys", |counts| &mut counts.surveys),
    ("survey_score_sum", |counts| &mut counts.survey_score_sum),
];

/// The one column that is a maximum; all others are added.
const WAIT_MAX: &str = "wait_max_ms";

/// Bound of a stored number: far above what an interval can reach, and low enough that a few can be added without a care.
const COUNT_MAX: u64 = 1 << 58;

/// Adds counts, and keeps the larger maximum.
pub(super) fn add(counts: &mut IntervalCounts, more: &IntervalCounts) {
    // The columns give places, not values; a copy costs less than a second list of the fields.
    let mut more = more.clone();
    for (name, field) in COLUMNS {
        let (sum, more) = (field(counts), *field(&mut more));
        *sum = if name == WAIT_MAX { (*sum).max(more) } else { sum.saturating_add(more) }
            .min(COUNT_MAX);
    }
}

/// A count as SQLite stores it.
pub(super) fn stored(count: u64) -> i64 {
    // Below the bound every count fits.
    i64::try_from(count.min(COUNT_MAX)).unwrap_or(i64::MAX)
}

/// A count as it was stored; a negative one, which is never written, is 0.
pub(super) fn read(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0).min(COUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nabiz_core::event::LeftReason;

    #[test]
    fn every_count_has_one_column_and_every_reason_its_own() {
        let mut counts = IntervalCounts::default();
        for (index, (_, field)) in COLUMNS.iter().enumerate() {
            *field(&mut counts) = index as u64 + 1;
        }
        // One field left out or named twice would leave a zero or a repeated number in the debug form.
        let debug = format!("{counts:?}");
        for index in 1..=COLUMNS.len() {
            let number = index.to_string();
            let found = debug
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| **word == number)
                .count();
            assert_eq!(found, 1, "{index} in {debug}");
        }
        for reason in LeftReason::ALL {
            assert_eq!(COLUMNS[6 + reason.index()].0, format!("left_{}", reason.as_str()));
        }
    }

    #[test]
    fn sums_saturate_and_the_maximum_is_not_added() {
        let mut sum =
            IntervalCounts { offered: u64::MAX, wait_max_ms: 7, ..IntervalCounts::default() };
        add(
            &mut sum,
            &IntervalCounts {
                offered: u64::MAX,
                answered: 2,
                wait_max_ms: 5,
                ..IntervalCounts::default()
            },
        );
        assert_eq!((sum.offered, sum.answered, sum.wait_max_ms), (COUNT_MAX, 2, 7));
        assert_eq!(read(stored(u64::MAX)), COUNT_MAX);
        assert_eq!(read(-1), 0);
    }
}
