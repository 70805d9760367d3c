//! The event vocabulary: what a record may say, whatever format it came in.
//!
//! Pure: no I/O, no clock. [`decode`] has one file per wire format; everything behind it knows only [`Record`].

pub mod decode;
mod rejection;
pub mod schema;
pub mod time;
mod vocabulary;

pub use rejection::{Reason, Rejection};
pub use vocabulary::{
    AgentState, Body, ChannelId, Channels, EndedBy, LeftReason, Record, SelfServiceOutcome, Text, TransferKind,
};

/// Longest text of any field, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Largest duration of any field, in milliseconds.
pub const DURATION_MS_MAX: u64 = 1 << 40;
