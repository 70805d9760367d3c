//! The state of one contact.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::contact::ending::Ending;
use crate::contact::event_context::{Lateness, Origin};
use crate::event::{ChannelId, EndedBy, LeftReason};
use crate::ids::{AgentKey, ContactKey, Offset, QueueId, SeriesId, SourceKey};
use crate::time::{Millis, Timestamp};

/// One contact. The times are event times unless a field says otherwise.
///
/// The ledger stores this struct by position: the order of fields and of variants must stay.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(super) key: ContactKey,
    /// Stream time just after the contact's last record, or at the loss of its visit, or at the end
    /// of its conversation without a record of its own, whichever is latest.
    pub(super) last_record: Timestamp,
    /// When the contact's next timer fires; [`Timestamp::MAX`] if none is set.
    #[serde(skip, default = "never")]
    pub(super) next_timer: Timestamp,
    pub(super) started: Option<Started>,
    pub(super) visit: Option<Visit>,
    /// Queue and channel of the last visit, open or ended.
    pub(super) last_visit: Option<(QueueId, ChannelId)>,
    /// The last visit that ended.
    pub(super) last_end: Option<PastVisit>,
    /// The last visits that ended in other queues than `last_end`; empty for most contacts.
    pub(super) other_ends: Vec<PastVisit>,
    pub(super) held: Option<Box<HeldEnding>>,
    /// In the order in which they were opened. Most contacts have at most one.
    pub(super) conversations: SmallVec<[Conversation; 1]>,
    /// An end that found no conversation.
    pub(super) early_end: Option<Box<EarlyEnd>>,
    /// A reply that has answered no visit.
    pub(super) early_reply: Option<Box<EarlyReply>>,
    pub(super) reply: Reply,
    pub(super) issue: Issue,
}

/// The start of a contact.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) time: Timestamp,
    pub(super) channel: ChannelId,
}

/// An open visit.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Visit {
    pub(super) queue: QueueId,
    pub(super) series: SeriesId,
    pub(super) start: Timestamp,
    /// The source that opened it.
    pub(super) source: SourceKey,
    pub(super) miss: Miss,
    /// The visit counts in `waiting_over_target`.
    pub(super) over_target: bool,
    pub(super) marks: VisitMarks,
}

/// What an open visit is, apart from its times. Stored as one byte, whose first bit was all of it
/// in older ledgers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub(super) struct VisitMarks {
    /// The contact's early end is the pending ending of the visit, which does not wait any more.
    pub(super) is_pending: bool,
    /// The citizen does not wait on the line, but is called back.
    pub(super) is_callback: bool,
    /// The history does not have the entry, because stream time was set back before it.
    pub(super) has_no_entry: bool,
    /// `is_callback` is known: the visit did not enter with a program that did not keep it.
    pub(super) knows_callback: bool,
}

impl VisitMarks {
    /// Those of a visit that enters.
    pub(super) const ENTERED: Self = VisitMarks {
        is_pending: false,
        is_callback: false,
        has_no_entry: false,
        knows_callback: true,
    };
}

impl From<u8> for VisitMarks {
    fn from(bits: u8) -> Self {
        VisitMarks {
            is_pending: bits & 1 != 0,
            is_callback: bits & 2 != 0,
            has_no_entry: bits & 4 != 0,
            knows_callback: bits & 8 != 0,
        }
    }
}

impl From<VisitMarks> for u8 {
    fn from(marks: VisitMarks) -> u8 {
        let VisitMarks { is_pending, is_callback, has_no_entry, knows_callback } = marks;
        let bits = [is_pending, is_callback, has_no_entry, knows_callback];
        bits.into_iter().rev().fold(0, |all, bit| all << 1 | u8::from(bit))
    }
}

/// The service-level miss of an open visit. In older ledgers it is a `bool`, which has the stored
/// bytes of the first two variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Miss {
    /// It is not recorded.
    NotRecorded,
    /// It was recorded by an older program, at start + T.
    RecordedAtTarget,
    /// It is not recorded. Stream time was past the target or the longest wait when the start
    /// arrived.
    Delayed { arrival: Timestamp },
    /// It was recorded at this event time.
    RecordedAt { time: Timestamp },
    /// It was recorded before stream time was set back, which has taken it out of the windows and
    /// the history. It stays counted, and nothing revokes it.
    BeforeRewind,
}

