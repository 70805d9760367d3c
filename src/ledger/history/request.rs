//! A query as text, as the command line and the API take it.

use jiff::civil::Date;
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange, Timestamp, parse_rfc3339};

use super::cell::Record;
use super::kind::Kind;
use super::layout::{Layout, LayoutRequest};
use super::query::{By, Fill, Query};
use super::request_error::RequestError;
use super::step::Step;
use super::year::query_of_year;
use crate::suggestion::suggestion;

/// The channel under which series past their bound are counted.
const OTHER: &str = "other";

/// A query that was not validated yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The name of what the rows are about; visits where absent.
    pub of: Option<String>,
    /// The first instant: RFC 3339, or a date, which means the start of that business day in the
    /// configured zone.
    pub from: String,
    /// The first instant after the period, in the same forms.
    pub to: String,
    /// The name of a step; the shortest possible where absent.
    pub step: Option<String>,
    /// Queue ids or aliases; all where empty.
    pub queues: Vec<String>,
    /// Channels; all where empty.
    pub channels: Vec<String>,
    /// The name of what has a row of its own; each queue on each channel where absent.
    pub by: Option<String>,
    /// The name of the rows of zeros; none where absent.
    pub fill: Option<String>,
    /// The name of a profile; none where absent.
    pub profile: Option<String>,
    /// A year of which the headline is wanted, in place of a period and of rows.
    pub year: Option<String>,
    /// The order, names and form of the columns.
    pub layout: LayoutRequest,
    /// The rows are for the file of a suite of workforce management.
    pub suite: Option<Suite>,
}

/// A suite of workforce management that takes files of its own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Eleveo WFM: rows of 15 minutes, zeros included, for at least 15 days.
    Eleveo,
}

impl Suite {
    /// The largest file that the suite takes, in bytes.
    pub const FILE_MAX: usize = 2_000_000;

    /// Returns the suite of the name of an output format.
    pub fn from_format(name: &str) -> Option<Suite> {
        (name == "wfm-eleveo").then_some(Suite::Eleveo)
    }
}

/// The shortest period that Eleveo WFM makes a forecast of.
const ELEVEO_PERIOD: Millis = Millis::from_hours(15 * 24);
/// The longest period of a profile: a year and some days. Every step of it is held in memory.
const PROFILE_PERIOD: Millis = Millis::from_hours(400 * 24);

impl Request {
    /// Returns the query for a ledger with intervals of length `interval`.
    ///
    /// # Errors
    /// [`RequestError`] for the first parameter whose value is not allowed.
    pub fn query(&self, settings: &Settings, interval: Millis) -> Result<Query, RequestError> {
        if let Some(year) = &self.year {
            let alone = Request {
                year: self.year.clone(),
                layout: self.layout.clone(),
                ..Request::default()
            };
            if *self != alone {
                let detail =
                    "expected without a step, queue, channel, profile or other form of rows";
                return Err(RequestError { parameter: "year", detail: detail.to_string() });
            }
            return query_of_year(year, settings);
        }
        let start = instant("from", &self.from, settings)?;
        let end = instant("to", &self.to, settings)?;
        if end <= start {
            let detail = format!(
                "expected an instant after {}, where the period begins, found {}",
                bounded(&self.from),
                bounded(&self.to)
            );
            return Err(RequestError { parameter: "to", detail });
        }
        let is_profile = match self.profile.as_deref() {
            None => false,
            Some("week") => true,
            Some(name) => {
                let detail = format!("expected week, found {}", bounded(name));
                return Err(RequestError { parameter: "profile", detail });
            }
        };
        let step = match &self.step {
            None => Step::shortest(interval),
            Some(name) => {
                Step::from_name(name).filter(|step| step.holds(interval)).ok_or_else(|| {
                    let names: Vec<&str> = Step::names(interval).collect();
                    let detail = format!("expected {}, found {}", names.join(", "), bounded(name));
                    RequestError { parameter: "step", detail }
                })?
            }
        };
        for channel in &self.channels {
            if channel != OTHER && settings.channels.id(channel).is_none() {
                let known = || settings.channels.names().chain([OTHER]);
                let list: Vec<&str> = known().collect();
                let did_you_mean = suggestion(channel, known());
                let detail = format!(
                    "expected {}, found {}{did_you_mean}",
                    list.join(", "),
                    bounded(channel)
                );
                return Err(RequestError { parameter: "channel", detail });
            }
        }
        let queues = self.queues.iter().map(|queue| settings.resolve(queue).to_string()).collect();
        let query = Query {
            of: named("of", self.of.as_deref(), &Kind::NAMED)?,
            period: TimeRange { start, end },
            step,
            queues,
            channels: self.channels.clone(),
            by: named("by", self.by.as_deref(), &By::NAMED)?,
            fill: named("fill", self.fill.as_deref(), &Fill::NAMED)?,
            is_profile,
            is_headline: false,
        };
        self.check_kind(query.of)?;
        if is_profile {
            self.check_profile(&query)?;
        }
        match self.suite {
            None => Ok(query),
            Some(Suite::Eleveo) => self.eleveo(query),
        }
    }

