//! Access rules of a broker. The client library has no safe interface for them, so this speaks the
//! two requests of the protocol itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The API keys of the requests.
const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;
/// The last version of both requests whose fields have no tags.
const VERSION: i16 = 1;

const ANY: i8 = 1;
const TOPIC: i8 = 2;
const LITERAL: i8 = 3;

/// What a rule is about.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    All = 2,
    Read = 3,
    Describe = 8,
}

/// What a rule says.
#[derive(Clone, Copy, Debug)]
pub enum Permission {
    Deny = 2,
    Allow = 3,
}

/// Adds a rule about a topic for one user from every host.
pub(super) fn add(
    broker: &str,
    topic: &str,
    user: &str,
    operation: Operation,
    permission: Permission,
) {
    let mut body = Vec::from(1_i32.to_be_bytes());
    body.push(TOPIC.cast_unsigned());
    put_text(&mut body, Some(topic));
    body.push(LITERAL.cast_unsigned());
    put_text(&mut body, Some(&format!("User:{user}")));
    put_text(&mut body, Some("*"));
    body.extend([operation as u8, permission as u8]);
    request(broker, CREATE_ACLS, &body);
}

/// Removes all rules about a topic.
pub(super) fn remove_all(broker: &str, topic: &str) {
    let mut body = Vec::from(1_i32.to_be_bytes());
    body.push(TOPIC.cast_unsigned());
    put_text(&mut body, Some(topic));
    body.push(LITERAL.cast_unsigned());
    put_text(&mut body, None);
    put_text(&mut body, None);
    body.extend([ANY.cast_unsigned(), ANY.cast_unsigned()]);
    request(broker, DELETE_ACLS, &body);
}

/// Appends a text with its length; `None` as one of the length -1.
fn put_text(body: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(-1, |text| i16::try_from(text.len()).expect("a short text"));
    body.extend(length.to_be_bytes());
    body.extend(text.unwrap_or_default().as_bytes());
}

/// Sends a request and checks its first result.
fn request(broker: &str, api: i16, body: &[u8]) {
    let mut message = Vec::new();
    message.extend(api.to_be_bytes());
    message.extend(VERSION.to_be_bytes());
    message.extend(1_i32.to_be_bytes());
    put_text(&mut message, Some("nabiz-dev"));
    message.extend(body);

    let mut stream = TcpStream::connect(broker).expect("a connection to the broker");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let length = i32::try_from(message.len()).expect("a short request");
    stream.write_all(&length.to_be_bytes()).expect("the length is sent");
    stream.write_all(&message).expect("the request is sent");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).expect("a length")];
    stream.read_exact(&mut answer).expect("the whole answer");
    // Correlation id, throttle time and the number of results come before the first result.
    let error = answer.get(12..14).expect("a result");
    assert_eq!(error, [0, 0], "the broker changes its rules: {answer:?}");
}