/// A visit that ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct PastVisit {
    pub(super) queue: QueueId,
    pub(super) channel: ChannelId,
    pub(super) talk: Talk,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

/// The conversation that followed a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Talk {
    /// The visit was not answered.
    None,
    /// The visit was answered. No end has ended the conversation; it may have been dropped.
    Begun,
    /// An end or a blind transfer has ended a conversation of the queue since the visit ended.
    Ended,
}

/// An ending whose start has not come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct HeldEnding {
    pub(super) queue: QueueId,
    pub(super) ending: Ending,
    pub(super) event_time: Timestamp,
    /// Stream time just after its record.
    pub(super) stream_time: Timestamp,
    /// How it counts once it is decided.
    pub(super) count: HeldCount,
    /// The position of its record in the log.
    pub(super) offset: Offset,
}

/// The lateness of a held ending when it arrived, and what it is of its record. The first two
/// variants have the stored bytes of [`Lateness`], which older ledgers have in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum HeldCount {
    InTime,
    Late,
    PartInTime,
    PartLate,
}

impl HeldCount {
    pub(super) fn new(lateness: Lateness, origin: Origin) -> Self {
        match (origin, lateness) {
            (Origin::Record, Lateness::InTime) => HeldCount::InTime,
            (Origin::Record, Lateness::Late) => HeldCount::Late,
            (Origin::Part, Lateness::InTime) => HeldCount::PartInTime,
            (Origin::Part, Lateness::Late) => HeldCount::PartLate,
        }
    }

    pub(super) fn lateness(self) -> Lateness {
        match self {
            HeldCount::InTime | HeldCount::PartInTime => Lateness::InTime,
            HeldCount::Late | HeldCount::PartLate => Lateness::Late,
        }
    }

    /// Returns the number of records that the ending counts for: 0 where another event of its
    /// record does.
    pub(super) fn of_records(self) -> u64 {
        u64::from(self.origin() == Origin::Record)
    }

    pub(super) fn origin(self) -> Origin {
        match self {
            HeldCount::InTime | HeldCount::Late => Origin::Record,
            HeldCount::PartInTime | HeldCount::PartLate => Origin::Part,
        }
    }
}

/// A conversation that goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Conversation {
    pub(super) start: Timestamp,
    pub(super) queue: QueueId,
    pub(super) series: SeriesId,
    /// The source of the visit.
    pub(super) source: SourceKey,
    /// [`NO_AGENT`] where no agent is to be freed at the end. An `Option` would need another 16
    /// bytes.
    pub(super) agent: AgentKey,
    /// The record with which it began. With the contact, it identifies the call of the agent.
    pub(super) call: Offset,
}

/// The agent of a conversation without a known agent.
pub(super) const NO_AGENT: AgentKey = AgentKey(0);

/// `contact.ended` without a conversation: the answer may still come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct EarlyEnd {
    pub(super) event_time: Timestamp,
    /// Stream time just after its record.
    pub(super) stream_time: Timestamp,
    pub(super) queue: Option<QueueId>,
    pub(super) parts: HandleParts,
    pub(super) ended_by: Option<EndedBy>,
    pub(super) lateness: Lateness,
    pub(super) stage: EndStage,
}

/// What has become of an early end. In older ledgers it is a `bool` that tells whether the grace is
/// over, which has the stored bytes of the first two variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum EndStage {
    /// Its answer may still come, or it is the pending ending of a visit.
    Open,
    /// The grace is over: the end and a given talk time are counted.
    Settled,
    /// It has ended conversations, where it is counted, and is the pending ending of a visit too.
    OpenBeside,
}

impl EarlyEnd {
    /// Returns whether the grace is over.
    pub(super) fn is_settled(&self) -> bool {
        self.stage == EndStage::Settled
    }

    /// Returns the party under which the end is still to be counted.
    pub(super) fn uncounted_party(&self) -> Option<EndedBy> {
        self.ended_by.filter(|_| self.stage == EndStage::Open)
    }

