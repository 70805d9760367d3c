use nabiz_core::measures::{DurationSums, VisitCounts};
use std::collections::{BTreeMap, BTreeSet};

use nabiz_core::measures::{BucketHistogram, SparseHdrCounts, WindowCounts, WindowSnapshot};
use nabiz_core::time::Millis;

use super::*;
use crate::exposition::catalogue as c;

fn decoded(mut body: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !body.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut body).unwrap());
    }
    families
}

/// Decodes the count of each bucket.
fn buckets(histogram: &Histogram) -> BTreeMap<i32, i64> {
    let mut read = BTreeMap::new();
    let (mut bucket, mut count) = (0, 0);
    let mut deltas = histogram.positive_delta.iter();
    for span in &histogram.positive_span {
        bucket += span.offset;
        for _ in 0..span.length {
            count += deltas.next().unwrap();
            read.insert(bucket, count);
            bucket += 1;
        }
    }
    assert_eq!(deltas.next(), None);
    read
}

const BOUNDS: [Millis; 2] = [Millis::from_secs(1), Millis::from_secs(20)];

fn observed(values_ms: &[u64]) -> BucketHistogram {
    let mut histogram = BucketHistogram::default();
    for value_ms in values_ms {
        histogram.observe(Millis(*value_ms), &BOUNDS);
    }
    histogram
}

#[test]
fn histogram_has_classic_and_native_buckets() {
    let values = [0, 1, 500, 500, 19_000, 20_000, 90_000];
    let mut family = Family::new(&c::HANDLE);
    family.add_histogram(&["fault", "phone"], Some("calls/0"), &BOUNDS, &observed(&values));
    let [read] = &decoded(&encode(vec![family], &[]))[..] else { panic!("one family") };
    assert_eq!((read.name.as_str(), read.kind), ("nabiz_handle_seconds", metric_type::HISTOGRAM));
    let labels: Vec<_> =
        read.metric[0].label.iter().map(|pair| (&*pair.name, &*pair.value)).collect();
    assert_eq!(labels, [("queue", "fault"), ("channel", "phone"), ("shard", "calls/0")]);
    let histogram = read.metric[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.sample_count, histogram.sample_sum), (7, 130.001));
    let classic: Vec<_> =
        histogram.bucket.iter().map(|one| (one.upper_bound, one.cumulative_count)).collect();
    assert_eq!(classic, [(1.0, 4), (20.0, 6)]);
    assert_eq!((histogram.schema, histogram.zero_count), (5, 1));
    assert!(histogram.zero_threshold > 0.0 && histogram.zero_threshold < 0.001);
    let read = buckets(histogram);
    assert_eq!(read.values().sum::<i64>() + 1, 7);
    // 0.5 s is 2^(-32/32) s, but the middle of its HDR cell is 0.501 s.
    assert_eq!(read.get(&-31), Some(&2));
}

#[test]
fn histogram_is_native_when_it_is_empty() {
    let mut family = Family::new(&c::HANDLE);
    family.add_histogram(&["fault", "phone"], None, &BOUNDS[..1], &BucketHistogram::default());
    let [read] = &decoded(&encode(vec![family], &[]))[..] else { panic!("one family") };
    let histogram = read.metric[0].histogram.as_ref().unwrap();
    assert!(histogram.zero_threshold > 0.0 && histogram.positive_span.is_empty());
    assert_eq!(histogram.bucket.len(), 1);
}

#[test]
fn window_is_a_gauge_histogram_without_classic_buckets() {
    let mut waits = SparseHdrCounts::default();
    [2_000, 3_000, 3_000].into_iter().for_each(|wait_ms| waits.increment(wait_ms));
    let counts = WindowCounts {
        visits: VisitCounts { answered: 3, ..VisitCounts::default() },
        sums: DurationSums { wait_sum_ms: 8_000, ..DurationSums::default() },
        ..WindowCounts::default()
    };
    let mut family = Family::new(&c::WINDOW_WAIT);
    family.add_window(&["fault", "phone", "5m"], None, &WindowSnapshot { counts, waits });
    let [read] = &decoded(&encode(vec![family], &[]))[..] else { panic!("one family") };
    assert_eq!(read.kind, metric_type::GAUGE_HISTOGRAM);
    let histogram = read.metric[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.sample_count, histogram.sample_sum), (3, 8.0));
    assert!(histogram.bucket.is_empty());
    assert_eq!(
        buckets(histogram).values().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([1, 2])
    );
}

#[test]
fn number_has_the_type_of_its_metric() {
    let families = [&c::VISITS_OFFERED, &c::WAITING, &c::WINDOW_WAIT_QUANTILE].map(|metric| {
        let mut family = Family::new(metric);
        family.add(&["fault", "phone", "5m", "0.5"][..metric.labels.len()], None, 2.5);
        family
    });
    let [counter, gauge, untyped] = &decoded(&encode(families.into(), &[]))[..] else {
        panic!("three families")
    };
    let kinds = [counter, gauge, untyped].map(|family| family.kind);
    assert_eq!(kinds, [metric_type::COUNTER, metric_type::GAUGE, metric_type::UNTYPED]);
    let number = Some(Number { value: 2.5 });
    assert_eq!((counter.metric[0].counter, counter.metric[0].gauge), (number, None));
    assert_eq!((gauge.metric[0].gauge, gauge.metric[0].untyped), (number, None));
    assert_eq!((untyped.metric[0].untyped, untyped.metric[0].counter), (number, None));
}

#[test]
fn spans_skip_empty_buckets() {
    let native = NativeCounts { zero: 0, buckets: vec![(-40, 3), (-39, 1), (-30, 7), (2, 7)] };
    let (spans, deltas) = spans(&native);
    let spans: Vec<_> = spans.iter().map(|span| (span.offset, span.length)).collect();
    assert_eq!(spans, [(-40, 2), (8, 1), (31, 1)]);
    assert_eq!(deltas, [3, -2, 6, 0]);
}

#[test]
fn family_is_omitted_when_it_has_no_samples() {
    assert!(encode(vec![Family::new(&c::SURVEY_RESPONSES)], &[]).is_empty());
}
