//! What the core needs to know, validated: the configuration in domain types.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::calendar::{BusinessDay, OpeningHours, time_zone};
use crate::event::{ChannelId, Channels};

/// How a service level is computed from counts. Names and formulas: docs/spec/measures.md,
/// "Formulas".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// met / (met + missed)
    Live,
    /// N / A
    AnsweredOnly,
    /// N / (A + Ab + F)
    AbandonsMissed,
    /// (N + AbT) / (A + Ab + F)
    AbandonsMet,
    /// N / (A + Ab + F - AbT)
    EarlyAbandonsIgnored,
    /// N / (A + Ab - AbS)
    ShortAbandonsExcluded,
}

impl Formula {
    /// Every formula with its word in the configuration.
    pub const ALL: [(Formula, &'static str); 6] = [
        (Formula::Live, "live"),
        (Formula::AnsweredOnly, "answered_only"),
        (Formula::AbandonsMissed, "abandons_missed"),
        (Formula::AbandonsMet, "abandons_met"),
        (Formula::EarlyAbandonsIgnored, "early_abandons_ignored"),
        (Formula::ShortAbandonsExcluded, "short_abandons_excluded"),
    ];
}

/// Which time counts for first response and resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// All time.
    Elapsed,
    /// Only time within the queue's opening hours.
    OpeningHours,
}

/// The settings of one queue.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// Display name; the queue's id where none is configured.
    pub name: String,
    /// Channel of a visit that does not say its own.
    pub channel: ChannelId,
    /// T: an answer within it is in target.
    pub target_wait_ms: u64,
    /// Share of service-level events that shall be met, 0 to 1.
    pub target_ratio: f64,
    /// S: an abandonment within it is short.
    pub short_abandon_ms: u64,
    /// After it a waiting visit is lost; by channel where absent.
    pub max_wait_ms: Option<u64>,
    /// After it a conversation without an end is dropped; by channel where absent.
    pub max_service_ms: Option<u64>,
    /// Share of abandonments that is acceptable, 0 to 1.
    pub target_abandonment: f64,
    /// Target of the first response, on the queue's clock.
    pub target_first_response_ms: u64,
    /// Target of the resolution, on the queue's clock.
    pub target_resolution_ms: u64,
    /// The service-level formula.
    pub formula: Formula,
    /// The clock of first response and resolution.
    pub clock: Clock,
    /// Opening hours; always open where absent.
    pub opening_hours: Option<OpeningHours>,
}

/// The IANA name of the time zone that holds where the configuration names none.
pub const DEFAULT_TIME_ZONE: &str = "Europe/Istanbul";

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

const DAY_MS: u64 = 24 * HOUR_MS;

impl QueueSettings {
    /// The longest wait of a visit on `channel` before it counts as lost.
    pub fn max_wait_ms(&self, channel: ChannelId) -> u64 {
        self.max_wait_ms.unwrap_or(if channel.is_immediate() { 2 * HOUR_MS } else { 60 * DAY_MS })
    }

    /// The longest conversation on `channel` before it is dropped from the live gauges.
    pub fn max_service_ms(&self, channel: ChannelId) -> u64 {
        self.max_service_ms.unwrap_or(if channel.is_immediate() {
            4 * HOUR_MS
        } else {
            60 * DAY_MS
        })
    }

    /// Milliseconds on the queue's clock between two instants; 0 where `to_ms` is not after `from_ms`.
    pub fn clock_ms_between(&self, from_ms: i64, to_ms: i64) -> u64 {
        match (self.clock, &self.opening_hours) {
            (Clock::OpeningHours, Some(hours)) => hours.open_ms_between(from_ms, to_ms),
            _ => to_ms.saturating_sub(from_ms).max(0) as u64,
        }
    }

    /// The instant at which `clock_ms` have gone by on the queue's clock since `from_ms`; `None` where that never comes.
    pub fn clock_due_ms(&self, from_ms: i64, clock_ms: u64) -> Option<i64> {
        match (self.clock, &self.opening_hours) {
            (Clock::OpeningHours, Some(hours)) => hours.after_open_ms(from_ms, clock_ms),
            _ => Some(from_ms.saturating_add_unsigned(clock_ms)),
        }
    }

    /// Whether the queue is open at `time_ms`.
    pub fn is_open(&self, time_ms: i64) -> bool {
        self.opening_hours.as_ref().is_none_or(|hours| hours.is_open(time_ms))
    }
}

