//! The text exposition, parsed: values, presence at 0, absence, the `shard` label, withheld
//! numbers, and the documentation.

use nabiz_core::measures::{ContactCounts, DurationSums, ServiceLevelCounts, VisitCounts};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use nabiz::exposition::catalogue::{self, Kind, Source};
use nabiz::exposition::{ContentCoding, Exposition, MetricsFormat, contact_text};
use nabiz::readmodel::{
    Aggregation, Availability, ConfigStatus, Degradation, DenialReason, DeniedRequests, Health,
    PartitionHealth, PublishedState, ShardLabel,
};
use nabiz_core::calendar::BusinessDay;
use nabiz_core::event::{ChannelId, OptionalField, Reason};
use nabiz_core::ids::Offset;
use nabiz_core::measures::{
    AgentWindow, BucketHistogram, EventTotals, FollowupSnapshot, Live, Observation, RecordTotals,
    SparseHdrCounts, Totals, WindowCounts, WindowSnapshot,
};
use nabiz_core::settings::{
    Formula, Limits, QueueSettings, Settings, WindowLength, WindowSettings,
};
use nabiz_core::snapshot::{QueueSnapshot, SeriesSnapshot, Snapshot};
use nabiz_core::time::{Millis, Timestamp, WallTime};

const EMAIL: ChannelId = ChannelId(1);

/// Returns the settings of two queues, `fault` (phone, T = 27.5 s) and `mail` (e-mail), and two
/// windows, `5m` and `today`.
fn settings() -> Arc<Settings> {
    let windows = WindowSettings {
        lengths: vec![WindowLength { length: Millis(300_000), label: "5m".to_string() }],
        idle_advance: false,
        business_day: BusinessDay::new(TimeZone::UTC, Time::midnight()),
        ..WindowSettings::default()
    };
    let fault = QueueSettings {
        name: "Faults \"24/7\"".to_string(),
        target_wait: Millis(27_500),
        formula: Formula::AbandonsMissed,
        ..QueueSettings::default()
    };
    let mail =
        QueueSettings { name: "Mail".to_string(), channel: EMAIL, ..QueueSettings::default() };
    let limits = Limits { open_contacts: 1_000, remembered_ids: 1_000, ..Limits::default() };
    let settings = Settings::builder().windows(windows).limits(limits);
    Arc::new(settings.queue("fault", fault, &[]).queue("mail", mail, &[]).build())
}

fn empty(settings: &Settings) -> Snapshot {
    Snapshot::of_known_queues(settings)
}