    /// Returns whether the end can be the pending ending of a visit.
    pub(super) fn concerns(&self, visit: &Visit) -> bool {
        !self.is_settled()
            && visit.start <= self.event_time
            && self.queue.is_none_or(|queue| queue == visit.queue)
    }

    /// Returns how a visit ends if nothing else ends it.
    pub(super) fn implied_ending(&self) -> Ending {
        let has_talk = self.parts.talk.is_some_and(|talk| talk > Millis::ZERO);
        match self.ended_by {
            Some(EndedBy::Agent) => Ending::Answered(None),
            _ if has_talk => Ending::Answered(None),
            Some(EndedBy::System) => Ending::Left(LeftReason::Closed),
            Some(EndedBy::Customer) | None => Ending::Abandoned,
        }
    }

    /// Returns when a visit ends if nothing else ends it.
    pub(super) fn implied_time(&self, visit: &Visit) -> Timestamp {
        match self.implied_ending() {
            Ending::Answered(_) => {
                let served = self.parts.sum(self.parts.talk.unwrap_or_default());
                self.event_time.saturating_sub(served).max(visit.start)
            }
            _ => self.event_time,
        }
    }
}

/// A reply that has answered no visit: the start of its visit may still come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct EarlyReply {
    pub(super) event_time: Timestamp,
    /// Stream time just after its record.
    pub(super) stream_time: Timestamp,
    pub(super) queue: Option<QueueId>,
    pub(super) lateness: Lateness,
}

/// The parts of a handle time.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct HandleParts {
    /// Without it, talk is the difference of the times.
    pub(crate) talk: Option<Millis>,
    pub(crate) hold: Millis,
    pub(crate) wrap_up: Millis,
}

impl HandleParts {
    /// Returns the sum of the parts, with `talk` as the talk time.
    pub(super) fn sum(&self, talk: Millis) -> Millis {
        talk.saturating_add(self.hold).saturating_add(self.wrap_up)
    }
}

/// The first answer sent to the citizen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    None,
    /// Sent before the start of the contact was known.
    BeforeStart {
        event_time: Timestamp,
        queue: Option<QueueId>,
    },
    Done,
}

/// The issue of the contact, from start or reopening to resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Issue {
    None,
    Open(OpenIssue),
    /// Resolved before the start of the contact was known.
    ResolvedBeforeStart {
        event_time: Timestamp,
        queue: Option<QueueId>,
    },
    Resolved,
}

/// An issue that is not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenIssue {
    /// The start or the latest reopening.
    pub(super) since: Timestamp,
    /// Where it counts as open; `None` for immediate channels, whose issues are not counted.
    pub(super) counted: Option<Counted>,
}

/// The place of an open issue in the gauges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) series: SeriesId,
    /// The last instant at which the issue is not overdue; [`Timestamp::MAX`] if it never is.
    pub(super) due: Timestamp,
    pub(super) overdue: bool,
}

fn never() -> Timestamp {
    Timestamp::MAX
}

impl Visit {
    /// Returns whether a miss was recorded while the contact waited.
    pub(super) fn is_missed(&self) -> bool {
        !matches!(self.miss, Miss::NotRecorded | Miss::Delayed { .. })
    }

    /// Returns the event time of the miss that was recorded while the contact waited, if one was
    /// that can be revoked. `target` is start + T.
    pub(super) fn revocable_miss(&self, target: Timestamp) -> Option<Timestamp> {
        match self.miss {
            Miss::NotRecorded | Miss::Delayed { .. } | Miss::BeforeRewind => None,
            Miss::RecordedAtTarget => Some(target),
            Miss::RecordedAt { time } => Some(time),
        }
    }

    /// Returns when a timeout of the wait may act: at `due`, but for a start that arrived after
    /// `limit` only once stream time is more than `reorder_grace` past that arrival, because the
    /// ending may follow soon.
    pub(super) fn timeout(
        &self,
        limit: Timestamp,
        due: Timestamp,
        reorder_grace: Millis,
    ) -> Timestamp {
        match self.miss {
            Miss::Delayed { arrival } if arrival > limit => {
                due.max(arrival.just_after(reorder_grace))
            }
            _ => due,
        }
    }
}

