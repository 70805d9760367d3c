//! The table of configuration keys.
//!
//! Each row has the name, kind, default and meaning of one key. The reader, the environment
//! variables, `nabiz check` and docs/guide/configuration.md follow from it. A new key needs its row
//! here and its field in `Fields::visit` of the section.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::civil::{Date, Time};
use nabiz_core::event::Channels;
use nabiz_core::settings::{Clock, Formula, WindowLength};
use nabiz_core::time::{DURATION_MAX, Millis, format_duration};

use super::mapped::{MappingProgram, TopicFormat};
use super::on_undecodable::OnUndecodable;
use super::plan_step::PlanStep;
use super::rules::{self, TextRule};
use super::webhook::{RecordKey, SecretSource, WebhookCheck};
use crate::secret::SecretHash;

/// Most ingest workers of one process.
const WORKERS_MAX: usize = 64;
/// Most windows, `today` aside.
const LENGTHS_MAX: usize = 16;
const SECOND: Millis = Millis::from_secs(1);
const MINUTE: Millis = Millis::from_mins(1);
const DAY: Millis = Millis::from_hours(24);

/// The words of [`Clock`].
pub(super) const CLOCKS: [(Clock, &str); 2] =
    [(Clock::Elapsed, "elapsed"), (Clock::OpeningHours, "opening_hours")];

/// The kind of a key's values: their form in TOML, and their bounds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Text that follows a rule.
    Text(&'static TextRule),
    /// A whole number.
    Integer { min: usize, max: usize },
    /// A number from 0 to 1.
    Ratio,
    /// A duration such as `1h30m`.
    Duration { min: Millis, max: Millis },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    List { min: usize, max: usize },
    /// A TOML value: a table, or a list of tables.
    Toml,
}

/// A duration without a lower bound.
const ANY_DURATION: Kind = Kind::Duration { min: Millis::ZERO, max: DURATION_MAX };
/// A time that an event waits for something.
const SHORT_WAIT: Kind = Kind::Duration { min: Millis::ZERO, max: Millis(30 * DAY.get()) };
const ANY_LIST: Kind = Kind::List { min: 0, max: usize::MAX };
const TEXT: Kind = Kind::Text(&rules::TEXT);

impl Kind {
    /// Returns the allowed values in words that follow "expected".
    pub(super) fn expected(self) -> String {
        match self {
            Kind::Text(rule) => rule.expected.to_string(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Ratio => "a ratio from 0 to 1".to_string(),
            Kind::Duration { min, max } => {
                format!("a duration between {} and {}", format_duration(min), longest(max))
            }
            Kind::Flag => "true or false".to_string(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::List { .. } => "a list such as [\"…\", \"…\"]".to_string(),
            Kind::Toml => "a table".to_string(),
        }
    }
}

/// Returns the upper bound of a duration. The longest duration is known as a power of two.
fn longest(max: Millis) -> String {
    if max == DURATION_MAX { "2^40 ms".to_string() } else { format_duration(max) }
}

/// The value of a key that neither the file nor the environment sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// This value, written as in an environment variable.
    Value(&'static str),
    /// No value. The words are the comment of `nabiz check`.
    Nothing(&'static str),
    /// The value of something else. The words are for the documentation.
    From(&'static str),
}

/// What a reload does with another value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnReload {
    /// HTTP uses it for new connections and requests.
    Http,
    /// Ingest ends at a checkpoint, and starts again with it.
    Ingest,
    /// The reload is refused: only a restart of the process uses it.
    Refused,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) fallback: Fallback,
    pub(super) on_reload: OnReload,
    /// The meaning, in Markdown.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "only the test of the documentation reads it")
    )]
    pub(super) meaning: &'static str,
    /// The allowed values in Markdown, where the kind does not say all.
    pub(super) allowed: Option<&'static str>,
}

/// A key whose values have the type `T`.
pub(super) struct Key<T> {
    pub(super) row: Row,
    values: PhantomData<fn() -> T>,
}

