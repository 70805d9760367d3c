//! The effective configuration as TOML.

use std::fmt::Write;

use nabiz_core::event::Channels;
use nabiz_core::settings::Formula;
use nabiz_core::time::{Millis, format_duration};

use super::keys::MASK;
use super::queues::{CLOCKS, QueueKeys};
use super::{Config, Http, Kafka};

/// The configuration as a text that loads again, with secrets as `***`.
pub(super) fn to_toml(config: &Config) -> String {
    let mut out = Printer::default();
    match &config.kafka {
        Some(kafka) => print_kafka(&mut out, kafka),
        None => {
            out.comment("[kafka] is not configured: serve needs kafka.brokers and kafka.topics")
        }
    }

    out.section("channels");
    out.texts("names", config.channels.names().skip(Channels::BUILT_IN.len()));

    let windows = &config.windows;
    out.section("windows");
    out.duration("pane", windows.settings.pane.get());
    out.texts("lengths", windows.settings.lengths.iter().map(|length| length.label.as_str()));
    out.plain("idle_advance", windows.settings.idle_advance);
    out.duration("allowed_lateness", windows.settings.allowed_lateness.get());
    out.duration("transport_delay", windows.settings.transport_delay.get());
    out.duration("miss_grace", windows.settings.miss_grace.get());
    out.duration("reorder_grace", windows.settings.reorder_grace.get());
    out.duration("dedup_horizon", windows.settings.dedup_horizon.get());
    out.text("time_zone", &windows.time_zone);
    out.text("business_day_starts", &windows.business_day_starts.strftime("%H:%M").to_string());

    out.section("limits");
    out.plain("series", config.limits.series);
    out.plain("open_contacts", config.limits.open_contacts);
    out.plain("remembered_ids", config.limits.remembered_ids);
    out.plain("record_bytes", config.limits.record_bytes);

    out.section("queue_defaults");
    print_queue_keys(&mut out, &config.queue_defaults, config);
    for queue in &config.queues {
        out.section(&format!("queues.{}", key(&queue.id)));
        out.text("name", &queue.keys.settings.name);
        out.texts("aliases", queue.aliases.iter().map(String::as_str));
        print_queue_keys(&mut out, &queue.keys, config);
    }

    out.section("metrics");
    out.plain("shard_label", config.metrics.shard_label);

    out.section("http");
    print_http(&mut out, &config.http);

    out.section("ledger");
    out.text("path", &config.ledger.path.to_string_lossy());
    out.duration("interval", config.ledger.interval_ms);
    out.duration("retention", config.ledger.retention_ms);
    out.text
}

fn print_kafka(out: &mut Printer, kafka: &Kafka) {
    out.section("kafka");
    if kafka.brokers.is_empty() {
        out.comment("brokers: missing");
    } else {
        out.text("brokers", &kafka.brokers);
    }
    out.text("group", &kafka.group);
    out.text("dead_letter_topic", &kafka.dead_letter_topic);
    out.plain("workers", kafka.workers);
    for topic in &kafka.topics {
        out.section("[kafka.topics]");
        out.text("name", &topic.name);
        out.text("format", topic.format.as_str());
    }
    out.section("kafka.client");
    for (property, value) in kafka.client_masked() {
        match kafka.client_files.get(property) {
            Some(file) => {
                out.line(format_args!(
                    "{} = {{ file = {} }}",
                    key(property),
                    quoted(&file.to_string_lossy())
                ));
            }
            None => out.text(&key(property), value),
        }
    }
}

fn print_http(out: &mut Printer, http: &Http) {
    out.text("listen", &http.listen.to_string());
    match &http.tls {
        Some(files) => {
            out.text("tls_certificate", &files.certificate.to_string_lossy());
            out.text("tls_key", &files.key.to_string_lossy());
        }
        None => {
            out.comment("tls_certificate: none, plain HTTP");
            out.comment("tls_key: none");
        }
    }
    match &http.bearer_token_hash {
        Some(_) => out.text("bearer_token_hash", MASK),
        None => out.comment("bearer_token_hash: none"),
    }
    if http.basic_auth.is_empty() {
        out.comment("basic_auth: none");
    } else {
        let users: Vec<String> =
            http.basic_auth.keys().map(|user| format!("{} = \"{MASK}\"", key(user))).collect();
        out.line(format_args!("basic_auth = {{ {} }}", users.join(", ")));
    }
}

fn print_queue_keys(out: &mut Printer, keys: &QueueKeys, config: &Config) {
    let settings = &keys.settings;
    out.text("channel", config.channels.name(settings.channel));
    out.duration("target_wait", settings.target_wait.get());
    out.plain("target_ratio", settings.target_ratio);
    out.duration("short_abandon", settings.short_abandon.get());
    match settings.max_wait {
        Some(max_wait) => out.duration("max_wait", max_wait.get()),
        None => out.comment("max_wait: 2h for phone and chat, 60d for other channels"),
    }
    match settings.max_service {
        Some(max_service) => out.duration("max_service", max_service.get()),
        None => out.comment("max_service: 4h for phone and chat, 60d for other channels"),
    }
    out.plain("target_abandonment", settings.target_abandonment);
    out.duration("target_first_response", settings.target_first_response.get());
    out.duration("target_resolution", settings.target_resolution.get());
    out.text("formula", word(&Formula::ALL, settings.formula));
    out.text("clock", word(&CLOCKS, settings.clock));
    out.text("time_zone", &keys.time_zone);
    match (&keys.opening_hours, keys.holidays.is_empty()) {
        (Some(hours), _) => out.text("opening_hours", hours),
        (None, true) => out.comment("opening_hours: always open"),
        (None, false) => out.comment("opening_hours: always open, less the holidays"),
    }
    let holidays: Vec<String> = keys.holidays.iter().map(|date| date.to_string()).collect();
    out.texts("holidays", holidays.iter().map(String::as_str));
}

fn word<T: PartialEq>(words: &[(T, &'static str)], value: T) -> &'static str {
    words.iter().find(|(known, _)| *known == value).map_or("", |(_, word)| word)
}

/// A key of TOML, in quotes where it needs them.
fn key(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !text.is_empty() && text.bytes().all(bare) { text.to_string() } else { quoted(text) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[derive(Default)]
struct Printer {
    text: String,
}

impl Printer {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn section(&mut self, name: &str) {
        let before = if self.text.is_empty() { "" } else { "\n" };
        self.line(format_args!("{before}[{name}]"));
    }

    fn comment(&mut self, words: &str) {
        self.line(format_args!("# {words}"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(format_args!("{key} = {}", quoted(value)));
    }

    fn duration(&mut self, key: &str, duration_ms: u64) {
        self.text(key, &format_duration(Millis(duration_ms)));
    }

    /// A number or a truth value.
    fn plain(&mut self, key: &str, value: impl std::fmt::Debug) {
        self.line(format_args!("{key} = {value:?}"));
    }

    fn texts<'a>(&mut self, key: &str, values: impl Iterator<Item = &'a str>) {
        let items: Vec<String> = values.map(quoted).collect();
        self.line(format_args!("{key} = [{}]", items.join(", ")));
    }
}
