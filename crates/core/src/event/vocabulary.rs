//! The vocabulary of the event contract as types. A value of these types has passed validation.

use std::borrow::Cow;

use crate::event::labels::labels;
use crate::event::optional_field::FieldFaults;
use crate::time::{Millis, Timestamp};

/// A text of 1 to 256 bytes, borrowed from the message unless it has escapes.
pub type Text<'a> = Cow<'a, str>;

/// One accepted record: its identity, its time and its payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The system that wrote the record; `id` is unique in it.
    pub source: Text<'a>,
    /// The id of the record in its source.
    pub id: Text<'a>,
    /// The event time. Without one, the time of the message counts.
    pub time: Option<Timestamp>,
    /// The event itself.
    pub payload: EventPayload<'a>,
    /// Further events of the same record, in order: a queue_log line may mean two things. Empty,
    /// and then without an allocation, for CloudEvents.
    pub extra_payloads: Vec<EventPayload<'a>>,
    /// The faults of optional fields: the payloads lack these fields.
    pub faults: FieldFaults,
}

/// An event, with the fields that the core uses. No duration is longer than
/// [`DURATION_MAX`](crate::time::DURATION_MAX). docs/spec/events.md defines the fields.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of the contract, under the same names")]
pub enum EventPayload<'a> {
    /// `contact.started`
    ContactStarted { contact: Text<'a>, channel: ChannelId, entry_point: Option<Text<'a>> },
    /// `contact.self_service`
    SelfService { contact: Text<'a>, outcome: SelfServiceOutcome, entry_point: Option<Text<'a>> },
    /// `contact.queued`
    Queued { contact: Text<'a>, queue: Text<'a>, channel: Option<ChannelId>, is_callback: bool },
    /// `contact.alerted`
    Alerted { contact: Text<'a>, queue: Text<'a> },
    /// `contact.not_answered`
    NotAnswered { contact: Text<'a>, queue: Text<'a> },
    /// `contact.answered`
    Answered {
        contact: Text<'a>,
        queue: Text<'a>,
        channel: Option<ChannelId>,
        agent: Option<Text<'a>>,
        wait: Option<Millis>,
    },
    /// `contact.abandoned`
    Abandoned {
        contact: Text<'a>,
        queue: Text<'a>,
        channel: Option<ChannelId>,
        wait: Option<Millis>,
    },
    /// `contact.left_queue`
    LeftQueue {
        contact: Text<'a>,
        queue: Text<'a>,
        channel: Option<ChannelId>,
        reason: LeftReason,
        wait: Option<Millis>,
    },
    /// `contact.replied`
    Replied { contact: Text<'a>, queue: Option<Text<'a>> },
    /// `contact.transferred`
    Transferred {
        contact: Text<'a>,
        from_queue: Option<Text<'a>>,
        to_queue: Option<Text<'a>>,
        kind: Option<TransferKind>,
    },
    /// `contact.ended`
    Ended {
        contact: Text<'a>,
        queue: Option<Text<'a>>,
        talk: Option<Millis>,
        hold: Option<Millis>,
        wrap_up: Option<Millis>,
        ended_by: Option<EndedBy>,
        /// The answer that the record implies where none is known; no CloudEvent has one.
        implied: Option<ImpliedAnswer<'a>>,
    },
    /// `contact.resolved`
    Resolved { contact: Text<'a>, queue: Option<Text<'a>> },
    /// `contact.reopened`
    Reopened { contact: Text<'a>, queue: Option<Text<'a>>, channel: Option<ChannelId> },
    /// `followup.opened`
    FollowupOpened { followup: Text<'a>, unit: Option<Text<'a>>, due: Option<Timestamp> },
    /// `followup.work_done`
    FollowupWorkDone { followup: Text<'a>, unit: Option<Text<'a>> },
    /// `followup.informed`
    FollowupInformed { followup: Text<'a>, unit: Option<Text<'a>> },
    /// `survey.answered`; `score` is 1 to `scale`
    SurveyAnswered {
        contact: Text<'a>,
        score: u16,
        queue: Option<Text<'a>>,
        channel: Option<ChannelId>,
    },
    /// `agent.state_changed`. `queues` are all the queues that the agent serves from now on;
    /// without it, the queues do not change.
    AgentStateChanged {
        agent: Text<'a>,
        state: AgentState,
        reason: Option<Text<'a>>,
        queues: Option<Vec<Text<'a>>>,
    },
    /// The state of an agent in one queue; the other queues of the agent do not change (queue_log
    /// membership and pause lines).
    AgentQueueState {
        agent: Text<'a>,
        queue: Text<'a>,
        state: AgentState,
        reason: Option<Text<'a>>,
    },
    /// Makes the agent available where it is paused: in one queue, or without it in all (queue_log
    /// UNPAUSE and UNPAUSEALL).
    AgentUnpaused { agent: Text<'a>, queue: Option<Text<'a>> },
    /// The agent is in wrap-up for this long (queue_log WRAPUPSTART).
    AgentWrapUp { agent: Text<'a>, duration: Millis },
    /// `queue.observed`
    QueueObserved { queue: Text<'a>, waiting: u64, oldest_wait: Option<Millis> },
    /// `source.restarted`
    SourceRestarted,
    /// A known event without effect on any measure (queue_log housekeeping verbs).
    Nothing,
}

/// The answer of a conversation, from a line that ends it (queue_log COMPLETE* and transfers).
#[derive(Clone, Debug, PartialEq)]
pub struct ImpliedAnswer<'a> {
    /// The agent of the line.
    pub agent: Option<Text<'a>>,
    /// The wait before the answer.
    pub wait: Millis,
    /// Whether the line has a negative wait, which is read as 0.
    pub is_negative: bool,
}

