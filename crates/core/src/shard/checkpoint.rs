//! Storing a shard and bringing it back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agent::AgentsCore;
use crate::bounded_labels::Labels;
use crate::contact::ContactsCore;
use crate::event::SelfServiceOutcome;
use crate::followup::FollowupsCore;
use crate::ids::SeriesId;
use crate::measures::{IntervalDelta, Observation, RecordTotals, Totals};
use crate::registry::StoredNames;
use crate::settings::Settings;
use crate::shard::fold::Shard;
use crate::shard::series::{Bounds, Series};
use crate::shard::state::State;
use crate::state::{Checkpoint, Piece, PieceKind, RestoreError, read, take};
use crate::window::{ChangedPanes, StoredDay, series_of_pane};

/// What is small and written with every checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Core {
    next_offset: i64,
    stream_ms: Option<i64>,
    /// Counts the checkpoints of the shard.
    checkpoint: i64,
    channels: Vec<String>,
    pane_ms: i64,
    bounds: Bounds,
    names: StoredNames,
    contacts: ContactsCore,
    agents: AgentsCore,
    followups: FollowupsCore,
    contacts_started: Vec<u64>,
    self_service: Labels<[u64; SelfServiceOutcome::ALL.len()]>,
    observed: Vec<Option<Observation>>,
    records: RecordTotals,
    clock_skew: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSeries {
    totals: Totals,
    day: StoredDay,
}

impl Shard {
    /// Contacts that have changed since the last checkpoint: what the next one will mostly cost.
    pub fn changed_contacts(&self) -> usize {
        self.state.contacts.changed_count()
    }

    /// Rows of the interval history that have changed since the last checkpoint, but for what is not booked yet: a few facts and
    /// stretches of time of each queue. While none is stored, they are what grows.
    pub fn unsaved_intervals(&self) -> usize {
        let state = &self.state;
        state.unsaved_intervals + state.agents.interval_count()
    }

    /// What changed since the last call, to be stored in one transaction. Where it could not be stored, give it back
    /// with [`Self::give_back`].
    pub fn checkpoint(&mut self) -> Checkpoint {
        let state = &mut self.state;
        let all = std::mem::take(&mut state.nothing_stored);
        state.checkpoint += 1;
        let number = state.checkpoint;
        let stream_ms = state.stream_ms.unwrap_or(0);
        let mut checkpoint = Checkpoint {
            next_offset: state.next_position,
            stream_ms: state.stream_ms,
            ..Checkpoint::default()
        };
        if all {
            for kind in [
                PieceKind::Series,
                PieceKind::SeriesNative,
                PieceKind::Pane,
                PieceKind::PaneSlice,
                PieceKind::Agents,
                PieceKind::DenseAgentTime,
                PieceKind::AgentTime,
                PieceKind::Followups,
                PieceKind::UnitNative,
            ] {
                checkpoint.delete(kind, i64::MIN, i64::MAX);
            }
            state.contacts.capture_all(number, &mut checkpoint);
            state.ids.capture_all(&mut checkpoint);
        } else {
            state.contacts.capture(number, &mut checkpoint);
            state.ids.capture(&mut checkpoint);
        }
        state.agents.capture(
            &state.registry,
            &state.grid,
            &state.position,
            stream_ms,
            all,
            &mut checkpoint,
        );
        state.followups.capture(all, &mut checkpoint);
        let mut panes = ChangedPanes::default();
        state.unsaved_intervals = 0;
        for (index, series) in state.series.iter_mut().enumerate() {
            let id = SeriesId(index as u32);
            series.book(state.registry.info(id), &state.bounds, &state.grid, &state.position);
            series.windows.roll(&state.grid, &state.position);
            series.windows.capture(all, &mut panes);
            if std::mem::take(&mut series.changed) || all {
                let stored = StoredSeries {
                    totals: series.totals.clone(),
                    day: series.windows.stored_day(),
                };
                checkpoint.put(PieceKind::Series, index as i64, &stored);
                checkpoint.put(PieceKind::SeriesNative, index as i64, &series.totals.natives());
            }
            for (start_ms, numbers) in std::mem::take(&mut series.intervals) {
                let (queue, channel) = state.registry.labels(id);
                let settings = state.registry.series_settings(id);
                let (target_wait_ms, target_ratio) =
                    (settings.target_wait_ms, settings.target_ratio);
                checkpoint.intervals.push(numbers.into_delta(
                    start_ms,
                    queue,
                    channel,
                    target_wait_ms,
                    target_ratio,
                ));
            }
        }
        state.capture_panes(panes, &mut checkpoint);
        let core = Core {
            next_offset: state.next_position,
            stream_ms: state.stream_ms,
            checkpoint: number,
            channels: self.settings.channels.names().map(str::to_owned).collect(),
            pane_ms: state.grid.pane_ms,
            bounds: state.bounds.clone(),
            names: state.registry.stored(),
            contacts: state.contacts.core(),
            agents: state.agents.core(),
            followups: state.followups.core(),
            contacts_started: state.contacts_started.clone(),
            self_service: state.self_service.clone(),
            observed: state.observed.clone(),
            records: state.records.clone(),
            clock_skew: state.clock_skew,
        };
        checkpoint.put(PieceKind::Core, 0, &core);
        checkpoint
    }

