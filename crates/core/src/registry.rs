//! Small integers for the names of queues and for (queue, channel) series, both bounded.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounded_labels::OTHER_LABEL;
use crate::event::ChannelId;
use crate::ids::{IdHasher, OTHER_QUEUE, OVERFLOW, OverflowScheme, QueueId, SeriesId};
use crate::settings::{QueueSettings, Settings};
use crate::time::Millis;

#[derive(Debug)]
struct QueueEntry {
    name: Arc<str>,
    /// The index into the queues of the settings. Without one, the defaults apply.
    configured: Option<usize>,
    /// The series of each channel.
    series: Vec<Option<SeriesId>>,
}

/// The channel of a series, and the settings of its queue that the hot path needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesInfo {
    queue: u32,
    pub(crate) channel: ChannelId,
    pub(crate) target_wait: Millis,
    pub(crate) short_abandon: Millis,
    pub(crate) max_wait: Millis,
    pub(crate) max_service: Millis,
    pub(crate) target_first_response: Millis,
    pub(crate) target_resolution: Millis,
}

const NONE_LABEL: &str = "none";

/// The names of one shard.
#[derive(Debug)]
pub(crate) struct LabelRegistry {
    queues: Vec<QueueEntry>,
    /// The queue of each id and alias.
    by_name: HashMap<Box<str>, u32>,
    series: Vec<SeriesInfo>,
    /// How often a new label set was counted as `other`.
    refused: u64,
    overflow_scheme: OverflowScheme,
    hasher: IdHasher,
    settings: Arc<Settings>,
}

/// The names as they are stored. They give the stored integers of other chunks their meaning.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredNames {
    queues: Vec<Arc<str>>,
    series: Vec<(u32, ChannelId)>,
    refused: u64,
}

impl LabelRegistry {
    /// Creates a registry that knows the configured queues.
    pub(crate) fn new(settings: Arc<Settings>, hasher: IdHasher) -> Self {
        let mut registry = LabelRegistry {
            queues: Vec::new(),
            by_name: HashMap::new(),
            series: Vec::new(),
            refused: 0,
            overflow_scheme: OverflowScheme::Keyed,
            hasher,
            settings,
        };
        registry.add_queue(NONE_LABEL);
        registry.add_queue(OTHER_LABEL);
        registry.add_configured();
        registry
    }

    /// Adds the configured queues that are not known yet, and lets aliases point to their queues.
    fn add_configured(&mut self) {
        let settings = self.settings.clone();
        for (name, queue) in &settings.queues {
            let id = match self.by_name.get(name.as_str()) {
                Some(id) if *self.queues[*id as usize].name == **name => *id,
                _ => self.add_queue(name),
            };
            if self.known_series(id, queue.channel).is_none() {
                self.add_series(id, queue.channel);
            }
        }
        for (alias, index) in &settings.aliases {
            if let Some(id) = self.by_name.get(settings.queues[*index].0.as_str()).copied() {
                self.by_name.insert(alias.as_str().into(), id);
            }
        }
    }

    /// Returns the names to be stored.
    pub(crate) fn stored(&self) -> StoredNames {
        StoredNames {
            queues: self.queues.iter().map(|queue| queue.name.clone()).collect(),
            series: self.series.iter().map(|info| (info.queue, info.channel)).collect(),
            refused: self.refused,
        }
    }

    /// Restores stored names with their integers, then adds the queues that are configured now.
    pub(crate) fn restore(&mut self, stored: StoredNames, scheme: OverflowScheme) {
        self.queues.clear();
        self.by_name.clear();
        self.series.clear();
        self.refused = stored.refused;
        self.overflow_scheme = scheme;
        for name in &stored.queues {
            self.add_queue(name);
        }
        for (queue, channel) in stored.series {
            if (queue as usize) < self.queues.len() {
                self.add_series(queue, channel);
            }
        }
        self.add_configured();
    }

    fn add_queue(&mut self, name: &str) -> u32 {
        let id = self.queues.len() as u32;
        let configured =
            self.settings.queues.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok();
        self.queues.push(QueueEntry { name: name.into(), configured, series: Vec::new() });
        self.by_name.insert(name.into(), id);
        id
    }

