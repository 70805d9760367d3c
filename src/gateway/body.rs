//! The records in the body of a request.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use serde_json::value::RawValue;

use super::form::{self, Fields};
use super::record::{Record, key_of};
use crate::config::RecordKey;

/// Most records of one body. More would not fit into the time of a request.
const RECORDS_MAX: usize = 1000;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body that was read as far as checking its signature needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    Form(Fields),
    /// Neither, by its `Content-Type`.
    Unknown,
}

/// The reason for which a body has no records that can be written. The text shows no content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    Invalid(String),
    TooManyRecords,
}

impl Content {
    /// Decides by `Content-Type`; without one a body is JSON.
    pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> Self {
        let written = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or(""));
        let Some(written) = written else { return Content::Json };
        let kind = written.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Content::Form(form::parse(body)),
            "application/json" | "text/json" => Content::Json,
            // CloudEvents, one or a batch.
            other if other.ends_with("+json") => Content::Json,
            _ => Content::Unknown,
        }
    }
}

/// Returns the records of a body: one of a form or a JSON value, one for each item of a JSON array.
pub(super) fn records(
    content: &Content,
    body: &[u8],
    key: Option<&RecordKey>,
) -> Result<Vec<Record>, BodyError> {
    match content {
        Content::Unknown => Err(BodyError::Invalid(
            "expected Content-Type application/json or application/x-www-form-urlencoded".into(),
        )),
        Content::Form(fields) => {
            let value = form::to_json(fields);
            Ok(vec![Record { key: key_of(key, &value), value: value.to_string().into_bytes() }])
        }
        Content::Json => json_records(body, key),
    }
}

fn json_records(body: &[u8], key: Option<&RecordKey>) -> Result<Vec<Record>, BodyError> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| {
        BodyError::Invalid(format!("expected JSON, not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    // Each value stays as it is written, also numbers that no 64 bits hold.
    let parsed: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    if !parsed.get().starts_with('[') {
        return Ok(vec![record(parsed.get(), key)?]);
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(parsed.get()).map_err(|error| not_json(&error))?;
    if items.is_empty() {
        return Err(BodyError::Invalid(
            "expected at least one record, found an empty array".into(),
        ));
    }
    if items.len() > RECORDS_MAX {
        return Err(BodyError::TooManyRecords);
    }
    items.into_iter().map(|item| record(item.get(), key)).collect()
}

fn record(text: &str, key: Option<&RecordKey>) -> Result<Record, BodyError> {
    // Also bounds the depth.
    let value: Value = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    Ok(Record { key: key_of(key, &value), value: text.as_bytes().to_vec() })
}

/// Names the place and the kind of a mistake. The errors of serde_json about syntax quote nothing,
/// but only the kind is certain to stay so.
fn not_json(error: &serde_json::Error) -> BodyError {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        _ => "it is no valid JSON, or nested more than 127 deep",
    };
    BodyError::Invalid(format!(
        "expected JSON: {what}, at line {} column {}",
        error.line(),
        error.column()
    ))
}

/// Returns the text for a body with more records than are taken at once.
pub(super) fn too_many_records() -> String {
    format!("expected at most {RECORDS_MAX} records in one body")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn content(kind: &'static str) -> Content {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        Content::of(&headers, b"a=1")
    }

    #[test]
    fn content_follows_from_its_type() {
        for json in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON",
            "application/cloudevents+json",
            "application/cloudevents-batch+json",
        ] {
            assert_eq!(content(json), Content::Json, "{json}");
        }
        let form = Content::Form(vec![("a".into(), "1".into())]);
        assert_eq!(content("application/x-www-form-urlencoded;charset=UTF-8"), form);
        for unknown in ["text/plain", "multipart/form-data; boundary=x", ""] {
            assert_eq!(content(unknown), Content::Unknown, "{unknown}");
        }
        assert_eq!(Content::of(&HeaderMap::new(), b"{}"), Content::Json);
    }

    #[test]
    fn array_is_split_and_values_keep_their_bytes() {
        let key = RecordKey::Pointers(vec!["/id".into()]);
        let body = br#" [ {"id": 1, "n": 12345678901234567890123} , {"id":"b"},[1, 2] ] "#;
        let record = |key: Option<&str>, value: &str| Record {
            key: key.map(str::to_owned),
            value: value.as_bytes().to_vec(),
        };
        assert_eq!(
            json_records(body, Some(&key)),
            Ok(vec![
                record(Some("1"), r#"{"id": 1, "n": 12345678901234567890123}"#),
                record(Some("b"), r#"{"id":"b"}"#),
                record(None, "[1, 2]"),
            ])
        );
        assert!(json_records(b"[]", None).is_err(), "nothing to acknowledge");
        assert_eq!(
            json_records(b"\xef\xbb\xbf{\"a\":1}\n", None),
            Ok(vec![record(None, r#"{"a":1}"#)])
        );
    }

    #[test]
    fn mistake_is_named_without_content_when_a_body_is_no_json() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for body in
            [b"".as_slice(), b"{\"secret\":", b"secret", b"{} secret", b"\xff", deep.as_bytes()]
        {
            let error = json_records(body, None).unwrap_err();
            let BodyError::Invalid(text) = &error else { panic!("{error:?}") };
            assert!(text.starts_with("expected JSON") && !text.contains("secret"), "{text}");
        }
        let many = format!("[{}1]", "1,".repeat(1000));
        assert_eq!(json_records(many.as_bytes(), None), Err(BodyError::TooManyRecords));
    }
}
