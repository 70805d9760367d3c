//! Which format a client wants, by its `Accept` header.

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text 0.0.4.
    Text,
    /// Delimited protobuf: classic and native histograms.
    Protobuf,
}

impl Format {
    /// Value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// The format with the highest `q` in an `Accept` header, of equal ones the first; text where none is acceptable or
    /// nothing is asked for. Protobuf is given only where it is asked for by name.
    pub fn negotiate(accept: Option<&str>) -> Format {
        let mut best = (Format::Text, 0.0);
        for range in accept.unwrap_or_default().split(',') {
            if let Some((format, quality)) = offered(range)
                && quality > best.1
            {
                best = (format, quality);
            }
        }
        best.0
    }
}

/// The format that a media range stands for, and its `q`.
fn offered(range: &str) -> Option<(Format, f64)> {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut quality = 1.0;
    let (mut proto, mut encoding, mut version) = (None, None, None);
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        match name.to_ascii_lowercase().as_str() {
            "q" => quality = value.parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?,
            "proto" => proto = Some(value),
            "encoding" => encoding = Some(value),
            "version" => version = Some(value),
            _ => {}
        }
    }
    let format = match media_type.to_ascii_lowercase().as_str() {
        "application/vnd.google.protobuf"
            if proto == Some("io.prometheus.client.MetricFamily")
                && encoding == Some("delimited") =>
        {
            Format::Protobuf
        }
        "text/plain" if version.is_none_or(|version| version == "0.0.4") => Format::Text,
        "text/*" | "*/*" => Format::Text,
        _ => return None,
    };
    Some((format, quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn what_prometheus_sends_is_understood() {
        // 2.42 with native histograms, 2.42 without, 3.x with native histograms.
        let texts = "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
                     text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::negotiate(Some(&format!("{PROTOBUF},{texts}"))), Format::Protobuf);
        assert_eq!(Format::negotiate(Some(texts)), Format::Text);
        let newer = format!(
            "{PROTOBUF};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1"
        );
        assert_eq!(Format::negotiate(Some(&newer)), Format::Protobuf);
    }

    #[test]
    fn the_highest_quality_wins_and_of_equal_ones_the_first() {
        for (accept, expected) in [
            (format!("text/plain;q=0.9, {PROTOBUF};q=0.4"), Format::Text),
            (format!("text/plain;q=0.3, {PROTOBUF};q=0.4"), Format::Protobuf),
            (format!("text/plain, {PROTOBUF}"), Format::Text),
            (format!("{PROTOBUF}, text/plain"), Format::Protobuf),
            (format!("{PROTOBUF};q=0"), Format::Text),
            (format!("{PROTOBUF};q=2"), Format::Text),
            (format!("{PROTOBUF};q=x, text/plain;q=0.1"), Format::Text),
            (PROTOBUF.replace(';', " ; ").replace("delimited", "\"delimited\""), Format::Protobuf),
            (PROTOBUF.replace("delimited", "text"), Format::Text),
            (PROTOBUF.replace("MetricFamily", "Other"), Format::Text),
            (
                "APPLICATION/VND.GOOGLE.PROTOBUF;PROTO=io.prometheus.client.MetricFamily;ENCODING=delimited".into(),
                Format::Protobuf,
            ),
        ] {
            assert_eq!(Format::negotiate(Some(&accept)), expected, "{accept}");
        }
    }

    #[test]
    fn without_an_acceptable_type_there_is_text() {
        for accept in [
            None,
            Some(""),
            Some("*/*"),
            Some("application/json"),
            Some("text/html, image/png"),
            Some(";;,,="),
        ] {
            assert_eq!(Format::negotiate(accept), Format::Text, "{accept:?}");
        }
    }
}
