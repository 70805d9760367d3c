//! The id of a topic, asked through the C interface of the client: the safe one does not have it.
//!
//! Each object of the client is freed once, by a guard. No callback is passed to the client, and
//! nothing that it returns outlives [`ask`].

// See "Unsafe code" in ARCHITECTURE.md.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::metadata::MetadataBroker;

use super::standstill::AskError;
use super::time_budget::TimeBudget;
use crate::ledger::TopicId;

/// Time that the client has to report its own timeout.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(100);

/// An object of the client that this module owns.
struct Owned<T> {
    object: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes ownership of an object. Returns `None` for a null pointer.
    ///
    /// # Safety
    /// `object` is null, or valid, owned by nobody else, and to be freed with `destroy`.
    unsafe fn new(object: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(object).map(|object| Owned { object, destroy })
    }

    fn as_ptr(&self) -> *mut T {
        self.object.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: by the contract of `new` the object is valid and to be freed with this function.
        // The guard cannot be copied, so nothing frees or uses it after this.
        unsafe { (self.destroy)(self.as_ptr()) }
    }
}

/// Asks the brokers for the id of a topic. Returns `Ok(None)` if they give topics no ids.
///
/// # Errors
/// [`AskError`] if no broker has told anything in time, or the topic is unknown or may not be
/// described.
pub(super) fn ask<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    budget: TimeBudget,
) -> Result<Option<TopicId>, AskError> {
    let name = CString::new(topic).map_err(|_| no_answer("the name of the topic has a zero"))?;
    let in_time = || budget.for_next().ok_or_else(|| no_answer("no time left to ask"));
    let broker = broker(client, topic, in_time()?)?;
    let event = describe(client, &name, broker, in_time()?);
    let event = event.ok_or_else(|| no_answer("no answer in time"))?;
    // SAFETY: the event is valid until the end of this function. The result is null, or a part of
    // the event.
    let result = unsafe { c::rd_kafka_event_DescribeTopics_result(event.as_ptr()) };
    if result.is_null() {
        return Err(no_answer("another event"));
    }
    let mut count = 0;
    // SAFETY: the result is not null and valid as long as the event. `count` is written before the
    // function returns. It returns an array of `count` pointers, a part of the event.
    let topics = unsafe { c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count) };
    if count == 0 || topics.is_null() {
        // SAFETY: the event is valid. The text is null, or ends with a zero and is a part of the
        // event or a constant of the client.
        return Err(no_answer(&unsafe { text(c::rd_kafka_event_error_string(event.as_ptr())) }));
    }
    // SAFETY: the array is not null and has at least one pointer.
    let description = unsafe { *topics };
    if description.is_null() {
        return Err(no_answer("no description"));
    }
    // SAFETY: the description is not null, and a part of the event. So is the error, if there is
    // one.
    let error = unsafe { c::rd_kafka_TopicDescription_error(description) };
    if !error.is_null() {
        // SAFETY: the error is not null and valid. The name is null, or a constant of the client.
        return Err(no_answer(&unsafe { text(c::rd_kafka_error_name(error)) }));
    }
    // SAFETY: the description is not null and valid. The id is a part of it.
    let id = unsafe { c::rd_kafka_TopicDescription_topic_id(description) };
    if id.is_null() {
        return Ok(None);
    }
    // SAFETY: the id is not null and valid as long as the event. Both functions only read it.
    let halves = unsafe {
        (c::rd_kafka_Uuid_most_significant_bits(id), c::rd_kafka_Uuid_least_significant_bits(id))
    };
    Ok(topic_id(halves))
}

/// Returns the number of a broker that answers. Without it the client would ask the controller,
/// to which it may have no connection yet.
fn broker<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    within: Duration,
) -> Result<c_int, AskError> {
    let metadata = client
        .fetch_metadata(Some(topic), within)
        .map_err(|error| AskError::NoAnswer(error.to_string()))?;
    let first = metadata.brokers().first().map(MetadataBroker::id);
    match metadata.orig_broker_id() {
        answering if answering >= 0 => Ok(answering),
        // The client does not know the number of the broker that it has asked first.
        _ => first.ok_or_else(|| no_answer("no broker in the metadata")),
    }
}

