//! The effective values of all keys, to compare two configurations and to recognise one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::channels::AddedChannels;
use super::configuration::Config;
use super::kafka::Kafka;
use super::keys::{self, Key, OnReload};
use super::section::{Fields, Visitor};
use super::setting::{Setting, key, quoted};

/// A key whose effective value differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyChange {
    /// The key with its section, such as `kafka.brokers` or `queues.support.target_wait`.
    pub key: String,
    /// What a reload does with the new value.
    pub on_reload: OnReload,
}

impl Config {
    /// Returns the keys whose values differ from those of an earlier configuration, in alphabetical
    /// order. A queue or a property that is new or gone counts with its keys.
    pub fn changes_since(&self, earlier: &Config) -> Vec<KeyChange> {
        let (earlier, now) = (Values::of(earlier), Values::of(self));
        let all: BTreeMap<&String, OnReload> = earlier
            .values
            .iter()
            .chain(&now.values)
            .map(|(key, (_, on_reload))| (key, *on_reload))
            .collect();
        all.into_iter()
            .filter(|(key, _)| earlier.values.get(*key) != now.values.get(*key))
            .map(|(key, on_reload)| KeyChange { key: key.clone(), on_reload })
            .collect()
    }

    /// Returns every key that can decide numbers, with its effective value, as one text. It is equal
    /// only where these values are. It has secrets in clear: only its keyed hash may be shown or
    /// stored.
    pub fn reveal(&self) -> String {
        let mut text = String::new();
        let values = Values::of(self).values;
        for (key, (value, _)) in values.into_iter().filter(|(key, _)| decides_numbers(key)) {
            // Writing to a string does not fail. Values are TOML, which has no line break here.
            let _ = writeln!(text, "{key} = {}", value.unwrap_or_default());
        }
        text
    }
}

/// Keys of a queue that only plans use.
const OF_PLANS: [&str; 3] = [
    keys::queue_defaults::CONCURRENCY.row.name,
    keys::queue_defaults::SHRINKAGE.row.name,
    keys::queue_defaults::MAX_OCCUPANCY.row.name,
];

/// Keys that differ between instances whose numbers are the same, beside those of `[http]`, those
/// of `[planning]` and [`OF_PLANS`].
const OF_AN_INSTANCE: [&str; 5] = [
    "kafka.instance_id",
    "kafka.workers",
    "kafka.client.\"client.id\"",
    "kafka.client.\"client.rack\"",
    "ledger.path",
];

fn decides_numbers(key: &str) -> bool {
    let is_of_plans = key.starts_with("planning.")
        || key.rsplit_once('.').is_some_and(|(_, name)| OF_PLANS.contains(&name));
    !key.starts_with("http.") && !is_of_plans && !OF_AN_INSTANCE.contains(&key)
}

/// The effective values by their keys; `None` where a key has no value.
#[derive(Default)]
struct Values {
    /// The name of the present section, with a dot.
    prefix: String,
    values: BTreeMap<String, (Option<String>, OnReload)>,
}

impl Values {
    fn of(config: &Config) -> Self {
        // Visitors may change fields, so they get a copy.
        let mut config = config.clone();
        let mut values = Values::default();
        if let Some(kafka) = &mut config.kafka {
            values.section("kafka", kafka);
            values.add_tables(kafka);
        }
        values.section("channels", &mut AddedChannels::of(&config.channels));
        values.section("windows", &mut config.windows);
        values.section("limits", &mut config.limits);
        values.section("queue_defaults", &mut config.queue_defaults);
        for queue in &mut config.queues {
            values.section(&format!("queues.{}", key(&queue.id)), queue);
        }
        values.section("metrics", &mut config.metrics);
        values.section("http", &mut config.http);
        values.section("ledger", &mut config.ledger);
        values.section("planning", &mut config.planning);
        values
    }

    fn section(&mut self, name: &str, fields: &mut impl Fields) {
        self.prefix = format!("{name}.");
        fields.visit(self);
    }

    /// Adds the topics as one value, the mapping of each, and each property of the client.
    fn add_tables(&mut self, kafka: &Kafka) {
        let topics: Vec<String> = kafka
            .topics
            .iter()
            .map(|topic| format!("{} as {}", quoted(&topic.name), topic.format.as_str()))
            .collect();
        self.add(keys::kafka::TOPICS.row.name, Some(topics.join(", ")), &keys::kafka::TOPICS);
        // Beside the topics: another mapping is no other topic.
        for topic in kafka.topics.iter().filter(|topic| topic.mapping.is_some()) {
            let row = &keys::topic::MAPPING.row;
            let name =
                format!("{}.{}.{}", keys::kafka::TOPICS.row.name, key(&topic.name), row.name);
            self.add(&name, topic.mapping.to_toml(), &keys::topic::MAPPING);
        }
        for (property, value) in &kafka.client {
            let name = format!("{}.{}", keys::kafka::CLIENT.row.name, key(property));
            self.add(&name, Some(quoted(value)), &keys::kafka::CLIENT);
        }
    }