    /// Takes back a checkpoint that was not stored. The next one holds everything.
    pub fn give_back(&mut self, checkpoint: Checkpoint) {
        self.state.nothing_stored = true;
        for IntervalDelta {
            start_ms,
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
                    series.give_back(start_ms, &counts, [&wait_answered, &wait_abandoned, &handle]);
                self.state.unsaved_intervals += added;
            }
        }
        for delta in checkpoint.agent_intervals {
            let queue = self.state.registry.queue(&delta.queue);
            let index = self.state.registry.label_index(queue);
            self.state.agents.give_back(index, &delta);
        }
    }

    /// A shard as it was stored. `pieces` are all its pieces; the settings may have changed since, except that channels
    /// may only be added.
    ///
    /// # Errors
    /// [`RestoreError`] where the pieces are unreadable, do not fit together, or know other channels.
    pub fn restore(
        settings: Arc<Settings>,
        hash_key: [u8; 16],
        pieces: &[Piece],
    ) -> Result<Self, RestoreError> {
        let mut shard = Shard::new(settings.clone(), hash_key);
        let core = pieces.iter().find(|piece| piece.kind == PieceKind::Core);
        let core: Core = read(core.ok_or(RestoreError::Missing(PieceKind::Core))?)?;
        let configured: Vec<String> = settings.channels.names().map(str::to_owned).collect();
        if !configured.starts_with(&core.channels) {
            return Err(RestoreError::OtherChannels { stored: core.channels, configured });
        }
        let state = &mut shard.state;
        state.nothing_stored = false;
        state.next_position = core.next_offset;
        state.checkpoint = core.checkpoint;
        if let Some(stream_ms) = core.stream_ms {
            state.move_stream(&settings, stream_ms);
        }
        state.registry.restore(core.names);
        state.contacts.set_core(core.contacts);
        state.agents.set_core(core.agents);
        state.followups.set_core(core.followups, &core.bounds.response_ms);
        let known = core.contacts_started.len().min(state.contacts_started.len());
        state.contacts_started[..known].copy_from_slice(&core.contacts_started[..known]);
        state.self_service.take_over(core.self_service);
        state.observed = core.observed;
        state.records = core.records;
        state.clock_skew = core.clock_skew;
        state.restore_pieces(pieces, &core.bounds, core.pane_ms)?;
        Ok(shard)
    }
}

/// A series that has its totals. What was booked has them; without them they would begin anew.
fn booked<'s>(
    series: &'s mut [Series],
    has_totals: &[bool],
    index: usize,
) -> Option<&'s mut Series> {
    series.get_mut(index).filter(|_| has_totals.get(index) == Some(&true))
}

impl State {
    /// A pane of all series is one piece: many queues with little each would be many small pieces.
    fn capture_panes(&self, panes: ChangedPanes, checkpoint: &mut Checkpoint) {
        if let Some(before) = panes.dropped_before {
            checkpoint.delete(PieceKind::PaneSlice, i64::MIN, before - 1);
        }
        let indexes: Vec<i64> = panes.indexes.into_iter().collect();
        let mut slices = vec![Vec::new(); indexes.len()];
        for (series, id) in self.series.iter().zip(0..) {
            series.windows.append_panes(id, &indexes, &mut slices);
        }
        for (index, slice) in indexes.into_iter().zip(slices) {
            checkpoint.put_bytes(PieceKind::PaneSlice, index, slice);
        }
    }