/// The settings of windows and of time. Durations in milliseconds.
#[derive(Clone, Debug)]
pub struct WindowSettings {
    /// Pane width.
    pub pane_ms: u64,
    /// Window lengths with the label they are published under (`5m`), shortest first, each a whole number of panes.
    pub lengths: Vec<WindowLength>,
    /// Stream time advances with the wall clock at the end of a partition.
    pub idle_advance: bool,
    /// How far behind the longest window an event may be before it is late.
    pub allowed_lateness_ms: u64,
    /// How far behind the wall clock stream time stays when it advances without events.
    pub transport_delay_ms: u64,
    /// How long after its target a waiting visit is judged.
    pub miss_grace_ms: u64,
    /// How long an ending waits for its start.
    pub reorder_grace_ms: u64,
    /// How long identities, and contacts that are over, are remembered.
    pub dedup_horizon_ms: u64,
    /// The business day of the `today` window.
    pub business_day: BusinessDay,
}

/// One configured window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowLength {
    /// Length in milliseconds.
    pub ms: u64,
    /// Label value, as written in the configuration.
    pub label: String,
}

/// The bounds of one partition.
#[derive(Clone, Debug)]
pub struct Limits {
    /// (queue, channel) pairs.
    pub series: usize,
    /// Contacts, and follow-ups, in memory.
    pub open_contacts: usize,
    /// Identities of records in memory.
    pub remembered_ids: usize,
    /// Size of one record.
    pub record_bytes: usize,
}

/// Everything that the fold of a partition depends on besides its log.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Channel values.
    pub channels: Channels,
    /// Windows and time.
    pub windows: WindowSettings,
    /// Bounds.
    pub limits: Limits,
    /// Settings of queues that are not configured.
    pub queue_defaults: QueueSettings,
    /// Configured queues by id, sorted by id.
    pub queues: Vec<(String, QueueSettings)>,
    /// Length of the intervals of the history; none is kept where absent (replay, demo).
    pub history_interval_ms: Option<u64>,
    /// Index into `queues` by alias.
    pub aliases: BTreeMap<String, usize>,
}

impl Settings {
    /// Returns a builder that holds the defaults of the configuration and no queue.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// The settings of a queue by its id (not an alias), the defaults where it is not configured.
    pub fn queue(&self, id: &str) -> &QueueSettings {
        match self.queues.binary_search_by(|(known, _)| known.as_str().cmp(id)) {
            Ok(index) => &self.queues[index].1,
            Err(_) => &self.queue_defaults,
        }
    }

    /// The id that an id or alias stands for.
    pub fn resolve<'a>(&'a self, id_or_alias: &'a str) -> &'a str {
        self.aliases.get(id_or_alias).map_or(id_or_alias, |index| self.queues[*index].0.as_str())
    }

    /// The longest window.
    pub fn longest_window_ms(&self) -> u64 {
        self.windows.lengths.iter().map(|length| length.ms).max().unwrap_or(0)
    }

    /// Upper bounds of the classic buckets of waits, ascending, in milliseconds: every configured T and S exactly, and
    /// a fixed ladder.
    pub fn wait_bounds_ms(&self) -> Vec<u64> {
        let ladder =
            [1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600, 7200];
        let mut bounds: Vec<u64> = ladder.iter().map(|seconds| seconds * 1000).collect();
        for queue in self.queues.iter().map(|(_, queue)| queue).chain([&self.queue_defaults]) {
            bounds.extend([queue.target_wait_ms, queue.short_abandon_ms]);
        }
        bounds.sort_unstable();
        bounds.dedup();
        bounds
    }

    /// Upper bounds of the classic buckets of handle times, ascending, in milliseconds.
    pub fn handle_bounds_ms(&self) -> Vec<u64> {
        [15, 30, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 3600, 7200]
            .map(|seconds| seconds * 1000)
            .to_vec()
    }

    /// Upper bounds of the classic buckets of first responses, resolutions and follow-ups, ascending, in milliseconds:
    /// every configured target of them exactly, and a ladder from five minutes to sixty days.
    pub fn response_bounds_ms(&self) -> Vec<u64> {
        let minutes = [
            5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 7200, 10_080, 20_160, 43_200,
            86_400,
        ];
        let mut bounds: Vec<u64> = minutes.iter().map(|minutes| minutes * 60_000).collect();
        for queue in self.queues.iter().map(|(_, queue)| queue).chain([&self.queue_defaults]) {
            bounds.extend([queue.target_first_response_ms, queue.target_resolution_ms]);
        }
        bounds.sort_unstable();
        bounds.dedup();
        bounds
    }
}

