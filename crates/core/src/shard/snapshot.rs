//! The numbers of a shard as of its stream time.

use std::sync::Arc;

use crate::agent::BookingContext;
use crate::event::ChannelId;
use crate::ids::SeriesId;
use crate::shard::fold::Shard;
use crate::shard::state::State;
use crate::snapshot::{QueueSnapshot, SeriesSnapshot, Snapshot};
use crate::time::Timestamp;

impl Shard {
    /// Returns the numbers at stream time. Pending facts are applied first.
    pub fn snapshot(&mut self) -> Snapshot {
        let state = &mut self.state;
        let stream_time = state.stream_time.unwrap_or_default();
        let mut records = state.records.clone();
        records.held = state.contacts.effects.held;
        Snapshot {
            stream_time: state.stream_time,
            series: state.series_snapshots(stream_time),
            queues: state.queue_snapshots(stream_time),
            contacts_started: state.contacts_started.clone(),
            self_service: state
                .self_service
                .iter()
                .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
                .map(|(name, counts)| (name.clone(), *counts))
                .collect(),
            followups: state.followups.snapshot(stream_time).collect(),
            records,
            clock_skew: state.clock_skew + state.contacts.effects.clock_skew,
            series_refused: state.registry.refused()
                + state.self_service.refused()
                + state.entry_points.refused()
                + state.agents.labels_refused()
                + state.followups.labels_refused(),
            open_contacts: state.contacts.len() as u64,
            evicted: state.contacts.evicted + state.agents.refused() + state.followups.refused,
        }
    }
}

impl State {
    /// Returns the numbers of all series, sorted by queue and channel.
    fn series_snapshots(&mut self, stream_time: Timestamp) -> Vec<Arc<SeriesSnapshot>> {
        self.add_missing_series();
        let mut snapshots: Vec<(Arc<str>, ChannelId, Arc<SeriesSnapshot>)> =
            Vec::with_capacity(self.series.len());
        for (index, series) in self.series.iter_mut().enumerate() {
            let id = SeriesId(index as u32);
            self.unsaved_intervals += series.apply_facts(
                self.registry.info(id),
                &self.bounds,
                &self.layout,
                &self.cursor,
            );
            let (queue, channel) = self.registry.labels(id);
            let snapshot = SeriesSnapshot {
                queue: queue.clone(),
                channel,
                totals: series.totals.clone(),
                live: self.contacts.live(&self.registry, id, stream_time),
                windows: series.windows.snapshot(&self.layout, &self.cursor),
            };
            snapshots.push((queue, channel, Arc::new(snapshot)));
        }
        snapshots.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        snapshots.into_iter().map(|(_, _, snapshot)| snapshot).collect()
    }

    /// Returns the numbers of all queues, sorted by queue. `none` and `other` are included only if
    /// they have an observation or agents.
    fn queue_snapshots(&mut self, stream_time: Timestamp) -> Vec<QueueSnapshot> {
        let booking =
            BookingContext { registry: &self.registry, layout: &self.layout, cursor: &self.cursor };
        let agents = self.agents.snapshot(booking, stream_time);
        let observed = self.observed.iter().copied().chain(std::iter::repeat(None));
        let labels = self.registry.queue_labels().enumerate();
        let mut snapshots: Vec<QueueSnapshot> = labels
            .zip(agents)
            .zip(observed)
            .filter(|(((index, _), agents), observed)| {
                let in_windows = agents.windows.iter().flat_map(|window| &window.state_ms);
                let has_agents =
                    agents.count.iter().chain(&agents.booked_ms).chain(in_windows).any(|n| *n > 0);
                *index > 1 || observed.is_some() || has_agents
            })
            .map(|(((_, queue), agents), observed)| QueueSnapshot {
                queue: queue.clone(),
                observed,
                agents: agents.count,
                agent_ms: agents.booked_ms,
                paused_ms: self.agents.paused_by_reason(&agents.paused_ms),
                windows: agents.windows,
            })
            .collect();
        snapshots.sort_by(|a, b| a.queue.cmp(&b.queue));
        snapshots
    }
}
