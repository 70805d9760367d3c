//! Bounds of what a field of an event may hold.

/// Longest text of any field, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// Largest duration of any field, in milliseconds.
pub const DURATION_MS_MAX: u64 = 1 << 40;

/// Most entries of a list field.
pub const LIST_LEN_MAX: usize = 64;

/// Largest count (`waiting`, `priority`, `position`): the bound of durations.
pub const COUNT_MAX: u64 = DURATION_MS_MAX;

/// Largest `scale` of a survey.
pub const SCALE_MAX: u64 = 100;
