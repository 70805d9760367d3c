//! Content negotiation (RFC 9110, section 12.5): one parser of `Accept` and `Accept-Encoding`, and
//! the choice of each path.

use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use axum::http::{HeaderMap, HeaderName};

use crate::exposition::{ContentCoding, MetricsFormat};
use crate::ledger::history::HistoryFormat;

/// One element of an `Accept` or `Accept-Encoding` header.
struct Preference<'a> {
    /// The media range or coding.
    name: &'a str,
    /// The parameters without `q`.
    parameters: Vec<(&'a str, &'a str)>,
    /// The value of `q`, from 0 (not acceptable) to 1.
    quality: f64,
}

impl<'a> Preference<'a> {
    /// Parses an element. Returns `None` if its `q` is not a number from 0 to 1.
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let mut preference = Preference { name, parameters: Vec::new(), quality: 1.0 };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                preference.quality =
                    value.parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?;
            } else {
                preference.parameters.push((name, value));
            }
        }
        Some(preference)
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns the last value of a parameter.
    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut values = self.parameters.iter().rev();
        values.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Returns the elements of a header, which may be split over several lines.
fn preferences(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Preference<'_>> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(Preference::parse)
}

/// Chooses the format of `/metrics`: the one with the highest `q`, and of equal ones the first.
/// Without an acceptable format it is text. Protobuf is chosen only if the client names it.
pub(super) fn metrics_format(headers: &HeaderMap) -> MetricsFormat {
    let mut best = (MetricsFormat::Text, 0.0);
    for preference in preferences(headers, ACCEPT) {
        if let Some(format) = metrics_format_of(&preference)
            && preference.quality > best.1
        {
            best = (format, preference.quality);
        }
    }
    best.0
}

/// Returns the metrics format that a media range selects.
fn metrics_format_of(preference: &Preference<'_>) -> Option<MetricsFormat> {
    let is_protobuf = preference.is("application/vnd.google.protobuf")
        && preference.parameter("proto") == Some("io.prometheus.client.MetricFamily")
        && preference.parameter("encoding") == Some("delimited");
    let is_text = preference.is("text/plain")
        && preference.parameter("version").is_none_or(|version| version == "0.0.4");
    if is_protobuf {
        Some(MetricsFormat::Protobuf)
    } else if is_text || preference.is("text/*") || preference.is("*/*") {
        Some(MetricsFormat::Text)
    } else {
        None
    }
}

/// Chooses the coding of a body: gzip if the client names it with a `q` above 0.
pub(super) fn content_coding(headers: &HeaderMap) -> ContentCoding {
    let mut accepted = preferences(headers, ACCEPT_ENCODING);
    match accepted.any(|preference| preference.is("gzip") && preference.quality > 0.0) {
        true => ContentCoding::Gzip,
        false => ContentCoding::Identity,
    }
}

