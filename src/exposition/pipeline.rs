//! Metrics of the pipeline, and of the outcomes of records.

use std::borrow::Cow;
use std::time::Instant;

use nabiz_core::event::{OptionalField, Reason};
use nabiz_core::measures::RecordTotals;
use nabiz_core::snapshot::Snapshot;

use super::catalogue as c;
use super::family::Family;
use crate::readmodel::{Aggregation, DenialReason, DeniedRequests, PublishedState, ShardLabel};

/// Adds the metrics that are withheld while catching up. If instances share the group, each sample
/// belongs to one partition, so that none falls when a partition moves. `shards` are the values of
/// the `shard` label in the order of the shards.
pub(super) fn collect_records<'a>(
    published: &'a PublishedState,
    shards: &'a [String],
    out: &mut Vec<Family<'a>>,
) {
    let mut families = Records {
        results: Family::new(&c::RECORDS),
        events: Family::new(&c::EVENTS),
        rejected: Family::new(&c::RECORDS_REJECTED),
        fields_dropped: Family::new(&c::FIELDS_DROPPED),
        dead_letters: Family::new(&c::DEAD_LETTERS),
        clock_skew: Family::new(&c::CLOCK_SKEW),
        series_refused: Family::new(&c::SERIES_REFUSED),
        evicted: Family::new(&c::EVICTED),
    };
    let unwritten = |of: Option<&ShardLabel>| -> u64 {
        let partitions = published.health.partitions.iter();
        partitions
            .filter(|partition| of.is_none_or(|label| *label == partition.label))
            .map(|partition| partition.dead_letters_waiting)
            .sum()
    };
    if published.aggregation == Aggregation::PerShard {
        for ((label, snapshot), shard) in published.shards.iter().zip(shards) {
            families.add_topic(&label.topic, Some(shard), &snapshot.records);
            families.add_counts(Some(shard), snapshot, unwritten(Some(label)));
        }
    } else {
        for (topic, records) in &published.health.records {
            families.add_topic(topic, None, records);
        }
        families.add_counts(None, &published.merged, unwritten(None));
    }
    let Records {
        results,
        events,
        rejected,
        fields_dropped,
        dead_letters,
        clock_skew,
        series_refused,
        evicted,
    } = families;
    out.extend([
        results,
        events,
        rejected,
        fields_dropped,
        dead_letters,
        clock_skew,
        series_refused,
        evicted,
    ]);
}

struct Records<'a> {
    results: Family<'a>,
    events: Family<'a>,
    rejected: Family<'a>,
    fields_dropped: Family<'a>,
    dead_letters: Family<'a>,
    clock_skew: Family<'a>,
    series_refused: Family<'a>,
    evicted: Family<'a>,
}

impl<'a> Records<'a> {
    fn add_topic(&mut self, topic: &'a str, shard: Option<&'a str>, records: &RecordTotals) {
        let by_result = [
            ("applied", records.applied),
            ("duplicate", records.duplicate),
            ("late", records.late),
            ("ignored", records.ignored),
            ("rejected", records.rejected_sum()),
        ];
        for (result, count) in by_result {
            self.results.add(&[topic, result], shard, count as f64);
        }
        for (result, count) in records.events.by_result() {
            self.events.add(&[topic, result], shard, count as f64);
        }
        for reason in Reason::ALL {
            let count = records.rejected.get(&reason).copied().unwrap_or(0);
            self.rejected.add(&[topic, reason.as_str()], shard, count as f64);
        }
        for field in OptionalField::ALL {
            let count = records.fields_dropped.get(field).copied().unwrap_or(0);
            self.fields_dropped.add(&[topic, field.as_str()], shard, count as f64);
        }
    }

    /// Adds the counters of a snapshot. Every rejected record that is not among the `unwritten`
    /// dead letters is written, so the count follows from the stored state and survives a restart.
    fn add_counts(&mut self, shard: Option<&'a str>, snapshot: &Snapshot, unwritten: u64) {
        let written = snapshot.records.rejected_sum().saturating_sub(unwritten);
        self.dead_letters.add(&[], shard, written as f64);
        self.clock_skew.add(&[], shard, snapshot.clock_skew as f64);
        self.series_refused.add(&[], shard, snapshot.series_refused as f64);
        self.evicted.add(&[], shard, snapshot.evicted as f64);
    }
}

