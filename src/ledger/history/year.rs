//! The headline of a year: what a centre did, in about twenty numbers.

use nabiz_core::settings::{Formula, Settings};
use nabiz_core::time::{Millis, TimeRange};
use rusqlite::Connection;

use super::cell::{Cell, Column, Record};
use super::query::{By, Query};
use super::reader::History;
use super::request_error::RequestError;
use super::row::HistoryRow;
use super::step::Step;
use crate::ledger::error::LedgerError;
use crate::ledger::schema;

/// The channel whose contacts are calls.
const CALLS: &str = "phone";

/// One number of the headline.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// The part of the year that the ledger has: from its first interval on.
    pub range: TimeRange,
    /// The number can still change.
    pub open: bool,
    /// The name of the number, with its unit where it has one.
    pub measure: &'static str,
    /// The channel; empty for all.
    pub channel: String,
    /// The number; absent where nothing can be divided, or where it is not known.
    pub value: Option<f64>,
}

impl Headline {
    /// Returns whether the number is a ratio, 0 to 1.
    pub fn is_ratio(&self) -> bool {
        self.measure.ends_with("_share")
            || ["service_level", "service_level_arrival", "abandonment"].contains(&self.measure)
    }
}

impl Record for Headline {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.range.start)),
        ("end", |row| Cell::Time(row.range.end)),
        ("open", |row| Cell::Flag(row.open)),
        ("measure", |row| Cell::Text(row.measure)),
        ("channel", |row| Cell::name(&row.channel)),
        ("value", |row| row.value.into()),
    ];
}

/// Returns the query whose history [`headlines`] reads: the business days of a year in one step.
///
/// # Errors
/// [`RequestError`] where `year` is not a year of four digits.
pub(super) fn query_of_year(year: &str, settings: &Settings) -> Result<Query, RequestError> {
    let day = &settings.windows.business_day;
    let first = |year: i16| jiff::civil::Date::new(year, 1, 1).ok().map(|date| day.start_of(date));
    let number = year.parse::<i16>().ok().filter(|number| (1970..=9998).contains(number));
    let period = number.and_then(|number| first(number).zip(first(number + 1)));
    let Some((start, end)) = period else {
        let year: String = year.chars().take(64).collect();
        let detail = format!("expected a year such as 2026, found {year:?}");
        return Err(RequestError { parameter: "year", detail });
    };
    let query = Query::new(TimeRange { start, end }, Step::All);
    Ok(Query { by: By::Channel, is_headline: true, ..query })
}

/// Reads a history of one step by channel, and returns the headline of its period; nothing where
/// the ledger has nothing of it.
///
/// # Errors
/// [`LedgerError`] of the history.
pub fn headlines(mut history: History) -> Result<Vec<Headline>, LedgerError> {
    let rows: Vec<HistoryRow> = history.by_ref().collect::<Result<_, _>>()?;
    let Some(last) = rows.last() else { return Ok(Vec::new()) };
    let range = last.range;
    let further = Further::read(history.connection(), range)?;
    let mut out = Headlines { range, open: last.open, all: Vec::new() };
    let calls = rows.iter().find(|row| &*row.channel == CALLS);
    let contacts = |channel: &str| {
        further.arrivals.as_ref().map(|arrivals| {
            let of_channel = arrivals.iter().find(|arrivals| arrivals.channel == channel);
            of_channel.map_or((0.0, 0.0), |arrivals| (arrivals.contacts, arrivals.contained))
        })
    };
    let reached = contacts(CALLS);
    out.push("contacts", CALLS, reached.map(|(contacts, _)| contacts));
    out.push("self_service_contained", CALLS, reached.map(|(_, contained)| contained));
    let share = reached.and_then(|(contacts, contained)| ratio(contained, contacts));
    out.push("self_service_share", CALLS, share);
    if let Some(calls) = calls {
        out.push_calls(calls);
    }
    let others = further.arrivals.iter().flatten().map(|arrivals| arrivals.channel.as_str());
    for channel in others.filter(|channel| *channel != CALLS) {
        out.push("contacts", channel, contacts(channel).map(|(contacts, _)| contacts));
    }
    for row in rows.iter().filter(|row| row.counts.responses.first_responses > 0) {
        let responses = row.counts.responses;
        out.push("first_responses", &row.channel, Some(responses.first_responses as f64));
        let in_target = row.responses_in_target().map(|[in_target, _]| in_target as f64);
        out.push("first_responses_in_target", &row.channel, in_target);
        let sum = Millis(responses.first_response_sum_ms).as_secs_f64();
        let mean = ratio(sum, responses.first_responses as f64);
        out.push("first_response_mean_seconds", &row.channel, mean);
    }
    out.push("followups_opened", "", further.units.map(|units| units.opened));
    out.push("followups_informed", "", further.units.map(|units| units.informed));
    let mean = further.units.and_then(|units| ratio(units.sum_seconds, units.timed));
    out.push("followup_mean_seconds", "", mean);
    let sum = |of: fn(&HistoryRow) -> u64| rows.iter().map(of).fold(0, u64::saturating_add) as f64;
    let surveys = sum(|row| row.counts.responses.surveys);
    let score = ratio(sum(|row| row.counts.responses.survey_score_sum), surveys);
    out.push("surveys", "", Some(surveys));
    out.push("survey_score_mean", "", score);
    Ok(out.all)
}

