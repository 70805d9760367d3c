//! From the bytes of a message to a [`Event`], one file per wire format.

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