/// The values of a key that its section reads itself, because they are tables.
pub(super) struct Tables;

/// A section: a table of the file.
#[derive(Debug)]
pub(super) struct SectionKeys {
    /// The name in messages.
    pub(super) name: &'static str,
    pub(super) rows: &'static [&'static Row],
}

impl SectionKeys {
    /// Returns the row of a key.
    pub(super) fn row(&self, name: &str) -> Option<&'static Row> {
        self.rows.iter().copied().find(|row| row.name == name)
    }

    /// Returns the names of all keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.rows.iter().map(|row| row.name)
    }
}

const fn row(name: &'static str, kind: Kind, fallback: Fallback, meaning: &'static str) -> Row {
    Row { name, kind, fallback, meaning, allowed: None, on_reload: OnReload::Ingest }
}

/// Returns a row whose other value only a restart uses.
const fn fixed(name: &'static str, kind: Kind, fallback: Fallback, meaning: &'static str) -> Row {
    row(name, kind, fallback, meaning).on_reload(OnReload::Refused)
}

impl Row {
    const fn on_reload(mut self, on_reload: OnReload) -> Row {
        self.on_reload = on_reload;
        self
    }

    const fn allowed(mut self, allowed: &'static str) -> Row {
        self.allowed = Some(allowed);
        self
    }
}

