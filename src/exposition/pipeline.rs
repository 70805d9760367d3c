//! Metrics of the pipeline itself, and of what became of the records.

use super::catalogue as c;
use super::family::{Family, seconds};
use crate::event::Reason;
use crate::view::Published;

/// What is withheld while catching up.
pub(super) fn collect_records(published: &Published, out: &mut Vec<Family>) {
    let mut results = Family::new(&c::RECORDS);
    let mut rejected = Family::new(&c::RECORDS_REJECTED);
    for (topic, records) in &published.health.records {
        let by_result = [
            ("applied", records.applied),
            ("duplicate", records.duplicate),
            ("late", records.late),
            ("rejected", records.rejected_sum()),
        ];
        for (result, count) in by_result {
            results.add(&[topic, result], None, count as f64);
        }
        for reason in Reason::ALL {
            let count = records.rejected.get(&reason).copied().unwrap_or(0);
            rejected.add(&[topic, reason.as_str()], None, count as f64);
        }
    }
    out.extend([results, rejected]);
    out.push(Family::single(&c::DEAD_LETTERS, &[], published.health.dead_letters as f64));
    out.push(Family::single(&c::CLOCK_SKEW, &[], published.merged.clock_skew as f64));
}

/// What is always served.
pub(super) fn collect(published: &Published, out: &mut Vec<Family>) {
    let Published { merged, health, .. } = published;
    out.push(Family::single(&c::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0));
    out.push(Family::single(&c::READY, &[], f64::from(u8::from(health.ready))));
    out.push(Family::single(&c::RECORDS_HELD, &[], merged.records.held as f64));
    out.push(Family::single(&c::REBALANCES, &[], health.rebalances as f64));
    out.push(Family::single(&c::SERIES, &[], merged.series.len() as f64));
    out.push(Family::single(&c::SERIES_REFUSED, &[], merged.series_refused as f64));
    out.push(Family::single(&c::OPEN_CONTACTS, &[], merged.open_contacts as f64));
    out.push(Family::single(&c::EVICTED, &[], merged.evicted as f64));
    if let Some(time_ms) = health.checkpoint_ms {
        out.push(Family::single(&c::CHECKPOINT_TIMESTAMP, &[], time_ms as f64 / 1000.0));
    }
    if let Some(duration_ms) = health.checkpoint_duration_ms {
        out.push(Family::single(&c::CHECKPOINT_DURATION, &[], seconds(duration_ms)));
    }

    let mut stream_time = Family::new(&c::STREAM_TIME);
    let mut lag = Family::new(&c::CONSUMER_LAG);
    for partition in &health.partitions {
        let number = partition.label.partition.to_string();
        let labels = [&*partition.label.topic, number.as_str()];
        if let Some(time_ms) = partition.stream_time_ms {
            stream_time.add(&labels, None, time_ms as f64 / 1000.0);
        }
        if let Some(records) = partition.lag {
            lag.add(&labels, None, records as f64);
        }
    }
    out.extend([stream_time, lag]);
}