    fn add<T>(&mut self, name: &str, value: Option<String>, key: &Key<T>) {
        let name = format!("{}{name}", self.prefix);
        self.values.insert(name, (value, key.row.on_reload));
    }
}

impl Visitor for Values {
    fn field<T: Setting>(&mut self, key: &Key<T>, value: &mut T) {
        self.add(key.row.name, value.reveal(), key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretHash;

    const TOML: &str = "[kafka]\nbrokers = 'one:9092'\n[[kafka.topics]]\nname = 'calls'\n\
         [kafka.client]\n'sasl.password' = 'sesame'\n[queues.support]\ntarget_wait = '20s'\n";

    fn config(toml: &str) -> Config {
        Config::parse(toml, "nabiz.toml", std::iter::empty()).expect("right")
    }

    fn changes(now: &str) -> Vec<(String, OnReload)> {
        let changes = config(now).changes_since(&config(TOML));
        changes.into_iter().map(|change| (change.key, change.on_reload)).collect()
    }

    #[test]
    fn changes_name_keys_and_what_a_reload_does_when_values_differ() {
        use OnReload::{Http, Ingest, Refused};
        let change = |key: &str, on_reload| vec![(key.to_owned(), on_reload)];
        assert_eq!(changes(TOML), []);
        // A default that is written is no change.
        assert_eq!(
            changes(&format!("{TOML}target_ratio = 0.8\n[ledger]\npath = 'nabiz.db'\n")),
            []
        );
        let of = |from: &str, to: &str| changes(&TOML.replace(from, to));
        assert_eq!(of("20s", "30s"), change("queues.support.target_wait", Ingest));
        assert_eq!(of("sesame", "other"), change("kafka.client.\"sasl.password\"", Ingest));
        assert_eq!(of("one:9092", "two:9092"), change("kafka.brokers", Ingest));
        assert_eq!(of("'calls'", "'mails'"), change("kafka.topics", Refused));
        let hash = SecretHash::of(b"x").expect("a hash").reveal();
        let with = |section: &str| changes(&format!("{TOML}[{section}\n"));
        assert_eq!(
            with(&format!("http]\nbearer_token_hash = '{hash}'")),
            change("http.bearer_token_hash", Http)
        );
        assert_eq!(with("http]\nlisten = '127.0.0.1:1'"), change("http.listen", Refused));
        assert_eq!(with("ledger]\npath = 'other.db'"), change("ledger.path", Refused));
        let added = with("queues.sales]\ntarget_wait = '20s'");
        assert!(added.contains(&("queues.sales.target_wait".to_owned(), Ingest)), "{added:?}");
        assert!(added.iter().all(|(key, _)| key.starts_with("queues.sales.")), "{added:?}");
    }

    #[test]
    fn revealed_text_differs_when_only_a_secret_differs() {
        assert_ne!(config(TOML).reveal(), config(&TOML.replace("sesame", "open")).reveal());
    }

    #[test]
    fn revealed_text_is_the_same_when_only_the_instance_differs() {
        let instance = |number: &str| {
            let hash = SecretHash::of(b"x").expect("a hash").reveal();
            let kafka = format!("[kafka]\ninstance_id = 'id{number}'\nworkers = {number}\n");
            let client = format!(
                "[kafka.client]\n'client.id' = 'nabiz{number}'\n'client.rack' = 'rack{number}'\n"
            );
            let toml = TOML.replace("[kafka]\n", &kafka).replace("[kafka.client]\n", &client);
            config(&format!(
                "{toml}[http]\nlisten = '127.0.0.1:900{number}'\nbasic_auth = {{ w = '{hash}' }}\n\
                 [ledger]\npath = 'nabiz{number}.db'\n"
            ))
        };
        let (one, other) = (instance("1"), instance("2"));
        let changed: Vec<String> =
            one.changes_since(&other).into_iter().map(|change| change.key).collect();
        for key in OF_AN_INSTANCE {
            assert!(changed.iter().any(|changed| changed == key), "{key} is not in {changed:?}");
        }
        assert_eq!(one.reveal(), other.reveal());
    }
}
