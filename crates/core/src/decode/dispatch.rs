//! The choice of a decoder by format.

use crate::decode::format::Format;
use crate::decode::message::Message;
use crate::decode::{cloudevents, queue_log};
use crate::event::{Channels, Event, Rejection};

/// Decodes one message; `None` for a tombstone, which says nothing. `record_bytes_max` is the
/// largest size of a value.
///
/// # Errors
/// A [`Rejection`] with one of the fixed reasons.
pub fn decode<'a>(
    format: Format,
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Option<Event<'a>>, Rejection> {
    match format {
        Format::CloudEvents => cloudevents::decode(message, channels, record_bytes_max),
        Format::AsteriskQueueLog => queue_log::decode(message, record_bytes_max),
    }
}

/// Returns whether the decoder needs the headers of a record. When they are asked for, the Kafka
/// client copies them into lists of its own, which costs a third of the decoding even where there
/// are no headers.
pub fn reads_headers(format: Format) -> bool {
    match format {
        Format::CloudEvents => true,
        Format::AsteriskQueueLog => false,
    }
}
