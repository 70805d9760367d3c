//! Decoding: from the bytes of a message to an [`Event`](crate::event::Event), with one file for
//! each wire format.
//!
//! Decoders never panic, whatever the bytes, and a rejection never repeats a value of the message.

mod cloudevents;
mod dispatch;
mod fast_json;
mod fields;
mod format;
mod message;
mod payload;
mod queue_log;
mod raw_value;

pub use dispatch::{decode, reads_headers};
pub use format::Format;
pub use message::Message;
