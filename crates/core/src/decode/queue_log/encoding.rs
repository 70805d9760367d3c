//! Lines in another encoding than UTF-8, as older systems write names in them.
//!
//! Each byte that is not UTF-8 becomes one character of its own, so that the rest of the decoder
//! reads text, and two names or two lines that differ stay different.

use std::borrow::Cow;

/// The first of the 256 private-use characters that stand for bytes.
const FIRST_STAND_IN: u32 = 0xE000;

/// The encoding of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// Another one: bytes that are not UTF-8 have become private-use characters.
    Other,
}

impl Encoding {
    /// Returns whether a part of a line was not UTF-8, here or before a log shipper replaced its
    /// bytes.
    pub(super) fn is_damaged(self, part: &str) -> bool {
        part.contains(char::REPLACEMENT_CHARACTER)
            || (self == Encoding::Other && part.chars().any(|char| byte_of(char).is_some()))
    }
}

/// Returns the bytes of a record as text.
pub(super) fn text_of(bytes: &[u8]) -> (Cow<'_, str>, Encoding) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), Encoding::Utf8);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let stand_in = |byte: &u8| char::from_u32(FIRST_STAND_IN + u32::from(*byte));
        text.extend(chunk.invalid().iter().filter_map(stand_in));
    }
    (Cow::Owned(text), Encoding::Other)
}

/// Returns a part of a line of another encoding for a label, with replacement characters for the
/// bytes that are not UTF-8.
pub(super) fn with_replacements(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    for char in part.chars() {
        match byte_of(char) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the byte for which a character stands.
fn byte_of(char: char) -> Option<u8> {
    u32::from(char).checked_sub(FIRST_STAND_IN).and_then(|byte| u8::try_from(byte).ok())
}
