//! The restore of a shard from its stored chunks.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::bounded_labels::BoundedLabels;
use crate::ids::OverflowScheme;
use crate::measures::WindowCounts;
use crate::settings::Settings;
use crate::shard::checkpoint::{ShardHeader, StoredSeries};
use crate::shard::fold::Shard;
use crate::shard::series::{Bounds, Series};
use crate::shard::state::State;
use crate::state::{
    ChunkKind, PositionalTotals, PositionalWindowCounts, RestoreError, StateChunk, read, take,
};
use crate::window::series_of_pane;

impl Shard {
    /// Restores a shard from all its chunks. The settings may differ from those of the stored
    /// shard, but their channels must begin with the stored ones.
    ///
    /// # Errors
    /// [`RestoreError`] where a chunk is absent or unreadable, where the chunks do not fit
    /// together, or where the channels differ.
    pub fn restore(
        settings: Arc<Settings>,
        hash_key: [u8; 16],
        chunks: &[StateChunk],
    ) -> Result<Self, RestoreError> {
        let mut shard = Shard::new(settings.clone(), hash_key);
        let header = chunks.iter().find(|chunk| chunk.kind == ChunkKind::ShardHeader);
        let header = header.ok_or(RestoreError::Missing(ChunkKind::ShardHeader))?;
        let (header, scheme, entry_points) = read_header(header)?;
        let configured: Vec<String> = settings.channels.names().map(str::to_owned).collect();
        if !configured.starts_with(&header.channels) {
            return Err(RestoreError::OtherChannels { stored: header.channels, configured });
        }
        let state = &mut shard.state;
        state.nothing_stored = false;
        state.next_offset = header.next_offset;
        state.checkpoint = header.checkpoint;
        if let Some(stream_time) = header.stream_time {
            state.move_stream(&settings, stream_time);
        }
        state.registry.restore(header.names, scheme);
        state.contacts.set_header(header.contacts);
        state.agents.set_header(header.agents);
        state.followups.set_header(header.followups, &header.bounds.response);
        let known = header.contacts_started.len().min(state.contacts_started.len());
        state.contacts_started[..known].copy_from_slice(&header.contacts_started[..known]);
        state.self_service.restore(header.self_service);
        match entry_points {
            Some(entry_points) => state.entry_points.restore(entry_points),
            None => state.self_service.retain(|outcomes| outcomes.iter().any(|count| *count > 0)),
        }
        state.observed = header.observed;
        state.records = header.records;
        state.clock_skew = header.clock_skew;
        state.restore_chunks(chunks, &header.bounds, header.pane_ms)?;
        Ok(shard)
    }
}

type StoredHeader = (ShardHeader, OverflowScheme, Option<BoundedLabels<()>>);

/// Reads the header, the scheme of the queues past the bound, and the entry points of starts. Older
/// ledgers have no scheme; then it is [`OverflowScheme::Unkeyed`]. Those without entry points have
/// them among those of self-service.
fn read_header(chunk: &StateChunk) -> Result<StoredHeader, RestoreError> {
    let mut bytes = chunk.bytes.as_slice();
    let header = take(chunk, &mut bytes)?;
    let scheme = if bytes.is_empty() { OverflowScheme::Unkeyed } else { take(chunk, &mut bytes)? };
    let entry_points = if bytes.is_empty() { None } else { Some(take(chunk, &mut bytes)?) };
    Ok((header, scheme, entry_points))
}

/// Returns the series at `index` if its totals are restored. Every series with facts has stored
/// totals; without them its counts would start at 0 again.
fn booked<'s>(
    series: &'s mut [Series],
    has_totals: &[bool],
    index: usize,
) -> Option<&'s mut Series> {
    series.get_mut(index).filter(|_| has_totals.get(index) == Some(&true))
}

