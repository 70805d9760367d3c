//! A message before it is decoded.

use crate::event::{Reason, Rejection};

/// A message before it is decoded: a Kafka record, or a line of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The value. A Kafka tombstone has none: it deletes the records of its key in a compacted
    /// topic.
    pub value: Option<&'a [u8]>,
    /// The names and values of the headers, in order, without those that have no value. A line of a
    /// file has none.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// Rejects a message whose value is longer than `record_bytes_max`.
pub(crate) fn check_size(message: &Message<'_>, record_bytes_max: usize) -> Result<(), Rejection> {
    match message.value {
        Some(value) if value.len() > record_bytes_max => Err(Rejection::new(
            Reason::TooLarge,
            format!("the value must have at most {record_bytes_max} bytes"),
        )),
        _ => Ok(()),
    }
}

/// Returns a value without the byte order mark with which some systems begin UTF-8.
pub(crate) fn without_bom(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\xef\xbb\xbf").unwrap_or(value)
}
