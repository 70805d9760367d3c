//! How long callers are ready to wait, estimated from a history.
