//! The event at hand: its times, its source and its position in the log.

use serde::{Deserialize, Serialize};

use crate::ids::{Offset, SourceKey};
use crate::measures::WindowScope;
use crate::time::{EventTimes, TimeRange, Timestamp};

/// Whether a record was older than the longest window and `allowed_lateness` when it was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lateness {
    InTime,
    Late,
}

/// What the result of an event is for its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is the result of the record.
    Record,
    /// The record has several events, and the result of another one is that of the record.
    Part,
}

/// The event at hand, or stream time itself if that is the cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventContext {
    /// Stream time, with this record.
    pub(crate) stream_time: Timestamp,
    /// Event time of the record; stream time if stream time is the cause.
    pub(crate) event_time: Timestamp,
    pub(crate) lateness: Lateness,
    /// The windows that the facts of the record may enter.
    pub(crate) scope: WindowScope,
    /// The business day at stream time.
    pub(crate) today: TimeRange,
    /// The position of the record in its log.
    pub(crate) offset: Offset,
    /// The source of the record, where its effects depend on it.
    pub(crate) source: SourceKey,
    pub(crate) origin: Origin,
}

impl EventContext {
    /// Returns the event time and the stream time.
    pub(crate) fn times(&self) -> EventTimes {
        EventTimes { event_time: self.event_time, stream_time: self.stream_time }
    }

    /// Returns the windows that a fact of that time may enter. A late fact enters no window but
    /// the business day.
    pub(crate) fn scope_of(&self, time: Timestamp, lateness: Lateness) -> WindowScope {
        match lateness {
            Lateness::InTime => WindowScope::Windows,
            Lateness::Late if self.today.contains(time) => WindowScope::Today,
            Lateness::Late => WindowScope::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::append;

    #[test]
    fn lateness_has_the_stored_bytes_of_the_bool_in_older_ledgers() {
        for (lateness, late) in [(Lateness::InTime, false), (Lateness::Late, true)] {
            assert_eq!(append(Vec::new(), &lateness), append(Vec::new(), &late));
        }
    }
}
