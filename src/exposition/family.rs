//! Building the samples of one metric, whatever the format in which they will be written.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric as TextSample, MetricFamily, MetricType};

use super::catalogue::{Kind, Metric};
use crate::view::{BucketHistogram, NativeCounts, WindowSnapshot};

/// Label that tells the partition, where that is configured.
const SHARD: &str = "shard";

/// One metric with its samples.
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) samples: Vec<Sample>,
}

/// One sample: labels, in the order of the catalogue, and the value.
pub(super) struct Sample {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) value: Value,
}

pub(super) enum Value {
    Number(f64),
    Histogram(HistogramValue),
}

/// A histogram, in seconds.
pub(super) struct HistogramValue {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Upper bound and cumulative count; none where the metric is native only.
    pub(super) classic: Vec<(f64, u64)>,
    pub(super) native: NativeCounts,
}

impl Family {
    pub(super) fn new(metric: &'static Metric) -> Self {
        Family { metric, samples: Vec::new() }
    }

    /// A metric of which there is one sample.
    pub(super) fn single(metric: &'static Metric, labels: &[&str], value: f64) -> Self {
        let mut family = Family::new(metric);
        family.add(labels, None, value);
        family
    }

    /// Adds a sample; `labels` are the values, in the order of the catalogue.
    pub(super) fn add(&mut self, labels: &[&str], shard: Option<&str>, value: f64) {
        self.push(labels, shard, Value::Number(value));
    }

    /// Adds a histogram with the upper bounds `bounds_ms`; one without counts is all zero.
    pub(super) fn add_histogram(
        &mut self,
        labels: &[&str],
        shard: Option<&str>,
        bounds_ms: &[u64],
        observed: &BucketHistogram,
    ) {
        let mut cumulative_count = 0;
        let mut counts = observed.counts.iter();
        let cumulated = bounds_ms.iter().map(|bound_ms| {
            cumulative_count += counts.next().copied().unwrap_or(0);
            (seconds(*bound_ms), cumulative_count)
        });
        let histogram = HistogramValue {
            classic: cumulated.collect(),
            count: observed.count(),
            sum: seconds(observed.sum_ms),
            native: observed.native.clone(),
        };
        self.push(labels, shard, Value::Histogram(histogram));
    }

    /// Adds the waits of a window.
    pub(super) fn add_window(&mut self, labels: &[&str], shard: Option<&str>, window: &WindowSnapshot) {
        let native = NativeCounts::from_cells(&window.waits);
        let sum = seconds(window.counts.wait_sum_ms);
        let histogram = HistogramValue { classic: Vec::new(), count: native.count(), sum, native };
        self.push(labels, shard, Value::Histogram(histogram));
    }

    fn push(&mut self, labels: &[&str], shard: Option<&str>, value: Value) {
        debug_assert_eq!(labels.len(), self.metric.labels.len(), "labels of {}", self.metric.name);
        let names = self.metric.labels.iter().copied().chain([SHARD]);
        let values = labels.iter().copied().chain(shard);
        let labels = names.zip(values).map(|(name, value)| (name, value.to_string())).collect();
        self.samples.push(Sample { labels, value });
    }

    /// The family for the text format; `None` where that cannot carry it.
    pub(super) fn into_text(self) -> Option<MetricFamily> {
        let kind = match self.metric.kind {
            Kind::Counter => MetricType::COUNTER,
            // The library cannot write untyped families; the type line is put right in the text.
            Kind::Gauge | Kind::Untyped => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
            Kind::GaugeHistogram => return None,
        };
        let mut family = MetricFamily::default();
        family.set_name(self.metric.name.to_string());
        family.set_help(self.metric.help.to_string());
        family.set_field_type(kind);
        family.set_metric(self.samples.into_iter().map(|sample| sample.into_text(kind)).collect());
        Some(family)
    }
}

impl Sample {
    fn into_text(self, kind: MetricType) -> TextSample {
        let pair = |(name, value): (&str, String)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_string());
            pair.set_value(value);
            pair
        };
        let mut sample = TextSample::from_label(self.labels.into_iter().map(pair).collect());
        match self.value {
            Value::Number(value) if kind == MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(value);
                sample.set_counter(counter);
            }
            Value::Number(value) => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                sample.set_gauge(gauge);
            }
            Value::Histogram(value) => {
                let buckets = value.classic.into_iter().map(|(upper_bound, cumulative_count)| {
                    let mut bucket = Bucket::default();
                    bucket.set_upper_bound(upper_bound);
                    bucket.set_cumulative_count(cumulative_count);
                    bucket
                });
                let mut histogram = Histogram::default();
                histogram.set_bucket(buckets.collect());
                histogram.set_sample_count(value.count);
                histogram.set_sample_sum(value.sum);
                sample.set_histogram(histogram);
            }
        }
        sample
    }
}

/// Milliseconds in the base unit.
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
