//! Names to small integers: queues, (queue, channel) series, entry points and units, each bounded.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounded_labels::OTHER_LABEL;
use crate::event::ChannelId;
use crate::ids::{OTHER_QUEUE, OVERFLOW, QueueId, SeriesId};
use crate::settings::{QueueSettings, Settings};
use crate::time::Millis;

#[derive(Debug)]
struct QueueEntry {
    name: Arc<str>,
    /// Index into the settings' queues; the defaults where the queue is not configured.
    configured: Option<usize>,
    /// Series by channel.
    series: Vec<Option<SeriesId>>,
}

/// What the hot path needs to know of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesInfo {
    queue: u32,
    pub(crate) channel: ChannelId,
    pub(crate) target_wait: Millis,
    pub(crate) short_abandon: Millis,
    pub(crate) max_wait: Millis,
    pub(crate) max_service: Millis,
    pub(crate) target_resolution: Millis,
}

const NONE_LABEL: &str = "none";

/// The names of one shard.
#[derive(Debug)]
pub(crate) struct LabelRegistry {
    queues: Vec<QueueEntry>,
    /// Ids and aliases.
    by_name: HashMap<Box<str>, u32>,
    series: Vec<SeriesInfo>,
    refused: u64,
    settings: Arc<Settings>,
}

/// The names as they are stored: what the small integers elsewhere mean.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredNames {
    queues: Vec<Arc<str>>,
    series: Vec<(u32, ChannelId)>,
    refused: u64,
}

impl LabelRegistry {
    /// A registry that knows the configured queues.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let mut registry = LabelRegistry {
            queues: Vec::new(),
            by_name: HashMap::new(),
            series: Vec::new(),
            refused: 0,
            settings,
        };
        registry.add_queue(NONE_LABEL);
        registry.add_queue(OTHER_LABEL);
        registry.add_configured();
        registry
    }

    /// Adds what is configured and not known yet, and points aliases to their queues.
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

    /// What is to be stored.
    pub(crate) fn stored(&self) -> StoredNames {
        StoredNames {
            queues: self.queues.iter().map(|queue| queue.name.clone()).collect(),
            series: self.series.iter().map(|info| (info.queue, info.channel)).collect(),
            refused: self.refused,
        }
    }

    /// Takes over stored names, so that stored integers mean what they meant; then what is configured now.
    pub(crate) fn restore(&mut self, stored: StoredNames) {
        self.queues.clear();
        self.by_name.clear();
        self.series.clear();
        self.refused = stored.refused;
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

    /// The queue of an id or alias. A new name takes a place until the bound.
    pub(crate) fn queue(&mut self, name: &str) -> QueueId {
        if let Some(id) = self.by_name.get(name) {
            return QueueId(*id);
        }
        if self.queues.len() < self.settings.limits.series + 2 {
            return QueueId(self.add_queue(name));
        }
        self.refused += 1;
        #[expect(clippy::disallowed_methods, reason = "a named hash needs a ledger migration")]
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        QueueId(OVERFLOW | hasher.finish() as u32)
    }

    fn listed(queue: QueueId) -> u32 {
        if queue.0 & OVERFLOW == 0 { queue.0 } else { OTHER_QUEUE }
    }

    /// The series of a queue and channel. A new pair takes a place until the bound; past it, the pair of `other`.
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

    /// The settings of a queue.
    pub(crate) fn queue_settings(&self, queue: QueueId) -> &QueueSettings {
        let settings = &self.settings;
        match self.queues[Self::listed(queue) as usize].configured {
            Some(index) => &settings.queues[index].1,
            None => &settings.queue_defaults,
        }
    }

    /// The settings of a series' queue.
    pub(crate) fn series_settings(&self, series: SeriesId) -> &QueueSettings {
        self.queue_settings(QueueId(self.info(series).queue))
    }

    /// What the hot path needs of a series.
    pub(crate) fn info(&self, series: SeriesId) -> &SeriesInfo {
        &self.series[series.index()]
    }

    /// How many series there are.
    pub(crate) fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Queue name and channel of a series.
    pub(crate) fn labels(&self, series: SeriesId) -> (Arc<str>, ChannelId) {
        let info = self.info(series);
        (self.queues[info.queue as usize].name.clone(), info.channel)
    }

    /// Index of the label of a queue, for what is kept per queue.
    pub(crate) fn label_index(&self, queue: QueueId) -> usize {
        Self::listed(queue) as usize
    }

    /// Label of each queue by [`Self::label_index`]; the first two stand for no queue and for what is past the bound.
    pub(crate) fn queue_labels(&self) -> impl Iterator<Item = &Arc<str>> {
        self.queues.iter().map(|queue| &queue.name)
    }

    /// How often a new label set was folded into `other`.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}
