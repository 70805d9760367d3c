//! The text format, version 0.0.4.

use std::fmt::Write;

use super::catalogue::Kind;
use super::family::{Family, Sample, Value, label_names};

/// Encodes every family that has samples and that the format can express, sorted by name and its
/// samples by labels.
pub(super) fn encode(mut families: Vec<Family<'_>>) -> String {
    families
        .retain(|family| family.metric.kind != Kind::GaugeHistogram && !family.samples.is_empty());
    families.sort_unstable_by_key(|family| family.metric.name);
    let mut text = String::new();
    // Written once for each sample; every line of a histogram repeats them.
    let mut labels = String::new();
    for family in &mut families {
        family.samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        let name = family.metric.name;
        let kind = match family.metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::GaugeHistogram => "gauge",
            Kind::Untyped => "untyped",
            Kind::Histogram => "histogram",
        };
        text.push_str("# HELP ");
        text.push_str(name);
        text.push(' ');
        escape(&mut text, family.metric.help, Quotes::Keep);
        text.push_str("\n# TYPE ");
        text.push_str(name);
        text.push(' ');
        text.push_str(kind);
        text.push('\n');
        for sample in &family.samples {
            labels.clear();
            write_labels(&mut labels, family, sample);
            write_sample(&mut text, name, &labels, &sample.value);
        }
    }
    text
}

/// Writes `name="value",` for each label.
fn write_labels(labels: &mut String, family: &Family<'_>, sample: &Sample<'_>) {
    for (name, value) in label_names(family.metric).zip(&sample.labels) {
        labels.push_str(name);
        labels.push_str("=\"");
        escape(labels, value, Quotes::Escape);
        labels.push_str("\",");
    }
}

fn write_sample(text: &mut String, name: &str, labels: &str, value: &Value) {
    let whole = labels.strip_suffix(',').unwrap_or_default();
    match value {
        Value::Number(value) => write_line(text, name, "", whole, *value),
        Value::Histogram(histogram) => {
            let infinite = (f64::INFINITY, histogram.count);
            for (bound, count) in histogram.classic.iter().copied().chain([infinite]) {
                text.push_str(name);
                text.push_str("_bucket{");
                text.push_str(labels);
                text.push_str("le=\"");
                write_number(text, bound);
                text.push_str("\"} ");
                write_number(text, count as f64);
                text.push('\n');
            }
            write_line(text, name, "_sum", whole, histogram.sum);
            write_line(text, name, "_count", whole, histogram.count as f64);
        }
    }
}

fn write_line(text: &mut String, name: &str, suffix: &str, labels: &str, value: f64) {
    text.push_str(name);
    text.push_str(suffix);
    if !labels.is_empty() {
        text.push('{');
        text.push_str(labels);
        text.push('}');
    }
    text.push(' ');
    write_number(text, value);
    text.push('\n');
}

fn write_number(text: &mut String, value: f64) {
    // Most values are whole numbers, which are much faster to format as integers.
    let whole = value as i64;
    // Writing to a string cannot fail.
    let _ = match value {
        _ if whole as f64 == value
            && whole.unsigned_abs() < 1 << 53
            && (whole != 0 || value.is_sign_positive()) =>
        {
            write!(text, "{whole}")
        }
        f64::INFINITY => text.write_str("+Inf"),
        f64::NEG_INFINITY => text.write_str("-Inf"),
        _ => write!(text, "{value}"),
    };
}

/// The handling of double quotes: the format escapes them in label values, not in `HELP`.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    Keep,
    Escape,
}

fn escape(text: &mut String, value: &str, quotes: Quotes) {
    if !value.contains(['\\', '\n', '"']) {
        text.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes == Quotes::Escape => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_written_in_the_notation_of_the_format() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (42.0, "42"),
            (-3.0, "-3"),
            (0.25, "0.25"),
            (1e15, "1000000000000000"),
            (1e300, &1e300.to_string()),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (9.3e18, "9300000000000000000"),
        ] {
            let mut text = String::new();
            write_number(&mut text, value);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn quotes_are_escaped_in_label_values_and_kept_in_help() {
        let mut text = String::new();
        escape(&mut text, "a\\b\n\"c\"", Quotes::Escape);
        assert_eq!(text, r#"a\\b\n\"c\""#);
        text.clear();
        escape(&mut text, "say \"a\"\n", Quotes::Keep);
        assert_eq!(text, "say \"a\"\\n");
    }
}