    fn add_series(&mut self, queue: u32, channel: ChannelId) -> SeriesId {
        let id = SeriesId(self.series.len() as u32);
        let settings = self.queue_settings(QueueId(queue));
        let info = SeriesInfo {
            queue,
            channel,
            target_wait: settings.target_wait,
            short_abandon: settings.short_abandon,
            max_wait: settings.max_wait_on(channel),
            max_service: settings.max_service_on(channel),
            target_first_response: settings.target_first_response,
            target_resolution: settings.target_resolution,
        };
        self.series.push(info);
        let by_channel = &mut self.queues[queue as usize].series;
        if by_channel.len() <= usize::from(channel.0) {
            by_channel.resize(usize::from(channel.0) + 1, None);
        }
        by_channel[usize::from(channel.0)] = Some(id);
        id
    }

    /// Returns the queue of an id or alias. A new name is listed until the bound is reached; past
    /// it, the name only has a number.
    pub(crate) fn queue(&mut self, name: &str) -> QueueId {
        if let Some(id) = self.by_name.get(name) {
            return QueueId(*id);
        }
        if self.queues.len() < self.settings.limits.series + 2 {
            return QueueId(self.add_queue(name));
        }
        self.refused += 1;
        self.hasher.overflow_queue(self.overflow_scheme, name)
    }

    /// Returns the rule that gives queues past the bound their numbers.
    pub(crate) fn overflow_scheme(&self) -> OverflowScheme {
        self.overflow_scheme
    }

    /// Returns the listed queue whose label and settings a queue has.
    fn listed(queue: QueueId) -> u32 {
        if queue.0 & OVERFLOW == 0 { queue.0 } else { OTHER_QUEUE }
    }

    /// Returns the series of a queue and channel. A new pair is added until the bound is reached;
    /// past it, the series is that of `other` and the channel.
    pub(crate) fn series(&mut self, queue: QueueId, channel: ChannelId) -> SeriesId {
        let listed = Self::listed(queue);
        if let Some(id) = self.known_series(listed, channel) {
            return id;
        }
        if listed <= OTHER_QUEUE || self.series.len() < self.settings.limits.series {
            return self.add_series(listed, channel);
        }
        self.refused += 1;
        match self.known_series(OTHER_QUEUE, channel) {
            Some(id) => id,
            None => self.add_series(OTHER_QUEUE, channel),
        }
    }

    fn known_series(&self, queue: u32, channel: ChannelId) -> Option<SeriesId> {
        self.queues[queue as usize].series.get(usize::from(channel.0)).copied().flatten()
    }

    /// Returns the settings of a queue.
    pub(crate) fn queue_settings(&self, queue: QueueId) -> &QueueSettings {
        let settings = &self.settings;
        match self.queues[Self::listed(queue) as usize].configured {
            Some(index) => &settings.queues[index].1,
            None => &settings.queue_defaults,
        }
    }

    /// Returns the settings of the queue of a series.
    pub(crate) fn series_settings(&self, series: SeriesId) -> &QueueSettings {
        self.queue_settings(QueueId(self.info(series).queue))
    }

    /// Returns the channel of a series and the settings that the hot path needs.
    pub(crate) fn info(&self, series: SeriesId) -> &SeriesInfo {
        &self.series[series.index()]
    }

    /// Returns the number of series.
    pub(crate) fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Returns the queue name and the channel of a series.
    pub(crate) fn labels(&self, series: SeriesId) -> (Arc<str>, ChannelId) {
        let info = self.info(series);
        (self.queues[info.queue as usize].name.clone(), info.channel)
    }

    /// Returns the index of the label of a queue, for values that exist once per label.
    pub(crate) fn label_index(&self, queue: QueueId) -> usize {
        Self::listed(queue) as usize
    }

    /// Returns the label of each queue by [`Self::label_index`]. The first stands for no queue, the
    /// second for the queues past the bound.
    pub(crate) fn queue_labels(&self) -> impl Iterator<Item = &Arc<str>> {
        self.queues.iter().map(|queue| &queue.name)
    }

    /// Returns how often a new label set was counted as `other`.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}
