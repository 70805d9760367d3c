//! The record at hand, and the time around it.

use crate::ids::SourceKey;
use crate::measures::WindowScope;
use crate::time::{EventTimes, Timestamp};
use crate::window::WindowCursor;

/// The record at hand, and the time around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventContext {
    /// Stream time, with this record.
    pub(crate) stream_ms: i64,
    /// Event time of the record; stream time where time itself is the cause.
    pub(crate) at_ms: i64,
    /// The record is older than every window.
    pub(crate) late: bool,
    /// The windows that the record's facts may enter.
    pub(crate) scope: WindowScope,
    /// The panes and the business day at stream time.
    pub(crate) windows: WindowCursor,
    /// Where the record stands in its log.
    pub(crate) log_position: i64,
    /// Hash of the record's source.
    pub(crate) source: SourceKey,
}

impl EventContext {
    /// Returns the event time and the stream time.
    pub(crate) fn times(&self) -> EventTimes {
        EventTimes { event_time: Timestamp(self.at_ms), stream_time: Timestamp(self.stream_ms) }
    }

    /// The windows that a record of that time may enter. A late one enters no window but the business day.
    pub(crate) fn scope_of(&self, at_ms: i64, late: bool) -> WindowScope {
        match late {
            false => WindowScope::Windows,
            true if self.windows.in_today(at_ms) => WindowScope::Today,
            true => WindowScope::Nothing,
        }
    }
}
