//! The event vocabulary: the events of the contract as types, with their bounds, their schema and
//! the reasons for which a record is rejected.
//!
//! The types do not depend on a wire format. [`decode`](crate::decode) has one file for each
//! format; every other room knows only [`Event`].

mod labels;
mod limits;
mod optional_field;
mod rejection;
mod schema;
mod vocabulary;

pub use limits::TEXT_BYTES_MAX;
pub(crate) use limits::{COUNT_MAX, LIST_LEN_MAX, SCALE_MAX};
pub use optional_field::{FieldFaults, OptionalField};
pub use rejection::{Reason, Rejection};
pub use schema::{EVENT_TYPES, Field, Values, document, document_of, event_type};
pub use vocabulary::{
    AgentState, ChannelId, Channels, EndedBy, Event, EventPayload, ImpliedAnswer, LeftReason,
    SelfServiceOutcome, Text, TransferKind,
};
