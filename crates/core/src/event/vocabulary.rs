//! The vocabulary of the event contract as types. A value of these types has passed validation.

use std::borrow::Cow;

/// Text borrowed from the message where it has no escapes. 1 to 256 bytes.
pub type Text<'a> = Cow<'a, str>;

/// One accepted record: its identity, its time, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Who wrote it; `id` is unique per source.
    pub source: Text<'a>,
    /// Identity of the record within its source.
    pub id: Text<'a>,
    /// Event time in milliseconds since the Unix epoch; absent where the record does not say, in which case the time
    /// of the message counts.
    pub time_ms: Option<i64>,
    /// What happened.
    pub payload: EventPayload<'a>,
    /// What else the same record says, in order (a queue_log line may say two things). Empty, and then without
    /// allocation, for CloudEvents.
    pub extra_payloads: Vec<EventPayload<'a>>,
}

/// What happened, with the fields that anything downstream uses. Durations in milliseconds, 0 to 2^40.
#[derive(Clone, Debug, PartialEq)]
pub enum EventPayload<'a> {
    /// `contact.started`
    ContactStarted { contact: Text<'a>, channel: ChannelId, entry_point: Option<Text<'a>> },
    /// `contact.self_service`
    SelfService { contact: Text<'a>, outcome: SelfServiceOutcome, entry_point: Option<Text<'a>> },
    /// `contact.queued`
    Queued { contact: Text<'a>, queue: Text<'a>, channel: Option<ChannelId> },
    /// `contact.alerted`
    Alerted { contact: Text<'a>, queue: Text<'a> },
    /// `contact.not_answered`
    NotAnswered { contact: Text<'a>, queue: Text<'a> },
    /// `contact.answered`
    Answered { contact: Text<'a>, queue: Text<'a>, wait_ms: Option<u64> },
    /// `contact.abandoned`
    Abandoned { contact: Text<'a>, queue: Text<'a>, wait_ms: Option<u64> },
    /// `contact.left_queue`
    LeftQueue { contact: Text<'a>, queue: Text<'a>, reason: LeftReason, wait_ms: Option<u64> },
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
        talk_ms: Option<u64>,
        hold_ms: Option<u64>,
        wrap_up_ms: Option<u64>,
        ended_by: Option<EndedBy>,
    },
    /// `contact.resolved`
    Resolved { contact: Text<'a>, queue: Option<Text<'a>> },
    /// `contact.reopened`
    Reopened { contact: Text<'a>, queue: Option<Text<'a>> },
    /// `followup.opened`; `due_ms` in milliseconds since the Unix epoch
    FollowupOpened { followup: Text<'a>, unit: Option<Text<'a>>, due_ms: Option<i64> },
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
    /// `agent.state_changed`. `queues` are all the queues that the agent serves from now on; absent, they stay as they
    /// were.
    AgentStateChanged { agent: Text<'a>, state: AgentState, queues: Option<Vec<Text<'a>>> },
    /// The state of an agent in one queue, which leaves the agent's other queues alone (queue_log membership and pause
    /// lines).
    AgentQueueState { agent: Text<'a>, queue: Text<'a>, state: AgentState },
    /// The agent took a call of `queue` (queue_log CONNECT): busy in every queue until [`EventPayload::AgentCallEnded`],
    /// whatever is said of its membership meanwhile.
    AgentCallStarted { agent: Text<'a>, queue: Text<'a> },
    /// The agent's call is over (queue_log COMPLETE*, transfers, AGENTDUMP).
    AgentCallEnded { agent: Text<'a> },
    /// `queue.observed`
    QueueObserved { queue: Text<'a>, waiting: u64, oldest_wait_ms: Option<u64> },
    /// `source.restarted`
    SourceRestarted,
    /// Understood, and without effect on any measure (queue_log housekeeping verbs).
    Nothing,
}

impl EventPayload<'_> {
    /// The contact that it is about, if it is about one.
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

    /// The queue that it names for its contact; the one handed over from, for a transfer.
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

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in declaration order, which is also the order of the discriminants.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word on the wire and in labels.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $label),+ }
            }

            /// The value of a word on the wire.
            pub fn from_wire(word: &str) -> Option<Self> {
                match word { $($label => Some($name::$variant),)+ _ => None }
            }

            /// WindowCursor in [`Self::ALL`].
            pub fn index(self) -> usize {
                self as usize
            }
        }
    };
}

labels! {
    /// How a self-service part (IVR or bot) ended.
    SelfServiceOutcome {
        /// Served without a person.
        Contained = "contained",
        /// Goes on to a queue.
        ToQueue = "to_queue",
        /// The citizen left within self-service.
        Abandoned = "abandoned",
        /// Self-service broke.
        Failed = "failed",
    }
}

labels! {
    /// Why a visit ended without an answer and without the citizen leaving.
    LeftReason {
        /// The longest wait of the queue was reached.
        Timeout = "timeout",
        /// The queue was full.
        Full = "full",
        /// Nobody served the queue.
        Empty = "empty",
        /// The citizen pressed an exit key.
        ExitKey = "exit_key",
        /// Taken out by the system.
        Withdrawn = "withdrawn",
        /// Moved to another queue.
        Transfer = "transfer",
        /// Exchanged for a callback.
        Callback = "callback",
        /// The queue was closed.
        Closed = "closed",
    }
}

labels! {
    /// What an agent is doing.
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
    /// Who ended the conversation.
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
    /// How a contact was handed over.
    TransferKind {
        /// Without a word between the agents.
        Blind = "blind",
        /// The agents spoke first.
        Attended = "attended",
    }
}

/// A channel: one of the contract's eight, or one that the configuration adds. Index into [`Channels`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ChannelId(pub u8);

impl ChannelId {
    /// `phone`
    pub const PHONE: ChannelId = ChannelId(0);
    /// `chat`
    pub const CHAT: ChannelId = ChannelId(5);

    /// Phone and chat: a person waits on the line, waits are short, and nothing stays open afterwards.
    pub fn is_immediate(self) -> bool {
        self == Self::PHONE || self == Self::CHAT
    }
}

/// The channel values of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    names: Vec<String>,
}

impl Channels {
    /// The contract's channels, in the order of their ids.
    pub const BUILT_IN: [&'static str; 8] =
        ["phone", "email", "social", "mobile_app", "web", "chat", "petition", "walk_in"];
    /// Most channels that the configuration may add.
    pub const ADDED_MAX: usize = 32;

    /// The built-in channels and `added` ones; repeated names and those past [`Self::ADDED_MAX`] are left out (the
    /// configuration reports them as errors before).
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

    /// The id of a channel word.
    pub fn id(&self, name: &str) -> Option<ChannelId> {
        self.names.iter().position(|known| known == name).map(|index| ChannelId(index as u8))
    }

    /// The word of a channel id of this installation; `other` for a foreign one.
    pub fn name(&self, id: ChannelId) -> &str {
        self.names.get(usize::from(id.0)).map_or("other", String::as_str)
    }

    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: the built-in channels are always there.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All channel words in id order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

impl Default for Channels {
    fn default() -> Self {
        Channels::with_added::<&str>(&[])
    }
}
