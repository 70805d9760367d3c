//! What is known of one contact.

use serde::{Deserialize, Serialize};

use crate::contact::ending::Ending;
use crate::event::ChannelId;
use crate::ids::{ContactKey, QueueId, SeriesId, SourceKey};

/// One contact. Instants are event times unless said otherwise.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    /// Hash of the contact id.
    pub(crate) key: ContactKey,
    /// Stream time just after the contact's last record.
    pub(crate) last_record_ms: i64,
    /// The instant of the contact's next timer; `i64::MAX` where none is set.
    #[serde(skip, default = "never")]
    pub(crate) armed_ms: i64,
    pub(crate) started: Option<Started>,
    pub(crate) visit: Option<Visit>,
    /// Queue and channel of the last visit, open or ended.
    pub(crate) last_visit: Option<(QueueId, ChannelId)>,
    /// The last ended visit.
    pub(crate) last_end: Option<PastVisit>,
    /// The last ended visits in other queues than that of `last_end`; empty for most contacts.
    pub(crate) other_ends: Vec<PastVisit>,
    pub(crate) held: Option<Box<Held>>,
    pub(crate) service: Option<Service>,
    /// An end that came while the contact was not in service.
    pub(crate) early_end: Option<Box<EarlyEnd>>,
    pub(crate) reply: Reply,
    pub(crate) issue: Issue,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) at_ms: i64,
    pub(crate) channel: ChannelId,
}

/// A stay in a queue that goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) queue: QueueId,
    pub(crate) series: SeriesId,
    pub(crate) start_ms: i64,
    /// Hash of the source that opened it.
    pub(crate) source: SourceKey,
    /// The service-level miss was recorded while waiting.
    pub(crate) missed: bool,
    /// Counted in `waiting_over_target`.
    pub(crate) over_target: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PastVisit {
    pub(crate) queue: QueueId,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

/// An ending whose start has not come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) queue: QueueId,
    pub(crate) ending: Ending,
    pub(crate) at_ms: i64,
    /// Stream time just after its meta.
    pub(crate) stream_ms: i64,
    /// It was late on meta.
    pub(crate) late: bool,
    /// Where its record stands in the log.
    pub(crate) log_position: i64,
}

/// A conversation that goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) since_ms: i64,
    pub(crate) series: SeriesId,
}

/// `contact.ended` of a contact that was not in service: its answer may still come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct EarlyEnd {
    pub(crate) at_ms: i64,
    pub(crate) queue: Option<QueueId>,
    pub(crate) hold_ms: u64,
    pub(crate) wrap_up_ms: u64,
    pub(crate) late: bool,
    /// It gave its talk time, and its handle time is counted.
    pub(crate) handled: bool,
}

/// The first answer sent to the citizen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    None,
    /// Sent at that time, to a contact whose start is not known yet.
    BeforeStart {
        at_ms: i64,
        queue: Option<QueueId>,
    },
    Done,
}

/// The issue of the contact, from start or reopening to resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Issue {
    None,
    Open(OpenIssue),
    /// Resolved at that time, before a start was known.
    ResolvedBeforeStart {
        at_ms: i64,
        queue: Option<QueueId>,
    },
    Resolved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenIssue {
    /// The start or the latest reopening.
    pub(crate) since_ms: i64,
    /// Where it counts as open; absent for phone and chat, whose matters are not counted as open.
    pub(crate) counted: Option<Counted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) series: SeriesId,
    /// The last instant at which it is not overdue; `i64::MAX` where it never is.
    pub(crate) due_ms: i64,
    pub(crate) overdue: bool,
}

fn never() -> i64 {
    i64::MAX
}

impl Contact {
    pub(crate) fn new(key: ContactKey, stream_ms: i64) -> Self {
        Contact {
            key,
            last_record_ms: stream_ms,
            armed_ms: i64::MAX,
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

    /// In no queue, in no service, and not waiting for a reply, a resolution or the start of a held ending.
    pub(crate) fn is_idle(&self) -> bool {
        let awaits_reply = self.reply == Reply::None
            && self.started.is_some_and(|started| !started.channel.is_immediate());
        let is_open = matches!(self.issue, Issue::Open(OpenIssue { counted: Some(_), .. }));
        self.visit.is_none()
            && self.service.is_none()
            && self.held.is_none()
            && !awaits_reply
            && !is_open
    }

    /// The series in which its issue counts as open.
    pub(crate) fn open_series(&self) -> Option<SeriesId> {
        match self.issue {
            Issue::Open(OpenIssue { counted: Some(counted), .. }) => Some(counted.series),
            _ => None,
        }
    }

    /// The last ended visit in a queue.
    pub(crate) fn past_visit(&self, queue: QueueId) -> Option<&PastVisit> {
        self.last_end.iter().chain(&self.other_ends).find(|past| past.queue == queue)
    }

    /// Remembers the end of a visit.
    pub(crate) fn remember_end(&mut self, past: PastVisit) {
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