/// Sends the question and waits for the event that holds the answer or an error.
fn describe<C: ClientContext>(
    client: &Client<C>,
    name: &CStr,
    broker: c_int,
    within: Duration,
) -> Option<Owned<c::rd_kafka_event_t>> {
    let api = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let handle = client.native_ptr();
    let mut names = [name.as_ptr()];
    // SAFETY: `handle` is a client that lives at least as long as the borrow `client`. `names` is
    // an array of one text with a zero at its end, and the list of topics copies it. Each function
    // returns null, or a new object that its destroy function frees.
    let (queue, options, topics) = unsafe {
        (
            Owned::new(c::rd_kafka_queue_new(handle), c::rd_kafka_queue_destroy)?,
            Owned::new(
                c::rd_kafka_AdminOptions_new(handle, api),
                c::rd_kafka_AdminOptions_destroy,
            )?,
            Owned::new(
                c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
                c::rd_kafka_TopicCollection_destroy,
            )?,
        )
    };
    let (no_text, timeout_ms) = (ptr::null_mut(), milliseconds(within));
    // SAFETY: the options are valid. The buffer for the text of an error has no bytes, so it may be
    // null. Both functions return an error of their own, which the enum has, never one of a broker.
    unsafe {
        c::rd_kafka_AdminOptions_set_request_timeout(options.as_ptr(), timeout_ms, no_text, 0);
        c::rd_kafka_AdminOptions_set_broker(options.as_ptr(), broker, no_text, 0);
    }
    // SAFETY: all four are valid. The client copies the topics and the options. It keeps a count of
    // references to the queue, so that an answer after the end of this function is freed and not
    // written to freed memory.
    unsafe {
        c::rd_kafka_DescribeTopics(handle, topics.as_ptr(), options.as_ptr(), queue.as_ptr());
    }
    let patience = milliseconds(within.saturating_add(TIMEOUT_MARGIN));
    // SAFETY: the queue is valid, and nobody else polls it. The function returns null, or an event
    // that the caller has to destroy. It does not refer to the queue.
    unsafe {
        Owned::new(c::rd_kafka_queue_poll(queue.as_ptr(), patience), c::rd_kafka_event_destroy)
    }
}

/// Copies a text of the client.
///
/// # Safety
/// `text` is null, or valid during the call with a zero at its end.
unsafe fn text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return "unknown error".to_owned();
    }
    // SAFETY: by the contract of this function. The copy is made before it returns.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn no_answer(why: &str) -> AskError {
    AskError::NoAnswer(why.to_owned())
}

fn milliseconds(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}

/// Returns the id with these upper and lower 64 bits. All zeros stand for none.
fn topic_id((upper, lower): (i64, i64)) -> Option<TopicId> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&upper.to_be_bytes());
    bytes[8..].copy_from_slice(&lower.to_be_bytes());
    (bytes != [0; 16]).then_some(TopicId(bytes))
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::MockCluster;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    fn client(brokers: &str) -> BaseConsumer {
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
    }

    #[test]
    fn id_of_a_topic_stays_and_is_not_that_of_another() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("one", 1, 1).unwrap();
        cluster.create_topic("other", 1, 1).unwrap();
        let client = client(&cluster.bootstrap_servers());
        let id = |topic| ask(client.client(), topic, TimeBudget::start(WITHIN, WITHIN));
        let one = id("one").unwrap();
        assert!(one.is_some());
        assert_eq!(id("one"), Ok(one));
        assert_ne!(id("other"), Ok(one));
    }

    #[test]
    fn topic_has_no_answer_when_no_broker_is_there() {
        let client = client("127.0.0.1:1");
        let each = Duration::from_millis(100);
        for topic in ["one", "", "ze\0ro"] {
            let answer = ask(client.client(), topic, TimeBudget::start(each, WITHIN));
            assert!(matches!(answer, Err(AskError::NoAnswer(_))), "{answer:?}");
        }
    }

    #[test]
    fn id_is_none_when_a_broker_gives_topics_no_ids() {
        assert_eq!(topic_id((0, 0)), None);
        let id = TopicId([0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(topic_id((1, -2)), Some(id));
    }
}