impl State {
    /// Restores everything but the header. `bounds` and `pane_ms` are those of the stored shard.
    fn restore_chunks(
        &mut self,
        chunks: &[StateChunk],
        bounds: &Bounds,
        pane_ms: i64,
    ) -> Result<(), RestoreError> {
        self.add_missing_series();
        let mut sorted: Vec<&StateChunk> = chunks.iter().collect();
        // The other chunks of a series need its totals, so the totals come first.
        let is_series = |kind| matches!(kind, ChunkKind::PositionalSeries | ChunkKind::Series);
        sorted.sort_by_key(|chunk| (!is_series(chunk.kind), chunk.kind, chunk.number));
        self.ids.restore(&sorted)?;
        let mut has_totals = vec![false; self.series.len()];
        for chunk in &sorted {
            let inconsistent =
                || RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number };
            match chunk.kind {
                ChunkKind::PositionalSeries => {
                    let stored: StoredSeries<PositionalTotals, PositionalWindowCounts> =
                        read(chunk)?;
                    let day = stored.day.map(WindowCounts::from);
                    let stored = StoredSeries { totals: stored.totals.into(), day };
                    self.restore_series(chunk, stored, bounds, &mut has_totals)?;
                    // The next checkpoint writes the series in the current form.
                    self.nothing_stored = true;
                }
                ChunkKind::Series => {
                    self.restore_series(chunk, read(chunk)?, bounds, &mut has_totals)?;
                }
                ChunkKind::Pane if pane_ms == self.layout.pane_width_ms() => {
                    let index = series_of_pane(chunk.number);
                    let series =
                        booked(&mut self.series, &has_totals, index).ok_or_else(inconsistent)?;
                    series.windows.restore_pane::<PositionalWindowCounts>(
                        &self.layout,
                        chunk,
                        &mut chunk.bytes.as_slice(),
                    )?;
                    self.nothing_stored = true;
                }
                ChunkKind::PositionalPaneSlice if pane_ms == self.layout.pane_width_ms() => {
                    self.restore_slice::<PositionalWindowCounts>(chunk, &has_totals)?;
                    self.nothing_stored = true;
                }
                ChunkKind::PaneSlice if pane_ms == self.layout.pane_width_ms() => {
                    self.restore_slice::<WindowCounts>(chunk, &has_totals)?;
                }
                // Comes after the series, because it replaces the native counts of the totals.
                ChunkKind::SeriesNative => {
                    let index = usize::try_from(chunk.number).map_err(|_| inconsistent())?;
                    let series =
                        booked(&mut self.series, &has_totals, index).ok_or_else(inconsistent)?;
                    series.totals.set_natives(read(chunk)?);
                }
                ChunkKind::Agents
                | ChunkKind::AgentTime
                | ChunkKind::PauseReasons
                | ChunkKind::PauseTime => self.agents.restore(chunk)?,
                ChunkKind::DenseAgentTime | ChunkKind::OneCallAgents | ChunkKind::PlainAgents => {
                    self.agents.restore(chunk)?;
                    self.nothing_stored = true;
                }
                ChunkKind::UnitNative => self.followups.restore_natives(chunk)?,
                ChunkKind::Followups => self.followups.restore(chunk)?,
                ChunkKind::RecordCounts => self.records.set_named(read(chunk)?),
                ChunkKind::ShardHeader
                | ChunkKind::ContactLog
                | ChunkKind::ContactPart
                | ChunkKind::SingleContactLog
                | ChunkKind::SingleContactPart
                | ChunkKind::Ids
                | ChunkKind::Pane
                | ChunkKind::PositionalPaneSlice
                | ChunkKind::PaneSlice => {}
            }
        }
        self.followups.rebuild_indexes();
        if pane_ms != self.layout.pane_width_ms() {
            // Stored panes are not valid for another width. The next checkpoint replaces
            // everything.
            self.agents.forget_panes();
            self.nothing_stored = true;
        }
        let context = self.context_of_time(self.stream_time.unwrap_or_default());
        // Under changed settings, a restore can apply timeouts and their facts. The next checkpoint
        // then replaces the stored contacts, so that a second restore does not apply the facts
        // again.
        self.nothing_stored |= !self.contacts.restore(&sorted, &mut self.registry, &context)?;
        self.apply_effects(context.stream_time);
        Ok(())
    }

    /// Restores the totals and the business day of one series. `bounds` are those of the stored
    /// shard; the totals are moved to the bounds of the settings.
    fn restore_series(
        &mut self,
        chunk: &StateChunk,
        stored: StoredSeries,
        bounds: &Bounds,
        has_totals: &mut [bool],
    ) -> Result<(), RestoreError> {
        let inconsistent = || RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number };
        let index = usize::try_from(chunk.number).map_err(|_| inconsistent())?;
        let series = self.series.get_mut(index).ok_or_else(inconsistent)?;
        has_totals[index] = true;
        series.totals = stored.totals;
        bounds.move_totals(&mut series.totals, &self.bounds);
        self.bounds.natives_from_classic(&mut series.totals);
        series.windows.set_day(stored.day);
        Ok(())
    }

    /// Restores one pane of all series, with its counts in the form `C`.
    fn restore_slice<C: Into<WindowCounts> + DeserializeOwned>(
        &mut self,
        chunk: &StateChunk,
        has_totals: &[bool],
    ) -> Result<(), RestoreError> {
        let inconsistent = || RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number };
        let mut bytes = chunk.bytes.as_slice();
        while !bytes.is_empty() {
            let index: u32 = take(chunk, &mut bytes)?;
            let series =
                booked(&mut self.series, has_totals, index as usize).ok_or_else(inconsistent)?;
            series.windows.restore_pane::<C>(&self.layout, chunk, &mut bytes)?;
        }
        Ok(())
    }
}