    /// Checks that nothing is asked for that rows of this kind do not have.
    fn check_kind(&self, kind: Kind) -> Result<(), RequestError> {
        let is_visits = kind == Kind::Visits;
        let given = [
            ("queue", !self.queues.is_empty() && !kind.has_queues()),
            ("channel", !self.channels.is_empty() && !kind.has_channels()),
            ("by", self.by.is_some() && !is_visits),
            ("fill", self.fill.is_some() && !is_visits),
            ("profile", self.profile.is_some() && !is_visits),
            ("format", self.suite.is_some() && !is_visits),
        ];
        match given.into_iter().find(|(_, is_wrong)| *is_wrong) {
            None => Ok(()),
            Some(("format", _)) => Err(RequestError {
                parameter: "format",
                detail: format!("expected table, csv or json with {}", kind.name()),
            }),
            Some((parameter, _)) => Err(RequestError {
                parameter,
                detail: format!("expected nothing: {} have no such rows", kind.name()),
            }),
        }
    }

    fn check_profile(&self, query: &Query) -> Result<(), RequestError> {
        if query.step.clock_length().is_none() && query.step != Step::Day {
            let detail = format!(
                "expected a step of a day at most with a profile, found {}",
                bounded(self.step.as_deref().unwrap_or_default())
            );
            return Err(RequestError { parameter: "step", detail });
        }
        if query.period.end.since(query.period.start) > PROFILE_PERIOD {
            let detail = "expected at most 400 days after the beginning with a profile".to_string();
            return Err(RequestError { parameter: "to", detail });
        }
        if self.suite.is_some() {
            let detail = "expected no profile with this format".to_string();
            return Err(RequestError { parameter: "profile", detail });
        }
        Ok(())
    }

    /// Returns a query for what Eleveo WFM takes.
    fn eleveo(&self, query: Query) -> Result<Query, RequestError> {
        let wrong = |parameter, expected: &str| {
            let detail = format!("expected {expected} with the format wfm-eleveo");
            Err(RequestError { parameter, detail })
        };
        if query.step != Step::QuarterHour {
            return wrong("step", "15m");
        }
        if query.fill == Fill::Open {
            return wrong("fill", "all or nothing");
        }
        // The file has one row for each queue and time.
        if self.by.is_some() && query.by != By::Queue {
            return wrong("by", "queue or nothing");
        }
        if query.period.end.since(query.period.start) < ELEVEO_PERIOD {
            return wrong("to", "at least 15 days after the beginning");
        }
        Ok(Query { by: By::Queue, fill: Fill::All, ..query })
    }

    /// Returns the layout of the columns of `R`.
    ///
    /// # Errors
    /// [`RequestError`] for the first parameter whose value is not allowed.
    pub fn layout<R: Record>(&self) -> Result<Layout, RequestError> {
        let layout = match self.suite {
            None => Layout::default(),
            Some(Suite::Eleveo) => Layout::wfm_eleveo(),
        };
        let layout = self
            .layout
            .apply(layout)
            .map_err(|(parameter, detail)| RequestError { parameter, detail })?;
        match layout.unknown_column::<R>() {
            None => Ok(layout),
            Some(name) => {
                let known = R::COLUMNS.iter().map(|(known, _)| *known);
                let did_you_mean = suggestion(name, known);
                let detail =
                    format!("expected a column of the rows, found {}{did_you_mean}", bounded(name));
                Err(RequestError { parameter: "columns", detail })
            }
        }
    }
}

