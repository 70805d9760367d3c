//! The effects that the life of contacts has outside of a contact.

use crate::contact::event_context::{Lateness, Origin};
use crate::contact::live::LiveSeries;
use crate::contact::open_visits::OpenVisits;
use crate::ids::{AgentKey, CallId, Offset, QueueId, SeriesId};
use crate::measures::{EventTotals, Fact};
use crate::settings::WindowSettings;
use crate::time::{Millis, Timestamp};

/// How long the core waits for records, and remembers contacts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(super) miss_grace: Millis,
    pub(super) reorder_grace: Millis,
    pub(super) dedup_horizon: Millis,
}

/// The results of held endings since the shard last took them.
#[derive(Debug, Default)]
pub(crate) struct HeldOutcomes {
    pub(crate) applied: u64,
    pub(crate) late: u64,
    /// Orphans that are not counted yet.
    pub(crate) new_orphans: u64,
    /// The results of the events.
    pub(crate) events: EventTotals,
    /// Offsets of orphans that are not dead-lettered yet.
    pub(crate) orphans: Vec<Offset>,
}

impl HeldOutcomes {
    /// Counts a held ending whose start came.
    pub(super) fn applied(&mut self, lateness: Lateness, origin: Origin) {
        let (record, event) = match lateness {
            Lateness::InTime => (&mut self.applied, &mut self.events.applied),
            Lateness::Late => (&mut self.late, &mut self.events.late),
        };
        *record += u64::from(origin == Origin::Record);
        *event += 1;
    }

    /// Counts a held ending whose start did not come.
    pub(super) fn orphan(&mut self, offset: Offset, origin: Origin) {
        self.new_orphans += u64::from(origin == Origin::Record);
        self.events.rejected += 1;
        self.orphans.push(offset);
    }
}

/// The begin or the end of an agent's call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallEffect {
    pub(crate) agent: AgentKey,
    pub(crate) event_time: Timestamp,
    pub(crate) change: CallChange,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallChange {
    /// A call of that queue began. It ends at `until` at the latest.
    Begun {
        id: CallId,
        queue: QueueId,
        until: Timestamp,
    },
    Ended {
        id: CallId,
    },
}

/// The facts, live gauges and counters that contacts produce.
#[derive(Debug)]
pub(crate) struct Effects {
    /// The shard applies and clears the facts before it returns from a record.
    pub(crate) facts: Vec<Fact>,
    /// The shard hands them to the agents before it returns from a record.
    pub(crate) calls: Vec<CallEffect>,
    pub(super) live: Vec<LiveSeries>,
    /// A series whose oldest-trackers hold too many stale entries.
    pub(super) bloated: Option<SeriesId>,
    pub(super) open_visits: OpenVisits,
    /// Negative time differences.
    pub(crate) clock_skew: u64,
    /// Endings that wait for their start.
    pub(crate) held: u64,
    pub(crate) held_outcomes: HeldOutcomes,
    pub(super) timeouts: Timeouts,
}

impl Effects {
    /// Creates effects without any content.
    pub(super) fn new(windows: &WindowSettings) -> Self {
        Effects {
            facts: Vec::new(),
            calls: Vec::new(),
            live: Vec::new(),
            bloated: None,
            open_visits: OpenVisits::default(),
            clock_skew: 0,
            held: 0,
            held_outcomes: HeldOutcomes::default(),
            timeouts: Timeouts {
                miss_grace: windows.miss_grace,
                reorder_grace: windows.reorder_grace,
                dedup_horizon: windows.dedup_horizon,
            },
        }
    }

    /// Returns the live gauges of a series.
    pub(super) fn live(&mut self, series: SeriesId) -> &mut LiveSeries {
        if self.live.len() <= series.index() {
            self.live.resize_with(series.index() + 1, LiveSeries::default);
        }
        &mut self.live[series.index()]
    }

    /// Returns `to - from`. A negative difference is 0 and counts as clock skew.
    pub(super) fn difference(&mut self, from: Timestamp, to: Timestamp) -> Millis {
        self.clock_skew += u64::from(to < from);
        to.since(from)
    }
}