/// Chooses the format of the history: CSV if the client names it with a higher `q` than JSON, else
/// JSON.
pub(super) fn history_format(headers: &HeaderMap) -> HistoryFormat {
    let quality_of = |media_type: &str| {
        preferences(headers, ACCEPT)
            .filter(|preference| preference.is(media_type))
            .map(|preference| preference.quality)
            .fold(0.0, f64::max)
    };
    if quality_of("text/csv") > quality_of("application/json") {
        HistoryFormat::Csv
    } else {
        HistoryFormat::Json
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;\
                            proto=io.prometheus.client.MetricFamily;encoding=delimited";

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::from_str(line).unwrap())).collect()
    }

    fn format_for(accept: &str) -> MetricsFormat {
        metrics_format(&headers(ACCEPT, &[accept]))
    }

    #[test]
    fn metrics_format_is_what_prometheus_prefers() {
        // 2.42 with native histograms, 2.42 without, 3.x with native histograms.
        let texts = "application/openmetrics-text;version=1.0.0;q=0.8,\
                     application/openmetrics-text;version=0.0.1;q=0.75,\
                     text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(format_for(&format!("{PROTOBUF},{texts}")), MetricsFormat::Protobuf);
        assert_eq!(format_for(texts), MetricsFormat::Text);
        let newer = format!(
            "{PROTOBUF};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;\
             q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
             text/plain;version=0.0.4;q=0.2,/;q=0.1"
        );
        assert_eq!(format_for(&newer), MetricsFormat::Protobuf);
    }

    #[test]
    fn metrics_format_has_the_highest_quality_and_is_the_first_of_equals() {
        for (accept, expected) in [
            (format!("text/plain;q=0.9, {PROTOBUF};q=0.4"), MetricsFormat::Text),
            (format!("text/plain;q=0.3, {PROTOBUF};q=0.4"), MetricsFormat::Protobuf),
            (format!("text/plain, {PROTOBUF}"), MetricsFormat::Text),
            (format!("{PROTOBUF}, text/plain"), MetricsFormat::Protobuf),
            (format!("{PROTOBUF};q=0"), MetricsFormat::Text),
            (format!("{PROTOBUF};q=2"), MetricsFormat::Text),
            (format!("{PROTOBUF};q=x, text/plain;q=0.1"), MetricsFormat::Text),
            (
                PROTOBUF.replace(';', " ; ").replace("delimited", "\"delimited\""),
                MetricsFormat::Protobuf,
            ),
            (PROTOBUF.replace("delimited", "text"), MetricsFormat::Text),
            (PROTOBUF.replace("MetricFamily", "Other"), MetricsFormat::Text),
            (
                "APPLICATION/VND.GOOGLE.PROTOBUF;PROTO=io.prometheus.client.MetricFamily;\
                 ENCODING=delimited"
                    .into(),
                MetricsFormat::Protobuf,
            ),
        ] {
            assert_eq!(format_for(&accept), expected, "{accept}");
        }
    }

    #[test]
    fn metrics_format_is_text_when_nothing_is_acceptable() {
        assert_eq!(metrics_format(&HeaderMap::new()), MetricsFormat::Text);
        for accept in ["", "*/*", "application/json", "text/html, image/png", ";;,,="] {
            assert_eq!(format_for(accept), MetricsFormat::Text, "{accept:?}");
        }
    }

    #[test]
    fn header_is_read_whole_when_it_has_several_lines() {
        let lines = headers(ACCEPT, &["text/plain;q=0.3", PROTOBUF]);
        assert_eq!(metrics_format(&lines), MetricsFormat::Protobuf);
    }

    #[test]
    fn coding_is_gzip_when_it_is_named_with_a_quality_above_zero() {
        for (accepted, expected) in [
            ("gzip", ContentCoding::Gzip),
            ("br, GZIP;q=0.5", ContentCoding::Gzip),
            ("deflate, gzip; q=1.0, *;q=0.5", ContentCoding::Gzip),
            ("gzip;q=0", ContentCoding::Identity),
            ("gzip; q=0.0, identity", ContentCoding::Identity),
            ("identity", ContentCoding::Identity),
            ("*", ContentCoding::Identity),
            ("", ContentCoding::Identity),
        ] {
            let headers = headers(ACCEPT_ENCODING, &[accepted]);
            assert_eq!(content_coding(&headers), expected, "{accepted}");
        }
    }

    #[test]
    fn history_is_csv_when_it_is_named_with_a_higher_quality_than_json() {
        for (accept, is_csv) in [
            ("text/csv", true),
            ("TEXT/CSV; header=present", true),
            ("application/json;q=0.4, text/csv;q=0.5", true),
            ("text/csv, application/json", false),
            ("text/csv;q=0", false),
            ("text/*", false),
            ("", false),
        ] {
            let format = history_format(&headers(ACCEPT, &[accept]));
            assert_eq!(matches!(format, HistoryFormat::Csv), is_csv, "{accept}");
        }
    }
}