/// Returns a snapshot in which every metric of the contacts has a value.
fn busy(settings: &Settings) -> Snapshot {
    let mut snapshot = empty(settings);
    let mut wait_answered = BucketHistogram::default();
    for wait_ms in [900, 27_500, 27_501, 9_000_000] {
        wait_answered.observe(Millis(wait_ms), &settings.wait_bounds());
    }
    let counts = WindowCounts {
        visits: VisitCounts {
            offered: 10,
            answered: 4,
            answered_in_target: 3,
            abandoned: 3,
            abandoned_in_target: 2,
            abandoned_short: 1,
        },
        service_level: ServiceLevelCounts { met: 3, missed: 2 },
        sums: DurationSums {
            wait_sum_ms: 10_000,
            abandon_wait_sum_ms: 4_500,
            handled: 2,
            handle_sum_ms: 300_000,
        },
        left: 1,
        wait_max: Millis(4_000),
    };
    // Below 256 ms a cell is one millisecond wide.
    let waits = SparseHdrCounts { counts: vec![(100, 2), (200, 1), (250, 1)] };
    let series = SeriesSnapshot {
        queue: Arc::from("fault"),
        channel: ChannelId::PHONE,
        totals: Totals {
            visits: VisitCounts {
                offered: 11,
                answered: 12,
                answered_in_target: 13,
                abandoned: 14,
                abandoned_in_target: 15,
                abandoned_short: 16,
            },
            service_level: ServiceLevelCounts { met: 18, missed: 19 },
            contacts: ContactCounts {
                not_answered: 20,
                transfers: 21,
                reopened: 22,
                service_level_revoked: 23,
                callbacks: 24,
                ended_by_agent: 25,
                ended_by_customer: 26,
                ended_by_system: 27,
            },
            left: [1, 2, 3, 4, 5, 6, 7, 8],
            lost: 17,
            wait_answered,
            survey: BTreeMap::from([(5, 23)]),
            ..Totals::default()
        },
        live: Live {
            waiting: 1,
            waiting_over_target: 2,
            longest_wait: Millis(3_250),
            oldest_waiting: Millis(3_125),
            in_service: 4,
            open: 5,
            open_overdue: 6,
            oldest_open: Millis(7_125),
        },
        windows: vec![WindowSnapshot { counts, waits }, WindowSnapshot::default()],
    };
    snapshot.series[0] = Arc::new(series);
    snapshot.stream_time = Some(Timestamp(1_767_560_400_500));
    snapshot.queues[0] = QueueSnapshot {
        queue: Arc::from("fault"),
        observed: Some(Observation { event_time: Timestamp(1), waiting: 9, oldest_wait: None }),
        agents: [1, 2, 3, 4, 5],
        agent_ms: [1_500, 2_000, 0, 0, 0],
        paused_ms: BTreeMap::from([(Arc::from("lunch"), 4_500)]),
        windows: vec![
            AgentWindow { state_ms: [250, 600, 150, 5_000, 5_000] },
            AgentWindow::default(),
        ],
    };
    snapshot.contacts_started[0] = 31;
    snapshot.self_service.insert(Arc::from("main"), [1, 2, 3, 0]);
    let duration =
        BucketHistogram { counts: vec![1], sum: Millis(60_000), ..BucketHistogram::default() };
    let followups = FollowupSnapshot { opened: 4, informed: 1, duration, open: 3, overdue: 2 };
    snapshot.followups.insert(Arc::from("callbacks"), followups);
    snapshot.records = RecordTotals {
        applied: 40,
        duplicate: 2,
        late: 1,
        rejected: BTreeMap::from([(Reason::NotJson, 3)]),
        held: 5,
        ignored: 6,
        fields_dropped: BTreeMap::from([(OptionalField::WaitMs, 4)]),
        events: EventTotals { applied: 44, duplicate: 2, late: 1, rejected: 5 },
    };
    snapshot.clock_skew = 6;
    snapshot.series_refused = 7;
    snapshot.open_contacts = 8;
    snapshot.evicted = 9;
    snapshot
}

fn label(topic: &str, partition: i32) -> ShardLabel {
    ShardLabel { topic: Arc::from(topic), partition }
}

fn published(
    shards: Vec<(ShardLabel, Snapshot)>,
    ready: bool,
    aggregation: Aggregation,
) -> PublishedState {
    let partition = |position, end| PartitionHealth {
        label: label("calls", 0),
        position: Some(Offset(position)),
        end: Some(Offset(end)),
        lag: Some(12),
        stream_time: Some(Timestamp(1_767_560_400_500)),
        remembered_ids: 20,
        ..PartitionHealth::default()
    };
    let health = Health {
        availability: match ready {
            true => Availability::Served,
            false => Availability::Withheld("catching up".to_owned()),
        },
        partitions: vec![partition(100, 112)],
        rebalances: 2,
        dead_letters: 3,
        checkpoint_time: Some(WallTime(1_767_560_401_250)),
        checkpoint_duration: Some(Duration::from_millis(75)),
        ledger_file_bytes: 8_192,
        ledger_wal_bytes: 4_152,
        unsaved_intervals: 21,
        distributions_replaced: 22,
        distributions_unreadable: 23,
        dead_letters_waiting: 24,
        dead_letter_failures: 25,
        client_errors: 26,
        log_resets: 27,
        offsets_skipped: 29,
        future_records: [(Arc::from("calls"), 30)].into(),
        logs_unverified: 28,
        config: ConfigStatus {
            applied: 31,
            refused: 32,
            loaded_at: Some(WallTime(1_767_560_402_500)),
            ..ConfigStatus::default()
        },
        degraded: vec![
            Degradation {
                label: None,
                offset: None,
                cause: "the disk is full".into(),
                remedy: "make room".into(),
            };
            28
        ],
        ..Health::default()
    };
    let shards = shards.into_iter().map(|(label, snapshot)| (label, Arc::new(snapshot))).collect();
    PublishedState::new(settings(), shards, health, aggregation)
}

fn text_of(exposition: &Exposition) -> String {
    let body = exposition.render(MetricsFormat::Text, ContentCoding::Identity).unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Returns the metrics that the text format can carry.
fn in_text() -> impl Iterator<Item = &'static catalogue::Metric> {
    catalogue::ALL.iter().copied().filter(|metric| metric.kind != Kind::GaugeHistogram)
}

