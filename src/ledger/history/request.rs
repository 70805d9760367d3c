//! A query as text, as the command line and the API take it.

use jiff::civil::Date;
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange, Timestamp, parse_rfc3339};

use super::query::Query;
use super::step::Step;
use crate::suggestion::suggestion;

/// The channel under which series past their bound are counted.
const OTHER: &str = "other";

/// A query that was not validated yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
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
}

/// A parameter with a value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {detail}")]
pub struct RequestError {
    /// The parameter.
    pub parameter: &'static str,
    /// The error, with what is allowed.
    pub detail: String,
}

impl Request {
    /// Returns the query for a ledger with intervals of length `interval`.
    ///
    /// # Errors
    /// [`RequestError`] for the first parameter whose value is not allowed.
    pub fn query(&self, settings: &Settings, interval: Millis) -> Result<Query, RequestError> {
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
        let period = TimeRange { start, end };
        Ok(Query { period, step, queues, channels: self.channels.clone() })
    }
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
        assert!(problem(&step).contains("expected 15m, 30m, 1h, 1d, all, found"));
        let short = Request { step: Some("15m".to_string()), ..valid.clone() };
        assert!(
            short
                .query(&settings(""), Millis::from_mins(30))
                .unwrap_err()
                .to_string()
                .contains("expected 30m, 1h, 1d, all, found")
        );
        let channel = Request { channels: vec!["phne".to_string()], ..valid };
        let channel = problem(&channel);
        assert!(channel.starts_with("channel: expected phone, "), "{channel}");
        assert!(channel.ends_with("found \"phne\"; did you mean phone"), "{channel}");
        assert!(problem(&request(&"x".repeat(9_999), "")).len() < 300);
    }
}
