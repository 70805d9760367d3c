//! RFC 3339 times.
