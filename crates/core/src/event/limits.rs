//! The bounds of the fields of an event.

use crate::time::DURATION_MAX;

/// The longest text of a field, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// The most entries of a list field.
pub(crate) const LIST_LEN_MAX: usize = 64;

/// The largest count (`waiting`, `priority`, `position`): the bound of durations.
pub(crate) const COUNT_MAX: u64 = DURATION_MAX.get();

/// The largest `scale` of a survey.
pub(crate) const SCALE_MAX: u64 = 100;
