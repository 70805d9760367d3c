//! The question of a plan as text, as the command line and the API take it.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp, parse_rfc3339};

use super::grid::Grid;
use super::settings::PlanningSettings;
use super::what_if::{Change, WhatIf};
use crate::config::PlanStep;
use crate::suggestion::suggestion;

/// The most days of a plan.
pub const DAYS_MAX: i64 = 92;

/// A request that was not validated yet. What is absent has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// The first day; the coming Monday by default, or today with `now`.
    pub from: Option<String>,
    /// The day after the last; a week after `from` by default, or tomorrow with `now`.
    pub to: Option<String>,
    /// The length of a row; that of `[planning]` by default.
    pub step: Option<String>,
    /// Queue ids or aliases; all where empty.
    pub queues: Vec<String>,
    /// Channels; all where empty.
    pub channels: Vec<String>,
    /// The instant up to which today's arrivals correct the rest of today: RFC 3339, or `now`.
    pub now: Option<String>,
    /// Change of what arrives.
    pub volume: Option<String>,
    /// Change of the handle time.
    pub aht: Option<String>,
    /// Change of the patience.
    pub patience: Option<String>,
    /// Change of the agents that are needed.
    pub agents: Option<String>,
    /// Whether the plan is simulated too.
    pub simulate: bool,
}

/// A validated request.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanQuery {
    /// The first day.
    pub(super) from: Date,
    /// The day after the last.
    pub(super) to: Date,
    pub(super) step: PlanStep,
    /// Queue ids; all where empty.
    pub(super) queues: Vec<String>,
    /// Channels; all where empty.
    pub(super) channels: Vec<String>,
    /// The instant up to which arrivals correct the rest of their day.
    pub(super) now: Option<Timestamp>,
    pub(super) what_if: WhatIf,
    pub(super) simulate: bool,
}

/// A parameter with a value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {detail}")]
pub struct PlanRequestError {
    /// The parameter.
    pub parameter: &'static str,
    /// The error, with what is allowed.
    pub detail: String,
}

fn wrong(parameter: &'static str, detail: impl Into<String>) -> PlanRequestError {
    PlanRequestError { parameter, detail: detail.into() }
}

impl PlanRequest {
    /// Returns the query for a ledger with intervals of length `interval`. `clock` is the present,
    /// for the defaults of the days.
    ///
    /// # Errors
    /// [`PlanRequestError`] for the first parameter whose value is not allowed.
    pub fn query(
        &self,
        settings: &Settings,
        planning: &PlanningSettings,
        interval: Millis,
        clock: Timestamp,
    ) -> Result<PlanQuery, PlanRequestError> {
        let day = &settings.windows.business_day;
        let now = match self.now.as_deref() {
            None => None,
            Some("now") => Some(clock),
            Some(text) => Some(parse_rfc3339(text).ok_or_else(|| {
                let text = bounded(text);
                wrong(
                    "now",
                    format!("expected a time such as 2026-01-05T11:00:00+03:00, found {text}"),
                )
            })?),
        };
        let today = day.date_of(now.unwrap_or(clock));
        let from = match &self.from {
            Some(text) => date("from", text)?,
            None if now.is_some() => today,
            None => coming_monday(today),
        };
        let to = match &self.to {
            Some(text) => date("to", text)?,
            None if now.is_some() && self.from.is_none() => later(from, 1),
            None => later(from, 7),
        };
        let days = (to - from).get_days();
        if !(1..=DAYS_MAX).contains(&i64::from(days)) {
            let detail = format!("expected 1 to {DAYS_MAX} days after {from}, found {to}");
            return Err(wrong("to", detail));
        }
        if now.is_some() && !(from..to).contains(&today) {
            let detail = format!("expected a time from {from} until {to}, found one on {today}");
            return Err(wrong("now", detail));
        }
        let holds = |step: PlanStep| {
            interval <= Millis::from_mins(u64::from(step.minutes())) && Grid::fits(settings, step)
        };
        let possible = || PlanStep::ALL.into_iter().filter(|(step, _)| holds(*step));
        let step = match &self.step {
            None => Some(planning.planning.step)
                .filter(|step| holds(*step))
                .or_else(|| possible().next().map(|(step, _)| step)),
            Some(word) => PlanStep::from_word(word).filter(|step| holds(*step)),
        };
        let step = step.ok_or_else(|| {
            let words: Vec<&str> = possible().map(|(_, word)| word).collect();
            match (&self.step, words.is_empty()) {
                (_, true) => wrong(
                    "step",
                    "no step of a plan holds an interval of the ledger and begins with the \
                     business day",
                ),
                (word, false) => {
                    let found = bounded(word.as_deref().unwrap_or_default());
                    let within = word.as_deref().and_then(PlanStep::from_word);
                    let why = match within.is_some_and(|step| !Grid::fits(settings, step)) {
                        true => "; the business day begins within such a step",
                        false => "",
                    };
                    wrong("step", format!("expected {}, found {found}{why}", words.join(", ")))
                }
            }
        })?;
        for channel in &self.channels {
            if settings.channels.id(channel).is_none() {
                let names = || settings.channels.names();
                let list: Vec<&str> = names().collect();
                let hint = suggestion(channel, names());
                let found = bounded(channel);
                return Err(wrong(
                    "channel",
                    format!("expected {}, found {found}{hint}", list.join(", ")),
                ));
            }
        }
        let change =
            |parameter, text: &Option<String>, read: fn(&str) -> Result<Change, String>| {
                let read = text.as_deref().map(|text| read(&short(text)));
                read.transpose().map_err(|detail| wrong(parameter, detail))
            };
        let what_if = WhatIf {
            volume: change("volume", &self.volume, Change::of_volume)?,
            aht: change("aht", &self.aht, Change::of_time)?,
            patience: change("patience", &self.patience, Change::of_time)?,
            agents: change("agents", &self.agents, Change::of_agents)?,
        };
        let queues = self.queues.iter().map(|queue| settings.resolve(queue).to_string()).collect();
        let channels = self.channels.clone();
        let simulate = self.simulate;
        Ok(PlanQuery { from, to, step, queues, channels, now, what_if, simulate })
    }
}

