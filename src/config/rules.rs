//! The rules for texts that the table of keys names.

use std::net::SocketAddr;

use jiff::civil::Time;
use nabiz_core::calendar::time_zone;
use nabiz_core::event::TEXT_BYTES_MAX;

/// Longest name of a topic, in bytes; a limit of Kafka.
const TOPIC_BYTES_MAX: usize = 249;

/// Longest id of an instance, in bytes. With the number of a worker it stays below the limit of
/// Kafka, which is that of topics.
const INSTANCE_ID_BYTES_MAX: usize = 200;

/// A rule for the text of a key.
#[derive(Debug)]
pub(super) struct TextRule {
    /// The allowed texts, in words that follow "expected".
    pub(super) expected: &'static str,
    pub(super) allows: fn(&str) -> bool,
}

pub(super) static TEXT: TextRule =
    TextRule { expected: "text of 1 to 256 bytes", allows: is_short_text };
pub(super) static BROKERS: TextRule = TextRule {
    expected: "addresses with commas between them, such as one:9092,two:9092",
    allows: |text| text.split(',').all(|broker| !broker.trim().is_empty()),
};
pub(super) static TOPIC: TextRule = TextRule {
    expected: "a topic name: 1 to 249 letters, digits, dots, _ and -",
    allows: is_topic_name,
};
pub(super) static INSTANCE_ID: TextRule = TextRule {
    expected: "1 to 200 letters, digits, dots, _ and -",
    allows: |id| (1..=INSTANCE_ID_BYTES_MAX).contains(&id.len()) && has_name_bytes(id),
};
pub(super) static CHANNEL: TextRule =
    TextRule { expected: "the name of a channel", allows: |_| true };
pub(super) static TIME_ZONE: TextRule = TextRule {
    expected: "an IANA time zone such as Europe/Istanbul",
    allows: |name| time_zone(name).is_some(),
};
pub(super) static TIME_OF_DAY: TextRule = TextRule {
    expected: "a local time of day between \"00:00\" and \"23:59\"",
    allows: |text| parse_time_of_day(text).is_some(),
};
pub(super) static OPENING_HOURS: TextRule =
    TextRule { expected: "text such as \"Mo-Fr 08:00-17:30; Sa 09:00-13:00\"", allows: |_| true };
pub(super) static ADDRESS: TextRule = TextRule {
    expected: "an IP address and a port such as 127.0.0.1:9464 or [::]:9464",
    allows: |text| text.parse::<SocketAddr>().is_ok(),
};
pub(super) static PATH: TextRule =
    TextRule { expected: "the path of a file", allows: |path| !path.is_empty() };
pub(super) static PEM_PATH: TextRule = TextRule {
    expected: "the path of a PEM file",
    // The content of the file in place of its path is a mistake that must not be displayed.
    allows: |path| !path.is_empty() && !path.contains(char::is_control) && !path.contains("-----"),
};

pub(super) static WEB_ADDRESS: TextRule = TextRule {
    expected: "an address such as \"https://hooks.example.org\", without ?, # and user",
    allows: is_web_address,
};
pub(super) static WEB_PATH: TextRule = TextRule {
    expected: "a path such as \"/hooks/chatwoot\" of up to 256 printable characters without ? and #",
    allows: is_web_path,
};

fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or("");
        !host.is_empty() && is_short_text(text) && has_address_bytes(rest) && !rest.contains('@')
    })
}

fn is_web_path(text: &str) -> bool {
    text.starts_with('/') && is_short_text(text) && has_address_bytes(text)
}

/// Returns whether a part of an address has neither a query nor a fragment, and no character that
/// an address has to encode.
fn has_address_bytes(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte))
}

/// Returns whether a text has 1 to 256 bytes.
pub(super) fn is_short_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
}

fn is_topic_name(name: &str) -> bool {
    (1..=TOPIC_BYTES_MAX).contains(&name.len())
        && has_name_bytes(name)
        && name != "."
        && name != ".."
}

/// Returns whether a text has only the characters that Kafka allows in names.
fn has_name_bytes(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Parses a time such as `06:30`.
pub(super) fn parse_time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let has_two_digits =
        |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !has_two_digits(hour) || !has_two_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
