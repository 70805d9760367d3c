//! Times of contacts, set back with stream time.

use crate::contact::model::{Contact, Issue, Miss, PastVisit, Reply};
use crate::contact::table::Contacts;
use crate::time::Timestamp;

impl Contacts {
    /// Sets times after `to` back to it. Indexes, gauges and timers are then out of date: the
    /// contacts can only be written. `interval_of` returns the start of an interval of the history,
    /// which loses the intervals from `to` on.
    pub(crate) fn rewind(
        &mut self,
        to: Timestamp,
        interval_of: impl Fn(Timestamp) -> Option<Timestamp>,
    ) {
        let loses = |time| interval_of(time).is_some_and(|start| start >= to);
        for slot in 0..self.slots.len() as u32 {
            if let Some(Some((_, contact))) = self.slots.get_mut(slot) {
                contact.rewind(to, loses);
            }
        }
    }
}

impl Contact {
    /// Sets times after `to` back to it. What the false time has counted stays counted.
    fn rewind(&mut self, to: Timestamp, loses: impl Fn(Timestamp) -> bool) {
        let set_back = |time: &mut Timestamp| *time = (*time).min(to);
        set_back(&mut self.last_record);
        if let Some(started) = &mut self.started {
            set_back(&mut started.time);
        }
        if let Some(visit) = &mut self.visit {
            visit.marks.has_no_entry |= loses(visit.start);
            set_back(&mut visit.start);
            // A restore finds out whether the target has passed.
            visit.over_target = false;
            match &mut visit.miss {
                Miss::NotRecorded | Miss::BeforeRewind => {}
                Miss::Delayed { arrival } => set_back(arrival),
                // The windows begin again: a revocation would take the miss of another visit.
                Miss::RecordedAtTarget | Miss::RecordedAt { .. } => visit.miss = Miss::BeforeRewind,
            }
        }
        for PastVisit { start, end, .. } in self.last_end.iter_mut().chain(&mut self.other_ends) {
            set_back(start);
            set_back(end);
        }
        if let Some(held) = &mut self.held {
            set_back(&mut held.event_time);
            set_back(&mut held.stream_time);
        }
        for conversation in &mut self.conversations {
            set_back(&mut conversation.start);
        }
        if let Some(early_end) = &mut self.early_end {
            set_back(&mut early_end.event_time);
            set_back(&mut early_end.stream_time);
        }
        if let Some(early_reply) = &mut self.early_reply {
            set_back(&mut early_reply.event_time);
            set_back(&mut early_reply.stream_time);
        }
        if let Reply::BeforeStart { event_time, .. } = &mut self.reply {
            set_back(event_time);
        }
        match &mut self.issue {
            Issue::ResolvedBeforeStart { event_time, .. } => set_back(event_time),
            Issue::Open(issue) => {
                set_back(&mut issue.since);
                if let Some(counted) = &mut issue.counted {
                    counted.overdue = false;
                }
            }
            Issue::None | Issue::Resolved => {}
        }
    }
}