/// Returns the value of a name; the default where there is no name.
fn named<T: Copy + Default>(
    parameter: &'static str,
    name: Option<&str>,
    known: &[(T, &'static str)],
) -> Result<T, RequestError> {
    let Some(name) = name else { return Ok(T::default()) };
    known.iter().find(|(_, known)| *known == name).map(|(value, _)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
        let detail = format!("expected {}, found {}", names.join(", "), bounded(name));
        RequestError { parameter, detail }
    })
}

fn instant(
    parameter: &'static str,
    text: &str,
    settings: &Settings,
) -> Result<Timestamp, RequestError> {
    let day = &settings.windows.business_day;
    // `jiff` parses longer texts as a date too, such as one with a time.
    let date = || text.parse::<Date>().ok().filter(|_| text.len() == "2026-01-05".len());
    let time = parse_rfc3339(text);
    time.or_else(|| date().map(|date| day.start_of(date))).ok_or_else(|| {
        let sign = if text.contains(' ') { "; in an address, + is written %2B" } else { "" };
        let detail = format!(
            "expected RFC 3339 such as 2026-01-05T08:00:00+03:00 or a date such as 2026-01-05, \
             found {}{sign}",
            bounded(text)
        );
        RequestError { parameter, detail }
    })
}

/// Quotes a value for a message, cut to a bounded length.
fn bounded(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const INTERVAL: Millis = Millis::from_mins(15);

    fn settings(toml: &str) -> Settings {
        Config::parse(toml, "nabiz.toml", std::iter::empty()).unwrap().settings()
    }

    fn request(from: &str, to: &str) -> Request {
        Request { from: from.to_string(), to: to.to_string(), ..Request::default() }
    }

    fn problem(request: &Request) -> String {
        request.query(&settings(""), INTERVAL).unwrap_err().to_string()
    }

    #[test]
    fn request_accepts_times_and_dates() {
        let istanbul = settings("[windows]\nbusiness_day_starts = '06:00'");
        let query =
            request("2026-01-05", "2026-01-06T06:00:00+03:00").query(&istanbul, INTERVAL).unwrap();
        assert_eq!(query.period.end.since(query.period.start), Millis::from_hours(24));
        let midnight = request("2026-01-05T00:00:00+03:00", "2026-01-06")
            .query(&settings(""), INTERVAL)
            .unwrap();
        assert_eq!(midnight.period.end.since(midnight.period.start), Millis::from_hours(24));
        assert_eq!(midnight.step, Step::QuarterHour);
    }

    #[test]
    fn request_resolves_aliases() {
        let settings = settings("[queues.fault]\naliases = ['600']");
        let asked =
            Request { queues: vec!["600".to_string()], ..request("2026-01-05", "2026-01-06") };
        assert_eq!(asked.query(&settings, INTERVAL).unwrap().queues, ["fault"]);
    }

    #[test]
    fn request_error_names_the_parameter_and_what_is_allowed() {
        let valid = request("2026-01-05", "2026-01-06");
        assert!(
            problem(&request("yesterday", "2026-01-06")).starts_with("from: expected RFC 3339")
        );
        assert!(
            problem(&request("2026-01-05T00:00:00 03:00", "2026-01-06"))
                .ends_with("+ is written %2B")
        );
        assert!(problem(&request("2026-01-05", "2026-01-05T08:00")).starts_with("to: "));
        assert!(
            problem(&request("2026-01-05", "2026-01-05")).contains("expected an instant after")
        );
        let step = Request { step: Some("2h".to_string()), ..valid.clone() };
        assert!(problem(&step).contains("expected 15m, 30m, 1h, 1d, 1w, 1mo, 1y, all, found"));
        let short = Request { step: Some("15m".to_string()), ..valid.clone() };
        assert!(
            short
                .query(&settings(""), Millis::from_mins(30))
                .unwrap_err()
                .to_string()
                .contains("expected 30m, 1h, 1d, 1w, 1mo, 1y, all, found")
        );
        let channel = Request { channels: vec!["phne".to_string()], ..valid };
        let channel = problem(&channel);
        assert!(channel.starts_with("channel: expected phone, "), "{channel}");
        assert!(channel.ends_with("found \"phne\"; did you mean phone"), "{channel}");
        assert!(problem(&request(&"x".repeat(9_999), "")).len() < 300);
    }
}
