//! Instants in answers.

use nabiz_core::time::{Timestamp, WallTime};

/// Returns an instant in RFC 3339 and UTC, or `None` outside of the calendar.
pub(super) fn rfc3339(time: Timestamp) -> Option<String> {
    jiff::Timestamp::from_millisecond(time.get()).ok().map(|time| time.to_string())
}

/// Returns wall clock minus stream time in milliseconds. The result is negative if the clock of the
/// source is ahead.
pub(super) fn age_ms(now: WallTime, stream_time: Timestamp) -> i64 {
    now.get().saturating_sub(stream_time.get())
}
