//! Everything that a shard's state depends on besides its log: the validated configuration, in the
//! types of the core.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::calendar::{BusinessDay, OpeningHours, time_zone};
use crate::event::{ChannelId, Channels};
use crate::time::{Millis, Timestamp};

/// Computes a service level from counts. The letters are those of docs/spec/measures.md,
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

/// The time that counts for first responses and resolutions.
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
    /// The display name. Without a configured one, the id of the queue.
    pub name: String,
    /// The channel of a visit whose event names none.
    pub channel: ChannelId,
    /// T: an answer within this wait is in target.
    pub target_wait: Millis,
    /// The share of service-level events that shall be met, 0 to 1.
    pub target_ratio: f64,
    /// S: an abandonment within this wait is short.
    pub short_abandon: Millis,
    /// The wait after which a visit is lost. Without it, the default of the channel.
    pub max_wait: Option<Millis>,
    /// The length after which a conversation is dropped. Without it, the default of the channel.
    pub max_service: Option<Millis>,
    /// The share of abandonments that is acceptable, 0 to 1.
    pub target_abandonment: f64,
    /// The target of the first response, on the queue's clock.
    pub target_first_response: Millis,
    /// The target of the resolution, on the queue's clock.
    pub target_resolution: Millis,
    /// The formula of the service level.
    pub formula: Formula,
    /// The clock of first responses and resolutions.
    pub clock: Clock,
    /// The opening hours. Without them, the queue is always open.
    pub opening_hours: Option<OpeningHours>,
}

/// The IANA name of the time zone that holds where the configuration names none.
pub const DEFAULT_TIME_ZONE: &str = "Europe/Istanbul";

impl QueueSettings {
    /// Returns the longest wait of a visit on `channel` before it counts as lost.
    pub fn max_wait_on(&self, channel: ChannelId) -> Millis {
        let hours = if channel.is_immediate() { 2 } else { 60 * 24 };
        self.max_wait.unwrap_or(Millis::from_hours(hours))
    }

    /// Returns the longest conversation on `channel` before it is dropped from the live gauges.
    pub fn max_service_on(&self, channel: ChannelId) -> Millis {
        let hours = if channel.is_immediate() { 4 } else { 60 * 24 };
        self.max_service.unwrap_or(Millis::from_hours(hours))
    }

    /// Returns the time between two instants on the queue's clock; zero where `to` is not after
    /// `from`.
    pub fn clock_between(&self, from: Timestamp, to: Timestamp) -> Millis {
        match (self.clock, &self.opening_hours) {
            (Clock::OpeningHours, Some(hours)) => hours.open_between(from, to),
            (Clock::OpeningHours, None) | (Clock::Elapsed, _) => to.since(from),
        }
    }

    /// Returns the instant at which `duration` has passed on the queue's clock since `from`;
    /// `None` where the opening hours never add up to it.
    pub fn clock_due(&self, from: Timestamp, duration: Millis) -> Option<Timestamp> {
        match (self.clock, &self.opening_hours) {
            (Clock::OpeningHours, Some(hours)) => hours.after_open(from, duration),
            (Clock::OpeningHours, None) | (Clock::Elapsed, _) => {
                Some(from.saturating_add(duration))
            }
        }
    }

    /// Returns whether the queue is open at `time`.
    pub fn is_open(&self, time: Timestamp) -> bool {
        self.opening_hours.as_ref().is_none_or(|hours| hours.is_open(time))
    }
}

/// The settings of windows and of time.
#[derive(Clone, Debug)]
pub struct WindowSettings {
    /// The width of a pane.
    pub pane: Millis,
    /// The windows, shortest first, each a whole number of panes.
    pub lengths: Vec<WindowLength>,
    /// Whether stream time advances with the wall clock at the end of a partition.
    pub idle_advance: bool,
    /// How far an event may be ahead of the clock, and of the Kafka timestamp of its record.
    pub max_ahead: Millis,
    /// How far behind the longest window an event may be before it is late.
    pub allowed_lateness: Millis,
    /// How far behind the wall clock stream time stays when it advances without events.
    pub transport_delay: Millis,
    /// How long after its target a waiting visit is judged.
    pub miss_grace: Millis,
    /// How long an ending is held for its start.
    pub reorder_grace: Millis,
    /// How long identities, and contacts that are over, are remembered.
    pub dedup_horizon: Millis,
    /// The business day of the `today` window.
    pub business_day: BusinessDay,
}

/// One configured window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowLength {
    /// The length of the window.
    pub length: Millis,
    /// The value of the `window` label, as the configuration writes it (`5m`).
    pub label: String,
}

/// The bounds of one partition.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most (queue, channel) pairs.
    pub series: usize,
    /// The most contacts, and the most follow-ups, in memory.
    pub open_contacts: usize,
    /// The most record identities in memory.
    pub remembered_ids: usize,
    /// The largest record, in bytes.
    pub record_bytes: usize,
}

/// Everything that the fold of a partition depends on besides its log.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The channels.
    pub channels: Channels,
    /// The windows and the rules of time.
    pub windows: WindowSettings,
    /// The bounds.
    pub limits: Limits,
    /// The settings of a queue that is not configured.
    pub queue_defaults: QueueSettings,
    /// The configured queues with their ids, sorted by id.
    pub queues: Vec<(String, QueueSettings)>,
    /// The interval of the history. Without it, no history is kept (replay).
    pub history_interval: Option<Millis>,
    /// The index into `queues` of each alias.
    pub aliases: BTreeMap<String, usize>,
}