/// Adds the metrics that are always served, as of `now`.
pub(super) fn collect<'a>(
    published: &'a PublishedState,
    denied: &DeniedRequests,
    now: Instant,
    out: &mut Vec<Family<'a>>,
) {
    let PublishedState { merged, health, .. } = published;
    out.push(Family::single(&c::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0));
    out.push(Family::single(&c::READY, &[], f64::from(u8::from(published.is_servable(now)))));
    out.push(Family::single(&c::DEGRADED, &[], health.degraded.len() as f64));
    out.push(Family::single(&c::RECORDS_HELD, &[], merged.records.held as f64));
    out.push(Family::single(&c::REBALANCES, &[], health.rebalances as f64));
    out.push(Family::single(&c::SERIES, &[], merged.series.len() as f64));
    out.push(Family::single(&c::OPEN_CONTACTS, &[], merged.open_contacts as f64));
    let missed: u64 = health.partitions.iter().map(|partition| partition.missed).sum();
    out.push(Family::single(&c::RECORDS_MISSED, &[], missed as f64));
    out.push(Family::single(&c::LEDGER_FAILURES, &[], health.ledger_failures as f64));
    out.push(Family::single(&c::LEDGER_SIZE, &[], health.ledger_bytes as f64));
    for (metric, value) in [
        (&c::LEDGER_FILE_SIZE, health.ledger_file_bytes),
        (&c::LEDGER_WAL_SIZE, health.ledger_wal_bytes),
        (&c::INTERVALS_UNSAVED, health.unsaved_intervals),
        (&c::DISTRIBUTIONS_REPLACED, health.distributions_replaced),
        (&c::DISTRIBUTIONS_UNREADABLE, health.distributions_unreadable),
        (&c::DEAD_LETTERS_WAITING, health.dead_letters_waiting),
        (&c::DEAD_LETTER_FAILURES, health.dead_letter_failures),
        (&c::KAFKA_CLIENT_ERRORS, health.client_errors),
        (&c::LOG_RESETS, health.log_resets),
        (&c::OFFSETS_SKIPPED, health.offsets_skipped),
        (&c::LOG_UNVERIFIED, health.logs_unverified),
        (
            &c::REMEMBERED_IDS,
            health.partitions.iter().map(|partition| partition.remembered_ids).sum(),
        ),
    ] {
        out.push(Family::single(metric, &[], value as f64));
    }
    out.push(Family::single(&c::CHECKPOINT_PAUSE, &[], health.checkpoint_pause.as_secs_f64()));
    if let Some(time) = health.checkpoint_time {
        out.push(Family::single(&c::CHECKPOINT_TIMESTAMP, &[], time.get() as f64 / 1000.0));
    }
    if let Some(duration) = health.checkpoint_duration {
        out.push(Family::single(&c::CHECKPOINT_DURATION, &[], duration.as_secs_f64()));
    }

    let mut future = Family::new(&c::FUTURE_EVENTS);
    for (topic, records) in &health.future_records {
        future.add(&[topic], None, *records as f64);
    }

    let config = &health.config;
    let mut reloads = Family::new(&c::CONFIG_RELOADS);
    reloads.add(&["applied"], None, config.applied as f64);
    reloads.add(&["refused"], None, config.refused as f64);
    let is_successful = f64::from(u8::from(config.is_last_reload_successful()));
    out.push(Family::single(&c::CONFIG_LAST_RELOAD_SUCCESSFUL, &[], is_successful));
    if let Some(time) = config.loaded_at {
        let seconds = time.get() as f64 / 1000.0;
        out.push(Family::single(&c::CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP, &[], seconds));
    }

    let mut http_denied = Family::new(&c::HTTP_REFUSED);
    for reason in DenialReason::ALL {
        http_denied.add(&[reason.as_str()], None, denied.get(reason) as f64);
    }
    let limits = &published.settings.limits;
    let mut limit = Family::new(&c::PARTITION_LIMIT);
    for (name, value) in [
        ("series", limits.series),
        ("open_contacts", limits.open_contacts),
        ("remembered_ids", limits.remembered_ids),
    ] {
        limit.add(&[name], None, value as f64);
    }
    out.extend([future, reloads, http_denied, limit]);

    let mut stream_time = Family::new(&c::STREAM_TIME);
    let mut lag = Family::new(&c::CONSUMER_LAG);
    for partition in &health.partitions {
        let labels = || {
            vec![Cow::from(&*partition.label.topic), partition.label.partition.to_string().into()]
        };
        if let Some(time) = partition.stream_time {
            stream_time.add_owned(labels(), None, time.get() as f64 / 1000.0);
        }
        if let Some(records) = partition.lag {
            lag.add_owned(labels(), None, records as f64);
        }
    }
    out.extend([stream_time, lag]);
}
