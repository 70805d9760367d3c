//! The mode of a record: whether the value is the whole envelope, or only the data.

use crate::event::{Reason, Rejection};

/// Where the attributes of a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// In the value, which is the whole envelope.
    Structured,
    /// In headers; the value is the data.
    Binary,
}

/// The media type of an envelope is this one, or this one with `+json`.
const ENVELOPE: &[u8] = b"application/cloudevents";

/// What follows [`ENVELOPE`] in the names of the formats that are not read.
const OTHER_FORMATS: [&str; 8] = [
    "-batch",
    "-batch+json",
    "-batch+protobuf",
    "-batch+xml",
    "+avro",
    "+avro-compact",
    "+protobuf",
    "+xml",
];

/// Returns the mode of a record. The `content-type` tells it; without that of an envelope, the
/// attributes in headers do.
///
/// # Errors
/// A [`Rejection`] where the record is in another format of CloudEvents.
pub(super) fn mode_of(headers: &[(&str, &[u8])]) -> Result<Mode, Rejection> {
    let content_type = headers.iter().rfind(|(name, _)| is_content_type(name));
    if let Some(format) = content_type.and_then(|(_, value)| format_of(value)) {
        if format.is_empty() || format.eq_ignore_ascii_case(b"+json") {
            return Ok(Mode::Structured);
        }
        return Err(other_format(format));
    }
    let is_attribute = |(name, _): &(&str, &[u8])| {
        matches!(attribute_of(name), Some("specversion" | "type" | "id"))
    };
    Ok(if headers.iter().any(is_attribute) { Mode::Binary } else { Mode::Structured })
}

/// Returns the attribute of a header, of those that are read: headers begin with `ce_` and may have
/// any case.
pub(super) fn attribute_of(header: &str) -> Option<&'static str> {
    const ATTRIBUTES: [&str; 5] = ["specversion", "id", "source", "type", "time"];
    let (prefix, name) = header.split_at_checked(3)?;
    if !prefix.eq_ignore_ascii_case("ce_") {
        return None;
    }
    ATTRIBUTES.into_iter().find(|attribute| attribute.eq_ignore_ascii_case(name))
}

fn is_content_type(header: &str) -> bool {
    header.eq_ignore_ascii_case("content-type")
}

/// Returns what follows [`ENVELOPE`] in a media type, without parameters; `None` for the media type
/// of something else.
fn format_of(content_type: &[u8]) -> Option<&[u8]> {
    let media_type = content_type.split(|byte| *byte == b';').next()?.trim_ascii();
    let (start, format) = media_type.split_at_checked(ENVELOPE.len())?;
    let is_envelope =
        start.eq_ignore_ascii_case(ENVELOPE) && matches!(format.first(), None | Some(b'+' | b'-'));
    is_envelope.then_some(format)
}

/// Returns the rejection for another format. It has a name only of [`OTHER_FORMATS`], so that no
/// value of the record is repeated.
#[cold]
fn other_format(format: &[u8]) -> Rejection {
    let known =
        OTHER_FORMATS.into_iter().find(|known| known.as_bytes().eq_ignore_ascii_case(format));
    let found = match known {
        Some(known) => format!("application/cloudevents{known}"),
        None => "another format of CloudEvents".to_owned(),
    };
    Rejection::new(
        Reason::UnknownValue,
        format!("content-type must be application/cloudevents+json, not {found}"),
    )
}
