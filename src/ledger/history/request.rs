//! A query in words, as the command line and the API take it.

use jiff::civil::Date;
use nabiz_core::settings::Settings;
use nabiz_core::time::parse_rfc3339_ms;

use super::{Query, Step};
use crate::suggestion::suggestion;

/// Channels past a limit are counted as this one.
const OTHER: &str = "other";

/// What somebody asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// RFC 3339, or a date, which is the start of that business day in the configured zone.
    pub from: String,
    /// Likewise.
    pub to: String,
    /// Word of a step; the shortest possible where absent.
    pub step: Option<String>,
    /// Queue ids or aliases; all where empty.
    pub queues: Vec<String>,
    /// Channel words; all where empty.
    pub channels: Vec<String>,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {detail}")]
pub struct RequestError {
    /// The parameter.
    pub parameter: &'static str,
    /// What is wrong with it, and what is allowed.
    pub detail: String,
}

impl Request {
    /// The query of a request.
    ///
    /// # Errors
    /// [`RequestError`] for the first parameter that is wrong.
    pub fn query(&self, settings: &Settings, interval_ms: u64) -> Result<Query, RequestError> {
        let from_ms = instant("from", &self.from, settings)?;
        let to_ms = instant("to", &self.to, settings)?;
        if to_ms <= from_ms {
            let detail = format!(
                "{} is not after {}, where the period begins",
                shown(&self.to),
                shown(&self.from)
            );
            return Err(RequestError { parameter: "to", detail });
        }
        let step = match &self.step {
            None => Step::shortest(interval_ms),
            Some(word) => {
                Step::from_word(word).filter(|step| step.holds(interval_ms)).ok_or_else(|| {
                    let words: Vec<&str> = Step::words(interval_ms).collect();
                    let detail = format!(
                        "{} is not a step of this ledger; allowed are {}",
                        shown(word),
                        words.join(", ")
                    );
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
                    "{} is not a channel{did_you_mean}; the channels are {}",
                    shown(channel),
                    list.join(", ")
                );
                return Err(RequestError { parameter: "channel", detail });
            }
        }
        let queues = self.queues.iter().map(|queue| settings.resolve(queue).to_string()).collect();
        Ok(Query { from_ms, to_ms, step, queues, channels: self.channels.clone() })
    }
}

fn instant(parameter: &'static str, text: &str, settings: &Settings) -> Result<i64, RequestError> {
    let day = &settings.windows.business_day;
    // `jiff` takes more than a plain date for a date.
    let date = || text.parse::<Date>().ok().filter(|_| text.len() == "2026-01-05".len());
    parse_rfc3339_ms(text).or_else(|| date().map(|date| day.start_of(date).get())).ok_or_else(|| {
        let sign = if text.contains(' ') { "; in an address, + is written %2B" } else { "" };
        let detail = format!(
            "{} is not a time; allowed are RFC 3339 such as 2026-01-05T08:00:00+03:00, and a date such as 2026-01-05{sign}",
            shown(text)
        );
        RequestError { parameter, detail }
    })
}

/// A value in a message, at a bounded length.
fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 64;
    let short: String = text.chars().take(SHOWN_MAX).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(toml: &str) -> Settings {
        Config::parse(toml, "nabiz.toml", std::iter::empty()).unwrap().settings()
    }

    fn request(from: &str, to: &str) -> Request {
        Request { from: from.to_string(), to: to.to_string(), ..Request::default() }
    }

    fn problem(request: &Request) -> String {
        request.query(&settings(""), 900_000).unwrap_err().to_string()
    }

    #[test]
    fn times_and_dates_are_read() {
        let istanbul = settings("[windows]\nbusiness_day_starts = '06:00'");
        let query =
            request("2026-01-05", "2026-01-06T06:00:00+03:00").query(&istanbul, 900_000).unwrap();
        assert_eq!(query.to_ms - query.from_ms, 86_400_000);
        let midnight = request("2026-01-05T00:00:00+03:00", "2026-01-06")
            .query(&settings(""), 900_000)
            .unwrap();
        assert_eq!(midnight.to_ms - midnight.from_ms, 86_400_000);
        assert_eq!(midnight.step, Step::QuarterHour);
    }

    #[test]
    fn aliases_mean_their_queue() {
        let settings = settings("[queues.fault]\naliases = ['600']");
        let asked =
            Request { queues: vec!["600".to_string()], ..request("2026-01-05", "2026-01-06") };
        assert_eq!(asked.query(&settings, 900_000).unwrap().queues, ["fault"]);
    }

    #[test]
    fn errors_name_the_parameter_and_what_is_allowed() {
        let valid = request("2026-01-05", "2026-01-06");
        assert!(
            problem(&request("yesterday", "2026-01-06"))
                .starts_with("from: \"yesterday\" is not a time; allowed are")
        );
        assert!(
            problem(&request("2026-01-05T00:00:00 03:00", "2026-01-06"))
                .ends_with("+ is written %2B")
        );
        assert!(problem(&request("2026-01-05", "2026-01-05T08:00")).starts_with("to: "));
        assert!(problem(&request("2026-01-05", "2026-01-05")).contains("is not after"));
        let step = Request { step: Some("2h".to_string()), ..valid.clone() };
        assert!(problem(&step).ends_with("allowed are 15m, 30m, 1h, 1d, all"));
        let short = Request { step: Some("15m".to_string()), ..valid.clone() };
        assert!(
            short
                .query(&settings(""), 1_800_000)
                .unwrap_err()
                .to_string()
                .ends_with("allowed are 30m, 1h, 1d, all")
        );
        let channel = Request { channels: vec!["phne".to_string()], ..valid };
        assert!(problem(&channel).starts_with(
            "channel: \"phne\" is not a channel; did you mean phone; the channels are"
        ));
        assert!(problem(&request(&"x".repeat(9_999), "")).len() < 300);
    }
}
