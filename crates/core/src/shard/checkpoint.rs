//! The checkpoints of a shard.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentsHeader, BookingContext};
use crate::bounded_labels::BoundedLabels;
use crate::contact::ContactsHeader;
use crate::event::SelfServiceOutcome;
use crate::followup::FollowupsHeader;
use crate::ids::{Offset, SeriesId};
use crate::measures::{IntervalDelta, Observation, RecordTotals, Totals, WindowCounts};
use crate::registry::StoredNames;
use crate::shard::fold::Shard;
use crate::shard::series::Bounds;
use crate::shard::state::State;
use crate::state::{Checkpoint, CheckpointExtent, ChunkKind};
use crate::time::Timestamp;
use crate::window::{ChangedPanes, PaneIndex, StoredDay};

/// The small part of a stored shard: every checkpoint writes it.
///
/// The ledger stores the fields by position, so their order never changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShardHeader {
    /// Offset after the last record that the checkpoint contains.
    pub(crate) next_offset: Offset,
    /// Stream time; `None` before the first record.
    pub(crate) stream_time: Option<Timestamp>,
    /// Number of the checkpoint, counted from 1.
    pub(crate) checkpoint: i64,
    /// Channels of the settings, in configured order.
    pub(crate) channels: Vec<String>,
    /// Pane width of the stored panes, in milliseconds. Signed, because the ledger stores a signed
    /// number in other bytes than a `Millis`.
    pub(crate) pane_ms: i64,
    /// Bounds of the stored classic buckets.
    pub(crate) bounds: Bounds,
    pub(crate) names: StoredNames,
    pub(crate) contacts: ContactsHeader,
    pub(crate) agents: AgentsHeader,
    pub(crate) followups: FollowupsHeader,
    /// By [`crate::event::ChannelId`].
    pub(crate) contacts_started: Vec<u64>,
    pub(crate) self_service: BoundedLabels<[u64; SelfServiceOutcome::ALL.len()]>,
    /// By [`crate::registry::LabelRegistry::label_index`].
    pub(crate) observed: Vec<Option<Observation>>,
    pub(crate) records: RecordTotals,
    /// Event times too far ahead, negative durations in events, and those of follow-ups. Contacts
    /// have their own count.
    pub(crate) clock_skew: u64,
}

/// The stored form of a series, with its totals in the form `T` and its business day in the form
/// `C`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredSeries<T = Totals, C = WindowCounts> {
    /// Counts since the first record.
    pub(crate) totals: T,
    /// Counts of the business day.
    pub(crate) day: StoredDay<C>,
}

impl Shard {
    /// Returns the number of contacts that changed since the last checkpoint. They are most of the
    /// cost of the next one.
    pub fn changed_contacts(&self) -> usize {
        self.state.contacts.changed_count()
    }

    /// Returns the number of rows of the interval history that no checkpoint contains yet. Pending
    /// facts and agent time that is not booked are not included. While no checkpoint is stored,
    /// these rows use more and more memory.
    pub fn unsaved_intervals(&self) -> usize {
        let state = &self.state;
        state.unsaved_intervals + state.agents.interval_count() + state.further.len()
    }

