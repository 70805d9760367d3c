//! The catalogue of metrics: name, help, type and labels. No other code spells a metric name.

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Never falls. Only those of [`Source::Pipeline`] restart from 0 with the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Rises and falls. It is declared untyped, because the label `quantile` belongs to summaries,
    /// and a window has no sum and count that only grow.
    Untyped,
    /// Classic and native buckets, sum and count that never fall. The text format has only the
    /// classic buckets.
    Histogram,
    /// Native buckets, sum and count that rise and fall. The text format cannot express it.
    GaugeHistogram,
}

/// The origin of a metric. It decides when the metric is served
/// (`PublishedState::is_servable`), and whether it can have `shard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The contacts: withheld while not servable; with `shard` if that is configured.
    Contacts,
    /// The settings: served with the contacts, never with `shard`.
    Settings,
    /// The outcomes of records: withheld while not servable; with `shard` if that is configured.
    Records,
    /// The pipeline: always served, never with `shard`.
    Pipeline,
    /// The gateway, a process of its own: always served, never with `shard`.
    Gateway,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// Its meaning in one sentence, served as `HELP`.
    pub help: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Names of its labels in the order in which they are written. `shard` follows them if it
    /// applies.
    pub labels: &'static [&'static str],
    /// Its origin.
    pub source: Source,
}

