//! The effective configuration as TOML.

use super::channels::AddedChannels;
use super::configuration::Config;
use super::gateway::Gateway;
use super::kafka::Kafka;
use super::keys::{self, SectionKeys};
use super::queues::QueueKeys;
use super::section::{Fields, Lines};
use super::setting::{key, quoted};

impl Config {
    /// Returns the effective configuration as TOML: every key with its value, and `***` in the
    /// place of secrets and their hashes. With these put back, it loads to the same configuration;
    /// `***` in the place of a hash is an error.
    pub fn to_toml(&self) -> String {
        to_toml(self)
    }
}

fn to_toml(config: &Config) -> String {
    // Visitors may change fields, so they get a copy.
    let mut config = config.clone();
    let mut out = String::new();
    match &mut config.kafka {
        Some(kafka) => print_kafka(&mut out, kafka),
        None => out
            .push_str("# [kafka] is not configured: serve needs kafka.brokers and kafka.topics\n"),
    }
    print_fields(&mut out, &keys::channels::SECTION, &mut AddedChannels::of(&config.channels));
    print_fields(&mut out, &keys::windows::SECTION, &mut config.windows);
    print_fields(&mut out, &keys::limits::SECTION, &mut config.limits);
    let lines = queue_lines(&mut config.queue_defaults.clone(), &config.queue_defaults);
    print_section(&mut out, "queue_defaults", &keys::queue_defaults::SECTION, &lines);
    for queue in &mut config.queues {
        let keys = queue.keys.clone();
        let lines = queue_lines(queue, &keys);
        print_section(
            &mut out,
            &format!("queues.{}", key(&queue.id)),
            &keys::queues::SECTION,
            &lines,
        );
    }
    print_fields(&mut out, &keys::metrics::SECTION, &mut config.metrics);
    print_fields(&mut out, &keys::http::SECTION, &mut config.http);
    print_fields(&mut out, &keys::ledger::SECTION, &mut config.ledger);
    print_fields(&mut out, &keys::planning::SECTION, &mut config.planning);
    if let Some(gateway) = &mut config.gateway {
        print_gateway(&mut out, gateway);
    }
    out
}

fn print_gateway(out: &mut String, gateway: &mut Gateway) {
    print_fields(out, &keys::gateway::SECTION, gateway);
    for path in &mut gateway.paths {
        print_section(out, "[gateway.paths]", &keys::gateway_path::SECTION, &Lines::of(path));
    }
}

fn print_kafka(out: &mut String, kafka: &mut Kafka) {
    print_fields(out, &keys::kafka::SECTION, kafka);
    for topic in &mut kafka.topics {
        print_section(out, "[kafka.topics]", &keys::topic::SECTION, &Lines::of(topic));
    }
    heading(out, "kafka.client");
    for (property, value) in kafka.client_masked() {
        let value = match kafka.client_files.get(property) {
            Some(file) => format!("{{ file = {} }}", quoted(&file.to_string_lossy())),
            None => quoted(value),
        };
        out.push_str(&format!("{} = {value}\n", key(property)));
    }
}

/// Returns the lines of a queue, or of the defaults of queues.
fn queue_lines(fields: &mut impl Fields, keys: &QueueKeys) -> Lines {
    let mut lines = Lines::of(fields);
    if keys.opening_hours.is_none() && !keys.holidays.is_empty() {
        let words = "always open, less the holidays";
        lines.comment(&keys::queue_defaults::OPENING_HOURS, words);
    }
    lines
}

/// Prints a section whose name in the file is that of its keys.
fn print_fields(out: &mut String, keys: &SectionKeys, fields: &mut impl Fields) {
    print_section(out, keys.name, keys, &Lines::of(fields));
}

fn print_section(out: &mut String, name: &str, keys: &SectionKeys, lines: &Lines) {
    heading(out, name);
    for line in lines.in_order(keys) {
        out.push_str(line);
        out.push('\n');
    }
}

fn heading(out: &mut String, name: &str) {
    let before = if out.is_empty() { "" } else { "\n" };
    out.push_str(&format!("{before}[{name}]\n"));
}
