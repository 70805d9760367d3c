//! The delimited protobuf format, the only one with native histograms. The messages are those of
//! `io.prometheus.client`, declared by hand with the fields that nabiz uses.

use nabiz_core::measures::{NATIVE_SCHEMA, NATIVE_ZERO_THRESHOLD, NativeCounts};
use prost::Message;

use super::catalogue::{self, Kind};
use super::family::{Family, HistogramValue, Sample, Value, label_names};

/// Values of the enum `MetricType`.
mod metric_type {
    pub(super) const COUNTER: i32 = 0;
    pub(super) const GAUGE: i32 = 1;
    pub(super) const UNTYPED: i32 = 3;
    pub(super) const HISTOGRAM: i32 = 4;
    pub(super) const GAUGE_HISTOGRAM: i32 = 5;
}

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// The messages `Gauge`, `Counter` and `Untyped`, which have the same fields.
#[derive(Clone, Copy, PartialEq, Message)]
struct Number {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// Encodes every family that has samples, each after its length.
pub(super) fn encode(
    families: Vec<Family<'_>>,
    process: &[prometheus::proto::MetricFamily],
) -> Vec<u8> {
    let mut body = Vec::new();
    let messages =
        families.into_iter().map(MetricFamily::from).chain(process.iter().map(from_library));
    for message in messages.filter(|message| !message.metric.is_empty()) {
        // Encoding into a growing vector cannot fail.
        let _ = message.encode_length_delimited(&mut body);
    }
    body
}

impl From<Family<'_>> for MetricFamily {
    fn from(family: Family<'_>) -> Self {
        let kind = family.metric.kind;
        MetricFamily {
            name: family.metric.name.to_string(),
            help: family.metric.help.to_string(),
            kind: match kind {
                Kind::Counter => metric_type::COUNTER,
                Kind::Gauge => metric_type::GAUGE,
                Kind::Untyped => metric_type::UNTYPED,
                Kind::Histogram => metric_type::HISTOGRAM,
                Kind::GaugeHistogram => metric_type::GAUGE_HISTOGRAM,
            },
            metric: family
                .samples
                .into_iter()
                .map(|sample| Metric::of(sample, family.metric))
                .collect(),
        }
    }
}

impl Metric {
    fn of(sample: Sample<'_>, family: &catalogue::Metric) -> Self {
        let labels = label_names(family).zip(sample.labels);
        let label = labels
            .map(|(name, value)| LabelPair { name: name.to_string(), value: value.into_owned() })
            .collect();
        let mut metric = Metric { label, ..Metric::default() };
        match (sample.value, family.kind) {
            (Value::Histogram(value), _) => metric.histogram = Some(Histogram::from(value)),
            (Value::Number(value), Kind::Counter) => metric.counter = Some(Number { value }),
            (Value::Number(value), Kind::Untyped) => metric.untyped = Some(Number { value }),
            (Value::Number(value), _) => metric.gauge = Some(Number { value }),
        }
        metric
    }
}

impl From<HistogramValue> for Histogram {
    fn from(value: HistogramValue) -> Self {
        let (positive_span, positive_delta) = spans(&value.native);
        let bucket = |(upper_bound, cumulative_count)| Bucket { cumulative_count, upper_bound };
        Histogram {
            sample_count: value.count,
            sample_sum: value.sum,
            bucket: value.classic.into_iter().map(bucket).collect(),
            schema: NATIVE_SCHEMA,
            zero_threshold: NATIVE_ZERO_THRESHOLD,
            zero_count: value.native.zero,
            positive_span,
            positive_delta,
        }
    }
}

/// Returns runs of adjacent buckets, each with its distance from the end of the run before, and the
/// counts as differences.
fn spans(native: &NativeCounts) -> (Vec<BucketSpan>, Vec<i64>) {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut deltas = Vec::with_capacity(native.buckets.len());
    let (mut next, mut before) = (0, 0u64);
    for &(bucket, count) in &native.buckets {
        let bucket = i32::from(bucket);
        match spans.last_mut() {
            Some(span) if bucket == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: bucket - next, length: 1 }),
        }
        deltas.push((count as i64).wrapping_sub(before as i64));
        (next, before) = (bucket + 1, count);
    }
    (spans, deltas)
}

/// Converts a counter or gauge of the prometheus crate. Its process collector has no other types.
fn from_library(family: &prometheus::proto::MetricFamily) -> MetricFamily {
    let is_counter = family.get_field_type() == prometheus::proto::MetricType::COUNTER;
    let metric = family.get_metric().iter().map(|sample| {
        let label = sample.get_label().iter();
        let label = label.map(|pair| LabelPair {
            name: pair.name().to_string(),
            value: pair.value().to_string(),
        });
        let mut metric = Metric { label: label.collect(), ..Metric::default() };
        if is_counter {
            metric.counter = Some(Number { value: sample.get_counter().get_value() });
        } else {
            metric.gauge = Some(Number { value: sample.get_gauge().get_value() });
        }
        metric
    });
    MetricFamily {
        name: family.name().to_string(),
        help: family.help().to_string(),
        kind: if is_counter { metric_type::COUNTER } else { metric_type::GAUGE },
        metric: metric.collect(),
    }
}

#[cfg(test)]
mod tests;
