//! Half-hour counts of calls to a bank in February 1999, three weeks from a Monday on.
//!
//! Source: the call-by-call records of the "Anonymous Bank" call centre that Mandelbaum, Sakov and
//! Zeltyn published at the Technion in 2000, counted by the time of entry. The week of that
//! country ends on Friday: Friday and Saturday are quiet.

use nabiz_planning::forecast::{Day, DayClass};

const COUNTS: &str = include_str!("../vectors/bank_1999_02_weeks_1_to_3.csv");
const STEPS: usize = 48;

/// Returns the days in their order, the first with number 0.
pub fn days() -> Vec<Day> {
    let calls: Vec<f64> = COUNTS
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap().parse().unwrap())
        .collect();
    calls
        .chunks(STEPS)
        .zip(0..)
        .map(|(calls, date)| Day {
            date,
            class: DayClass::Weekday((date % 7) as u8),
            steps: calls.iter().copied().map(Some).collect(),
        })
        .collect()
}
