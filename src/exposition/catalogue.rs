//! Every metric of nabiz: name, help, type and labels. A metric name stands here and nowhere else in the code.

/// Type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows; a restart sets back those of [`Source::Pipeline`] alone.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Goes up and down; declared untyped, because a label `quantile` belongs to summaries, and a window has no sum and
    /// count that only grow.
    Untyped,
    /// Classic and native buckets, sum and count; only ever grows. The text format carries the classic ones.
    Histogram,
    /// Native buckets, sum and count; goes up and down. The text format cannot carry it.
    GaugeHistogram,
}

/// Where a metric comes from, which says when it is served and whether it can carry `shard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The contacts: withheld while catching up; carries `shard` where that is configured.
    Contacts,
    /// The settings: served with the contacts, never with `shard`.
    Settings,
    /// The fate of records: withheld while catching up; carries `shard` where that is configured.
    Records,
    /// The pipeline: always served, never with `shard`.
    Pipeline,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Names of its labels, in the order in which they are written. `shard`, where it applies, comes after them.
    pub labels: &'static [&'static str],
    /// Where it comes from.
    pub source: Source,
}

macro_rules! catalogue {
    ($($source:ident { $($id:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+ })+) => {
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

        /// Every metric, in the order of the documentation. The `process_*` metrics come from the library.
        pub const ALL: &[&Metric] = &[$($(&$id),+),+];
    };
}

catalogue! {
Contacts {
    // Counts since the beginning.
    CONTACTS_STARTED: Counter "nabiz_contacts_started_total" ["channel"]
        "Contacts that reached the centre.";
    VISITS_OFFERED: Counter "nabiz_visits_offered_total" ["queue", "channel"]
        "Visits that entered the queue.";
    VISITS_ANSWERED: Counter "nabiz_visits_answered_total" ["queue", "channel"]
        "Visits that an agent answered.";
    VISITS_ANSWERED_IN_TARGET: Counter "nabiz_visits_answered_in_target_total" ["queue", "channel"]
        "Visits answered with a wait of at most the target.";
    VISITS_ABANDONED: Counter "nabiz_visits_abandoned_total" ["queue", "channel"]
        "Visits that the citizen gave up while waiting.";
    VISITS_ABANDONED_IN_TARGET: Counter "nabiz_visits_abandoned_in_target_total" ["queue", "channel"]
        "Visits abandoned with a wait of at most the target.";
    VISITS_ABANDONED_SHORT: Counter "nabiz_visits_abandoned_short_total" ["queue", "channel"]
        "Visits abandoned with a wait of at most the short-abandon limit.";
    VISITS_LEFT: Counter "nabiz_visits_left_total" ["queue", "channel", "reason"]
        "Visits that ended neither answered nor abandoned, by reason.";
    VISITS_LOST: Counter "nabiz_visits_lost_total" ["queue", "channel"]
        "Visits whose end was never seen.";
    SERVICE_LEVEL_MET: Counter "nabiz_service_level_met_total" ["queue", "channel"]
        "Service-level events met: answered within the target.";
    SERVICE_LEVEL_MISSED: Counter "nabiz_service_level_missed_total" ["queue", "channel"]
        "Service-level events missed: the target passed while the visit waited.";
    WAIT: Histogram "nabiz_wait_seconds" ["queue", "channel", "outcome"]
        "Wait of visits that were answered or abandoned.";
    HANDLE: Histogram "nabiz_handle_seconds" ["queue", "channel"]
        "Handle time: talk, hold and wrap-up.";
    FIRST_RESPONSE: Histogram "nabiz_first_response_seconds" ["queue", "channel"]
        "Time from the start of a contact to its first reply, on the clock of the queue.";
    RESOLUTION: Histogram "nabiz_resolution_seconds" ["queue", "channel"]
        "Time from the start or reopening of a contact to its resolution, on the clock of the queue.";
    SELF_SERVICE: Counter "nabiz_self_service_total" ["entry_point", "outcome"]
        "Self-service parts that ended, by outcome.";
    NOT_ANSWERED: Counter "nabiz_not_answered_total" ["queue", "channel"]
        "Offers to an agent that the agent did not take.";
    TRANSFERS: Counter "nabiz_transfers_total" ["queue", "channel"]
        "Contacts handed over while in service.";
    REOPENED: Counter "nabiz_reopened_total" ["queue", "channel"]
        "Matters opened again after they were resolved.";
    FOLLOWUPS_OPENED: Counter "nabiz_followups_opened_total" ["unit"]
        "Follow-ups that the unit came to owe.";
    FOLLOWUPS_INFORMED: Counter "nabiz_followups_informed_total" ["unit"]
        "Follow-ups of which the citizen was told.";
    FOLLOWUP: Histogram "nabiz_followup_seconds" ["unit"]
        "Time from the opening of a follow-up until the citizen was told.";
    SURVEY_RESPONSES: Counter "nabiz_survey_responses_total" ["queue", "channel", "score"]
        "Satisfaction answers, by score.";
    AGENT_SECONDS: Counter "nabiz_agent_seconds_total" ["queue", "state"]
        "Agent time that is booked, by state.";

    // What is so at stream time.
    WAITING: Gauge "nabiz_waiting" ["queue", "channel"]
        "Visits that wait.";
    WAITING_OVER_TARGET: Gauge "nabiz_waiting_over_target" ["queue", "channel"]
        "Visits that wait longer than the target.";
    LONGEST_WAIT: Gauge "nabiz_longest_wait_seconds" ["queue", "channel"]
        "Longest wait so far of those who wait; 0 where nobody waits.";
    OLDEST_WAITING: Gauge "nabiz_oldest_waiting_seconds" ["queue", "channel"]
        "Age of the oldest waiting visit, on the clock of the queue; 0 where nobody waits.";
    IN_SERVICE: Gauge "nabiz_in_service" ["queue", "channel"]
        "Contacts that are answered and not yet over.";
    OPEN: Gauge "nabiz_open" ["queue", "channel"]
        "Matters that are not resolved, of channels other than phone and chat.";
    OPEN_OVERDUE: Gauge "nabiz_open_overdue" ["queue", "channel"]
        "Matters open for longer than the resolution target.";
    OLDEST_OPEN: Gauge "nabiz_oldest_open_seconds" ["queue", "channel"]
        "Age of the oldest open matter, on the clock of the queue; 0 where none is open.";
    OBSERVED_WAITING: Gauge "nabiz_observed_waiting" ["queue"]
        "Visits that wait by the own count of the source; absent where the source never told.";
    AGENTS: Gauge "nabiz_agents" ["queue", "state"]
        "Agents of the queue, by state.";
    FOLLOWUPS_OPEN: Gauge "nabiz_followups_open" ["unit"]
        "Follow-ups that the unit owes.";
    FOLLOWUPS_OVERDUE: Gauge "nabiz_followups_overdue" ["unit"]
        "Follow-ups that the unit owes past their due time.";

    // What lies in a window that ends at stream time.
    WINDOW_OFFERED: Gauge "nabiz_window_offered" ["queue", "channel", "window"]
        "Visits that entered within the window.";
    WINDOW_ANSWERED: Gauge "nabiz_window_answered" ["queue", "channel", "window"]
        "Visits answered within the window.";
    WINDOW_ANSWERED_IN_TARGET: Gauge "nabiz_window_answered_in_target" ["queue", "channel", "window"]
        "Visits answered within the window with a wait of at most the target.";
    WINDOW_ABANDONED: Gauge "nabiz_window_abandoned" ["queue", "channel", "window"]
        "Visits abandoned within the window.";
    WINDOW_ABANDONED_IN_TARGET: Gauge "nabiz_window_abandoned_in_target" ["queue", "channel", "window"]
        "Visits abandoned within the window with a wait of at most the target.";
    WINDOW_ABANDONED_SHORT: Gauge "nabiz_window_abandoned_short" ["queue", "channel", "window"]
        "Visits abandoned within the window with a wait of at most the short-abandon limit.";
    WINDOW_LEFT: Gauge "nabiz_window_left" ["queue", "channel", "window"]
        "Visits that ended neither answered nor abandoned within the window, all reasons.";
    WINDOW_SERVICE_LEVEL_MET: Gauge "nabiz_window_service_level_met" ["queue", "channel", "window"]
        "Service-level events met within the window.";
    WINDOW_SERVICE_LEVEL_MISSED: Gauge "nabiz_window_service_level_missed" ["queue", "channel", "window"]
        "Service-level events missed within the window.";
    WINDOW_SERVICE_LEVEL: Gauge "nabiz_window_service_level_ratio" ["queue", "channel", "window"]
        "Service level of the window by the formula of the queue; absent where nothing counts.";
    WINDOW_ABANDONMENT: Gauge "nabiz_window_abandonment_ratio" ["queue", "channel", "window"]
        "Abandoned of answered and abandoned visits in the window, without short abandons; absent where there are none.";
    WINDOW_WAIT_QUANTILE: Untyped "nabiz_window_wait_quantile_seconds" ["queue", "channel", "window", "quantile"]
        "Wait of the visits answered within the window, by quantile; absent where none was.";
    WINDOW_WAIT: GaugeHistogram "nabiz_window_wait_seconds" ["queue", "channel", "window"]
        "Wait of the visits answered within the window, as a native histogram that can be added up.";
    WINDOW_WAIT_MEAN: Gauge "nabiz_window_wait_mean_seconds" ["queue", "channel", "window"]
        "Average speed of answer in the window; absent where nobody was answered.";
    WINDOW_WAIT_MAX: Gauge "nabiz_window_wait_max_seconds" ["queue", "channel", "window"]
        "Longest wait of the visits answered within the window; absent where none was.";
    WINDOW_ABANDON_WAIT_MEAN: Gauge "nabiz_window_abandon_wait_mean_seconds" ["queue", "channel", "window"]
        "Mean wait of the visits abandoned within the window; absent where none was.";
    WINDOW_HANDLE_MEAN: Gauge "nabiz_window_handle_mean_seconds" ["queue", "channel", "window"]
        "Average handle time in the window; absent where nothing was handled.";
    WINDOW_OCCUPANCY: Gauge "nabiz_window_occupancy_ratio" ["queue", "channel", "window"]
        "Share of busy and wrap-up time in the working time of the agents of the queue; absent where there is none.";
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
        "Always 1; tells the display name of the queue.";
    QUEUE_OPEN: Gauge "nabiz_queue_open" ["queue"]
        "1 in the opening hours of the queue at stream time, else 0; absent before the first record.";
}
Records {
    RECORDS: Counter "nabiz_records_total" ["topic", "result"]
        "Records read, by what became of them.";
    RECORDS_REJECTED: Counter "nabiz_records_rejected_total" ["topic", "reason"]
        "Records refused, by reason.";
    DEAD_LETTERS: Counter "nabiz_dead_letters_total" []
        "Refused records written to the dead-letter topic.";
    CLOCK_SKEW: Counter "nabiz_clock_skew_total" []
        "Clock differences that were negative or too far ahead.";
    SERIES_REFUSED: Counter "nabiz_series_refused_total" []
        "Label sets folded into other because a bound was reached.";
    EVICTED: Counter "nabiz_evicted_total" []
        "Contacts, agents and follow-ups forgotten or refused because a bound was reached.";
}
Pipeline {
    BUILD_INFO: Gauge "nabiz_build_info" ["version"]
        "Always 1; tells the version.";
    READY: Gauge "nabiz_ready" []
        "1 once the process is caught up, else 0.";
    RECORDS_HELD: Gauge "nabiz_records_held" []
        "Endings that wait for their start.";
    STREAM_TIME: Gauge "nabiz_stream_time_timestamp_seconds" ["topic", "partition"]
        "Stream time of the partition, in seconds since the Unix epoch; absent before the first record.";
    CONSUMER_LAG: Gauge "nabiz_consumer_lag_records" ["topic", "partition"]
        "Records between the position of the consumer and the end of the log.";
    REBALANCES: Counter "nabiz_rebalances_total" []
        "Rebalances of the consumer group that this process saw.";
    CHECKPOINT_TIMESTAMP: Gauge "nabiz_checkpoint_timestamp_seconds" []
        "When the last checkpoint was stored, in seconds since the Unix epoch; absent where there is none.";
    CHECKPOINT_DURATION: Gauge "nabiz_checkpoint_duration_seconds" []
        "How long storing the last checkpoint took; absent where there is none.";
    CHECKPOINT_PAUSE: Gauge "nabiz_checkpoint_pause_seconds" []
        "Longest time for which reading stopped for a checkpoint since the process began.";
    LEDGER_FAILURES: Counter "nabiz_ledger_failures_total" []
        "Reads and writes of the ledger that failed since the process began; each is tried again.";
    LEDGER_SIZE: Gauge "nabiz_ledger_size_bytes" []
        "Bytes in use in the ledger, as of the last checkpoint.";
    LEDGER_FILE_SIZE: Gauge "nabiz_ledger_file_size_bytes" []
        "Bytes of the file of the ledger, with what is free for new data, as of the last checkpoint.";
    LEDGER_WAL_SIZE: Gauge "nabiz_ledger_wal_size_bytes" []
        "Bytes of the write-ahead log of the ledger, as of the last checkpoint.";
    INTERVALS_UNSAVED: Gauge "nabiz_intervals_unsaved" []
        "Rows of the interval history in memory that are not stored yet.";
    DISTRIBUTIONS_REPLACED: Counter "nabiz_distributions_replaced_total" []
        "Distributions of the interval history that were unreadable, and replaced by what came later.";
    DISTRIBUTIONS_UNREADABLE: Counter "nabiz_distributions_unreadable_total" []
        "Distributions of the interval history that were unreadable, and left out of an answer.";
    DEAD_LETTERS_WAITING: Gauge "nabiz_dead_letters_waiting" []
        "Refused records on their way to the dead-letter topic.";
    DEAD_LETTER_FAILURES: Counter "nabiz_dead_letter_failures_total" []
        "Attempts to write a dead letter that failed.";
    KAFKA_CLIENT_ERRORS: Counter "nabiz_kafka_client_errors_total" []
        "Errors that the Kafka consumers reported.";
    LOG_RESETS: Counter "nabiz_log_resets_total" []
        "Logs of partitions that were found to have gone back, as where a topic was made anew.";
    HTTP_REFUSED: Counter "nabiz_http_refused_total" ["reason"]
        "Requests and connections that were refused, by reason.";
    RECORDS_MISSED: Gauge "nabiz_records_missed" []
        "Records of the partitions held that the topic no longer had when they were wanted (retention).";
    SERIES: Gauge "nabiz_series" []
        "Queue and channel pairs in memory.";
    OPEN_CONTACTS: Gauge "nabiz_open_contacts" []
        "Contacts in memory.";
    REMEMBERED_IDS: Gauge "nabiz_remembered_ids" []
        "Identities of records in memory.";
    PARTITION_LIMIT: Gauge "nabiz_partition_limit" ["limit"]
        "Most that one partition holds in memory, as configured.";
    COLLECT_DURATION: Gauge "nabiz_collect_duration_seconds" []
        "How long collecting these metrics took, without writing them out.";
}
}
