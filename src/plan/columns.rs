//! The columns of a row in CSV, which are its members in JSON too. Durations are in seconds.

use nabiz_planning::erlang::Expected as Figures;
use nabiz_planning::forecast::Expected;

use super::whole::{DayRow, SeriesPlan, StepRow};
use super::words::{aht_word, class_word, missing_words, reason_word};
use crate::ledger::history::Cell;

/// A row with what it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) plan: &'a SeriesPlan,
    pub(super) day: &'a DayRow,
    pub(super) row: &'a StepRow,
}

/// A name, and its value in a row.
pub(super) type Column = (&'static str, fn(Row<'_>) -> Cell<'_>);

/// The columns that only CSV has, after the end of the step, because JSON has a part for each queue.
pub(super) const QUEUE_COLUMNS: [Column; 2] =
    [("queue", |it| Cell::Text(&it.plan.queue)), ("channel", |it| Cell::Text(&it.plan.channel))];

pub(super) const TIME_COLUMNS: [Column; 2] =
    [("start", |it| Cell::Time(it.row.range.start)), ("end", |it| Cell::Time(it.row.range.end))];

/// Every other column in the order of CSV. The names are a contract: a column may be added at the
/// end, none changes its meaning.
pub(super) const COLUMNS: [Column; 34] = [
    ("date", |it| Cell::Owned(it.day.date.to_string())),
    ("day", |it| Cell::Text(class_word(&it.day.class))),
    ("open", |it| Cell::Flag(it.row.open)),
    ("like_days", |it| Cell::Count(it.day.like_days as u64)),
    ("forecast", |it| forecast(it, |expected| expected.mean)),
    ("forecast_p10", |it| forecast(it, |expected| expected.p10)),
    ("forecast_p90", |it| forecast(it, |expected| expected.p90)),
    ("offered", |it| number(it.row.offered, 2)),
    ("aht_seconds", |it| number(it.row.aht.map(|(aht, _)| aht), 1)),
    ("aht_basis", |it| text(it.row.aht.map(|(_, basis)| aht_word(basis)))),
    ("agents", |it| count(it.row.agents)),
    ("agents_decided_by", |it| text(it.row.decided_by.map(reason_word))),
    ("service_level", |it| ratio(it.row.expected, |figures| figures.service_level)),
    ("abandonment", |it| ratio(it.row.expected, |figures| figures.abandonment)),
    ("asa_seconds", |it| {
        number(it.row.expected.and_then(|figures| figures.mean_answer_seconds), 1)
    }),
    ("occupancy", |it| number(it.row.expected.and_then(|figures| figures.occupancy), 4)),
    ("service_level_one_fewer", |it| ratio(it.row.one_fewer, |figures| figures.service_level)),
    ("abandonment_one_fewer", |it| ratio(it.row.one_fewer, |figures| figures.abandonment)),
    ("service_level_one_more", |it| ratio(it.row.one_more, |figures| figures.service_level)),
    ("abandonment_one_more", |it| ratio(it.row.one_more, |figures| figures.abandonment)),
    ("scheduled", |it| count(it.row.scheduled)),
    ("agents_there", |it| number(it.row.there.map(|there| there.agents), 2)),
    ("agents_there_basis", |it| {
        text(it.row.there.map(|there| if there.measured { "measured" } else { "like_days" }))
    }),
    ("service_level_there", |it| number(it.row.there.and_then(|there| there.service_level), 4)),
    ("actual_service_level", |it| number(it.row.actual_service_level, 4)),
    ("what_if_agents", |it| count(it.row.what_if.map(|(agents, _)| agents))),
    ("what_if_service_level", |it| ratio(what_if(it), |figures| figures.service_level)),
    ("what_if_abandonment", |it| ratio(what_if(it), |figures| figures.abandonment)),
    ("what_if_asa_seconds", |it| {
        number(what_if(it).and_then(|figures| figures.mean_answer_seconds), 1)
    }),
    ("what_if_occupancy", |it| number(what_if(it).and_then(|figures| figures.occupancy), 4)),
    ("simulated_service_level", |it| {
        number(it.row.simulated.and_then(|simulated| simulated.service_level), 4)
    }),
    ("simulated_abandonment", |it| {
        number(it.row.simulated.and_then(|simulated| simulated.abandonment), 4)
    }),
    ("simulated_agents", |it| {
        count(it.row.simulated.and(it.row.what_if.map(|(agents, _)| agents).or(it.row.agents)))
    }),
    ("missing", |it| {
        it.row.missing.map_or(Cell::Empty, |missing| Cell::Owned(missing_words(missing)))
    }),
];

fn forecast(it: Row<'_>, of: fn(Expected) -> f64) -> Cell<'_> {
    number(it.row.forecast.map(of), 2)
}

fn ratio(figures: Option<Figures>, of: fn(Figures) -> f64) -> Cell<'static> {
    number(figures.map(of), 4)
}

fn what_if(it: Row<'_>) -> Option<Figures> {
    it.row.what_if.and_then(|(_, figures)| figures)
}

fn count(count: Option<u32>) -> Cell<'static> {
    count.map_or(Cell::Empty, |count| Cell::Count(u64::from(count)))
}

fn text(text: Option<&'static str>) -> Cell<'static> {
    text.map_or(Cell::Empty, Cell::Constant)
}

fn number(number: Option<f64>, decimals: i32) -> Cell<'static> {
    number.map_or(Cell::Empty, |number| Cell::Number(rounded(number, decimals)))
}

/// Returns a number with so many decimals: more would claim what a forecast does not know.
pub(super) fn rounded(number: f64, decimals: i32) -> f64 {
    let factor = 10f64.powi(decimals);
    (number * factor).round() / factor
}