impl Settings {
    /// Returns a builder that holds the defaults of the configuration and no queue.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// Returns the settings of a queue by its id (not an alias); the defaults where the queue is
    /// not configured.
    pub fn queue(&self, id: &str) -> &QueueSettings {
        match self.queues.binary_search_by(|(known, _)| known.as_str().cmp(id)) {
            Ok(index) => &self.queues[index].1,
            Err(_) => &self.queue_defaults,
        }
    }

    /// Returns the id that an id or alias stands for.
    pub fn resolve<'a>(&'a self, id_or_alias: &'a str) -> &'a str {
        self.aliases.get(id_or_alias).map_or(id_or_alias, |index| self.queues[*index].0.as_str())
    }

    /// Returns the length of the longest window.
    pub fn longest_window(&self) -> Millis {
        self.windows.lengths.iter().map(|window| window.length).max().unwrap_or(Millis::ZERO)
    }

    /// Returns the upper bounds of the classic buckets of waits, ascending: a fixed ladder, and
    /// every configured T and S exactly.
    pub fn wait_bounds(&self) -> Vec<Millis> {
        let ladder =
            [1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600, 7200];
        let mut bounds: Vec<Millis> = ladder.map(Millis::from_secs).to_vec();
        for queue in self.queues.iter().map(|(_, queue)| queue).chain([&self.queue_defaults]) {
            bounds.extend([queue.target_wait, queue.short_abandon]);
        }
        bounds.sort_unstable();
        bounds.dedup();
        bounds
    }

    /// Returns the upper bounds of the classic buckets of handle times, ascending.
    pub fn handle_bounds(&self) -> Vec<Millis> {
        [15, 30, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 3600, 7200]
            .map(Millis::from_secs)
            .to_vec()
    }

    /// Returns the upper bounds of the classic buckets of first responses, resolutions and
    /// follow-ups, ascending: a ladder from five minutes to sixty days, and every configured target
    /// exactly.
    pub fn response_bounds(&self) -> Vec<Millis> {
        let minutes = [
            5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 7200, 10_080, 20_160, 43_200,
            86_400,
        ];
        let mut bounds: Vec<Millis> = minutes.map(Millis::from_mins).to_vec();
        for queue in self.queues.iter().map(|(_, queue)| queue).chain([&self.queue_defaults]) {
            bounds.extend([queue.target_first_response, queue.target_resolution]);
        }
        bounds.sort_unstable();
        bounds.dedup();
        bounds
    }
}

impl Default for WindowSettings {
    /// Returns the values that hold where `[windows]` leaves a key out.
    fn default() -> Self {
        let lengths = [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60)];
        let zone = time_zone(DEFAULT_TIME_ZONE).unwrap_or(TimeZone::UTC);
        WindowSettings {
            pane: Millis::from_secs(5),
            lengths: lengths
                .map(|(label, minutes)| WindowLength {
                    length: Millis::from_mins(minutes),
                    label: label.to_string(),
                })
                .to_vec(),
            idle_advance: true,
            max_ahead: Millis::from_mins(1),
            allowed_lateness: Millis::from_mins(1),
            transport_delay: Millis::from_secs(3),
            miss_grace: Millis::from_secs(2),
            reorder_grace: Millis::from_secs(30),
            dedup_horizon: Millis::from_hours(1),
            business_day: BusinessDay::new(zone, Time::midnight()),
        }
    }
}

impl Default for QueueSettings {
    /// Returns the values that hold where `[queue_defaults]` leaves a key out.
    fn default() -> Self {
        QueueSettings {
            name: String::new(),
            channel: ChannelId::PHONE,
            target_wait: Millis::from_secs(20),
            target_ratio: 0.80,
            short_abandon: Millis::from_secs(5),
            max_wait: None,
            max_service: None,
            target_abandonment: 0.05,
            target_first_response: Millis::from_hours(4),
            target_resolution: Millis::from_hours(72),
            formula: Formula::Live,
            clock: Clock::Elapsed,
            opening_hours: None,
        }
    }
}

impl Default for Limits {
    /// Returns the values that hold where `[limits]` leaves a key out.
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
/// use nabiz_core::time::Millis;
///
/// let fault = QueueSettings { target_wait: Millis::from_secs(10), ..QueueSettings::default() };
/// let settings = Settings::builder().queue("fault", fault, &["arıza"]).build();
/// assert_eq!(settings.queue(settings.resolve("arıza")).target_wait, Millis(10_000));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SettingsBuilder {
    channels: Channels,
    windows: WindowSettings,
    limits: Limits,
    queue_defaults: QueueSettings,
    queues: BTreeMap<String, (QueueSettings, Vec<String>)>,
    history_interval: Option<Millis>,
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

    /// Sets the settings of a queue that is not configured.
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

    /// Keeps an interval history with intervals of this length.
    #[must_use]
    pub fn history_interval(mut self, interval: Millis) -> Self {
        self.history_interval = Some(interval);
        self
    }

    /// Returns the settings. An alias of two queues belongs to the later id.
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
            history_interval: self.history_interval,
            aliases,
        }
    }
}
