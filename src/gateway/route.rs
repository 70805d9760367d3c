//! One request, from its head to its answer.

use std::borrow::Cow;
use std::time::Instant as Moment;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, Method};
use nabiz_core::time::WallTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_stream::StreamExt;

use super::body::{BodyError, Content, records, too_many_records};
use super::producer::{ProduceError, Producer};
use super::rate::RateLimit;
use super::signature::{Mistrust, Signed, Verifier};
use crate::config::RecordKey;
use crate::readmodel::WebhookResult;

/// Longest value of a header that a record gets.
const HEADER_BYTES_MAX: usize = 1024;

/// A configured path.
#[derive(Debug)]
pub(super) struct Route {
    /// Its place in the counts.
    pub(super) index: usize,
    pub(super) topic: String,
    pub(super) key: Option<RecordKey>,
    /// The check with each of the accepted secrets.
    pub(super) verifiers: Vec<Verifier>,
    /// Request headers that a record gets, with their names as records show them.
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) max_body_bytes: usize,
    pub(super) rate: RateLimit,
}

/// The reason for which a request is not accepted, with the text of its answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) result: WebhookResult,
    pub(super) text: Cow<'static, str>,
    /// What an operator needs to know besides; it shows no content.
    pub(super) cause: Option<String>,
}

impl Refusal {
    fn new(result: WebhookResult, text: impl Into<Cow<'static, str>>) -> Self {
        Refusal { result, text: text.into(), cause: None }
    }
}

/// The records that Kafka has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) records: u64,
    /// Those without a key although the path has a rule for it.
    pub(super) unkeyed: u64,
}

impl Route {
    /// Answers a request by `deadline`: checks it, and writes its records.
    pub(super) async fn accept(
        &self,
        request: Request,
        producer: &Producer,
        under_way: &Semaphore,
        clock: fn() -> WallTime,
        deadline: Instant,
    ) -> Result<Written, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::new(WebhookResult::Method, "expected POST"));
        }
        // Before the permit, so that nobody without credentials takes one from those who have them.
        self.precheck(request.headers()).map_err(unauthorized)?;
        // Bounds the memory of the bodies. It is held until Kafka has answered.
        let Ok(_permit) = under_way.try_acquire() else {
            return Err(Refusal::new(WebhookResult::Busy, "too many requests are under way"));
        };
        let (head, body) = request.into_parts();
        let body = self.read(&head.headers, body, deadline).await?;
        let content = Content::of(&head.headers, &body);
        let signed = Signed {
            headers: &head.headers,
            path_and_query: head.uri.path_and_query().map_or("/", |path| path.as_str()),
            body: &body,
            content: &content,
            now: clock(),
        };
        self.verify(&signed).map_err(unauthorized)?;
        // After the check, so that forged requests do not use up the share of genuine ones.
        if !self.rate.take(Moment::now()) {
            return Err(Refusal::new(WebhookResult::RateLimited, "too many requests a second"));
        }
        let records = records(&content, &body, self.key.as_ref()).map_err(|error| match error {
            BodyError::Invalid(text) => Refusal::new(WebhookResult::Invalid, text),
            BodyError::TooManyRecords => Refusal::new(WebhookResult::TooLarge, too_many_records()),
        })?;
        let headers = self.record_headers(&head.headers);
        let written = timeout_at(deadline, producer.write(&self.topic, &records, &headers)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(not_written(error)),
            Err(_) => return Err(unavailable("no acknowledgement in time".into())),
        }
        let unkeyed = records.iter().filter(|record| record.key.is_none());
        let unkeyed = if self.key.is_some() { unkeyed.count() } else { 0 };
        Ok(Written { records: records.len() as u64, unkeyed: unkeyed as u64 })
    }

    /// Checks what needs no body: a password, a token, or that there is a signature.
    fn precheck(&self, headers: &HeaderMap) -> Result<(), Mistrust> {
        let mut checked = self.verifiers.iter().map(|verifier| verifier.precheck(headers));
        let first = checked.next().unwrap_or(Err(Mistrust::Wrong));
        if checked.any(|other| other.is_ok()) { Ok(()) } else { first }
    }

    /// Checks a request with each secret. Names the mistake of the first.
    fn verify(&self, signed: &Signed<'_>) -> Result<(), Mistrust> {
        let mut checked = self.verifiers.iter().map(|verifier| verifier.verify(signed));
        let first = checked.next().unwrap_or(Err(Mistrust::Wrong));
        if checked.any(|other| other.is_ok()) { Ok(()) } else { first }
    }

    /// Reads the body, up to the limit and by the deadline.
    async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        deadline: Instant,
    ) -> Result<Bytes, Refusal> {
        let max = self.max_body_bytes;
        let too_large = || {
            let text = format!("expected a body of at most {max} bytes");
            Refusal::new(WebhookResult::TooLarge, text)
        };
        let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let declared = declared.and_then(|length| length.parse::<usize>().ok());
        if declared.is_some_and(|length| length > max) {
            return Err(too_large());
        }
        let mut parts = body.into_data_stream();
        let mut read = Vec::with_capacity(declared.unwrap_or(0));
        loop {
            match timeout_at(deadline, parts.next()).await {
                Ok(None) => return Ok(read.into()),
                Ok(Some(Ok(part))) if read.len() + part.len() <= max => {
                    read.extend_from_slice(&part);
                }
                Ok(Some(Ok(_))) => return Err(too_large()),
                Ok(Some(Err(_))) => {
                    return Err(Refusal::new(WebhookResult::Incomplete, "the body is incomplete"));
                }
                Err(_) => {
                    let text = "the body did not arrive in time";
                    return Err(Refusal::new(WebhookResult::Incomplete, text));
                }
            }
        }
    }

    /// Returns the headers of the records: what identifies the delivery, and what the configuration
    /// adds.
    fn record_headers(&self, request: &HeaderMap) -> Vec<(String, String)> {
        let present = self.headers.iter().filter_map(|(header, name)| {
            let value = request.get(header)?.to_str().ok()?;
            (value.len() <= HEADER_BYTES_MAX).then(|| (name.clone(), value.to_owned()))
        });
        present.collect()
    }
}

fn unauthorized(mistrust: Mistrust) -> Refusal {
    Refusal::new(WebhookResult::Unauthorized, mistrust.as_str())
}

fn unavailable(cause: String) -> Refusal {
    let text = "Kafka has not acknowledged the request; send it again";
    Refusal { cause: Some(cause), ..Refusal::new(WebhookResult::Unavailable, text) }
}

fn not_written(error: ProduceError) -> Refusal {
    match error {
        ProduceError::TooLarge => {
            Refusal::new(WebhookResult::TooLarge, "the record is larger than Kafka takes")
        }
        ProduceError::Full => {
            Refusal::new(WebhookResult::Busy, "too many records wait for an acknowledgement")
        }
        ProduceError::NotAcknowledged(error) => unavailable(error.to_string()),
    }
}