    /// Returns the changes since the last call, for one transaction. If the ledger does not store
    /// them, call [`Self::rollback`] with the checkpoint: otherwise its increments are lost.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let state = &mut self.state;
        let extent = match std::mem::take(&mut state.nothing_stored) {
            true => CheckpointExtent::Everything,
            false => CheckpointExtent::Changes,
        };
        let all = extent == CheckpointExtent::Everything;
        state.checkpoint += 1;
        let number = state.checkpoint;
        let stream_time = state.stream_time.unwrap_or_default();
        let mut checkpoint = Checkpoint {
            next_offset: state.next_offset,
            stream_time: state.stream_time,
            ..Checkpoint::default()
        };
        if all {
            for kind in [
                ChunkKind::PositionalSeries,
                ChunkKind::Series,
                ChunkKind::SeriesNative,
                ChunkKind::Pane,
                ChunkKind::PositionalPaneSlice,
                ChunkKind::PaneSlice,
                ChunkKind::OneCallAgents,
                ChunkKind::PlainAgents,
                ChunkKind::Agents,
                ChunkKind::DenseAgentTime,
                ChunkKind::AgentTime,
                ChunkKind::PauseReasons,
                ChunkKind::PauseTime,
                ChunkKind::Followups,
                ChunkKind::UnitNative,
                ChunkKind::RecordCounts,
            ] {
                checkpoint.delete(kind, i64::MIN, i64::MAX);
            }
            state.contacts.write_whole_checkpoint(number, &mut checkpoint);
            state.ids.write_whole_checkpoint(&mut checkpoint);
        } else {
            state.contacts.write_checkpoint(number, &mut checkpoint);
            state.ids.write_checkpoint(&mut checkpoint);
        }
        let booking = BookingContext {
            registry: &state.registry,
            layout: &state.layout,
            cursor: &state.cursor,
        };
        state.agents.write_checkpoint(booking, stream_time, extent, &mut checkpoint);
        state.followups.write_checkpoint(extent, &mut checkpoint);
        // The agents have added the time of heads.
        checkpoint.further.add(std::mem::take(&mut state.further));
        let mut panes = ChangedPanes::default();
        state.unsaved_intervals = 0;
        for (index, series) in state.series.iter_mut().enumerate() {
            let id = SeriesId(index as u32);
            series.apply_facts(
                state.registry.info(id),
                &state.bounds,
                &state.layout,
                &state.cursor,
            );
            series.windows.roll(&state.layout, &state.cursor);
            series.windows.write_checkpoint(extent, &mut panes);
            if std::mem::take(&mut series.changed) || all {
                let stored = StoredSeries {
                    totals: series.totals.clone(),
                    day: series.windows.stored_day(),
                };
                checkpoint.put(ChunkKind::Series, index as i64, &stored);
                checkpoint.put(ChunkKind::SeriesNative, index as i64, &series.totals.natives());
            }
            for (start, numbers) in std::mem::take(&mut series.intervals) {
                let (queue, channel) = state.registry.labels(id);
                let settings = state.registry.series_settings(id);
                let (target_wait, target_ratio) = (settings.target_wait, settings.target_ratio);
                checkpoint.intervals.push(numbers.into_delta(
                    start,
                    queue,
                    channel,
                    target_wait,
                    target_ratio,
                ));
            }
        }
        state.write_panes(panes, &mut checkpoint);
        let header = ShardHeader {
            next_offset: state.next_offset,
            stream_time: state.stream_time,
            checkpoint: number,
            channels: self.settings.channels.names().map(str::to_owned).collect(),
            pane_ms: state.layout.pane_width_ms(),
            bounds: state.bounds.clone(),
            names: state.registry.stored(),
            contacts: state.contacts.header(),
            agents: state.agents.header(),
            followups: state.followups.header(),
            contacts_started: state.contacts_started.clone(),
            self_service: state.self_service.clone(),
            observed: state.observed.clone(),
            records: state.records.clone(),
            clock_skew: state.clock_skew,
        };
        let scheme = state.registry.overflow_scheme();
        checkpoint.put(ChunkKind::ShardHeader, 0, &(header, scheme, &state.entry_points));
        let counts = state.records.named();
        if !counts.is_empty() {
            checkpoint.put(ChunkKind::RecordCounts, 0, &counts);
        }
        checkpoint
    }

    /// Takes back a checkpoint that was not stored. The next one contains everything, including the
    /// increments of this one.
    pub fn rollback(&mut self, checkpoint: Checkpoint) {
        self.state.nothing_stored = true;
        for IntervalDelta {
            start,
            queue,
            channel,
            counts,
            wait_answered,
            wait_abandoned,
            handle,
            ..
        } in checkpoint.intervals
        {
            let queue = self.state.registry.queue(&queue);
            let id = self.state.registry.series(queue, channel);
            if let Some(series) = self.state.series.get_mut(id.index()) {
                let added =
                    series.rollback(start, &counts, [&wait_answered, &wait_abandoned, &handle]);
                self.state.unsaved_intervals += added;
            }
        }
        for delta in checkpoint.agent_intervals {
            let queue = self.state.registry.queue(&delta.queue);
            let index = self.state.registry.label_index(queue);
            self.state.agents.rollback(index, &delta);
        }
        self.state.further.add(checkpoint.further);
    }
}