impl EventPayload<'_> {
    /// Returns the agent who answers the contact of the event, or has answered it.
    pub fn answering_agent(&self) -> Option<&str> {
        match self {
            EventPayload::Answered { agent, .. } => agent.as_deref(),
            EventPayload::Ended { implied, .. } => implied.as_ref()?.agent.as_deref(),
            _ => None,
        }
    }

    /// Returns the contact of an event that concerns one.
    pub fn contact(&self) -> Option<&str> {
        match self {
            EventPayload::ContactStarted { contact, .. }
            | EventPayload::SelfService { contact, .. }
            | EventPayload::Queued { contact, .. }
            | EventPayload::Alerted { contact, .. }
            | EventPayload::NotAnswered { contact, .. }
            | EventPayload::Answered { contact, .. }
            | EventPayload::Abandoned { contact, .. }
            | EventPayload::LeftQueue { contact, .. }
            | EventPayload::Replied { contact, .. }
            | EventPayload::Transferred { contact, .. }
            | EventPayload::Ended { contact, .. }
            | EventPayload::Resolved { contact, .. }
            | EventPayload::Reopened { contact, .. }
            | EventPayload::SurveyAnswered { contact, .. } => Some(contact),
            _ => None,
        }
    }

    /// Returns the queue that the event names for its contact; for a transfer, the queue that it
    /// leaves.
    pub fn queue(&self) -> Option<&str> {
        match self {
            EventPayload::Queued { queue, .. }
            | EventPayload::Alerted { queue, .. }
            | EventPayload::NotAnswered { queue, .. }
            | EventPayload::Answered { queue, .. }
            | EventPayload::Abandoned { queue, .. }
            | EventPayload::LeftQueue { queue, .. } => Some(queue),
            EventPayload::Transferred { from_queue: queue, .. }
            | EventPayload::Replied { queue, .. }
            | EventPayload::Ended { queue, .. }
            | EventPayload::Resolved { queue, .. }
            | EventPayload::Reopened { queue, .. }
            | EventPayload::SurveyAnswered { queue, .. } => queue.as_deref(),
            _ => None,
        }
    }
}

