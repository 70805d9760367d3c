use super::Message;
use crate::event::{Channels, Record, Rejection};

pub(super) fn decode<'a>(
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Record<'a>, Rejection> {
    let _ = (message, channels, record_bytes_max);
    todo!()
}