/// Returns the quotient; `None` where there is nothing to divide by.
fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

struct Headlines {
    range: TimeRange,
    open: bool,
    all: Vec<Headline>,
}

impl Headlines {
    fn push(&mut self, measure: &'static str, channel: &str, value: Option<f64>) {
        let (range, open, channel) = (self.range, self.open, channel.to_string());
        self.all.push(Headline { range, open, measure, channel, value });
    }

    /// Adds the numbers of the calls that reached a queue.
    fn push_calls(&mut self, row: &HistoryRow) {
        let (counts, window) = (&row.counts, row.window());
        let p90 = row.wait_quantiles.map(|[_, p90, ..]| p90.as_secs_f64());
        for (measure, value) in [
            ("offered", Some(counts.visits.offered as f64)),
            ("answered", Some(counts.visits.answered as f64)),
            ("service_level", window.service_level(Formula::Live)),
            ("service_level_arrival", row.service_level_arrival()),
            ("asa_seconds", window.wait_mean_seconds()),
            ("wait_p90_seconds", p90),
            ("abandonment", window.abandonment()),
        ] {
            self.push(measure, CALLS, value);
        }
    }
}

/// Contacts of a channel.
struct Arrivals {
    channel: String,
    contacts: f64,
    /// Contacts that self-service has served.
    contained: f64,
}

/// Follow-ups of all units.
#[derive(Clone, Copy)]
struct Units {
    opened: f64,
    informed: f64,
    timed: f64,
    sum_seconds: f64,
}

/// Sums of the tables that an older ledger does not have, or only for a part of its time: absent
/// where they do not have the whole range.
struct Further {
    arrivals: Option<Vec<Arrivals>>,
    units: Option<Units>,
}

impl Further {
    fn read(connection: &Connection, range: TimeRange) -> Result<Further, LedgerError> {
        let bounds = [range.start.get(), range.end.get()];
        let is_there = |table| connection.table_exists(None, table);
        if !is_there("arrival_intervals")? || !is_there("unit_intervals")? {
            return Ok(Further { arrivals: None, units: None });
        }
        if schema::further_since(connection)?.is_some_and(|since| since > range.start) {
            return Ok(Further { arrivals: None, units: None });
        }
        let sql = "SELECT name, total(contacts), total(self_service_contained)
                   FROM arrival_intervals JOIN names ON names.id = channel
                   WHERE start_ms >= ?1 AND start_ms < ?2 GROUP BY name ORDER BY name";
        let mut select = connection.prepare(sql)?;
        let arrivals = select.query_map(bounds, |row| {
            Ok(Arrivals { channel: row.get(0)?, contacts: row.get(1)?, contained: row.get(2)? })
        })?;
        let arrivals = arrivals.collect::<Result<_, _>>()?;
        let sql = "SELECT total(opened), total(informed), total(timed), total(informed_sum_ms)
                   FROM unit_intervals WHERE start_ms >= ?1 AND start_ms < ?2";
        let units = connection.query_row(sql, bounds, |row| {
            Ok(Units {
                opened: row.get(0)?,
                informed: row.get(1)?,
                timed: row.get(2)?,
                sum_seconds: row.get::<_, f64>(3)? / 1000.0,
            })
        })?;
        Ok(Further { arrivals: Some(arrivals), units: Some(units) })
    }
}