/// Returns the first Monday after a date.
fn coming_monday(date: Date) -> Date {
    date.nth_weekday(1, Weekday::Monday).unwrap_or(date)
}

fn later(date: Date, days: i64) -> Date {
    date.checked_add(days.days()).unwrap_or(Date::MAX)
}

fn date(parameter: &'static str, text: &str) -> Result<Date, PlanRequestError> {
    // `jiff` parses longer texts as a date too, such as one with a time.
    let date = text.parse().ok().filter(|_| text.len() == "2026-01-05".len());
    date.ok_or_else(|| {
        wrong(parameter, format!("expected a date such as 2026-01-05, found {}", bounded(text)))
    })
}

/// Returns a text, cut to a bounded length.
fn short(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    text.chars().take(CHARS_MAX).collect()
}

/// Quotes a value for a message, cut to a bounded length.
fn bounded(text: &str) -> String {
    let short = short(text);
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Wednesday.
    const CLOCK: &str = "2026-01-07T10:00:00+03:00";

    fn read(request: &PlanRequest) -> Result<PlanQuery, PlanRequestError> {
        let config = Config::parse("[queues.fault]\naliases = ['600']", "t", std::iter::empty());
        let config = config.unwrap();
        let clock = parse_rfc3339(CLOCK).unwrap();
        let planning = PlanningSettings::of(&config);
        request.query(&config.settings(), &planning, Millis::from_mins(15), clock)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn plan_is_of_the_coming_week_by_default_and_of_today_with_now() {
        let week = read(&PlanRequest::default()).unwrap();
        assert_eq!(
            (week.from, week.to),
            (Date::constant(2026, 1, 12), Date::constant(2026, 1, 19))
        );
        assert_eq!((week.step, week.now), (PlanStep::HalfHour, None));
        let now = PlanRequest { now: some("now"), ..PlanRequest::default() };
        let today = read(&now).unwrap();
        assert_eq!(
            (today.from, today.to),
            (Date::constant(2026, 1, 7), Date::constant(2026, 1, 8))
        );
        assert_eq!(today.now, parse_rfc3339(CLOCK));
        let since = PlanRequest { from: some("2026-01-05"), ..now };
        assert_eq!(read(&since).unwrap().to, Date::constant(2026, 1, 12));
    }

    #[test]
    fn request_resolves_aliases_and_reads_changes() {
        let request = PlanRequest {
            queues: vec!["600".to_string()],
            volume: some("1.1"),
            aht: some("+30s"),
            ..PlanRequest::default()
        };
        let query = read(&request).unwrap();
        assert_eq!(query.queues, ["fault"]);
        assert_eq!(query.what_if.volume, Some(Change::Factor(1.1)));
        assert_eq!(query.what_if.aht, Some(Change::Plus(30.0)));
    }

    #[test]
    fn step_is_refused_when_the_business_day_begins_within_it() {
        let toml = "[windows]\nbusiness_day_starts = '06:30'";
        let config = Config::parse(toml, "t", std::iter::empty()).unwrap();
        let (settings, planning) = (config.settings(), PlanningSettings::of(&config));
        let request = PlanRequest { step: some("1h"), ..PlanRequest::default() };
        let clock = parse_rfc3339(CLOCK).unwrap();
        let read = request.query(&settings, &planning, Millis::from_mins(15), clock);
        assert_eq!(
            read.unwrap_err().to_string(),
            "step: expected 15m, 30m, found \"1h\"; the business day begins within such a step"
        );
    }

    #[test]
    fn request_error_names_the_parameter_and_what_is_allowed() {
        let with = |change: fn(&mut PlanRequest)| {
            let mut request = PlanRequest::default();
            change(&mut request);
            read(&request).unwrap_err().to_string()
        };
        let from = with(|it| it.from = some("2026-01-05T08:00"));
        assert!(from.starts_with("from: expected a date such as"), "{from}");
        let to = with(|it| (it.from, it.to) = (some("2026-01-05"), some("2026-01-05")));
        assert!(to.starts_with("to: expected 1 to 92 days after 2026-01-05"), "{to}");
        let step = with(|it| it.step = some("1d"));
        assert_eq!(step, "step: expected 15m, 30m, 1h, found \"1d\"");
        let channel = with(|it| it.channels = vec!["phne".to_string()]);
        assert!(channel.ends_with("found \"phne\"; did you mean phone"), "{channel}");
        let now = with(|it| (it.from, it.now) = (some("2026-02-01"), some("now")));
        assert!(now.starts_with("now: expected a time from 2026-02-01 until"), "{now}");
        let agents = with(|it| it.agents = Some("9".repeat(9_999)));
        assert!(agents.starts_with("agents: expected agents such as") && agents.len() < 300);
    }
}
