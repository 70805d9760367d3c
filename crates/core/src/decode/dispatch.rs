//! The choice of a decoder by format.

use crate::decode::format::Format;
use crate::decode::message::Message;
use crate::decode::{cloudevents, queue_log};
use crate::event::{Channels, Event, Rejection};

/// Decodes one message. `record_bytes_max` is the largest size of a value.
///
/// # Errors
/// A [`Rejection`] with one of the fixed reasons.
pub fn decode<'a>(
    format: Format,
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Event<'a>, Rejection> {
    match format {
        Format::CloudEvents => cloudevents::decode(message, channels, record_bytes_max),
        Format::AsteriskQueueLog => queue_log::decode(message, record_bytes_max),
    }
}

/// Returns whether the decoder needs the headers of a record with this value. When they are asked
/// for, the Kafka client copies them into lists of its own, which costs a third of the decoding
/// even where there are no headers.
pub fn reads_headers(format: Format, value: Option<&[u8]>) -> bool {
    match format {
        Format::CloudEvents => !value.is_some_and(cloudevents::begins_as_envelope),
        Format::AsteriskQueueLog => false,
    }
}