macro_rules! catalogue {
    ($(#[doc = $doc:literal])+ $list:ident: $($source:ident {
        $($id:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+
    })+) => {
        $($(
            #[doc = $help]
            pub const $id: Metric = Metric {
                name: $name,
                help: $help,
                kind: Kind::$kind,
                labels: &[$($label),*],
                source: Source::$source,
            };
        )+)+

        $(#[doc = $doc])+
        pub const $list: &[&Metric] = &[$($(&$id),+),+];
    };
}

catalogue! {
/// Every metric of the pipeline in the order of docs/spec/metrics.md. The `process_*` metrics come
/// from the prometheus crate.
ALL:
Contacts {
    // Counts since the first record.
    CONTACTS_STARTED: Counter "nabiz_contacts_started_total" ["channel"]
        "Contacts that reached the centre.";
    VISITS_OFFERED: Counter "nabiz_visits_offered_total" ["queue", "channel"]
        "Visits that entered the queue.";
    VISITS_ANSWERED: Counter "nabiz_visits_answered_total" ["queue", "channel"]
        "Visits that an agent answered.";
    VISITS_ANSWERED_IN_TARGET: Counter "nabiz_visits_answered_in_target_total" ["queue", "channel"]
        "Visits answered with a wait of at most the target.";
    VISITS_ABANDONED: Counter "nabiz_visits_abandoned_total" ["queue", "channel"]
        "Visits that ended because the citizen gave up.";
    VISITS_ABANDONED_IN_TARGET: Counter
        "nabiz_visits_abandoned_in_target_total" ["queue", "channel"]
        "Visits abandoned with a wait of at most the target.";
    VISITS_ABANDONED_SHORT: Counter "nabiz_visits_abandoned_short_total" ["queue", "channel"]
        "Visits abandoned with a wait of at most the short-abandon limit.";
    VISITS_LEFT: Counter "nabiz_visits_left_total" ["queue", "channel", "reason"]
        "Visits that ended neither answered nor abandoned, by reason.";
    VISITS_LOST: Counter "nabiz_visits_lost_total" ["queue", "channel"]
        "Visits whose end never came.";
    VISITS_CALLBACK: Counter "nabiz_visits_callback_total" ["queue", "channel"]
        "Of the visits that entered, those of citizens who are called back.";
    SERVICE_LEVEL_MET: Counter "nabiz_service_level_met_total" ["queue", "channel"]
        "Service-level events met: answered within the target.";
    SERVICE_LEVEL_MISSED: Counter "nabiz_service_level_missed_total" ["queue", "channel"]
        "Service-level events missed, also of visits that still wait, with those revoked later.";
    SERVICE_LEVEL_REVOKED: Counter "nabiz_service_level_revoked_total" ["queue", "channel"]
        "Service-level misses revoked: a delayed record showed that the visit ended in target.";
    WAIT: Histogram "nabiz_wait_seconds" ["queue", "channel", "outcome"]
        "Wait of visits that were answered or abandoned.";
    HANDLE: Histogram "nabiz_handle_seconds" ["queue", "channel"]
        "Handle time: talk, hold and wrap-up.";
    FIRST_RESPONSE: Histogram "nabiz_first_response_seconds" ["queue", "channel"]
        "Time from the start of a contact to its first reply, on the clock of the queue.";
    RESOLUTION: Histogram "nabiz_resolution_seconds" ["queue", "channel"]
        "Time from start or reopening of a contact to its resolution, on the clock of the queue.";
    SELF_SERVICE: Counter "nabiz_self_service_total" ["entry_point", "outcome"]
        "Self-service parts that ended, by outcome.";
    NOT_ANSWERED: Counter "nabiz_not_answered_total" ["queue", "channel"]
        "Offers that the agent did not take.";
    TRANSFERS: Counter "nabiz_transfers_total" ["queue", "channel"]
        "Contacts handed over while in service.";
    REOPENED: Counter "nabiz_reopened_total" ["queue", "channel"]
        "Issues that were reopened.";
    ENDED: Counter "nabiz_ended_total" ["queue", "channel", "ended_by"]
        "Ends of contacts, by the party that ended them.";
    FOLLOWUPS_OPENED: Counter "nabiz_followups_opened_total" ["unit"]
        "Follow-ups that were opened.";
    FOLLOWUPS_INFORMED: Counter "nabiz_followups_informed_total" ["unit"]
        "Follow-ups whose citizen was informed.";
    FOLLOWUP: Histogram "nabiz_followup_seconds" ["unit"]
        "Time from the opening of a follow-up until the citizen was informed.";
    SURVEY_RESPONSES: Counter "nabiz_survey_responses_total" ["queue", "channel", "score"]
        "Satisfaction answers, by score.";
    AGENT_SECONDS: Counter "nabiz_agent_seconds_total" ["queue", "state"]
        "Agent time, by state, up to stream time minus the allowed lateness.";
    AGENT_PAUSED_SECONDS: Counter "nabiz_agent_paused_seconds_total" ["queue", "reason"]
        "Agent time in pauses, by reason, up to stream time minus the allowed lateness.";

    // State at stream time.
    WAITING: Gauge "nabiz_waiting" ["queue", "channel"]
        "Visits that wait.";
    WAITING_OVER_TARGET: Gauge "nabiz_waiting_over_target" ["queue", "channel"]
        "Waiting visits that wait longer than the target.";
    LONGEST_WAIT: Gauge "nabiz_longest_wait_seconds" ["queue", "channel"]
        "Longest wait so far of the waiting visits; 0 if nobody waits.";
    OLDEST_WAITING: Gauge "nabiz_oldest_waiting_seconds" ["queue", "channel"]
        "Age of the oldest waiting visit, on the clock of the queue; 0 if nobody waits.";
    IN_SERVICE: Gauge "nabiz_in_service" ["queue", "channel"]
        "Contacts in service: answered and not yet ended.";
    OPEN: Gauge "nabiz_open" ["queue", "channel"]
        "Issues that are not resolved, of channels other than phone and chat.";
    OPEN_OVERDUE: Gauge "nabiz_open_overdue" ["queue", "channel"]
        "Open issues past the resolution target.";
    OLDEST_OPEN: Gauge "nabiz_oldest_open_seconds" ["queue", "channel"]
        "Age of the oldest open issue, on the clock of the queue; 0 if none is open.";
    OBSERVED_WAITING: Gauge "nabiz_observed_waiting" ["queue"]
        "Waiting contacts by the count of the source; absent until the source has counted.";
    AGENTS: Gauge "nabiz_agents" ["queue", "state"]
        "Agents of the queue, by state.";
    FOLLOWUPS_OPEN: Gauge "nabiz_followups_open" ["unit"]
        "Open follow-ups.";
    FOLLOWUPS_OVERDUE: Gauge "nabiz_followups_overdue" ["unit"]
        "Open follow-ups past their due time.";

    // Windows that end at stream time.
    WINDOW_OFFERED: Gauge "nabiz_window_offered" ["queue", "channel", "window"]
        "Visits that entered within the window.";
    WINDOW_ANSWERED: Gauge "nabiz_window_answered" ["queue", "channel", "window"]
        "Visits answered within the window.";
    WINDOW_ANSWERED_IN_TARGET: Gauge
        "nabiz_window_answered_in_target" ["queue", "channel", "window"]
        "Visits answered within the window with a wait of at most the target.";
    WINDOW_ABANDONED: Gauge "nabiz_window_abandoned" ["queue", "channel", "window"]
        "Visits abandoned within the window.";
    WINDOW_ABANDONED_IN_TARGET: Gauge
        "nabiz_window_abandoned_in_target" ["queue", "channel", "window"]
        "Visits abandoned within the window with a wait of at most the target.";
    WINDOW_ABANDONED_SHORT: Gauge "nabiz_window_abandoned_short" ["queue", "channel", "window"]
        "Visits abandoned within the window with a wait of at most the short-abandon limit.";
    WINDOW_LEFT: Gauge "nabiz_window_left" ["queue", "channel", "window"]
        "Visits that ended neither answered nor abandoned within the window, all reasons.";
    WINDOW_SERVICE_LEVEL_MET: Gauge "nabiz_window_service_level_met" ["queue", "channel", "window"]
        "Service-level events met within the window.";
    WINDOW_SERVICE_LEVEL_MISSED: Gauge
        "nabiz_window_service_level_missed" ["queue", "channel", "window"]
        "Service-level events missed within the window, without revoked ones.";
    WINDOW_SERVICE_LEVEL: Gauge "nabiz_window_service_level_ratio" ["queue", "channel", "window"]
        "Service level of the window by the formula of the queue; absent if nothing counts.";
    WINDOW_ABANDONMENT: Gauge "nabiz_window_abandonment_ratio" ["queue", "channel", "window"]
        "Abandonment ratio of the window, without short abandons; absent if nothing counts.";
    WINDOW_WAIT_QUANTILE: Untyped
        "nabiz_window_wait_quantile_seconds" ["queue", "channel", "window", "quantile"]
        "Wait of the visits answered within the window, by quantile; absent without one.";
    WINDOW_WAIT: GaugeHistogram "nabiz_window_wait_seconds" ["queue", "channel", "window"]
        "Wait of the visits answered within the window, as a native histogram that can be added.";
    WINDOW_WAIT_MEAN: Gauge "nabiz_window_wait_mean_seconds" ["queue", "channel", "window"]
        "Average speed of answer in the window; absent if nobody was answered.";
    WINDOW_WAIT_MAX: Gauge "nabiz_window_wait_max_seconds" ["queue", "channel", "window"]
        "Longest wait of the visits answered within the window; absent without one.";
    WINDOW_ABANDON_WAIT_MEAN: Gauge
        "nabiz_window_abandon_wait_mean_seconds" ["queue", "channel", "window"]
        "Mean wait of the visits abandoned within the window; absent without one.";
    WINDOW_HANDLE_MEAN: Gauge "nabiz_window_handle_mean_seconds" ["queue", "channel", "window"]
        "Average handle time in the window; absent if nothing was handled.";
    WINDOW_OCCUPANCY: Gauge "nabiz_window_occupancy_ratio" ["queue", "channel", "window"]
        "Share of busy and wrap-up time in the working time of the agents; absent without any.";
}
Settings {
    TARGET_WAIT: Gauge "nabiz_target_wait_seconds" ["queue", "channel"]
        "Target of the wait.";
    TARGET_SERVICE_LEVEL: Gauge "nabiz_target_service_level_ratio" ["queue", "channel"]
        "Target of the service level.";
    TARGET_ABANDONMENT: Gauge "nabiz_target_abandonment_ratio" ["queue", "channel"]
        "Acceptable abandonment.";
    TARGET_FIRST_RESPONSE: Gauge "nabiz_target_first_response_seconds" ["queue", "channel"]
        "Target of the first response, on the clock of the queue.";
    QUEUE_INFO: Gauge "nabiz_queue_info" ["queue", "channel", "name"]
        "Always 1; the label name is the display name of the queue.";
    QUEUE_OPEN: Gauge "nabiz_queue_open" ["queue"]
        "1 in opening hours of the queue at stream time, else 0; absent before the first record.";
}
Records {
    RECORDS: Counter "nabiz_records_total" ["topic", "result"]
        "Records read, by result.";
    EVENTS: Counter "nabiz_events_total" ["topic", "result"]
        "Events by result. A mapping makes any number of a record; else each record is one event.";
    RECORDS_REJECTED: Counter "nabiz_records_rejected_total" ["topic", "reason"]
        "Rejected records, by reason.";
    FIELDS_DROPPED: Counter "nabiz_fields_dropped_total" ["topic", "field"]
        "Optional fields left out because of a fault, and names that are not UTF-8.";
    DEAD_LETTERS: Counter "nabiz_dead_letters_total" []
        "Rejected records written to the dead-letter topic.";
    CLOCK_SKEW: Counter "nabiz_clock_skew_total" []
        "Time differences and durations that were negative, and event times too far ahead.";
    SERIES_REFUSED: Counter "nabiz_series_refused_total" []
        "Label sets counted as other because a bound was reached.";
    EVICTED: Counter "nabiz_evicted_total" []
        "Contacts, agents and follow-ups forgotten or not followed because a bound was reached.";
}
Pipeline {
    BUILD_INFO: Gauge "nabiz_build_info" ["version"]
        "Always 1; the label version is the version of nabiz.";
    READY: Gauge "nabiz_ready" []
        "1 while the contact metrics and the record metrics are served, else 0.";
    DEGRADED: Gauge "nabiz_degraded" []
        "Present faults that leave the served numbers true, as listed at /readyz.";
    RECORDS_HELD: Gauge "nabiz_records_held" []
        "Endings that wait for their start.";
    STREAM_TIME: Gauge "nabiz_stream_time_timestamp_seconds" ["topic", "partition"]
        "Stream time of the partition, in seconds since the Unix epoch; absent without a record.";
    CONSUMER_LAG: Gauge "nabiz_consumer_lag_records" ["topic", "partition"]
        "Records between the position of the consumer and the end of the log.";
    REBALANCES: Counter "nabiz_rebalances_total" []
        "Rebalances of the consumer group that this process saw.";
    CHECKPOINT_TIMESTAMP: Gauge "nabiz_checkpoint_timestamp_seconds" []
        "When the last checkpoint was stored, in seconds since the Unix epoch; absent without one.";
    CHECKPOINT_DURATION: Gauge "nabiz_checkpoint_duration_seconds" []
        "Time that storing the last checkpoint took; absent without one.";
    CHECKPOINT_PAUSE: Gauge "nabiz_checkpoint_pause_seconds" []
        "Longest pause of reading for a checkpoint since the process started.";
    LEDGER_FAILURES: Counter "nabiz_ledger_failures_total" []
        "Failed reads and writes of the ledger since the process started; each is retried.";
    LEDGER_SIZE: Gauge "nabiz_ledger_size_bytes" []
        "Bytes in use in the ledger, as of the last checkpoint.";
    LEDGER_FILE_SIZE: Gauge "nabiz_ledger_file_size_bytes" []
        "Bytes of the file of the ledger, with its free pages, as of the last checkpoint.";
    LEDGER_WAL_SIZE: Gauge "nabiz_ledger_wal_size_bytes" []
        "Bytes of the write-ahead log of the ledger, as of the last checkpoint.";
    INTERVALS_UNSAVED: Gauge "nabiz_intervals_unsaved" []
        "Rows of the interval history that are in memory and not stored yet.";
    DISTRIBUTIONS_REPLACED: Counter "nabiz_distributions_replaced_total" []
        "Unreadable distributions of the interval history that were replaced by later values.";
    DISTRIBUTIONS_UNREADABLE: Counter "nabiz_distributions_unreadable_total" []
        "Unreadable distributions of the interval history that were left out of an answer.";
    DEAD_LETTERS_WAITING: Gauge "nabiz_dead_letters_waiting" []
        "Dead letters that are not written yet.";
    DEAD_LETTER_FAILURES: Counter "nabiz_dead_letter_failures_total" []
        "Failed attempts to write a dead letter.";
    KAFKA_CLIENT_ERRORS: Counter "nabiz_kafka_client_errors_total" []
        "Errors that the Kafka consumers reported, and consumers that were recreated.";
    LOG_RESETS: Counter "nabiz_log_resets_total" []
        "Partitions whose log was not the one that was read, as when a topic was recreated.";
    LOG_UNVERIFIED: Counter "nabiz_log_unverified_total" []
        "Partitions that were read on without proof that their log was the one that was read.";
    OFFSETS_SKIPPED: Counter "nabiz_offsets_skipped_total" []
        "Offsets that were passed over because their batch cannot be decoded.";
    FUTURE_EVENTS: Counter "nabiz_future_events_total" ["topic"]
        "Records whose event time or timestamp was more than max_ahead ahead of the clock.";
    CONFIG_RELOADS: Counter "nabiz_config_reloads_total" ["result"]
        "Reloads of the configuration, and of the files that it names, by result.";
    CONFIG_LAST_RELOAD_SUCCESSFUL: Gauge "nabiz_config_last_reload_successful" []
        "1 if what was last read of the configuration is in effect, 0 if it was refused.";
    CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP: Gauge
        "nabiz_config_last_reload_success_timestamp_seconds" []
        "When the configuration in effect was loaded, in seconds since the Unix epoch.";
    HTTP_REFUSED: Counter "nabiz_http_refused_total" ["reason"]
        "Requests and connections that were not served, by reason.";
    RECORDS_MISSED: Gauge "nabiz_records_missed" []
        "Records of the owned partitions that the topic had deleted before nabiz read them.";
    SERIES: Gauge "nabiz_series" []
        "Queue and channel pairs in memory.";
    OPEN_CONTACTS: Gauge "nabiz_open_contacts" []
        "Contacts in memory.";
    REMEMBERED_IDS: Gauge "nabiz_remembered_ids" []
        "Identities of records in memory.";
    PARTITION_LIMIT: Gauge "nabiz_partition_limit" ["limit"]
        "Configured limit of what one partition keeps in memory.";
    COLLECT_DURATION: Gauge "nabiz_collect_duration_seconds" []
        "Time that collecting these metrics took, without encoding them.";
}
}

catalogue! {
/// Every metric that only the gateway has, in the order of docs/spec/metrics.md. It also serves
/// `nabiz_build_info`, `nabiz_http_refused_total` and `process_*`.
GATEWAY:
Gateway {
    GATEWAY_REQUESTS: Counter "nabiz_gateway_requests_total" ["path", "result"]
        "Requests for a configured path, by result.";
    GATEWAY_RECORDS: Counter "nabiz_gateway_records_total" ["path"]
        "Records that Kafka has acknowledged.";
    GATEWAY_UNKEYED_RECORDS: Counter "nabiz_gateway_unkeyed_records_total" ["path"]
        "Records without a key, because their value has none where the rule of the path looks.";
    GATEWAY_TURNED_AWAY: Counter "nabiz_gateway_turned_away_total" ["path", "reason"]
        "Requests that were answered 429 or 503; a source that does not repeat them loses them.";
    GATEWAY_DURATION: Histogram "nabiz_gateway_request_duration_seconds" ["path"]
        "Time from the head of a request to its answer.";
    GATEWAY_UNKNOWN_PATHS: Counter "nabiz_gateway_unknown_paths_total" []
        "Requests for a path that is not configured.";
    GATEWAY_KAFKA_REACHABLE: Gauge "nabiz_gateway_kafka_reachable" []
        "1 while the brokers answer and know every topic of the gateway, else 0.";
}
}