fn render(published: PublishedState) -> Exposed {
    let exposition = Exposition::new(Arc::new(ArcSwap::from_pointee(published)), Arc::default());
    Exposed::parse(&text_of(&exposition))
}

fn contacts_of(snapshot: Snapshot) -> Exposed {
    Exposed::parse(&contact_text(&settings(), &snapshot))
}

/// An exposition, read back.
struct Exposed {
    text: String,
    /// Type by family.
    types: BTreeMap<String, String>,
    /// Value by name and labels, as written.
    samples: BTreeMap<String, f64>,
}

impl Exposed {
    fn parse(text: &str) -> Self {
        let mut exposed =
            Exposed { text: text.to_string(), types: BTreeMap::new(), samples: BTreeMap::new() };
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                let before = exposed.types.insert(name.to_string(), kind.to_string());
                assert_eq!(before, None, "{name} has two types");
            } else if !line.starts_with('#') {
                let (key, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap();
                assert!(value.is_finite(), "{line}");
                assert_eq!(
                    exposed.samples.insert(key.to_string(), value),
                    None,
                    "{key} is there twice"
                );
            }
        }
        exposed
    }

    fn value(&self, key: &str) -> Option<f64> {
        self.samples.get(key).copied()
    }

    #[track_caller]
    fn check(&self, key: &str, value: f64) {
        assert_eq!(self.value(key), Some(value), "{key}");
    }

    /// Keys of one metric.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.samples
            .keys()
            .map(String::as_str)
            .filter(move |key| key.split('{').next() == Some(name))
    }
}

