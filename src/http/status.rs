//! Readiness, progress and status of the pipeline as JSON.

use std::collections::BTreeMap;
use std::time::Instant;

use nabiz_core::ids::Offset;
use nabiz_core::measures::RecordTotals;
use nabiz_core::time::Timestamp;
use serde::Serialize;

use super::app::App;
use super::degradations::Degradations;
use super::time::{age_ms, rfc3339};
use crate::readmodel::{ConfigStatus, DenialReason, PublishedState};

/// The progress of one partition.
#[derive(Debug, Serialize)]
pub(super) struct Partition {
    topic: String,
    partition: i32,
    /// Next offset to read.
    position: Option<Offset>,
    /// End of the log when it was last seen.
    end: Option<Offset>,
    lag_records: Option<u64>,
    stream_time: Option<String>,
    /// End of the log when the partition was assigned to this process.
    catch_up_to: Option<Offset>,
    /// Whether everything before `catch_up_to` has been read.
    caught_up: bool,
}

/// Records by their outcome.
#[derive(Debug, Serialize)]
struct Records {
    applied: u64,
    duplicate: u64,
    late: u64,
    ignored: u64,
    rejected: BTreeMap<&'static str, u64>,
    held: u64,
}

impl From<&RecordTotals> for Records {
    fn from(totals: &RecordTotals) -> Self {
        Records {
            applied: totals.applied,
            duplicate: totals.duplicate,
            late: totals.late,
            ignored: totals.ignored,
            rejected: totals
                .rejected
                .iter()
                .map(|(reason, count)| (reason.as_str(), *count))
                .collect(),
            held: totals.held,
        }
    }
}

/// Whether the contact numbers are served; if not, the reason and the progress.
#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    pub(super) ready: bool,
    /// Why the process is not ready; absent when ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    degradations: Degradations,
    /// Records still to be read; absent while the end of a partition is not known.
    lag_records: Option<u64>,
    partitions: Vec<Partition>,
}

/// `/api/v1/status`
#[derive(Debug, Serialize)]
pub(super) struct Status {
    ready: bool,
    version: &'static str,
    uptime_seconds: u64,
    /// The smallest stream time of all partitions.
    as_of: Option<String>,
    age_ms: Option<i64>,
    partitions: Vec<Partition>,
    /// By topic; absent while the counters are withheld.
    records: Option<BTreeMap<String, Records>>,
    rebalances: u64,
    /// Absent while the counters are withheld.
    dead_letters: Option<u64>,
    /// Dead letters that are not written yet.
    dead_letters_waiting: u64,
    /// Failed attempts to write a dead letter.
    dead_letter_failures: u64,
    /// Whether every worker is connected to a broker.
    kafka_connected: bool,
    /// Errors that the Kafka client reported.
    kafka_client_errors: u64,
    /// Absent without a ledger, and before the first checkpoint.
    checkpoint_age_seconds: Option<u64>,
    #[serde(flatten)]
    degradations: Degradations,
    series: usize,
    open_contacts: u64,
    /// Requests with wrong credentials since the start; absent without authentication.
    refused_credentials: Option<u64>,
    /// Failed TLS handshakes since the start; absent without TLS.
    failed_handshakes: Option<u64>,
    configuration: Configuration,
}

/// The configuration in effect.
#[derive(Debug, Serialize)]
struct Configuration {
    /// The keyed digest of all keys; absent without a configuration.
    digest: Option<String>,
    loaded: Option<String>,
    /// Whether what was last read is in effect.
    last_reload_successful: bool,
}

impl Configuration {
    fn of(config: &ConfigStatus) -> Self {
        Configuration {
            digest: config.digest.map(|digest| digest.to_string()),
            loaded: config.loaded_at.and_then(|time| rfc3339(Timestamp(time.get()))),
            last_reload_successful: config.is_last_reload_successful(),
        }
    }
}

fn partitions(published: &PublishedState) -> Vec<Partition> {
    let partitions = published.health.partitions.iter();
    partitions
        .map(|partition| Partition {
            topic: partition.label.topic.to_string(),
            partition: partition.label.partition,
            position: partition.position,
            end: partition.end,
            lag_records: partition.lag,
            stream_time: partition.stream_time.and_then(rfc3339),
            catch_up_to: partition.catch_up_to,
            caught_up: partition.caught_up,
        })
        .collect()
}

fn records(published: &PublishedState) -> BTreeMap<String, Records> {
    let records = published.health.records.iter();
    records.map(|(topic, totals)| (topic.to_string(), totals.into())).collect()
}

/// Returns the readiness of the process at `now`: ready means that the numbers are served.
pub(super) fn readiness(published: &PublishedState, now: Instant) -> Readiness {
    if let Some(reason) = published.withheld_because(now) {
        return withheld(published, reason);
    }
    let partitions = partitions(published);
    Readiness {
        ready: true,
        error: None,
        degradations: Degradations::of(&published.health.degraded),
        lag_records: lag_records(&partitions),
        partitions,
    }
}

/// Returns why contact numbers are withheld, and the progress of the pipeline.
pub(super) fn withheld(published: &PublishedState, reason: &str) -> Readiness {
    let partitions = partitions(published);
    Readiness {
        ready: false,
        error: Some(reason.to_owned()),
        degradations: Degradations::of(&published.health.degraded),
        lag_records: lag_records(&partitions),
        partitions,
    }
}

/// Returns the sum of the lags, or `None` if one of them is not known.
fn lag_records(partitions: &[Partition]) -> Option<u64> {
    partitions.iter().map(|partition| partition.lag_records).sum()
}

/// Returns the status of the process as of `published` and now.
pub(super) fn status(app: &App, published: &PublishedState) -> Status {
    let health = &published.health;
    let now = (app.clock)();
    let stream_time = published.merged.stream_time;
    let servable = published.is_servable(Instant::now());
    let security = app.security.load();
    Status {
        ready: servable,
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        as_of: stream_time.and_then(rfc3339),
        age_ms: stream_time.map(|stream_time| age_ms(now, stream_time)),
        partitions: partitions(published),
        records: servable.then(|| records(published)),
        rebalances: health.rebalances,
        dead_letters: servable.then_some(health.dead_letters),
        dead_letters_waiting: health.dead_letters_waiting,
        dead_letter_failures: health.dead_letter_failures,
        kafka_connected: health.connected,
        kafka_client_errors: health.client_errors,
        checkpoint_age_seconds: health.checkpoint_time.map(|time| now.since(time).get() / 1000),
        degradations: Degradations::of(&health.degraded),
        series: published.merged.series.len(),
        open_contacts: published.merged.open_contacts,
        refused_credentials: security
            .authentication
            .as_ref()
            .map(|_| app.denied.get(DenialReason::Credentials)),
        failed_handshakes: security.tls.as_ref().map(|_| app.denied.get(DenialReason::Handshake)),
        configuration: Configuration::of(&health.config),
    }
}
