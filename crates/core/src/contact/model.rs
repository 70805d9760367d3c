//! The state of one contact.

use serde::{Deserialize, Serialize};

use crate::contact::ending::Ending;
use crate::contact::event_context::Lateness;
use crate::event::ChannelId;
use crate::ids::{ContactKey, Offset, QueueId, SeriesId, SourceKey};
use crate::time::{Millis, Timestamp};

/// One contact. The times are event times unless a field says otherwise.
///
/// The ledger stores this struct by position: the order of fields and of variants must stay.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(super) key: ContactKey,
    /// Stream time just after the contact's last record, or at the loss of its visit if that is
    /// later.
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
    pub(super) service: Option<Service>,
    /// An end that came while the contact was not in service.
    pub(super) early_end: Option<Box<EarlyEnd>>,
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
    /// The service-level miss was counted while the contact waited.
    pub(super) missed: bool,
    /// The visit counts in `waiting_over_target`.
    pub(super) over_target: bool,
}

/// A visit that ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct PastVisit {
    pub(super) queue: QueueId,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

/// An ending whose start has not come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct HeldEnding {
    pub(super) queue: QueueId,
    pub(super) ending: Ending,
    pub(super) event_time: Timestamp,
    /// Stream time just after its record.
    pub(super) stream_time: Timestamp,
    /// The lateness of its record when it arrived.
    pub(super) lateness: Lateness,
    /// The position of its record in the log.
    pub(super) offset: Offset,
}

/// A conversation that goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Service {
    pub(super) start: Timestamp,
    pub(super) series: SeriesId,
}

/// `contact.ended` of a contact that was not in service: its answer may still come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct EarlyEnd {
    pub(super) event_time: Timestamp,
    pub(super) queue: Option<QueueId>,
    pub(super) hold: Millis,
    pub(super) wrap_up: Millis,
    pub(super) lateness: Lateness,
    /// The event had a talk time, so that the handle time is counted already.
    pub(super) handled: bool,
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
            service: None,
            early_end: None,
            reply: Reply::None,
            issue: Issue::None,
        }
    }

    /// Returns whether the contact is in no queue and not in service, and awaits no reply, no
    /// resolution and no start of a held ending.
    pub(super) fn is_idle(&self) -> bool {
        let awaits_reply = self.reply == Reply::None
            && self.issue != Issue::Resolved
            && self.started.is_some_and(|started| !started.channel.is_immediate());
        self.visit.is_none()
            && self.service.is_none()
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
