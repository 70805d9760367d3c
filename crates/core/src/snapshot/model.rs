//! The shape of a snapshot. Fields that end in `_ms` are milliseconds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{ChannelId, SelfServiceOutcome};
use crate::measures::{
    AgentWindow, FollowupSnapshot, Live, Observation, RecordTotals, Totals, WindowSnapshot,
};
use crate::time::Timestamp;

/// Numbers of one partition, or of several added together, as of their stream time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The smallest stream time of the partitions; `None` before the first record.
    pub stream_time: Option<Timestamp>,
    /// Per (queue, channel), sorted by queue and channel. Configured queues are always there.
    pub series: Vec<Arc<SeriesSnapshot>>,
    /// Per queue, sorted by queue: what has no channel. Configured queues are always there.
    pub queues: Vec<QueueSnapshot>,
    /// Contacts started, by [`ChannelId`].
    pub contacts_started: Vec<u64>,
    /// Self-service outcomes by entry point, indexed by [`SelfServiceOutcome::index`].
    pub self_service: BTreeMap<Arc<str>, [u64; SelfServiceOutcome::ALL.len()]>,
    /// Follow-ups by unit.
    pub followups: BTreeMap<Arc<str>, FollowupSnapshot>,
    /// What became of the records.
    pub records: RecordTotals,
    /// Clock differences that were negative or too far ahead.
    pub clock_skew: u64,
    /// Label sets that were folded into `other` because of a bound.
    pub series_refused: u64,
    /// Contacts in memory.
    pub open_contacts: u64,
    /// Contacts, agents or follow-ups forgotten or refused because of a bound.
    pub evicted: u64,
}

/// Numbers of one (queue, channel).
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSnapshot {
    /// Queue id (aliases resolved), `none` or `other`.
    pub queue: Arc<str>,
    /// Channel.
    pub channel: ChannelId,
    /// Since the beginning.
    pub totals: Totals,
    /// At stream time.
    pub live: Live,
    /// One per configured length, in configured order, then `today`.
    pub windows: Vec<WindowSnapshot>,
}

/// Numbers of one queue that have no channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueSnapshot {
    /// Queue id.
    pub queue: Arc<str>,
    /// The source's own count; the newest by event time where several partitions have one.
    pub observed: Option<Observation>,
    /// Agents by [`crate::event::AgentState::index`].
    pub agents: [u64; 5],
    /// Booked agent time by state.
    pub agent_ms: [u64; 5],
    /// Agent time per window, in the order of [`SeriesSnapshot::windows`].
    pub windows: Vec<AgentWindow>,
}
