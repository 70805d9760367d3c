//! Counts of the gateway: requests, records, and what it turned away.
//!
//! They lie below `gateway`, which counts, and `exposition`, which publishes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nabiz_core::measures::BucketHistogram;
use nabiz_core::time::Millis;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookResult {
    /// Kafka has acknowledged all its records.
    Accepted,
    /// The signature or credentials are wrong or missing.
    Unauthorized,
    /// The body cannot be read as records.
    Invalid,
    /// The body or one of its records is too large.
    TooLarge,
    /// More requests came than the path accepts.
    RateLimited,
    /// Too many requests were under way.
    Busy,
    /// Kafka has not acknowledged a record in time, or refused it.
    Unavailable,
    /// The body did not arrive in time, or the connection ended.
    Incomplete,
    /// The method is not POST.
    Method,
}

impl WebhookResult {
    /// Every result.
    pub const ALL: [WebhookResult; 9] = [
        WebhookResult::Accepted,
        WebhookResult::Unauthorized,
        WebhookResult::Invalid,
        WebhookResult::TooLarge,
        WebhookResult::RateLimited,
        WebhookResult::Busy,
        WebhookResult::Unavailable,
        WebhookResult::Incomplete,
        WebhookResult::Method,
    ];

    /// Returns the value of the label `result`.
    pub fn as_str(self) -> &'static str {
        match self {
            WebhookResult::Accepted => "accepted",
            WebhookResult::Unauthorized => "unauthorized",
            WebhookResult::Invalid => "invalid",
            WebhookResult::TooLarge => "too_large",
            WebhookResult::RateLimited => "rate_limited",
            WebhookResult::Busy => "busy",
            WebhookResult::Unavailable => "unavailable",
            WebhookResult::Incomplete => "incomplete",
            WebhookResult::Method => "method",
        }
    }
}

/// Why a request was turned away that a source may not send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// Kafka has not acknowledged a record in time, or refused it.
    Kafka,
    /// Too many requests were under way.
    Busy,
    /// More requests came than the path accepts.
    Rate,
}

impl TurnedAway {
    /// Every reason.
    pub const ALL: [TurnedAway; 3] = [TurnedAway::Kafka, TurnedAway::Busy, TurnedAway::Rate];

    /// Returns the value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            TurnedAway::Kafka => "kafka",
            TurnedAway::Busy => "busy",
            TurnedAway::Rate => "rate",
        }
    }
}

/// The counts of one path.
#[derive(Debug)]
pub struct PathCounts {
    /// The path, as configured.
    pub path: String,
    results: [AtomicU64; WebhookResult::ALL.len()],
    turned_away: [AtomicU64; TurnedAway::ALL.len()],
    records: AtomicU64,
    unkeyed: AtomicU64,
    durations: Mutex<BucketHistogram>,
}

impl PathCounts {
    /// Returns counts of 0.
    pub fn new(path: &str) -> Self {
        PathCounts {
            path: path.to_owned(),
            results: Default::default(),
            turned_away: Default::default(),
            records: AtomicU64::default(),
            unkeyed: AtomicU64::default(),
            durations: Mutex::default(),
        }
    }

    /// Counts a request with its duration.
    pub fn count(&self, result: WebhookResult, took: Duration) {
        self.results[result as usize].fetch_add(1, Ordering::Relaxed);
        let reason = match result {
            WebhookResult::Unavailable => Some(TurnedAway::Kafka),
            WebhookResult::Busy => Some(TurnedAway::Busy),
            WebhookResult::RateLimited => Some(TurnedAway::Rate),
            _ => None,
        };
        if let Some(reason) = reason {
            self.turned_away[reason as usize].fetch_add(1, Ordering::Relaxed);
        }
        let took = Millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let mut durations = self.durations.lock().unwrap_or_else(PoisonError::into_inner);
        durations.observe(took, &GATEWAY_DURATION_BOUNDS);
    }

    /// Counts records that Kafka has acknowledged, and those of them without a key although the
    /// path has a rule for it.
    pub fn count_records(&self, records: u64, unkeyed: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.unkeyed.fetch_add(unkeyed, Ordering::Relaxed);
    }

    /// Returns how many requests ended so.
    pub fn result(&self, result: WebhookResult) -> u64 {
        self.results[result as usize].load(Ordering::Relaxed)
    }

    /// Returns how many requests were turned away for this reason.
    pub fn turned_away(&self, reason: TurnedAway) -> u64 {
        self.turned_away[reason as usize].load(Ordering::Relaxed)
    }

    /// Returns the number of records that Kafka has acknowledged.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Returns how many of the records had no key.
    pub fn unkeyed(&self) -> u64 {
        self.unkeyed.load(Ordering::Relaxed)
    }

    /// Returns the durations of the requests.
    pub fn durations(&self) -> BucketHistogram {
        self.durations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Upper bounds of the durations of requests. Sources wait for 5 to 30 seconds.
pub const GATEWAY_DURATION_BOUNDS: [Millis; 9] = [
    Millis(5),
    Millis(10),
    Millis(25),
    Millis(50),
    Millis(100),
    Millis(250),
    Millis(1_000),
    Millis(2_500),
    Millis(5_000),
];

/// The counts of the gateway since the process started.
#[derive(Debug, Default)]
pub struct GatewayCounts {
    /// The counts of each path, in the order of the configuration.
    pub paths: Vec<PathCounts>,
    unknown_paths: AtomicU64,
    reachable: AtomicBool,
}

impl GatewayCounts {
    /// Returns counts of 0 for these paths.
    pub fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        GatewayCounts { paths: paths.map(PathCounts::new).collect(), ..GatewayCounts::default() }
    }

    /// Counts a request for a path that the configuration does not have.
    pub fn count_unknown_path(&self) {
        self.unknown_paths.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many requests were for unknown paths.
    pub fn unknown_paths(&self) -> u64 {
        self.unknown_paths.load(Ordering::Relaxed)
    }

    /// Sets whether the brokers answer and know every topic.
    pub fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Relaxed);
    }

    /// Returns whether the brokers answer and know every topic.
    pub fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }
}
