//! A query of the interval history, validated.

use nabiz_core::time::TimeRange;

use super::kind::Kind;
use super::step::Step;

/// The rows that a reader wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What the rows are about. [`History`](super::History) reads visits,
    /// [`FurtherHistory`](super::FurtherHistory) the others.
    pub of: Kind,
    /// The intervals that begin in it.
    pub period: TimeRange,
    /// The length of a row.
    pub step: Step,
    /// Queue ids, not aliases; all queues where empty.
    pub queues: Vec<String>,
    /// Channels; all where empty.
    pub channels: Vec<String>,
    /// What has a row of its own in a step.
    pub by: By,
    /// The rows without any number.
    pub fill: Fill,
    /// The rows are for a [`profile`](super::profile()), which needs every step that is known.
    pub is_profile: bool,
    /// The rows are for [`headlines`](super::headlines).
    pub is_headline: bool,
}

impl Query {
    /// Creates a query for all queues and channels, with a row for each pair that has a number.
    pub fn new(period: TimeRange, step: Step) -> Query {
        Query {
            of: Kind::default(),
            period,
            step,
            queues: Vec::new(),
            channels: Vec::new(),
            by: By::default(),
            fill: Fill::default(),
            is_profile: false,
            is_headline: false,
        }
    }

    /// Returns whether there are rows without any number.
    pub(super) fn fills(&self) -> bool {
        self.is_profile || self.fill != Fill::Nothing
    }

    /// Returns whether rows of a channel are wanted.
    pub(super) fn wants_channel(&self, channel: &str) -> bool {
        self.channels.is_empty() || self.channels.iter().any(|wanted| wanted == channel)
    }

    /// Returns whether rows of a queue are wanted.
    pub(super) fn wants_queue(&self, queue: &str) -> bool {
        self.queues.is_empty() || self.queues.iter().any(|wanted| wanted == queue)
    }
}

/// What has a row of its own in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Each queue on each of its channels.
    #[default]
    QueueAndChannel,
    /// Each queue, over its channels.
    Queue,
    /// Each channel, over its queues.
    Channel,
    /// Nothing: all queues and channels together.
    All,
}

impl By {
    /// Every value with a name, which are all but the default.
    pub const NAMED: [(By, &'static str); 3] =
        [(By::Queue, "queue"), (By::Channel, "channel"), (By::All, "all")];

    /// Returns whether a row can be of several queues.
    pub fn mixes_queues(self) -> bool {
        matches!(self, By::Channel | By::All)
    }
}

/// The rows without any number that a reader wants.
///
/// They are made only where the whole step is known: from the first interval of the ledger on, and
/// as far as the history is closed. A row of zeros elsewhere would show as known what is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// None.
    #[default]
    Nothing,
    /// One for each step.
    All,
    /// One for each step in which the queue is open at some time.
    Open,
}

impl Fill {
    /// Every value with a name, which are all but the default.
    pub const NAMED: [(Fill, &'static str); 2] = [(Fill::All, "all"), (Fill::Open, "open")];
}
