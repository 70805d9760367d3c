//! One message as it came.

use crate::event::{Reason, Rejection};

/// One message as it came, from Kafka or from a line of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The value; absent for a Kafka tombstone.
    pub value: Option<&'a [u8]>,
    /// Header names and values in order; empty for a line of a file.
    pub headers: &'a [(&'a str, &'a [u8])],
}

pub(crate) fn check_size(message: &Message<'_>, record_bytes_max: usize) -> Result<(), Rejection> {
    match message.value {
        Some(value) if value.len() > record_bytes_max => Err(Rejection::new(
            Reason::TooLarge,
            format!("the value must have at most {record_bytes_max} bytes"),
        )),
        _ => Ok(()),
    }
}
