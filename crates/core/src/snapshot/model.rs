//! The shape of a snapshot. Fields that end in `_ms` are in milliseconds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{ChannelId, SelfServiceOutcome};
use crate::measures::{
    AgentWindow, FollowupSnapshot, Live, Observation, RecordTotals, Totals, WindowSnapshot,
};
use crate::time::Timestamp;

/// The numbers of one partition as of its stream time, or the sum of several partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The smallest stream time of the partitions; `None` before the first record.
    pub stream_time: Option<Timestamp>,
    /// Numbers per (queue, channel), sorted by queue and channel. Every configured queue is
    /// included.
    pub series: Vec<Arc<SeriesSnapshot>>,
    /// Numbers per queue that have no channel, sorted by queue. Every configured queue is included.
    pub queues: Vec<QueueSnapshot>,
    /// Started contacts, by [`ChannelId`].
    pub contacts_started: Vec<u64>,
    /// Self-service outcomes by entry point, indexed by [`SelfServiceOutcome::index`].
    pub self_service: BTreeMap<Arc<str>, [u64; SelfServiceOutcome::ALL.len()]>,
    /// Follow-ups by unit.
    pub followups: BTreeMap<Arc<str>, FollowupSnapshot>,
    /// Records by result.
    pub records: RecordTotals,
    /// Time differences between events that were negative, and event times that were too far ahead.
    pub clock_skew: u64,
    /// Label sets past a bound; their numbers count under the label `other`.
    pub series_refused: u64,
    /// Contacts in memory.
    pub open_contacts: u64,
    /// Contacts, agents and follow-ups that were forgotten or refused because of a bound.
    pub evicted: u64,
}

/// The numbers of one (queue, channel).
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSnapshot {
    /// Queue id after aliases, `none` (no queue) or `other` (past the bound).
    pub queue: Arc<str>,
    /// Channel of the series.
    pub channel: ChannelId,
    /// Counts since the first record.
    pub totals: Totals,
    /// Live gauges at stream time.
    pub live: Live,
    /// One window per configured length, in configured order, then `today`.
    pub windows: Vec<WindowSnapshot>,
}

/// The numbers of one queue that have no channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueSnapshot {
    /// Queue id after aliases, `none` (no queue) or `other` (past the bound).
    pub queue: Arc<str>,
    /// Waiting contacts by the count of the source. Of several partitions, the newest observation
    /// by event time counts.
    pub observed: Option<Observation>,
    /// Number of agents at stream time, by [`crate::event::AgentState::index`].
    pub agents: [u64; 5],
    /// Booked agent time since the first record, by [`crate::event::AgentState::index`].
    pub agent_ms: [u64; 5],
    /// The part of `agent_ms` in pauses, by reason; only reasons that occurred.
    pub paused_ms: BTreeMap<Arc<str>, u64>,
    /// Agent time per window, in the order of [`SeriesSnapshot::windows`].
    pub windows: Vec<AgentWindow>,
}