impl Default for WindowSettings {
    /// The values that hold where `[windows]` says nothing.
    fn default() -> Self {
        let lengths = [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60)];
        let zone = time_zone(DEFAULT_TIME_ZONE).unwrap_or(TimeZone::UTC);
        WindowSettings {
            pane_ms: 5 * SECOND_MS,
            lengths: lengths
                .map(|(label, minutes)| WindowLength {
                    ms: minutes * MINUTE_MS,
                    label: label.to_string(),
                })
                .to_vec(),
            idle_advance: true,
            allowed_lateness_ms: MINUTE_MS,
            transport_delay_ms: 3 * SECOND_MS,
            miss_grace_ms: 2 * SECOND_MS,
            reorder_grace_ms: 30 * SECOND_MS,
            dedup_horizon_ms: HOUR_MS,
            business_day: BusinessDay::new(zone, Time::midnight()),
        }
    }
}

impl Default for QueueSettings {
    /// The values that hold where `[queue_defaults]` says nothing.
    fn default() -> Self {
        QueueSettings {
            name: String::new(),
            channel: ChannelId::PHONE,
            target_wait_ms: 20 * SECOND_MS,
            target_ratio: 0.80,
            short_abandon_ms: 5 * SECOND_MS,
            max_wait_ms: None,
            max_service_ms: None,
            target_abandonment: 0.05,
            target_first_response_ms: 4 * HOUR_MS,
            target_resolution_ms: 72 * HOUR_MS,
            formula: Formula::Live,
            clock: Clock::Elapsed,
            opening_hours: None,
        }
    }
}

impl Default for Limits {
    /// The values that hold where `[limits]` says nothing.
    fn default() -> Self {
        Limits {
            series: 2000,
            open_contacts: 1_000_000,
            remembered_ids: 1_000_000,
            record_bytes: 1_048_576,
        }
    }
}

/// Builds [`Settings`] from the defaults of the configuration.
///
/// ```
/// use nabiz_core::settings::{QueueSettings, Settings};
///
/// let fault = QueueSettings { target_wait_ms: 10_000, ..QueueSettings::default() };
/// let settings = Settings::builder().queue("fault", fault, &["arıza"]).build();
/// assert_eq!(settings.queue(settings.resolve("arıza")).target_wait_ms, 10_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SettingsBuilder {
    channels: Channels,
    windows: WindowSettings,
    limits: Limits,
    queue_defaults: QueueSettings,
    queues: BTreeMap<String, (QueueSettings, Vec<String>)>,
    history_interval_ms: Option<u64>,
}

impl SettingsBuilder {
    /// Sets the channels.
    #[must_use]
    pub fn channels(mut self, channels: Channels) -> Self {
        self.channels = channels;
        self
    }

    /// Sets the windows and the rules of time.
    #[must_use]
    pub fn windows(mut self, windows: WindowSettings) -> Self {
        self.windows = windows;
        self
    }

    /// Sets the bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what holds for a queue that is not configured.
    #[must_use]
    pub fn queue_defaults(mut self, queue_defaults: QueueSettings) -> Self {
        self.queue_defaults = queue_defaults;
        self
    }

    /// Adds a queue with its aliases, or replaces the queue of that id.
    #[must_use]
    pub fn queue(mut self, id: &str, settings: QueueSettings, aliases: &[&str]) -> Self {
        let aliases = aliases.iter().map(ToString::to_string).collect();
        self.queues.insert(id.to_string(), (settings, aliases));
        self
    }

    /// Keeps an interval history with intervals of this length, in milliseconds.
    #[must_use]
    pub fn history_interval_ms(mut self, interval_ms: u64) -> Self {
        self.history_interval_ms = Some(interval_ms);
        self
    }

    /// Returns the settings. Of two queues with the same alias, the later id has it.
    pub fn build(self) -> Settings {
        let mut queues = Vec::with_capacity(self.queues.len());
        let mut aliases = BTreeMap::new();
        for (index, (id, (settings, names))) in self.queues.into_iter().enumerate() {
            aliases.extend(names.into_iter().map(|name| (name, index)));
            queues.push((id, settings));
        }
        Settings {
            channels: self.channels,
            windows: self.windows,
            limits: self.limits,
            queue_defaults: self.queue_defaults,
            queues,
            history_interval_ms: self.history_interval_ms,
            aliases,
        }
    }
}
