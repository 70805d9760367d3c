//! Building the samples of one metric.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample, MetricFamily, MetricType};

use super::catalogue::{Kind, Metric};
use crate::view::BucketHistogram;

/// Label that tells the partition, where that is configured.
const SHARD: &str = "shard";

/// One metric with its samples.
pub(super) struct Family {
    metric: &'static Metric,
    samples: Vec<Sample>,
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
        let mut sample = self.sample(labels, shard);
        if self.metric.kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
        }
        self.samples.push(sample);
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
        let buckets = bounds_ms.iter().map(|bound_ms| {
            cumulative_count += counts.next().copied().unwrap_or(0);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(seconds(*bound_ms));
            bucket.set_cumulative_count(cumulative_count);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(observed.count());
        histogram.set_sample_sum(seconds(observed.sum_ms));
        let mut sample = self.sample(labels, shard);
        sample.set_histogram(histogram);
        self.samples.push(sample);
    }

    fn sample(&self, labels: &[&str], shard: Option<&str>) -> Sample {
        debug_assert_eq!(labels.len(), self.metric.labels.len(), "labels of {}", self.metric.name);
        let names = self.metric.labels.iter().copied().chain([SHARD]);
        let values = labels.iter().copied().chain(shard);
        let pair = |(name, value): (&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_string());
            pair.set_value(value.to_string());
            pair
        };
        Sample::from_label(names.zip(values).map(pair).collect())
    }

    pub(super) fn finish(self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.metric.name.to_string());
        family.set_help(self.metric.help.to_string());
        family.set_field_type(match self.metric.kind {
            Kind::Counter => MetricType::COUNTER,
            // The library cannot write untyped families; the type line is put right in the text.
            Kind::Gauge | Kind::Untyped => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(self.samples);
        family
    }
}

/// Milliseconds in the base unit.
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
