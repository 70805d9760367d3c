//! The samples of one metric, independent of the format.

use std::borrow::Cow;

use nabiz_core::measures::{BucketHistogram, NativeCounts, WindowSnapshot};
use nabiz_core::time::Millis;

use super::catalogue::Metric;

/// Label with the partition, if that is configured.
const SHARD: &str = "shard";

/// One metric with its samples.
pub(super) struct Family<'a> {
    pub(super) metric: &'static Metric,
    pub(super) samples: Vec<Sample<'a>>,
}

/// One sample. Its label values are in the order of the catalogue, and the `shard` is last if it
/// has one.
pub(super) struct Sample<'a> {
    pub(super) labels: Vec<Cow<'a, str>>,
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
    /// Upper bound and cumulative count; empty if the metric has only native buckets.
    pub(super) classic: Vec<(f64, u64)>,
    pub(super) native: NativeCounts,
}

impl<'a> Family<'a> {
    pub(super) fn new(metric: &'static Metric) -> Self {
        Family { metric, samples: Vec::new() }
    }

    /// Creates a metric with one sample.
    pub(super) fn single(metric: &'static Metric, labels: &[&'a str], value: f64) -> Self {
        let mut family = Family::new(metric);
        family.add(labels, None, value);
        family
    }

    /// Adds a sample. `labels` are the values in the order of the catalogue.
    pub(super) fn add(&mut self, labels: &[&'a str], shard: Option<&'a str>, value: f64) {
        self.push(labels, shard, Value::Number(value));
    }

    /// Adds a histogram with the upper bounds `bounds`. Missing counts are 0.
    pub(super) fn add_histogram(
        &mut self,
        labels: &[&'a str],
        shard: Option<&'a str>,
        bounds: &[Millis],
        observed: &BucketHistogram,
    ) {
        let mut cumulative_count = 0;
        let mut counts = observed.counts.iter();
        let cumulated = bounds.iter().map(|bound| {
            cumulative_count += counts.next().copied().unwrap_or(0);
            (bound.as_secs_f64(), cumulative_count)
        });
        let histogram = HistogramValue {
            classic: cumulated.collect(),
            count: observed.count(),
            sum: observed.sum.as_secs_f64(),
            native: observed.native.clone(),
        };
        self.push(labels, shard, Value::Histogram(histogram));
    }

    /// Adds the waits of a window as a native histogram.
    pub(super) fn add_window(
        &mut self,
        labels: &[&'a str],
        shard: Option<&'a str>,
        window: &WindowSnapshot,
    ) {
        let native = NativeCounts::from_cells(&window.waits);
        let sum = seconds(window.counts.sums.wait_sum_ms);
        let histogram = HistogramValue { classic: Vec::new(), count: native.count(), sum, native };
        self.push(labels, shard, Value::Histogram(histogram));
    }

    /// Adds a sample with a label value that has to be formatted.
    pub(super) fn add_owned(
        &mut self,
        labels: Vec<Cow<'a, str>>,
        shard: Option<&'a str>,
        value: f64,
    ) {
        let labels = labels.into_iter().chain(shard.map(Cow::Borrowed)).collect();
        self.samples.push(Sample { labels, value: Value::Number(value) });
    }

    fn push(&mut self, labels: &[&'a str], shard: Option<&'a str>, value: Value) {
        debug_assert_eq!(labels.len(), self.metric.labels.len(), "labels of {}", self.metric.name);
        let labels = labels.iter().copied().chain(shard).map(Cow::Borrowed).collect();
        self.samples.push(Sample { labels, value });
    }
}

/// Returns the names of the labels of a metric, `shard` last.
pub(super) fn label_names(metric: &Metric) -> impl Iterator<Item = &'static str> {
    metric.labels.iter().copied().chain([SHARD])
}

/// Converts milliseconds to seconds, the base unit of Prometheus.
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
