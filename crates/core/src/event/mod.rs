//! The event vocabulary: what a record may say, whatever format it came in.
//!
//! Pure: no I/O, no clock. [`decode`] has one file per wire format; everything behind it knows only [`Event`].

mod limits;
mod rejection;
mod schema;
mod vocabulary;

pub(crate) use limits::{COUNT_MAX, LIST_LEN_MAX, SCALE_MAX};
pub use limits::{DURATION_MS_MAX, TEXT_BYTES_MAX};
pub use rejection::{Reason, Rejection};
pub use schema::{EVENT_TYPES, Field, Values, document, document_of, event_type};
pub use vocabulary::{
    AgentState, ChannelId, Channels, Event, EventPayload, LeftReason, SelfServiceOutcome, Text,
};
pub(crate) use vocabulary::{EndedBy, TransferKind};