impl State {
    /// Adds the changed panes to a checkpoint. A chunk contains one pane of all series, because a
    /// chunk for each series would make many small chunks where many queues have few facts.
    fn write_panes(&self, panes: ChangedPanes, checkpoint: &mut Checkpoint) {
        if let Some(before) = panes.dropped_before {
            checkpoint.delete(ChunkKind::PaneSlice, i64::MIN, before.get() - 1);
        }
        let indexes: Vec<PaneIndex> = panes.indexes.into_iter().collect();
        let mut slices = vec![Vec::new(); indexes.len()];
        for (series, id) in self.series.iter().zip(0..) {
            series.windows.append_panes(id, &indexes, &mut slices);
        }
        for (index, slice) in indexes.into_iter().zip(slices) {
            checkpoint.put_bytes(ChunkKind::PaneSlice, index.get(), slice);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode::{Format, Message};
    use crate::ids::OverflowScheme;
    use crate::settings::{Limits, Settings};
    use crate::shard::record::{RecordMeta, RecordOutcome};
    use crate::state::{PositionalTotals, PositionalWindowCounts, StateChunk, append, read};
    use crate::time::Millis;
    use crate::window::{AgentTime, DenseAgentTime, panes_of_slice};
    use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};

    const KEY: [u8; 16] = [3; 16];

    /// Returns the place of a record without a Kafka timestamp.
    fn at(position: i64) -> RecordMeta {
        RecordMeta { offset: Offset(position), timestamp: None }
    }

    fn is_new(chunk: &StateChunk) -> bool {
        matches!(chunk.kind, ChunkKind::PaneSlice | ChunkKind::AgentTime | ChunkKind::Series)
    }

    /// Converts a chunk into the chunks of the first two versions of the ledger.
    fn older(chunk: &StateChunk) -> Vec<StateChunk> {
        match chunk.kind {
            ChunkKind::PaneSlice => panes_of_slice(chunk).unwrap(),
            ChunkKind::Series => {
                let StoredSeries { totals, day }: StoredSeries = read(chunk).unwrap();
                let stored = StoredSeries {
                    totals: PositionalTotals::from(totals),
                    day: day.map(PositionalWindowCounts::from),
                };
                let bytes = append(Vec::new(), &stored);
                vec![StateChunk { kind: ChunkKind::PositionalSeries, bytes, ..*chunk }]
            }
            _ => {
                let time = DenseAgentTime::from(read::<AgentTime>(chunk).unwrap());
                vec![StateChunk {
                    kind: ChunkKind::DenseAgentTime,
                    bytes: append(Vec::new(), &time),
                    ..*chunk
                }]
            }
        }
    }

    #[test]
    fn log_of_a_restored_shard_is_deleted_when_one_cycle_has_ended() {
        let settings = Arc::new(Settings::builder().build());
        let mut shard = Shard::new(settings.clone(), KEY);
        let fold = |shard: &mut Shard, position: i64| {
            let json = format!(
                r#"{{"specversion":"1.0","id":"{position}","source":"s","type":"contact.queued","time":"2026-01-05T09:00:00Z","data":{{"contact_id":"{position}","queue":"q"}}}}"#
            );
            let message = Message { value: Some(json.as_bytes()), headers: &[] };
            shard.fold(Format::CloudEvents, &message, at(position));
        };
        let mut stored: Vec<StateChunk> = Vec::new();
        for position in 0..3 {
            fold(&mut shard, position);
            let checkpoint = shard.checkpoint();
            stored.retain(|chunk| {
                let is_new =
                    |new: &StateChunk| new.kind == chunk.kind && new.number == chunk.number;
                !checkpoint.chunks.iter().any(is_new)
            });
            stored.extend(checkpoint.chunks);
        }
        let newest = stored
            .iter()
            .filter(|chunk| chunk.kind == ChunkKind::ContactLog)
            .map(|chunk| chunk.number)
            .max();

        let mut restored = Shard::restore(settings, KEY, &stored).unwrap();
        let deleted_up_to = [3, 4].map(|position| {
            fold(&mut restored, position);
            let deletions = restored.checkpoint().deletions;
            deletions
                .iter()
                .filter(|deletion| deletion.kind == ChunkKind::ContactLog)
                .map(|deletion| deletion.last)
                .max()
        });
        assert_eq!(deleted_up_to, [None, newest], "a cycle writes one part here");
    }

    /// Folds an event of type `kind` without a channel, and returns its result.
    fn fold_visit(
        shard: &mut Shard,
        position: i64,
        kind: &str,
        contact: &str,
        queue: &str,
    ) -> RecordOutcome {
        let json = serde_json::json!({
            "specversion": "1.0",
            "id": position.to_string(),
            "source": "s",
            "type": kind,
            "time": "2026-01-05T09:00:00Z",
            "data": {"contact_id": contact, "queue": queue},
        })
        .to_string();
        let message = Message { value: Some(json.as_bytes()), headers: &[] };
        shard.fold(Format::CloudEvents, &message, at(position))
    }

    #[test]
    fn visit_past_the_bound_ends_when_its_ledger_has_no_overflow_scheme() {
        let limits = Limits { series: 1, ..Limits::default() };
        let settings = Arc::new(Settings::builder().limits(limits).build());
        for scheme in [OverflowScheme::Unkeyed, OverflowScheme::Keyed] {
            let mut shard = Shard::new(settings.clone(), KEY);
            let names = shard.state.registry.stored();
            shard.state.registry.restore(names, scheme);
            fold_visit(&mut shard, 0, "contact.queued", "a", "listed");
            fold_visit(&mut shard, 1, "contact.queued", "b", "past the bound");
            let mut chunks = shard.checkpoint().chunks;
            if scheme == OverflowScheme::Unkeyed {
                // Older ledgers end with the header: without the scheme, of one byte, and the
                // empty list of entry points, of three.
                let header = chunks.iter_mut().find(|chunk| chunk.kind == ChunkKind::ShardHeader);
                let bytes = &mut header.unwrap().bytes;
                bytes.truncate(bytes.len() - 4);
            }

            let mut restored = Shard::restore(settings.clone(), KEY, &chunks).unwrap();
            assert_eq!(restored.state.registry.overflow_scheme(), scheme);
            let answered = fold_visit(&mut restored, 2, "contact.answered", "b", "past the bound");
            assert_eq!(answered, RecordOutcome::Applied, "{scheme:?}");
            let waiting: Vec<u64> =
                restored.snapshot().series.iter().map(|series| series.live.waiting).collect();
            assert_eq!(waiting.iter().sum::<u64>(), 1, "{scheme:?}: the visit of a goes on");
        }
    }

    #[test]
    fn older_entry_points_of_starts_leave_room_for_those_of_self_service() {
        let limits = Limits { series: 2, ..Limits::default() };
        let settings = Arc::new(Settings::builder().limits(limits).build());
        let mut shard = Shard::new(settings.clone(), KEY);
        // Older programs had the entry points of starts in the same list, without outcomes.
        shard.state.self_service.entry(Some("/order"));
        shard.state.self_service.entry(Some("ivr")).1[0] = 3;
        let mut chunks = shard.checkpoint().chunks;
        let newer = Shard::restore(settings.clone(), KEY, &chunks).unwrap();
        assert_eq!(newer.state.self_service.iter().count(), 2);
        let header = chunks.iter_mut().find(|chunk| chunk.kind == ChunkKind::ShardHeader);
        let bytes = &mut header.unwrap().bytes;
        bytes.truncate(bytes.len() - 3);
        let mut older = Shard::restore(settings, KEY, &chunks).unwrap();
        let (label, _) = older.state.self_service.entry(Some("second ivr"));
        assert_eq!(&*label, "second ivr");
        assert_eq!(older.state.self_service.entry(Some("ivr")).1[0], 3);
    }

    #[test]
    fn unsaved_intervals_are_the_rows_of_the_next_checkpoint_when_facts_are_applied() {
        let settings = Settings::builder().history_interval(Millis(900_000)).build();
        let mut shard = Shard::new(Arc::new(settings), KEY);
        let options = Options {
            start_ms: DEFAULT_START_MS + 9 * 3_600_000,
            rate_scale: 5.0,
            ..Options::default()
        };
        let mut checkpoint = shard.checkpoint();
        for (position, event) in
            (0..).zip(Simulation::new(Scenario::OrdinaryDay, options).take(5_200))
        {
            if position == 5_000 {
                // Books all agents for the interval that has ended, so the next checkpoint has no
                // rows of agents without changes.
                checkpoint = shard.checkpoint();
                assert_eq!(shard.unsaved_intervals(), 0);
            }
            let message = Message { value: Some(event.json.as_bytes()), headers: &[] };
            shard.fold(Format::CloudEvents, &message, at(position));
        }
        let rows = |checkpoint: &Checkpoint| {
            let Checkpoint { intervals, agent_intervals, further, .. } = checkpoint;
            [intervals.len(), agent_intervals.len(), further.len()]
        };
        let before = shard.unsaved_intervals();
        assert!(rows(&checkpoint).into_iter().all(|rows| rows > 0));
        shard.snapshot();
        let counted = shard.unsaved_intervals();
        assert!(counted >= before);
        let last = shard.checkpoint();
        assert!(rows(&last).into_iter().all(|rows| rows > 0));
        assert_eq!(counted, rows(&last).into_iter().sum::<usize>());
        shard.rollback(last);
        assert_eq!(shard.unsaved_intervals(), counted);
    }

    #[test]
    fn chunks_take_the_current_form_when_an_older_ledger_is_restored() {
        let settings = Arc::new(Settings::builder().build());
        let mut shard = Shard::new(settings.clone(), KEY);
        let start_ms = DEFAULT_START_MS + 9 * 3_600_000;
        let options = Options { start_ms, rate_scale: 5.0, ..Options::default() };
        for (position, event) in
            (0..).zip(Simulation::new(Scenario::OrdinaryDay, options).take(5_000))
        {
            let message = Message { value: Some(event.json.as_bytes()), headers: &[] };
            shard.fold(Format::CloudEvents, &message, at(position));
        }
        let (new, mut chunks): (Vec<StateChunk>, Vec<StateChunk>) =
            shard.checkpoint().chunks.into_iter().partition(is_new);
        let mut old: Vec<StateChunk> = new.iter().flat_map(older).collect();
        assert!(old.len() > new.len(), "{} chunks, of which {} were made", new.len(), old.len());
        chunks.append(&mut old);

        let mut restored = Shard::restore(settings, KEY, &chunks).unwrap();
        let mut expected = shard.snapshot();
        for series in &mut expected.series {
            // These counters are newer than the form by position.
            let contacts = &mut Arc::make_mut(series).totals.contacts;
            (contacts.ended_by_agent, contacts.ended_by_customer, contacts.ended_by_system) =
                (0, 0, 0);
        }
        assert_eq!(restored.snapshot(), expected);
        let again = restored.checkpoint();
        // A pane whose changes add up to 0 is not restored, so only the numbers are compared for
        // agent time.
        let of_kind = |kind: ChunkKind, chunks: &[StateChunk]| -> Vec<StateChunk> {
            chunks.iter().filter(|chunk| chunk.kind == kind).cloned().collect()
        };
        assert_eq!(
            of_kind(ChunkKind::PaneSlice, &again.chunks),
            of_kind(ChunkKind::PaneSlice, &new)
        );
        let numbers = |chunks| {
            of_kind(ChunkKind::AgentTime, chunks)
                .iter()
                .map(|chunk| chunk.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(&again.chunks), numbers(&new));
        for kind in [ChunkKind::Pane, ChunkKind::DenseAgentTime] {
            let all = again
                .deletions
                .iter()
                .filter(|deletion| deletion.kind == kind && deletion.first == i64::MIN);
            assert_eq!(all.count(), 1, "{kind:?}");
        }
    }
}
