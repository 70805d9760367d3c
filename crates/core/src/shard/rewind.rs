//! Stream time that is in the future, set back.
//!
//! A wrong clock can have moved stream time ahead of the real time. All that is counted stays
//! counted; what depends on the present begins again at the time that is set.

use crate::shard::fold::Shard;
use crate::state::Checkpoint;
use crate::time::Timestamp;

impl Shard {
    /// Sets stream time back to `to` if it is later, and returns the whole state to be stored.
    ///
    /// Counters, open visits, issues, follow-ups and remembered identities stay. Windows begin
    /// again, `today` only if it is another business day. Times of the state that are after `to`
    /// become `to`; observations after it are dropped. Agent time that is booked past `to` is not
    /// booked again in the interval of the history that contains `to`: the ledger keeps that row.
    pub fn rewind(mut self, to: Timestamp) -> Checkpoint {
        let state = &mut self.state;
        state.nothing_stored = true;
        if state.stream_time.is_none_or(|stream_time| stream_time <= to) {
            return self.checkpoint();
        }
        state.stream_time = None;
        state.move_stream(&self.settings, to);
        for series in &mut state.series {
            series.windows.rewind(&state.layout, &state.cursor);
        }
        state.contacts.rewind(to, |time| state.layout.interval_of(time));
        state.agents.rewind(to, state.layout.interval_from(to));
        state.followups.rewind(to);
        state.ids.rewind(to);
        for observed in &mut state.observed {
            *observed = observed.filter(|observed| observed.event_time <= to);
        }
        self.checkpoint()
    }
}
