//! A value that changes only by events that are newer in event time.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A last-writer-wins value: the newest event time counts.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct LwwRegister<T> {
    pub(super) event_time: Timestamp,
    pub(super) value: T,
}

/// Sets a value, unless the known one is of a later event time.
pub(super) fn set<T>(register: &mut Option<LwwRegister<T>>, event_time: Timestamp, value: T) {
    if register.as_ref().is_none_or(|known| known.event_time <= event_time) {
        *register = Some(LwwRegister { event_time, value });
    }
}