    fn restore_pieces(
        &mut self,
        pieces: &[Piece],
        bounds: &Bounds,
        pane_ms: i64,
    ) -> Result<(), RestoreError> {
        while self.series.len() < self.registry.series_count() {
            self.series.push(Series::new(&self.grid, &self.position));
        }
        let mut sorted: Vec<&Piece> = pieces.iter().collect();
        sorted.sort_by_key(|piece| (piece.kind, piece.number));
        self.ids.restore(&sorted)?;
        let mut has_totals = vec![false; self.series.len()];
        for piece in &sorted {
            let inconsistent =
                || RestoreError::Inconsistent { kind: piece.kind, number: piece.number };
            match piece.kind {
                PieceKind::Series => {
                    let index = usize::try_from(piece.number).map_err(|_| inconsistent())?;
                    let stored: StoredSeries = read(piece)?;
                    let series = self.series.get_mut(index).ok_or_else(inconsistent)?;
                    has_totals[index] = true;
                    series.totals = stored.totals;
                    bounds.move_totals(&mut series.totals, &self.bounds);
                    self.bounds.natives_from_classic(&mut series.totals);
                    series.windows.set_day(stored.day);
                }
                PieceKind::Pane if pane_ms == self.grid.pane_ms => {
                    let index = series_of_pane(piece.number);
                    let series =
                        booked(&mut self.series, &has_totals, index).ok_or_else(inconsistent)?;
                    series.windows.restore_pane(&self.grid, piece, &mut piece.bytes.as_slice())?;
                    // From now on it stands in slices.
                    self.nothing_stored = true;
                }
                PieceKind::PaneSlice if pane_ms == self.grid.pane_ms => {
                    let mut bytes = piece.bytes.as_slice();
                    while !bytes.is_empty() {
                        let index: u32 = take(piece, &mut bytes)?;
                        let series = booked(&mut self.series, &has_totals, index as usize)
                            .ok_or_else(inconsistent)?;
                        series.windows.restore_pane(&self.grid, piece, &mut bytes)?;
                    }
                }
                // Sorted after the series, whose native counts it replaces.
                PieceKind::SeriesNative => {
                    let index = usize::try_from(piece.number).map_err(|_| inconsistent())?;
                    let series =
                        booked(&mut self.series, &has_totals, index).ok_or_else(inconsistent)?;
                    series.totals.set_natives(read(piece)?);
                }
                PieceKind::Agents | PieceKind::AgentTime => self.agents.restore(piece)?,
                PieceKind::DenseAgentTime => {
                    self.agents.restore(piece)?;
                    self.nothing_stored = true;
                }
                PieceKind::UnitNative => self.followups.restore_natives(piece)?,
                PieceKind::Followups => self.followups.restore(piece)?,
                PieceKind::Core
                | PieceKind::ContactLog
                | PieceKind::ContactPart
                | PieceKind::Ids
                | PieceKind::Pane
                | PieceKind::PaneSlice => {}
            }
        }
        self.followups.derive();
        if pane_ms != self.grid.pane_ms {
            // The stored panes mean nothing under another width: everything is written anew.
            self.agents.forget_panes();
            self.nothing_stored = true;
        }
        let moment = self.moment_of_time(self.stream_ms.unwrap_or(0));
        // What became of contacts is booked once: they must not be found again as they were.
        self.nothing_stored |= !self.contacts.restore(&sorted, &mut self.registry, &moment)?;
        self.book();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Format, Message};
    use crate::shard::record::Arrival;
    use crate::state::append;
    use crate::window::{AgentTime, DenseAgentTime, panes_of_slice};
    use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};

    const KEY: [u8; 16] = [3; 16];

    fn is_new(piece: &Piece) -> bool {
        matches!(piece.kind, PieceKind::PaneSlice | PieceKind::AgentTime)
    }

    /// What the first two versions of the ledger had instead of a piece.
    fn older(piece: &Piece) -> Vec<Piece> {
        match piece.kind {
            PieceKind::PaneSlice => panes_of_slice(piece).unwrap(),
            _ => {
                let time = DenseAgentTime::from(read::<AgentTime>(piece).unwrap());
                vec![Piece {
                    kind: PieceKind::DenseAgentTime,
                    bytes: append(Vec::new(), &time),
                    ..*piece
                }]
            }
        }
    }

    #[test]
    fn the_log_from_before_a_restart_goes_after_one_round() {
        let settings = Arc::new(Settings::builder().build());
        let mut shard = Shard::new(settings.clone(), KEY);
        let fold = |shard: &mut Shard, position: i64| {
            let json = format!(
                r#"{{"specversion":"1.0","id":"{position}","source":"s","type":"contact.queued","time":"2026-01-05T09:00:00Z","data":{{"contact_id":"{position}","queue":"q"}}}}"#
            );
            let message = Message { value: Some(json.as_bytes()), headers: &[] };
            shard.fold(Format::CloudEvents, &message, Arrival { position, timestamp_ms: None });
        };
        let mut stored: Vec<Piece> = Vec::new();
        for position in 0..3 {
            fold(&mut shard, position);
            let checkpoint = shard.checkpoint();
            stored.retain(|piece| {
                let is_new = |new: &Piece| new.kind == piece.kind && new.number == piece.number;
                !checkpoint.pieces.iter().any(is_new)
            });
            stored.extend(checkpoint.pieces);
        }
        let newest = stored
            .iter()
            .filter(|piece| piece.kind == PieceKind::ContactLog)
            .map(|piece| piece.number)
            .max();

        let mut restored = Shard::restore(settings, KEY, &stored).unwrap();
        let goes = [3, 4].map(|position| {
            fold(&mut restored, position);
            let deletions = restored.checkpoint().deletions;
            deletions
                .iter()
                .filter(|deletion| deletion.kind == PieceKind::ContactLog)
                .map(|deletion| deletion.last)
                .max()
        });
        assert_eq!(goes, [None, newest], "a round writes one part here");
    }

    #[test]
    fn rows_of_the_history_that_are_not_stored_are_counted() {
        let settings = Settings::builder().history_interval_ms(900_000).build();
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
                // It books everyone up to here, so that the next finds nobody who has not changed.
                checkpoint = shard.checkpoint();
                assert_eq!(shard.unsaved_intervals(), 0);
            }
            let message = Message { value: Some(event.json.as_bytes()), headers: &[] };
            shard.fold(Format::CloudEvents, &message, Arrival { position, timestamp_ms: None });
        }
        let rows = |checkpoint: &Checkpoint| {
            (checkpoint.intervals.len(), checkpoint.agent_intervals.len())
        };
        let ((series, agents), before) = (rows(&checkpoint), shard.unsaved_intervals());
        assert!(series > 0 && agents > 0);
        shard.snapshot();
        let counted = shard.unsaved_intervals();
        assert!(counted >= before);
        let last = shard.checkpoint();
        let (more_series, more_agents) = rows(&last);
        assert!(more_series > 0 && more_agents > 0);
        assert_eq!(counted, more_series + more_agents);
        shard.give_back(last);
        assert_eq!(shard.unsaved_intervals(), counted);
    }

    #[test]
    fn pieces_of_an_older_ledger_are_read_and_written_as_those_of_today() {
        let settings = Arc::new(Settings::builder().build());
        let mut shard = Shard::new(settings.clone(), KEY);
        let start_ms = DEFAULT_START_MS + 9 * 3_600_000;
        let options = Options { start_ms, rate_scale: 5.0, ..Options::default() };
        for (position, event) in
            (0..).zip(Simulation::new(Scenario::OrdinaryDay, options).take(5_000))
        {
            let message = Message { value: Some(event.json.as_bytes()), headers: &[] };
            shard.fold(Format::CloudEvents, &message, Arrival { position, timestamp_ms: None });
        }
        let (new, mut pieces): (Vec<Piece>, Vec<Piece>) =
            shard.checkpoint().pieces.into_iter().partition(is_new);
        let mut old: Vec<Piece> = new.iter().flat_map(older).collect();
        assert!(old.len() > new.len(), "{} pieces, of which {} were made", new.len(), old.len());
        pieces.append(&mut old);

        let mut restored = Shard::restore(settings, KEY, &pieces).unwrap();
        assert_eq!(restored.snapshot(), shard.snapshot());
        let again = restored.checkpoint();
        // A pane in which as much ends as begins says nothing, and does not come back.
        let of_kind = |kind: PieceKind, pieces: &[Piece]| -> Vec<Piece> {
            pieces.iter().filter(|piece| piece.kind == kind).cloned().collect()
        };
        assert_eq!(
            of_kind(PieceKind::PaneSlice, &again.pieces),
            of_kind(PieceKind::PaneSlice, &new)
        );
        let numbers = |pieces| {
            of_kind(PieceKind::AgentTime, pieces)
                .iter()
                .map(|piece| piece.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(&again.pieces), numbers(&new));
        for kind in [PieceKind::Pane, PieceKind::DenseAgentTime] {
            let all = again
                .deletions
                .iter()
                .filter(|deletion| deletion.kind == kind && deletion.first == i64::MIN);
            assert_eq!(all.count(), 1, "{kind:?}");
        }
    }
}