const fn words<T: Copy, const N: usize>(pairs: [(T, &'static str); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        words[index] = pairs[index].1;
        index += 1;
    }
    words
}

/// Defines the keys of a section, and the section as `SECTION` with these keys, then `shared` ones.
macro_rules! section {
    ($name:literal, [$($shared:path),*], $($key:ident: $values:ty = $row:expr;)*) => {
        $(pub(crate) static $key: Key<$values> = Key { row: $row, values: PhantomData };)*
        pub(crate) static SECTION: SectionKeys =
            SectionKeys { name: $name, rows: &[$(&$key.row,)* $(&$shared.row,)*] };
    };
}

/// `[kafka]`.
pub(super) mod kafka {
    use crate::config::keys::*;

    section! { "kafka", [],
        BROKERS: String = row("brokers", Kind::Text(&rules::BROKERS), Fallback::Nothing("missing"),
            "bootstrap addresses")
            .allowed("`host:port`, separated by commas; `serve` needs them");
        GROUP: String = row("group", TEXT, Fallback::Value("nabiz"), "consumer group")
            .on_reload(OnReload::Refused);
        DEAD_LETTER_TOPIC: String = row("dead_letter_topic", Kind::Text(&rules::TOPIC),
            Fallback::Value("nabiz.dead-letters"), "topic for rejected records")
            .allowed("a topic name that is not in `topics`");
        WORKERS: usize = row("workers", Kind::Integer { min: 1, max: WORKERS_MAX },
            Fallback::Value("1"), "ingest workers of this process, each a consumer of the group")
            .on_reload(OnReload::Refused);
        INSTANCE_ID: Option<String> = row("instance_id", Kind::Text(&rules::INSTANCE_ID),
            Fallback::Nothing("none"),
            "name by which the group knows this process after a restart; see below")
            .allowed("1 to 200 letters, digits, `.`, `_`, `-`; another one in each process")
            .on_reload(OnReload::Refused);
        ON_UNDECODABLE: OnUndecodable = row("on_undecodable",
            Kind::Word(&words(OnUndecodable::ALL)), Fallback::Value("stop"),
            "what is done with a batch that cannot be decoded: the partition stands still, or its \
             offsets are passed over");
        TOPICS: Tables = row("topics", Kind::Toml, Fallback::Nothing("none"),
            "topics to read, one table `[[kafka.topics]]` for each")
            .allowed("different names; `serve` needs one")
            .on_reload(OnReload::Refused);
        CLIENT: Tables = row("client", Kind::Toml, Fallback::Nothing("none"),
            "properties of librdkafka: `[kafka.client]`").allowed("see below");
    }
}

/// A table of `kafka.topics`.
pub(super) mod topic {
    use crate::config::keys::*;

    section! { "kafka.topics", [],
        NAME: String = row("name", Kind::Text(&rules::TOPIC), Fallback::From("required"),
            "name of the topic").allowed("1 to 249 letters, digits, `.`, `_`, `-`")
            .on_reload(OnReload::Refused);
        FORMAT: TopicFormat = row("format", Kind::Word(&words(TopicFormat::ALL)),
            Fallback::Value("cloudevents"), "format of its records")
            .on_reload(OnReload::Refused);
        MAPPING: Option<MappingProgram> = row("mapping", Kind::Toml,
            Fallback::Nothing("none; `format = \"mapped\"` needs one"),
            "program that turns a record into events; see [mappings](mappings.md)")
            .allowed("the name of a shipped mapping, or `{ file = \"path\" }`");
    }
}

/// `[channels]`.
pub(super) mod channels {
    use crate::config::keys::*;

    section! { "channels", [],
        NAMES: Vec<String> = row("names", Kind::List { min: 0, max: Channels::ADDED_MAX },
            Fallback::Value(""),
            "channels in addition to `phone`, `email`, `social`, `mobile_app`, `web`, `chat`, \
             `petition`, `walk_in`")
            .allowed("up to 32 texts, not `other`")
            .on_reload(OnReload::Refused);
    }
}

/// `[windows]`.
pub(super) mod windows {
    use crate::config::keys::*;

    section! { "windows", [],
        PANE: Millis = row("pane", Kind::Duration { min: Millis(100), max: DAY },
            Fallback::Value("5s"), "step by which windows move");
        LENGTHS: Vec<WindowLength> = row("lengths", Kind::List { min: 1, max: LENGTHS_MAX },
            Fallback::Value("1m,5m,15m,30m,1h"), "windows; the text is the label value")
            .allowed("1 to 16 different durations up to 1d, each a whole number of panes, at most \
                      86400 of them");
        IDLE_ADVANCE: bool = row("idle_advance", Kind::Flag, Fallback::Value("true"),
            "stream time advances with the wall clock at the end of a partition")
            .allowed("`false` for old, simulated or accelerated streams");
        MAX_AHEAD: Millis = row("max_ahead", Kind::Duration { min: SECOND, max: DAY },
            Fallback::Value("1m"),
            "how far an event may be ahead of the clock, and of the timestamp of its record");
        ALLOWED_LATENESS: Millis = row("allowed_lateness", SHORT_WAIT, Fallback::Value("1m"),
            "how far an event may be behind the longest window before it is late");
        TRANSPORT_DELAY: Millis = row("transport_delay", SHORT_WAIT, Fallback::Value("3s"),
            "distance of stream time behind the wall clock when it advances without events");
        MISS_GRACE: Millis = row("miss_grace", SHORT_WAIT, Fallback::Value("2s"),
            "how long after its target a waiting visit is counted as missed");
        REORDER_GRACE: Millis = row("reorder_grace", SHORT_WAIT, Fallback::Value("30s"),
            "how long an ending is held for its start, and a delayed start waits for its ending");
        DEDUP_HORIZON: Millis = row("dedup_horizon", SHORT_WAIT, Fallback::Value("1h"),
            "how long identities of records, and contacts that are over, are remembered");
        TIME_ZONE: String = row("time_zone", Kind::Text(&rules::TIME_ZONE),
            Fallback::Value("Europe/Istanbul"),
            "zone of the business day, and of queues without a zone of their own")
            .allowed("a time zone");
        BUSINESS_DAY_STARTS: Time = row("business_day_starts", Kind::Text(&rules::TIME_OF_DAY),
            Fallback::Value("00:00"), "local time at which the window `today` begins")
            .allowed("00:00 to 23:59");
    }
}

/// `[limits]`.
pub(super) mod limits {
    use crate::config::keys::*;

    section! { "limits", [],
        SERIES: usize = row("series", Kind::Integer { min: 1, max: 1_000_000 },
            Fallback::Value("2000"),
            "(queue, channel) pairs; further ones are counted as `other`")
            .allowed("1 to 1000000, not less than the configured queues");
        OPEN_CONTACTS: usize = row("open_contacts", Kind::Integer { min: 1, max: 100_000_000 },
            Fallback::Value("1000000"), "contacts, and follow-ups, in memory");
        REMEMBERED_IDS: usize = row("remembered_ids", Kind::Integer { min: 1, max: 100_000_000 },
            Fallback::Value("1000000"), "identities of records in memory");
        RECORD_BYTES: usize = row("record_bytes", Kind::Integer { min: 1, max: 104_857_600 },
            Fallback::Value("1048576"), "bytes of one record");
    }
}

/// `[queue_defaults]`, whose keys each queue shares.
pub(super) mod queue_defaults {
    use crate::config::keys::*;

    section! { "queue_defaults", [],
        CHANNEL: String = row("channel", Kind::Text(&rules::CHANNEL), Fallback::Value("phone"),
            "channel of a visit whose events name none").allowed("a channel");
        TARGET_WAIT: Millis = row("target_wait", ANY_DURATION, Fallback::Value("20s"),
            "an answer within it is in target");
        TARGET_RATIO: f64 = row("target_ratio", Kind::Ratio, Fallback::Value("0.8"),
            "target share of met service-level events");
        SHORT_ABANDON: Millis = row("short_abandon", ANY_DURATION, Fallback::Value("5s"),
            "an abandonment within it is short");
        MAX_WAIT: Option<Millis> = row("max_wait",
            Kind::Duration { min: SECOND, max: DURATION_MAX },
            Fallback::Nothing("2h for phone and chat, 60d for other channels"),
            "a visit that waits longer is lost");
        MAX_SERVICE: Option<Millis> = row("max_service",
            Kind::Duration { min: SECOND, max: DURATION_MAX },
            Fallback::Nothing("4h for phone and chat, 60d for other channels"),
            "a conversation that lasts longer leaves service");
        TARGET_ABANDONMENT: f64 = row("target_abandonment", Kind::Ratio, Fallback::Value("0.05"),
            "acceptable abandonment ratio");
        TARGET_FIRST_RESPONSE: Millis = row("target_first_response", ANY_DURATION,
            Fallback::Value("4h"),
            "target of the first response, for channels other than phone and chat");
        TARGET_RESOLUTION: Millis = row("target_resolution", ANY_DURATION, Fallback::Value("3d"),
            "target of the resolution, for channels other than phone and chat");
        FORMULA: Formula = row("formula", Kind::Word(&words(Formula::ALL)), Fallback::Value("live"),
            "[formula](../spec/measures.md#formulas) of the service level");
        CLOCK: Clock = row("clock", Kind::Word(&words(CLOCKS)), Fallback::Value("elapsed"),
            "time that counts for first response and resolution");
        TIME_ZONE: String = row("time_zone", Kind::Text(&rules::TIME_ZONE),
            Fallback::From("`time_zone` of `[windows]`"),
            "zone of the opening hours and holidays").allowed("a time zone");
        OPENING_HOURS: Option<String> = row("opening_hours", Kind::Text(&rules::OPENING_HOURS),
            Fallback::Nothing("always open"), "weekly hours, see below").allowed("see below");
        HOLIDAYS: Vec<Date> = row("holidays", ANY_LIST, Fallback::Value(""),
            "local dates on which the queue is closed").allowed("dates");
        CONCURRENCY: usize = row("concurrency", Kind::Integer { min: 1, max: 20 },
            Fallback::Value("1"),
            "conversations that an agent holds at the same time, as in chat; only plans use it")
            .on_reload(OnReload::Http);
        SHRINKAGE: Option<f64> = row("shrinkage", Kind::Ratio,
            Fallback::Nothing("measured from pauses"),
            "share of a shift in which agents do not work; only plans use it")
            .allowed("0 to 0.95")
            .on_reload(OnReload::Http);
        MAX_OCCUPANCY: Option<f64> = row("max_occupancy", Kind::Ratio, Fallback::Nothing("none"),
            "share of their working time that agents may be busy; only plans use it")
            .allowed("a ratio above 0")
            .on_reload(OnReload::Http);
    }
}

/// Each table in `[queues]`.
pub(super) mod queues {
    use crate::config::keys::queue_defaults as shared;
    use crate::config::keys::*;

    section! { "queues.<id>",
        [
            shared::CHANNEL, shared::TARGET_WAIT, shared::TARGET_RATIO, shared::SHORT_ABANDON,
            shared::MAX_WAIT, shared::MAX_SERVICE, shared::TARGET_ABANDONMENT,
            shared::TARGET_FIRST_RESPONSE, shared::TARGET_RESOLUTION, shared::FORMULA,
            shared::CLOCK, shared::TIME_ZONE, shared::OPENING_HOURS, shared::HOLIDAYS,
            shared::CONCURRENCY, shared::SHRINKAGE, shared::MAX_OCCUPANCY
        ],
        NAME: String = row("name", TEXT, Fallback::From("the id"),
            "display name; only in `[queues.<id>]`");
        ALIASES: Vec<String> = row("aliases", ANY_LIST, Fallback::Value(""),
            "other ids of the queue in events; only in `[queues.<id>]`")
            .allowed("texts; neither an id nor an alias of another queue");
    }
}

/// `[metrics]`.
pub(super) mod metrics {
    use crate::config::keys::*;

    section! { "metrics", [],
        SHARD_LABEL: bool = row("shard_label", Kind::Flag, Fallback::Value("false"),
            "adds the [label `shard`](../spec/metrics.md#label-shard); several instances in one \
             group need it")
            .on_reload(OnReload::Refused);
    }
}

/// `[http]`.
pub(super) mod http {
    use crate::config::keys::*;

    section! { "http", [],
        LISTEN: SocketAddr = row("listen", Kind::Text(&rules::ADDRESS),
            Fallback::Value("127.0.0.1:9464"), "address of the listener")
            .allowed("IP address and port")
            .on_reload(OnReload::Refused);
        TLS_CERTIFICATE: Option<PathBuf> = row("tls_certificate", Kind::Text(&rules::PEM_PATH),
            Fallback::Nothing("none, plain HTTP"),
            "PEM file with the certificate chain, the server's own first; the listener then speaks \
             only TLS 1.2 and 1.3").allowed("a path; `tls_key` is needed too")
            .on_reload(OnReload::Http);
        TLS_KEY: Option<PathBuf> = row("tls_key", Kind::Text(&rules::PEM_PATH),
            Fallback::Nothing("none"), "PEM file with the private key")
            .allowed("a path; `tls_certificate` is needed too")
            .on_reload(OnReload::Http);
        BEARER_TOKEN_HASH: Option<SecretHash> = row("bearer_token_hash", TEXT,
            Fallback::Nothing("none"), "hash of the accepted token").allowed("a hash, see below")
            .on_reload(OnReload::Http);
        BASIC_AUTH: BTreeMap<String, SecretHash> = row("basic_auth", Kind::Toml,
            Fallback::Nothing("none"), "users and the hashes of their passwords")
            .allowed("a table of 1 to 64 users: names of 1 to 256 bytes without `:`, and hashes")
            .on_reload(OnReload::Http);
    }
}

/// `[ledger]`.
pub(super) mod ledger {
    use crate::config::keys::*;

    section! { "ledger", [],
        PATH: PathBuf = row("path", Kind::Text(&rules::PATH), Fallback::Value("nabiz.db"),
            "file of the durable store").allowed("a path")
            .on_reload(OnReload::Refused);
        INTERVAL: Millis = row("interval", Kind::Duration { min: MINUTE, max: DAY },
            Fallback::Value("15m"), "length of an interval of the history")
            .allowed("whole minutes that divide a day")
            .on_reload(OnReload::Refused);
        RETENTION: Millis = row("retention", Kind::Duration { min: DAY, max: DURATION_MAX },
            Fallback::Value("1095d"), "how long the history is kept");
    }
}

/// `[planning]`.
pub(super) mod planning {
    use crate::config::keys::*;

    section! { "planning", [],
        STEP: PlanStep = row("step", Kind::Word(&words(PlanStep::ALL)), Fallback::Value("30m"),
            "length of a row of a plan").on_reload(OnReload::Http);
        WEEKS: usize = row("weeks", Kind::Integer { min: 2, max: 52 }, Fallback::Value("8"),
            "weeks before a plan from which it learns").on_reload(OnReload::Http);
        ABSENCE: Option<f64> = row("absence", Kind::Ratio, Fallback::Nothing("not known"),
            "share of the paid time in which agents are not there: leave, illness, training; \
             events do not have it")
            .allowed("0 to 0.95")
            .on_reload(OnReload::Http);
        NOTED_DAYS: BTreeMap<String, Vec<Date>> = row("noted_days", Kind::Toml,
            Fallback::Nothing("none"),
            "days that are unlike their weekday, past and coming, by the name that they share")
            .allowed("a table of names with dates; no date twice")
            .on_reload(OnReload::Http);
        POOLS: BTreeMap<String, Vec<String>> = row("pools", Kind::Toml, Fallback::Nothing("none"),
            "queues that share their agents, by the name of the pool")
            .allowed("a table of names with queues; no queue twice")
            .on_reload(OnReload::Http);
    }
}

/// `[gateway]`.
pub(super) mod gateway {
    use crate::config::keys::*;

    section! { "gateway", [],
        LISTEN: SocketAddr = fixed("listen", Kind::Text(&rules::ADDRESS),
            Fallback::Value("127.0.0.1:8080"), "address of the listener for webhooks")
            .allowed("IP address and port");
        METRICS_LISTEN: SocketAddr = fixed("metrics_listen", Kind::Text(&rules::ADDRESS),
            Fallback::Value("127.0.0.1:9465"),
            "address of the listener for `/metrics`, `/healthz` and `/readyz`")
            .allowed("IP address and port");
        PUBLIC_URL: Option<String> = fixed("public_url", Kind::Text(&rules::WEB_ADDRESS),
            Fallback::Nothing("none; check = \"twilio\" needs one"),
            "address by which the sources reach the gateway, up to the path; Twilio signs it")
            .allowed("such as `https://hooks.example.org`");
        TLS_CERTIFICATE: Option<PathBuf> = fixed("tls_certificate", Kind::Text(&rules::PEM_PATH),
            Fallback::Nothing("none, plain HTTP"),
            "PEM file with the certificate chain of `listen`, the server's own first")
            .allowed("a path; `tls_key` is needed too");
        TLS_KEY: Option<PathBuf> = fixed("tls_key", Kind::Text(&rules::PEM_PATH),
            Fallback::Nothing("none"), "PEM file with the private key")
            .allowed("a path; `tls_certificate` is needed too");
        MAX_BODY_BYTES: usize = fixed("max_body_bytes",
            Kind::Integer { min: 1024, max: 10_485_760 }, Fallback::Value("1048576"),
            "bytes of one request's body; a larger one is answered 413");
        MAX_IN_FLIGHT: usize = fixed("max_in_flight", Kind::Integer { min: 1, max: 10_000 },
            Fallback::Value("256"),
            "requests that are under way; further ones are answered 503");
        TIMEOUT: Millis = fixed("timeout",
            Kind::Duration { min: SECOND, max: MINUTE }, Fallback::Value("4s"),
            "time for a request: its body has to arrive, and Kafka to acknowledge its records");
        PATHS: Tables = fixed("paths", Kind::Toml, Fallback::Nothing("none"),
            "paths at which webhooks arrive, one table `[[gateway.paths]]` for each")
            .allowed("different paths; `nabiz gateway` needs one");
    }
}

/// A table of `gateway.paths`.
pub(super) mod gateway_path {
    use crate::config::keys::*;

    section! { "gateway.paths", [],
        PATH: String = fixed("path", Kind::Text(&rules::WEB_PATH), Fallback::From("required"),
            "path of the address, as it arrives").allowed("such as `/hooks/chatwoot`");
        TOPIC: String = fixed("topic", Kind::Text(&rules::TOPIC), Fallback::From("required"),
            "topic that gets the records").allowed("1 to 249 letters, digits, `.`, `_`, `-`");
        KEY: Option<RecordKey> = fixed("key", Kind::Toml, Fallback::Nothing("none, any partition"),
            "where the key of a record is in its value; of several pointers the first that leads \
             to a text or number")
            .allowed("`{ pointer = \"/conversation/id\" }`, `{ pointer = [\"…\", \"…\"] }`, or \
                      `{ field = \"CallSid\" }`");
        CHECK: WebhookCheck = fixed("check", Kind::Word(&words(WebhookCheck::ALL)),
            Fallback::From("required"), "how a request proves that it comes from the source");
        USER: Option<String> = fixed("user", TEXT, Fallback::Nothing("none"),
            "user of the check `basic`").allowed("text; only with `basic`");
        SECRET: Option<SecretSource> = fixed("secret", Kind::Toml, Fallback::Nothing("required"),
            "where the secret of the check is: the auth token of Twilio, the secret of the \
             webhook, the password, or the token; a second line of the file is one more")
            .allowed("`{ file = \"path\" }` or `{ env = \"NAME\" }`");
        HEADERS: Vec<String> = fixed("headers", Kind::List { min: 0, max: 16 }, Fallback::Value(""),
            "request headers that each record gets, in addition to the ids of its delivery")
            .allowed("up to 16 names, no credentials");
        REQUESTS_PER_SECOND: usize = fixed("requests_per_second",
            Kind::Integer { min: 1, max: 100_000 }, Fallback::Value("500"),
            "accepted requests a second; further ones are answered 429");
    }
}

/// The sections of a file by their names, in the order of `nabiz check`.
pub(super) static SECTIONS: [(&str, &SectionKeys); 11] = [
    ("kafka", &kafka::SECTION),
    ("channels", &channels::SECTION),
    ("windows", &windows::SECTION),
    ("limits", &limits::SECTION),
    ("queue_defaults", &queue_defaults::SECTION),
    ("queues", &queues::SECTION),
    ("metrics", &metrics::SECTION),
    ("http", &http::SECTION),
    ("ledger", &ledger::SECTION),
    ("planning", &planning::SECTION),
    ("gateway", &gateway::SECTION),
];

/// The librdkafka properties that nabiz sets itself, with the reason or the key to use.
const CLIENT_OWNED: [(&str, &str); 21] = [
    ("bootstrap.servers", "the key is kafka.brokers"),
    ("metadata.broker.list", "the key is kafka.brokers"),
    ("group.id", "the key is kafka.group"),
    ("group.instance.id", "the key is kafka.instance_id"),
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
    ("statistics.interval.ms", "the statistics show the ends of the logs and the connection"),
    ("acks", "a dead letter is written once all replicas have it"),
    ("request.required.acks", "a dead letter is written once all replicas have it"),
    ("enable.idempotence", "dead letters are written at least once"),
    ("message.timeout.ms", "a dead letter is retried until it is written"),
    ("delivery.timeout.ms", "a dead letter is retried until it is written"),
];

/// Returns the reason, or the key to use, if nabiz sets this property of librdkafka itself.
pub(crate) fn client_owned(property: &str) -> Option<&'static str> {
    CLIENT_OWNED.iter().find(|(owned, _)| *owned == property).map(|(_, reason)| *reason)
}

/// The text in the place of a secret.
pub(super) const MASK: &str = "***";

/// Returns whether the value of a key must never be displayed. Hides too much rather than too
/// little: the value of a key for a file may be the content of the file by mistake.
pub(super) fn is_secret(key: &str) -> bool {
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
        "http.tls_",
    ]
    .iter()
    .any(|word| key.contains(word))
}
