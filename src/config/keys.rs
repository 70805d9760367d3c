//! Every section and key that a configuration may have, and which values are secret.

/// How the text of an environment variable becomes the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// Texts with commas between them, or a TOML array.
    Texts,
    /// A TOML value.
    Toml,
}

/// A section: its name and its keys.
pub type Section = (&'static str, &'static [(&'static str, Kind)]);

/// The keys that [`QUEUE_DEFAULTS`] and a queue share.
macro_rules! queue_keys {
    ($($own:expr),*) => {
        &[
            $($own,)*
            ("channel", Kind::Text),
            ("target_wait", Kind::Text),
            ("target_ratio", Kind::Number),
            ("short_abandon", Kind::Text),
            ("max_wait", Kind::Text),
            ("max_service", Kind::Text),
            ("target_abandonment", Kind::Number),
            ("target_first_response", Kind::Text),
            ("target_resolution", Kind::Text),
            ("formula", Kind::Text),
            ("clock", Kind::Text),
            ("time_zone", Kind::Text),
            ("opening_hours", Kind::Text),
            ("holidays", Kind::Texts),
        ]
    };
}

pub const KAFKA: Section = (
    "kafka",
    &[
        ("brokers", Kind::Text),
        ("group", Kind::Text),
        ("dead_letter_topic", Kind::Text),
        ("workers", Kind::Integer),
        ("topics", Kind::Toml),
        ("client", Kind::Toml),
    ],
);
/// A table of `kafka.topics`.
pub const TOPIC: Section = ("kafka.topics", &[("name", Kind::Text), ("format", Kind::Text)]);
pub const CHANNELS: Section = ("channels", &[("names", Kind::Texts)]);
pub const WINDOWS: Section = (
    "windows",
    &[
        ("pane", Kind::Text),
        ("lengths", Kind::Texts),
        ("idle_advance", Kind::Flag),
        ("allowed_lateness", Kind::Text),
        ("transport_delay", Kind::Text),
        ("miss_grace", Kind::Text),
        ("reorder_grace", Kind::Text),
        ("dedup_horizon", Kind::Text),
        ("time_zone", Kind::Text),
        ("business_day_starts", Kind::Text),
    ],
);
pub const LIMITS: Section = (
    "limits",
    &[
        ("series", Kind::Integer),
        ("open_contacts", Kind::Integer),
        ("remembered_ids", Kind::Integer),
        ("record_bytes", Kind::Integer),
    ],
);
pub const QUEUE_DEFAULTS: Section = ("queue_defaults", queue_keys!());
/// Of every table in `queues`.
pub const QUEUES: Section = ("queues", queue_keys!(("name", Kind::Text), ("aliases", Kind::Texts)));
pub const METRICS: Section = ("metrics", &[("shard_label", Kind::Flag)]);
pub const HTTP: Section = (
    "http",
    &[
        ("listen", Kind::Text),
        ("tls_certificate", Kind::Text),
        ("tls_key", Kind::Text),
        ("bearer_token_hash", Kind::Text),
        ("basic_auth", Kind::Toml),
    ],
);
pub const LEDGER: Section =
    ("ledger", &[("path", Kind::Text), ("interval", Kind::Text), ("retention", Kind::Text)]);

/// The sections of a file, in the order in which they are printed.
pub const SECTIONS: [Section; 9] =
    [KAFKA, CHANNELS, WINDOWS, LIMITS, QUEUE_DEFAULTS, QUEUES, METRICS, HTTP, LEDGER];

/// librdkafka properties that nabiz sets itself, with the reason or the key to use.
pub const CLIENT_OWNED: [(&str, &str); 15] = [
    ("bootstrap.servers", "the key is kafka.brokers"),
    ("metadata.broker.list", "the key is kafka.brokers"),
    ("group.id", "the key is kafka.group"),
    ("group.instance.id", "every worker is a member of its own"),
    ("group.protocol", "assignments are handled in the classic protocol"),
    ("group.remote.assignor", "assignments are handled in the classic protocol"),
    ("partition.assignment.strategy", "assignments are handled by nabiz"),
    ("enable.auto.commit", "offsets are stored with the state they belong to"),
    ("auto.commit.enable", "offsets are stored with the state they belong to"),
    ("auto.commit.interval.ms", "offsets are stored with the state they belong to"),
    ("enable.auto.offset.store", "offsets are stored with the state they belong to"),
    ("auto.offset.reset", "a partition without stored state is read from its beginning"),
    ("enable.partition.eof", "the end of a partition is what catching up means"),
    ("offset.store.method", "offsets are stored with the state they belong to"),
    ("consume.callback.max.messages", "messages are polled one by one"),
];

/// What is shown in the place of a secret.
pub const MASK: &str = "***";

/// Whether the value of a key must never be shown. Errs on the side of hiding.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "password",
        "secret",
        "token",
        "key.pem",
        "oauthbearer.config",
        "hash",
        "basic_auth",
        "private",
        "jaas",
        "passphrase",
    ]
    .iter()
    .any(|word| key.contains(word))
}