labels! {
    /// The end of a self-service part (IVR or bot).
    SelfServiceOutcome {
        /// The citizen was served without a person.
        Contained = "contained",
        /// The contact continues in a queue.
        ToQueue = "to_queue",
        /// The citizen left within self-service.
        Abandoned = "abandoned",
        /// Self-service failed.
        Failed = "failed",
    }
}

labels! {
    /// The reason for which a visit ended without an answer and without the citizen giving up.
    LeftReason {
        /// The longest wait of the queue was reached.
        Timeout = "timeout",
        /// The queue was full.
        Full = "full",
        /// No agent served the queue.
        Empty = "empty",
        /// The citizen pressed an exit key.
        ExitKey = "exit_key",
        /// The system removed the contact.
        Withdrawn = "withdrawn",
        /// The contact moved to another queue.
        Transfer = "transfer",
        /// The citizen chose a callback.
        Callback = "callback",
        /// The queue was closed.
        Closed = "closed",
    }
}

labels! {
    /// The state of an agent.
    AgentState {
        /// Ready for a contact.
        Available = "available",
        /// With a contact.
        Busy = "busy",
        /// After-contact work.
        WrapUp = "wrap_up",
        /// On a break.
        Paused = "paused",
        /// Not logged in.
        Offline = "offline",
    }
}

labels! {
    /// The party that ended the conversation.
    EndedBy {
        /// The agent.
        Agent = "agent",
        /// The citizen.
        Customer = "customer",
        /// The system.
        System = "system",
    }
}

labels! {
    /// The kind of a transfer.
    TransferKind {
        /// The agents did not speak before.
        Blind = "blind",
        /// The agents spoke before.
        Attended = "attended",
    }
}

/// A channel: one of the contract's eight, or one that the configuration adds. An index into
/// [`Channels`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ChannelId(pub u8);

impl ChannelId {
    /// `phone`
    pub const PHONE: ChannelId = ChannelId(0);
    /// `chat`
    pub const CHAT: ChannelId = ChannelId(5);

    /// Returns whether a person waits on the line (phone and chat): waits are short, and no issue
    /// stays open afterwards.
    pub fn is_immediate(self) -> bool {
        self == Self::PHONE || self == Self::CHAT
    }
}

/// The channels of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    names: Vec<String>,
}

impl Channels {
    /// The contract's channels, in the order of their ids.
    pub const BUILT_IN: [&'static str; 8] =
        ["phone", "email", "social", "mobile_app", "web", "chat", "petition", "walk_in"];
    /// The most channels that the configuration may add.
    pub const ADDED_MAX: usize = 32;

    /// Returns the built-in channels and `added` ones. Repeated names and those past
    /// [`Self::ADDED_MAX`] are left out: the configuration has reported them as errors before.
    pub fn with_added<S: AsRef<str>>(added: &[S]) -> Self {
        let mut names: Vec<String> = Self::BUILT_IN.iter().map(|name| name.to_string()).collect();
        for name in added {
            if names.len() < Self::BUILT_IN.len() + Self::ADDED_MAX
                && !names.iter().any(|known| known == name.as_ref())
            {
                names.push(name.as_ref().to_string());
            }
        }
        Channels { names }
    }

    /// Returns the id of a channel.
    pub fn id(&self, name: &str) -> Option<ChannelId> {
        self.names.iter().position(|known| known == name).map(|index| ChannelId(index as u8))
    }

    /// Returns the name of a channel; `other` for an id that this installation does not have.
    pub fn name(&self, id: ChannelId) -> &str {
        self.names.get(usize::from(id.0)).map_or("other", String::as_str)
    }

    /// Returns the number of channels.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there is no channel, which is never the case: the built-in ones always
    /// exist.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the names of all channels, in the order of their ids.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

impl Default for Channels {
    fn default() -> Self {
        Channels::with_added::<&str>(&[])
    }
}