impl Contact {
    /// Creates a contact without any history.
    pub(super) fn new(key: ContactKey, stream_time: Timestamp) -> Self {
        Contact {
            key,
            last_record: stream_time,
            next_timer: never(),
            started: None,
            visit: None,
            last_visit: None,
            last_end: None,
            other_ends: Vec::new(),
            held: None,
            conversations: SmallVec::new(),
            early_end: None,
            early_reply: None,
            reply: Reply::None,
            issue: Issue::None,
        }
    }

    /// Returns whether the contact is in no queue and not in service, and awaits no reply, no
    /// resolution, no start of a held ending and no answer of an early end within the grace.
    pub(super) fn is_idle(&self) -> bool {
        let awaits_reply = self.reply == Reply::None
            && self.issue != Issue::Resolved
            && self.started.is_some_and(|started| !started.channel.is_immediate());
        self.visit.is_none()
            && self.conversations.is_empty()
            && self.early_end.as_ref().is_none_or(|end| end.is_settled())
            && self.held.is_none()
            && !awaits_reply
            && self.open_series().is_none()
    }

    /// Returns the series in which the contact's issue counts as open.
    pub(super) fn open_series(&self) -> Option<SeriesId> {
        match self.issue {
            Issue::Open(OpenIssue { counted: Some(counted), .. }) => Some(counted.series),
            _ => None,
        }
    }

    /// Returns the last visit that ended in a queue.
    pub(super) fn past_visit(&self, queue: QueueId) -> Option<&PastVisit> {
        self.last_end.iter().chain(&self.other_ends).find(|past| past.queue == queue)
    }

    /// Returns the last visit that ended in a queue, to be changed.
    pub(super) fn past_visit_mut(&mut self, queue: QueueId) -> Option<&mut PastVisit> {
        self.last_end.iter_mut().chain(&mut self.other_ends).find(|past| past.queue == queue)
    }

    /// Returns the pending ending of the open visit.
    pub(super) fn pending_end(&self) -> Option<&EarlyEnd> {
        self.visit.filter(|visit| visit.marks.is_pending)?;
        self.early_end.as_deref()
    }

    /// Returns whether the contact has an open visit that began after `time`.
    pub(super) fn waits_since_after(&self, time: Timestamp) -> bool {
        self.visit.is_some_and(|visit| visit.start > time)
    }

    /// Returns whether the contact is in service in a queue.
    pub(super) fn is_in_service(&self, queue: QueueId) -> bool {
        self.conversations.iter().any(|conversation| conversation.queue == queue)
    }

    /// Remembers a visit that ended.
    pub(super) fn remember_end(&mut self, past: PastVisit) {
        /// Past this many queues, the oldest end is forgotten.
        const OTHER_ENDS_MAX: usize = 64;
        self.other_ends.retain(|other| other.queue != past.queue);
        if let Some(before) = self.last_end.replace(past)
            && before.queue != past.queue
        {
            if self.other_ends.len() == OTHER_ENDS_MAX {
                self.other_ends.remove(0);
            }
            self.other_ends.push(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::append;

    #[test]
    fn miss_has_the_stored_bytes_of_the_bool_in_older_ledgers() {
        for (miss, missed) in [(Miss::NotRecorded, false), (Miss::RecordedAtTarget, true)] {
            assert_eq!(append(Vec::new(), &miss), append(Vec::new(), &missed));
        }
    }

    #[test]
    fn marks_have_the_stored_bits_of_older_ledgers_which_may_not_know_a_callback() {
        for bits in 0..16 {
            assert_eq!(u8::from(VisitMarks::from(bits)), bits);
        }
        let older = VisitMarks::from(1);
        assert_eq!(older, VisitMarks { is_pending: true, ..VisitMarks::default() });
        assert!(!older.knows_callback && VisitMarks::ENTERED.knows_callback);
    }

    #[test]
    fn stage_of_an_early_end_has_the_stored_bytes_of_the_bool_in_older_ledgers() {
        for (stage, is_settled) in [(EndStage::Open, false), (EndStage::Settled, true)] {
            assert_eq!(append(Vec::new(), &stage), append(Vec::new(), &is_settled));
        }
    }
}
