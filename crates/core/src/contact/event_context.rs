//! The record at hand, and the time around it.

use crate::measures::Reach;
use crate::window::Position;

/// The record at hand, and the time around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Stream time, with this record.
    pub(crate) stream_ms: i64,
    /// Event time of the record; stream time where time itself is the cause.
    pub(crate) at_ms: i64,
    /// The record is older than every window.
    pub(crate) late: bool,
    /// The windows that the record's facts may enter.
    pub(crate) reach: Reach,
    /// The panes and the business day at stream time.
    pub(crate) windows: Position,
    /// Where the record stands in its log.
    pub(crate) log_position: i64,
    /// Hash of the record's source.
    pub(crate) source: u128,
}

impl Moment {
    /// The windows that a record of that time may enter. A late one enters no window but the business day.
    pub(crate) fn reach_of(&self, at_ms: i64, late: bool) -> Reach {
        match late {
            false => Reach::Windows,
            true if self.windows.in_today(at_ms) => Reach::Today,
            true => Reach::Nothing,
        }
    }
}
