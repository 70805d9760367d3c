//! Decoding a message in the format of its topic.

use crate::decode::format::Format;
use crate::decode::message::Message;
use crate::decode::{cloudevents, queue_log};
use crate::event::{Channels, Event, Rejection};

/// Decodes one message. `record_bytes_max` bounds the value's size.
///
/// # Errors
/// A [`Rejection`] with one of the fixed reasons; decoding never panics, whatever the bytes.
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

/// Whether the headers of a record with this value have to be looked at. To ask for them makes the Kafka client read them
/// into lists of its own, which costs a third of what decoding costs, even where there are none.
pub fn reads_headers(format: Format, value: Option<&[u8]>) -> bool {
    match format {
        Format::CloudEvents => !value.is_some_and(cloudevents::begins_as_envelope),
        Format::AsteriskQueueLog => false,
    }
}