#[test]
fn counters_show_the_totals_of_the_snapshot() {
    let exposed = contacts_of(busy(&settings()));
    let fault = r#"{queue="fault",channel="phone"}"#;
    for (name, value) in [
        ("nabiz_visits_offered_total", 11.0),
        ("nabiz_visits_answered_total", 12.0),
        ("nabiz_visits_answered_in_target_total", 13.0),
        ("nabiz_visits_abandoned_total", 14.0),
        ("nabiz_visits_abandoned_in_target_total", 15.0),
        ("nabiz_visits_abandoned_short_total", 16.0),
        ("nabiz_visits_lost_total", 17.0),
        ("nabiz_service_level_met_total", 18.0),
        ("nabiz_service_level_missed_total", 19.0),
        ("nabiz_service_level_revoked_total", 23.0),
        ("nabiz_visits_callback_total", 24.0),
        ("nabiz_not_answered_total", 20.0),
        ("nabiz_transfers_total", 21.0),
        ("nabiz_reopened_total", 22.0),
        ("nabiz_waiting", 1.0),
        ("nabiz_waiting_over_target", 2.0),
        ("nabiz_longest_wait_seconds", 3.25),
        ("nabiz_oldest_waiting_seconds", 3.125),
        ("nabiz_in_service", 4.0),
        ("nabiz_open", 5.0),
        ("nabiz_open_overdue", 6.0),
        ("nabiz_oldest_open_seconds", 7.125),
    ] {
        exposed.check(&format!("{name}{fault}"), value);
    }
    exposed
        .check(r#"nabiz_visits_left_total{queue="fault",channel="phone",reason="timeout"}"#, 1.0);
    exposed.check(r#"nabiz_visits_left_total{queue="fault",channel="phone",reason="closed"}"#, 8.0);
    for (by, count) in [("agent", 25.0), ("customer", 26.0), ("system", 27.0)] {
        let labels = format!(r#"{{queue="fault",channel="phone",ended_by="{by}"}}"#);
        exposed.check(&format!("nabiz_ended_total{labels}"), count);
    }
    exposed.check(r#"nabiz_survey_responses_total{queue="fault",channel="phone",score="5"}"#, 23.0);
    exposed.check(r#"nabiz_contacts_started_total{channel="phone"}"#, 31.0);
    exposed.check(r#"nabiz_self_service_total{entry_point="main",outcome="to_queue"}"#, 2.0);
    exposed.check(r#"nabiz_followups_opened_total{unit="callbacks"}"#, 4.0);
    exposed.check(r#"nabiz_followups_informed_total{unit="callbacks"}"#, 1.0);
    exposed.check(r#"nabiz_followups_open{unit="callbacks"}"#, 3.0);
    exposed.check(r#"nabiz_followups_overdue{unit="callbacks"}"#, 2.0);
    exposed.check(r#"nabiz_followup_seconds_sum{unit="callbacks"}"#, 60.0);
    exposed.check(r#"nabiz_agents{queue="fault",state="wrap_up"}"#, 3.0);
    exposed.check(r#"nabiz_agent_seconds_total{queue="fault",state="available"}"#, 1.5);
    exposed.check(r#"nabiz_observed_waiting{queue="fault"}"#, 9.0);
}

#[test]
fn histogram_buckets_are_cumulative_and_include_each_target() {
    let exposed = contacts_of(busy(&settings()));
    let bucket = |le: &str| {
        format!(
            r#"nabiz_wait_seconds_bucket{{queue="fault",channel="phone",outcome="answered",le="{le}"}}"#
        )
    };
    exposed.check(&bucket("1"), 1.0);
    exposed.check(&bucket("20"), 1.0);
    exposed.check(&bucket("27.5"), 2.0);
    exposed.check(&bucket("30"), 3.0);
    exposed.check(&bucket("7200"), 3.0);
    exposed.check(&bucket("+Inf"), 4.0);
    exposed.check(
        r#"nabiz_wait_seconds_count{queue="fault",channel="phone",outcome="answered"}"#,
        4.0,
    );
    exposed.check(
        r#"nabiz_wait_seconds_sum{queue="fault",channel="phone",outcome="answered"}"#,
        9_055.901,
    );
}

#[test]
fn windows_show_counts_and_derived_ratios() {
    let exposed = contacts_of(busy(&settings()));
    let window =
        |name: &str| format!(r#"nabiz_window_{name}{{queue="fault",channel="phone",window="5m"}}"#);
    for (name, value) in [
        ("offered", 10.0),
        ("answered", 4.0),
        ("answered_in_target", 3.0),
        ("abandoned", 3.0),
        ("abandoned_in_target", 2.0),
        ("abandoned_short", 1.0),
        ("left", 1.0),
        ("service_level_met", 3.0),
        ("service_level_missed", 2.0),
        // The formula of the queue, 3 / (4 + 3 + 1), not the default one, 3 / 5.
        ("service_level_ratio", 0.375),
        ("abandonment_ratio", 2.0 / 6.0),
        ("wait_mean_seconds", 2.5),
        ("wait_max_seconds", 4.0),
        ("abandon_wait_mean_seconds", 1.5),
        ("handle_mean_seconds", 150.0),
        ("occupancy_ratio", 0.75),
    ] {
        exposed.check(&window(name), value);
    }
    for (quantile, value) in [("0.5", 0.1), ("0.9", 0.25), ("0.95", 0.25), ("0.99", 0.25)] {
        let labels =
            format!(r#"{{queue="fault",channel="phone",window="5m",quantile="{quantile}"}}"#);
        exposed.check(&format!("nabiz_window_wait_quantile_seconds{labels}"), value);
    }
}

#[test]
fn configured_queues_are_present_at_zero() {
    let exposed = contacts_of(empty(&settings()));
    for metric in in_text().filter(|metric| metric.source == Source::Contacts) {
        let suffix = if metric.kind == Kind::Histogram { "_count" } else { "" };
        let name = format!("{}{suffix}", metric.name);
        let values = |value: &str| match value {
            "reason" => 8,
            "outcome" => 2,
            "state" => 5,
            "ended_by" => 3,
            "window" => 2,
            "channel" if metric.labels == ["channel"] => 8,
            _ => 1,
        };
        let per_queue: usize = metric.labels.iter().map(|label| values(label)).product();
        let expected = match metric.labels {
            ["unit", ..] | ["entry_point", ..] => 0,
            _ if metric.labels.contains(&"score") || metric.name == "nabiz_observed_waiting" => 0,
            // Only reasons that occurred.
            _ if metric.name == "nabiz_agent_paused_seconds_total" => 0,
            // Computed from counts that are 0.
            _ if ["_ratio", "_mean_seconds", "_max_seconds", "quantile_seconds"]
                .iter()
                .any(|suffix| metric.name.ends_with(suffix)) =>
            {
                0
            }
            ["channel"] => per_queue,
            _ => 2 * per_queue,
        };
        assert_eq!(exposed.of(&name).count(), expected, "samples of {name}");
        assert!(exposed.of(&name).all(|key| exposed.value(key) == Some(0.0)), "{name} is not 0");
    }
}

#[test]
fn every_self_service_outcome_of_a_known_entry_point_is_present() {
    let exposed = contacts_of(busy(&settings()));
    exposed.check(r#"nabiz_self_service_total{entry_point="main",outcome="failed"}"#, 0.0);
    assert_eq!(exposed.of("nabiz_self_service_total").count(), 4);
}

#[test]
fn ratios_are_absent_when_their_denominator_is_zero() {
    let exposed = contacts_of(busy(&settings()));
    exposed.check(r#"nabiz_window_answered{queue="fault",channel="phone",window="today"}"#, 0.0);
    for name in [
        "service_level_ratio",
        "abandonment_ratio",
        "wait_quantile_seconds",
        "wait_mean_seconds",
        "wait_max_seconds",
        "abandon_wait_mean_seconds",
        "handle_mean_seconds",
        "occupancy_ratio",
    ] {
        let name = format!("nabiz_window_{name}");
        assert!(exposed.of(&name).count() > 0, "{name} is nowhere");
        assert!(
            exposed.of(&name).all(|key| key.contains(r#"window="5m""#)),
            "{name} of an empty window"
        );
    }
    assert_eq!(exposed.value(r#"nabiz_observed_waiting{queue="mail"}"#), None);
}

#[test]
fn occupancy_of_a_queue_is_the_same_for_each_of_its_channels() {
    let mut snapshot = busy(&settings());
    let by_chat = SeriesSnapshot { channel: ChannelId::CHAT, ..(*snapshot.series[0]).clone() };
    snapshot.series.insert(1, Arc::new(by_chat));
    let exposed = contacts_of(snapshot);
    for channel in ["phone", "chat"] {
        let labels = format!(r#"{{queue="fault",channel="{channel}",window="5m"}}"#);
        exposed.check(&format!("nabiz_window_occupancy_ratio{labels}"), 0.75);
    }
}

#[test]
fn targets_and_names_come_from_the_settings() {
    let mut snapshot = busy(&settings());
    let unknown = SeriesSnapshot { queue: Arc::from("unknown"), ..(*snapshot.series[0]).clone() };
    snapshot.series.push(Arc::new(unknown));
    let exposed = contacts_of(snapshot);
    exposed.check(r#"nabiz_target_wait_seconds{queue="fault",channel="phone"}"#, 27.5);
    exposed.check(r#"nabiz_target_wait_seconds{queue="unknown",channel="phone"}"#, 20.0);
    exposed.check(r#"nabiz_target_service_level_ratio{queue="mail",channel="email"}"#, 0.8);
    exposed.check(r#"nabiz_target_abandonment_ratio{queue="mail",channel="email"}"#, 0.05);
    exposed.check(r#"nabiz_target_first_response_seconds{queue="mail",channel="email"}"#, 14_400.0);
    exposed.check(r#"nabiz_queue_info{queue="fault",channel="phone",name="Faults \"24/7\""}"#, 1.0);
    exposed.check(r#"nabiz_queue_info{queue="unknown",channel="phone",name="unknown"}"#, 1.0);
    exposed.check(r#"nabiz_queue_open{queue="mail"}"#, 1.0);
    exposed.check(r#"nabiz_queue_open{queue="unknown"}"#, 1.0);
}

#[test]
fn queue_open_is_absent_before_the_first_record() {
    assert_eq!(contacts_of(empty(&settings())).of("nabiz_queue_open").count(), 0);
}

#[test]
fn shards_are_summed_without_the_shard_label() {
    let shards =
        vec![(label("calls", 1), busy(&settings())), (label("calls", 0), busy(&settings()))];
    let exposed = render(published(shards, true, Aggregation::Summed));
    exposed.check(r#"nabiz_visits_offered_total{queue="fault",channel="phone"}"#, 22.0);
    assert!(!exposed.text.contains("shard="), "shard label without being asked for");
}

#[test]
fn shards_are_separate_series_with_the_shard_label() {
    let shards =
        vec![(label("calls", 1), busy(&settings())), (label("calls", 0), busy(&settings()))];
    let exposed = render(published(shards, true, Aggregation::PerShard));
    for shard in ["calls/0", "calls/1"] {
        let key = format!(
            r#"nabiz_visits_offered_total{{queue="fault",channel="phone",shard="{shard}"}}"#
        );
        exposed.check(&key, 11.0);
    }
    for metric in in_text() {
        let sample_name = if metric.kind == Kind::Histogram { "_bucket" } else { "" };
        let name = format!("{}{sample_name}", metric.name);
        assert!(exposed.of(&name).count() > 0, "{name} is nowhere");
        let sharded = matches!(metric.source, Source::Contacts | Source::Records);
        for key in exposed.of(&name) {
            assert_eq!(key.contains("shard="), sharded, "{key}");
        }
    }
    exposed.check(r#"nabiz_target_wait_seconds{queue="fault",channel="phone"}"#, 27.5);
}

#[test]
fn health_comes_from_the_shards_and_the_pipeline() {
    let shards =
        vec![(label("calls", 0), busy(&settings())), (label("mails", 0), busy(&settings()))];
    let exposed = render(published(shards, true, Aggregation::Summed));
    exposed.check(r#"nabiz_records_total{topic="calls",result="applied"}"#, 40.0);
    exposed.check(r#"nabiz_records_total{topic="mails",result="duplicate"}"#, 2.0);
    exposed.check(r#"nabiz_records_total{topic="mails",result="late"}"#, 1.0);
    exposed.check(r#"nabiz_records_total{topic="mails",result="ignored"}"#, 6.0);
    exposed.check(r#"nabiz_records_total{topic="mails",result="rejected"}"#, 3.0);
    exposed.check(r#"nabiz_records_rejected_total{topic="calls",reason="not_json"}"#, 3.0);
    exposed.check(r#"nabiz_records_rejected_total{topic="calls",reason="orphan"}"#, 0.0);
    exposed.check(r#"nabiz_fields_dropped_total{topic="calls",field="wait_ms"}"#, 4.0);
    exposed.check(r#"nabiz_fields_dropped_total{topic="mails",field="agent"}"#, 0.0);
    exposed.check("nabiz_records_held", 10.0);
    exposed.check("nabiz_dead_letters_total", 6.0);
    exposed.check("nabiz_clock_skew_total", 12.0);
    exposed.check(
        r#"nabiz_stream_time_timestamp_seconds{topic="calls",partition="0"}"#,
        1_767_560_400.5,
    );
    exposed.check(r#"nabiz_consumer_lag_records{topic="calls",partition="0"}"#, 12.0);
    exposed.check("nabiz_rebalances_total", 2.0);
    exposed.check(r#"nabiz_config_reloads_total{result="applied"}"#, 31.0);
    exposed.check(r#"nabiz_config_reloads_total{result="refused"}"#, 32.0);
    exposed.check("nabiz_config_last_reload_successful", 1.0);
    exposed.check("nabiz_config_last_reload_success_timestamp_seconds", 1_767_560_402.5);
    exposed.check("nabiz_checkpoint_timestamp_seconds", 1_767_560_401.25);
    exposed.check("nabiz_checkpoint_duration_seconds", 0.075);
    exposed.check("nabiz_series", 2.0);
    exposed.check("nabiz_series_refused_total", 14.0);
    exposed.check("nabiz_open_contacts", 16.0);
    exposed.check("nabiz_evicted_total", 18.0);
    exposed.check("nabiz_remembered_ids", 20.0);
    exposed.check("nabiz_ledger_file_size_bytes", 8_192.0);
    exposed.check("nabiz_ledger_wal_size_bytes", 4_152.0);
    exposed.check("nabiz_intervals_unsaved", 21.0);
    exposed.check("nabiz_distributions_replaced_total", 22.0);
    exposed.check("nabiz_distributions_unreadable_total", 23.0);
    exposed.check("nabiz_dead_letters_waiting", 24.0);
    exposed.check("nabiz_dead_letter_failures_total", 25.0);
    exposed.check("nabiz_kafka_client_errors_total", 26.0);
    exposed.check("nabiz_log_resets_total", 27.0);
    exposed.check("nabiz_log_unverified_total", 28.0);
    exposed.check("nabiz_degraded", 28.0);
    exposed.check("nabiz_offsets_skipped_total", 29.0);
    exposed.check(r#"nabiz_future_events_total{topic="calls"}"#, 30.0);
    exposed.check(r#"nabiz_partition_limit{limit="series"}"#, 2_000.0);
    exposed.check(r#"nabiz_partition_limit{limit="open_contacts"}"#, 1_000.0);
    exposed.check(r#"nabiz_partition_limit{limit="remembered_ids"}"#, 1_000.0);
    exposed.check("nabiz_ready", 1.0);
    assert_eq!(exposed.of("nabiz_build_info").count(), 1);
    assert!(exposed.value("nabiz_collect_duration_seconds") > Some(0.0));
    if cfg!(target_os = "linux") {
        assert!(exposed.value("process_resident_memory_bytes") > Some(0.0));
    }
}

#[test]
fn denied_requests_are_exported_at_zero_by_reason() {
    let denied = Arc::new(DeniedRequests::default());
    let published =
        Arc::new(ArcSwap::from_pointee(PublishedState::starting(settings(), Aggregation::Summed)));
    let exposition = Exposition::new(Arc::clone(&published), Arc::clone(&denied));
    let exposed = || {
        published.store(Arc::new(PublishedState::starting(settings(), Aggregation::Summed)));
        Exposed::parse(&text_of(&exposition))
    };
    let reasons =
        ["credentials", "handshake", "accept", "connections", "timeout", "streams", "history"];
    for reason in reasons {
        exposed().check(&format!(r#"nabiz_http_refused_total{{reason="{reason}"}}"#), 0.0);
    }
    assert_eq!(exposed().of("nabiz_http_refused_total").count(), reasons.len());
    for (number, reason) in DenialReason::ALL.into_iter().enumerate() {
        (0..=number).for_each(|_| denied.count(reason));
    }
    for (number, reason) in (1..).zip(reasons) {
        exposed()
            .check(&format!(r#"nabiz_http_refused_total{{reason="{reason}"}}"#), f64::from(number));
    }
}

#[test]
fn only_pipeline_metrics_are_served_while_catching_up() {
    for aggregation in [Aggregation::Summed, Aggregation::PerShard] {
        let exposed =
            render(published(vec![(label("calls", 0), busy(&settings()))], false, aggregation));
        for metric in catalogue::ALL {
            let served = exposed.types.contains_key(metric.name);
            assert_eq!(served, metric.source == Source::Pipeline, "{}", metric.name);
        }
        exposed.check("nabiz_ready", 0.0);
    }
}

#[test]
fn contact_metrics_are_withheld_when_no_worker_confirms_them() {
    // While the process is stopped, another instance may acquire its partitions.
    for (ago_s, shown) in [(0, true), (5, false)] {
        let confirmed_at = Instant::now().checked_sub(Duration::from_secs(ago_s));
        assert!(confirmed_at.is_some());
        let published =
            published(vec![(label("calls", 0), busy(&settings()))], true, Aggregation::PerShard);
        let exposed = render(PublishedState { confirmed_at, ..published });
        for metric in catalogue::ALL.iter().filter(|metric| metric.source != Source::Pipeline) {
            assert!(
                shown || !exposed.types.contains_key(metric.name),
                "{} after {ago_s} s",
                metric.name
            );
        }
        assert_eq!(
            exposed.types.contains_key("nabiz_visits_offered_total"),
            shown,
            "after {ago_s} s"
        );
        exposed.check("nabiz_ready", if shown { 1.0 } else { 0.0 });
    }
}

#[test]
fn checkpoint_metrics_are_absent_without_a_ledger() {
    let exposed = render(PublishedState::starting(settings(), Aggregation::Summed));
    assert_eq!(exposed.of("nabiz_checkpoint_timestamp_seconds").count(), 0);
    assert_eq!(exposed.of("nabiz_checkpoint_duration_seconds").count(), 0);
    exposed.check("nabiz_ready", 0.0);
}

#[test]
fn configured_queues_are_present_without_any_partition() {
    let exposed = render(published(Vec::new(), true, Aggregation::Summed));
    exposed.check(r#"nabiz_visits_offered_total{queue="mail",channel="email"}"#, 0.0);
}

#[test]
fn scrape_shows_the_latest_published_state() {
    let shared =
        Arc::new(ArcSwap::from_pointee(PublishedState::starting(settings(), Aggregation::Summed)));
    let exposition = Exposition::new(Arc::clone(&shared), Arc::default());
    assert!(!text_of(&exposition).contains("nabiz_visits_offered_total"));
    shared.store(Arc::new(published(
        vec![(label("calls", 0), busy(&settings()))],
        true,
        Aggregation::Summed,
    )));
    assert!(text_of(&exposition).contains("nabiz_visits_offered_total"));
}

#[test]
fn cached_body_is_withheld_when_its_state_expires() {
    let long_ago = Instant::now().checked_sub(Duration::from_secs(2));
    let one = published(vec![(label("calls", 0), busy(&settings()))], true, Aggregation::Summed);
    let shared = Arc::new(ArcSwap::from_pointee(PublishedState { confirmed_at: long_ago, ..one }));
    let exposition = Exposition::new(shared, Arc::default());
    assert!(text_of(&exposition).contains("nabiz_visits_offered_total"));
    // Longer than a worker's report is valid.
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(!text_of(&exposition).contains("nabiz_visits_offered_total"));
}

#[test]
fn body_is_rendered_once_per_published_state() {
    let one = || {
        Arc::new(published(vec![(label("calls", 0), busy(&settings()))], true, Aggregation::Summed))
    };
    let shared = Arc::new(ArcSwap::from(one()));
    let exposition = Exposition::new(Arc::clone(&shared), Arc::default());
    let body = |format, coding| exposition.render(format, coding).unwrap();
    let address = |coding| body(MetricsFormat::Text, coding).as_ptr() as usize;
    let codings = [ContentCoding::Identity, ContentCoding::Gzip];
    let first = codings.map(address);
    std::thread::scope(|scope| {
        for coding in codings.into_iter().chain(codings) {
            scope.spawn(move || assert_eq!(address(coding), first[coding as usize], "{coding:?}"));
        }
    });
    let before = body(MetricsFormat::Text, ContentCoding::Identity);
    shared.store(one());
    assert_ne!(address(ContentCoding::Identity), before.as_ptr() as usize);
    let protobuf = body(MetricsFormat::Protobuf, ContentCoding::Gzip);
    assert_ne!(address(ContentCoding::Gzip), protobuf.as_ptr() as usize);
}

#[test]
fn types_and_labels_match_the_catalogue() {
    let exposed =
        render(published(vec![(label("calls", 0), busy(&settings()))], true, Aggregation::Summed));
    for metric in in_text() {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        assert_eq!(exposed.types.get(metric.name), Some(&kind), "{}", metric.name);
        let suffix = if metric.kind == Kind::Histogram { "_count" } else { "" };
        for key in exposed.of(&format!("{}{suffix}", metric.name)) {
            let labels = key.split_once('{').map_or("", |(_, labels)| labels);
            let names: Vec<&str> = labels
                .split("\",")
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(names, metric.labels, "{key}");
        }
    }
    let known: BTreeSet<&str> = catalogue::ALL.iter().map(|metric| metric.name).collect();
    for name in exposed.types.keys().filter(|name| !name.starts_with("process_")) {
        assert!(known.contains(name.as_str()), "{name} is not in the catalogue");
    }
}

#[test]
fn contact_text_has_contacts_and_clock_skew_alone() {
    let exposed = contacts_of(busy(&settings()));
    let expected: BTreeSet<&str> = in_text()
        .filter(|metric| matches!(metric.source, Source::Contacts | Source::Settings))
        .map(|metric| metric.name)
        .chain(["nabiz_clock_skew_total"])
        .collect();
    let served: BTreeSet<&str> = exposed.types.keys().map(String::as_str).collect();
    assert_eq!(served, expected);
}

/// Rows of the tables of the documentation: name, type, labels.
fn documented() -> Vec<(String, String, Vec<String>)> {
    let (text, _recorded) =
        include_str!("../../docs/spec/metrics.md").split_once("## Recorded series").unwrap();
    let word = |cell: &str| cell.trim().trim_matches('`').to_string();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let labels = cells[2].split(',').map(word).filter(|label| !label.is_empty()).collect();
        (word(cells[0]), word(cells[1]), labels)
    })
    .collect()
}

#[test]
fn documentation_lists_exactly_the_metrics_of_the_catalogue() {
    let expected: Vec<(String, String, Vec<String>)> = catalogue::ALL
        .iter()
        .chain(catalogue::GATEWAY)
        .map(|metric| {
            let labels = metric.labels.iter().map(|label| label.to_string()).collect();
            let kind = match metric.kind {
                Kind::GaugeHistogram => "gauge histogram".to_string(),
                kind => format!("{kind:?}").to_lowercase(),
            };
            (metric.name.to_string(), kind, labels)
        })
        .collect();
    assert_eq!(documented(), expected);
}

#[test]
#[ignore = "needs promtool (make test)"]
fn promtool_accepts_the_exposition() {
    let shards =
        vec![(label("calls", 0), busy(&settings())), (label("calls", 1), busy(&settings()))];
    let published = Arc::new(ArcSwap::from_pointee(published(shards, true, Aggregation::PerShard)));
    let exposition = Exposition::new(published, Arc::default());
    let text = text_of(&exposition);
    let mut child = Command::new(nabiz_dev::tool(&["promtool"]))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // promtool reads all of its input before it writes.
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let remarks = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && remarks.is_empty(), "{}: {remarks}", output.status);
}
