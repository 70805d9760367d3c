//! One agent: its status, and the changes that are not booked.

use serde::{Deserialize, Serialize};

use crate::agent::head_time::HeadTime;
use crate::agent::queue_time::QueueTimes;
use crate::agent::status::{AgentStatus, TimedChange};
use crate::registry::LabelRegistry;
use crate::time::{TimeRange, Timestamp};
use crate::window::{PaneLayout, WindowCursor};

/// The labels, panes and business day that time is booked under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BookingContext<'a> {
    pub(crate) registry: &'a LabelRegistry,
    pub(crate) layout: &'a PaneLayout,
    pub(crate) cursor: &'a WindowCursor,
}

/// Where the time of an agent is booked.
pub(super) struct BookedTime<'a> {
    pub(super) queues: &'a mut QueueTimes,
    pub(super) heads: &'a mut HeadTime,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Agent {
    /// The status at `booked_to`.
    pub(super) booked: AgentStatus,
    pub(super) booked_to: Timestamp,
    /// Later changes, by event time and then log order.
    pub(super) timeline: Vec<TimedChange>,
}

impl Agent {
    /// Books the agent's time up to `end`; an earlier instant does nothing.
    pub(super) fn book(
        &mut self,
        context: BookingContext<'_>,
        booked: BookedTime<'_>,
        end: Timestamp,
    ) {
        if end <= self.booked_to {
            return;
        }
        let BookingContext { registry, layout, cursor } = context;
        let unbooked = TimeRange { start: self.booked_to, end };
        let BookedTime { queues, heads } = booked;
        let applied =
            self.booked.advance(&self.timeline, unbooked, |queue, state, time| match queue {
                Some(queue) => {
                    queues.book(registry.label_index(queue), layout, cursor, state, time);
                }
                None => heads.book(layout, state, time),
            });
        self.timeline.drain(..applied);
        self.booked_to = end;
    }

    /// Sets times after `to` back to it. What is booked stays booked up to `kept_to`, which is not
    /// before `to`: time up to there must not be booked twice.
    pub(super) fn rewind(&mut self, to: Timestamp, kept_to: Timestamp) {
        self.booked_to = self.booked_to.min(kept_to);
        self.booked.rewind(to);
        for change in &mut self.timeline {
            change.event_time = change.event_time.min(to);
        }
        // A timeline has only what is later than `booked_to`.
        let nothing = TimeRange { start: self.booked_to, end: self.booked_to };
        let applied = self.booked.advance(&self.timeline, nothing, |_, _, _| {});
        self.timeline.drain(..applied);
    }
}
