//! The configuration from the outside: the texts that load, and the errors of the others.

use nabiz::config::{Config, ConfigError};
use nabiz_core::time::Timestamp;

/// The example of the interface, as it is printed there.
const INTERFACE: &str = r#"
[kafka]
brokers = "127.0.0.1:9092"
group = "nabiz"
dead_letter_topic = "nabiz.dead-letters"
workers = 1
[[kafka.topics]]
name = "calls"
format = "cloudevents"
[kafka.client]                     # passed to librdkafka as they are: security.protocol, sasl.*, ssl.*
# "security.protocol" = "sasl_ssl"

[windows]
pane = "5s"
lengths = ["1m", "5m", "15m", "30m", "1h"]
idle_advance = true
allowed_lateness = "1m"
transport_delay = "3s"
miss_grace = "2s"
reorder_grace = "30s"
dedup_horizon = "1h"
time_zone = "Europe/Istanbul"
business_day_starts = "00:00"

[limits]
series = 2000                      # (queue, channel) pairs
open_contacts = 1000000
remembered_ids = 1000000
record_bytes = 1048576

[queue_defaults]                   # every key may be set per queue
channel = "phone"
target_wait = "20s"
target_ratio = 0.80
short_abandon = "5s"
# max_wait, max_service: by channel unless set here or per queue
target_abandonment = 0.05
target_first_response = "4h"        # channels other than phone and chat
target_resolution = "3d"
formula = "live"
clock = "elapsed"

[queues.fault]
name = "Arıza Bildirim"
aliases = ["ariza", "600"]
target_wait = "30s"
opening_hours = "Mo-Su 00:00-24:00"
holidays = ["2026-10-29"]

[metrics]
shard_label = false                # true where several instances share the group: each series then belongs to one partition

[http]
listen = "127.0.0.1:9464"
# tls_certificate, tls_key, bearer_token_hash, basic_auth = { user = "hash" }

[ledger]
path = "nabiz.db"
interval = "15m"
retention = "1095d"
"#;

fn parse(toml: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Config::parse_checked(toml, "nabiz.toml", variables, nabiz::ingest::check_client_property)
}

fn loaded(toml: &str, variables: &[(&str, &str)]) -> Config {
    parse(toml, variables).unwrap_or_else(|error| panic!("{error}"))
}

/// Settings without the map of aliases, whose order is not fixed.
fn settings(config: &Config) -> String {
    let mut settings = config.settings();
    let mut aliases: Vec<_> = std::mem::take(&mut settings.aliases).into_iter().collect();
    aliases.sort();
    format!("{settings:?} {aliases:?}")
}

#[test]
fn example_of_the_interface_loads() {
    let config = loaded(INTERFACE, &[]);
    let kafka = config.require_kafka().expect("kafka");
    assert_eq!((kafka.brokers.as_str(), kafka.workers), ("127.0.0.1:9092", 1));
    assert_eq!(kafka.topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["calls"]);
    let settings = config.settings();
    assert_eq!(settings.resolve("600"), "fault");
    let fault = settings.queue("fault");
    assert_eq!(
        (fault.name.as_str(), fault.target_wait.get(), fault.short_abandon.get()),
        ("Arıza Bildirim", 30_000, 5_000)
    );
    let at =
        |text: &str| Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
    assert!(fault.is_open(at("2026-10-28T23:59:59+03:00")));
    assert!(!fault.is_open(at("2026-10-29T00:00:00+03:00")), "a holiday");
    assert_eq!(settings.queue("unknown").target_wait.get(), 20_000);
}

#[test]
fn empty_configuration_has_the_defaults_of_the_interface() {
    let without = |lines: &[&str]| {
        INTERFACE
            .lines()
            .filter(|line| !lines.iter().any(|start| line.starts_with(start)))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let queue =
        ["[queues.", "name = \"A", "aliases", "target_wait = \"30s\"", "opening_hours", "holidays"];
    let written = loaded(&without(&queue), &[]);
    for silent in [loaded("", &[]), Config::defaults()] {
        assert_eq!(settings(&silent), settings(&written));
        assert_eq!(
            (&silent.metrics, &silent.http, &silent.ledger),
            (&written.metrics, &written.http, &written.ledger)
        );
        assert!(silent.kafka.is_none());
    }
    // And [kafka]: only the brokers and the topics have no default.
    let sparse =
        loaded("kafka = { brokers = '127.0.0.1:9092', topics = [{ name = 'calls' }] }", &[]);
    assert_eq!(sparse.kafka, written.kafka);
}

#[test]
fn printed_configuration_loads_to_the_same_settings() {
    let odd = "[queues.'a \"b\"\\\\\tç']\nname = 'x\\y'\nmax_wait = '90m'\ntarget_ratio = 1\nformula = 'answered_only'\n\
               [queues.b]\nchannel = 'sms'\ntime_zone = 'Europe/Berlin'\nholidays = [2026-05-01, 2026-01-01]\n\
               [channels]\nnames = ['sms']\n[windows]\nbusiness_day_starts = '06:30'\nlengths = ['90s', '1m']\npane='500ms'\n\
               time_zone = 'America/New_York'\n[http]\nlisten = '[::1]:1'\n[queue_defaults]\ntarget_abandonment = 0.0000001\n\
               clock = 'opening_hours'\nopening_hours = 'Mo-Fr 22:00-06:00'\n[kafka.client]\n'client.id' = 'a\"b'\n\
               'fetch.wait.max.ms' = 10\n'check.crcs' = true\n[kafka]\nbrokers = 'a,b'\n";
    let deployed = include_str!("../../deploy/nabiz.toml");
    for text in ["", INTERFACE, odd, deployed] {
        let first = loaded(text, &[]);
        let printed = first.to_toml();
        let second = loaded(&printed, &[]);
        assert_eq!(second.to_toml(), printed);
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "{printed}");
        assert_eq!(settings(&first), settings(&second));
    }
}

#[test]
fn environment_variables_override_the_file() {
    let config = loaded(
        INTERFACE,
        &[
            ("NABIZ_HTTP__LISTEN", "0.0.0.0:9500"),
            ("NABIZ_KAFKA__BROKERS", "one:9092,two:9092"),
            ("NABIZ_KAFKA__WORKERS", "4"),
            ("NABIZ_KAFKA__INSTANCE_ID", "7"),
            ("NABIZ_KAFKA__TOPICS", "[{name='a'}, {name='b', format='asterisk_queue_log'}]"),
            ("NABIZ_KAFKA__CLIENT__SASL_PASSWORD", "pass_word"),
            ("NABIZ_WINDOWS__LENGTHS", "10m, 1m"),
            ("NABIZ_WINDOWS__IDLE_ADVANCE", "false"),
            ("NABIZ_QUEUE_DEFAULTS__TARGET_RATIO", "0.9"),
            ("NABIZ_QUEUES__FAULT__TARGET_WAIT", "45s"),
            ("NABIZ_QUEUES__FAULT__ALIASES", "[\"a,b\", \"600\"]"),
            ("NABIZ_QUEUES__FAULT__HOLIDAYS", ""),
            ("NABIZ_METRICS__SHARD_LABEL", "true"),
            ("NABIZ_LOG", "debug"),
            ("NABIZ_PORT", "tcp://10.0.0.1:9464"),
            ("OTHER__KEY", "x"),
        ],
    );
    let kafka = config.require_kafka().expect("kafka");
    assert_eq!(
        (kafka.brokers.as_str(), kafka.workers, kafka.topics.len()),
        ("one:9092,two:9092", 4, 2)
    );
    assert_eq!(kafka.instance_id.as_deref(), Some("7"));
    assert_eq!(kafka.client, [("sasl.password".to_string(), "pass_word".to_string())]);
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:9500");
    assert!(config.metrics.shard_label);
    let settings = config.settings();
    let labels: Vec<&str> =
        settings.windows.lengths.iter().map(|length| length.label.as_str()).collect();
    assert_eq!(labels, ["1m", "10m"]);
    assert!(!settings.windows.idle_advance);
    assert_eq!(settings.queue("fault").target_wait.get(), 45_000);
    assert_eq!(settings.queue("fault").target_ratio, 0.9);
    assert_eq!((settings.resolve("a,b"), settings.resolve("ariza")), ("fault", "ariza"));
    assert!(config.queues[0].keys.holidays.is_empty());
}

#[test]
fn variables_address_queues_by_names_that_they_can_carry() {
    let config =
        loaded("[queues.Water-Quality]\n", &[("NABIZ_QUEUES__WATER_QUALITY__NAME", "Water")]);
    assert_eq!(config.settings().queue("Water-Quality").name, "Water");
    let error = parse("[queues.a-b]\n[queues.a_b]\n", &[("NABIZ_QUEUES__A_B__NAME", "x")])
        .expect_err("two queues fit");
    assert!(error.to_string().contains("each of the queues a-b, a_b"), "{error}");
}

#[test]
fn printed_configuration_masks_secrets() {
    let secret = "Gz7kQ";
    let cases = [
        format!(
            "[kafka.client]\n'sasl.password' = '{secret}'\n'ssl.key.pem' = '{secret}'\n'ssl.key.password' = '{secret}'"
        ),
        format!(
            "[kafka.client]\n'sasl.oauthbearer.client.secret' = '{secret}'\n'sasl.oauthbearer.config' = '{secret}'"
        ),
        format!("[kafka.client]\nsasl.password = '{secret}'"),
        format!("[kafka.client]\n'sasl.passwrd' = 3\n'sasl.password' = ['{secret}']"),
        format!("[kafka.client]\n'no.such.password' = '{secret}'"),
        format!("[kafka.client]\n'sasl.passwrd' = '{secret}'"),
        format!("[http]\nbearer_token_hash = '{secret}'\nbasic_auth = {{ user = '{secret}' }}"),
        format!("[kafka]\nclient = '{secret}'"),
    ];
    for text in cases {
        let shown = match parse(&text, &[]) {
            Ok(config) => {
                assert!(config.to_toml().contains("= \"***\""), "{}", config.to_toml());
                format!("{}{config:?}", config.to_toml())
            }
            Err(error) => error.to_string(),
        };
        assert!(!shown.contains(secret), "{shown}");
    }
    let error = parse(
        "",
        &[("NABIZ_KAFKA__CLIENT__NO_SUCH_SECRET", secret), ("NABIZ_KAFKA__PASSWORD", secret)],
    );
    let error = error.expect_err("unknown").to_string();
    assert!(!error.contains(secret) && error.lines().count() == 2, "{error}");
}

#[test]
fn kafka_client_properties_are_kept_as_text() {
    let config = loaded(
        "[kafka.client]\nsecurity.protocol = 'plaintext'\n'fetch.wait.max.ms' = 10\n'check.crcs' = true",
        &[],
    );
    let client = config.kafka.expect("kafka").client;
    let client: Vec<(&str, &str)> =
        client.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        client,
        [("check.crcs", "true"), ("fetch.wait.max.ms", "10"), ("security.protocol", "plaintext")]
    );
}

#[test]
fn kafka_section_is_required_only_when_it_is_read() {
    let missing = |text: &str| {
        loaded(text, &[]).require_kafka().map(|_| ()).map_err(|error| error.to_string())
    };
    let brokers =
        "nabiz.toml: kafka.brokers: missing: expected addresses such as \"127.0.0.1:9092\"";
    let topics = "nabiz.toml: kafka.topics: missing: expected at least one topic";
    assert_eq!(missing(""), Err(format!("{brokers}\n{topics}")));
    assert_eq!(missing("[kafka]\nbrokers = 'a:1'"), Err(topics.to_string()));
    assert_eq!(missing("[[kafka.topics]]\nname = 'a'"), Err(brokers.to_string()));
    assert_eq!(missing("[[kafka.topics]]\nname = 'a'\n[kafka]\nbrokers = 'a:1'"), Ok(()));
}

#[test]
fn error_names_the_file_when_it_cannot_be_read() {
    let error =
        nabiz::config::load("no/such/nabiz.toml".as_ref(), std::iter::empty(), |_, _| Ok(()))
            .expect_err("no file");
    assert_eq!(error.to_string(), "no/such/nabiz.toml: the file cannot be read");
    assert!(std::error::Error::source(&error).is_some());
}

/// A configuration, the line of its one error, and words that its message has.
const WRONG: &[(&str, usize, &[&str])] = &[
    // The text itself.
    ("[windows]\npane = \n", 2, &[]),
    ("[windows]\npane = '5s'\npane = '5s'", 3, &["duplicate key"]),
    // Sections and keys.
    (
        "\n[window]\n",
        2,
        &[
            "window: \"window\" is not a section; did you mean windows; the sections are kafka, channels",
        ],
    ),
    ("pane = '5s'", 1, &["\"pane\" is not a section"]),
    ("windows = 5", 1, &["windows: expected a table, found 5"]),
    (
        "[windows]\nlenghts = ['1m']",
        2,
        &["windows: \"lenghts\" is not a key of [windows]; did you mean lengths; the keys are"],
    ),
    (
        "[queues.a]\ntarget_wiat = '1s'",
        2,
        &["queues.a: \"target_wiat\"", "did you mean target_wait"],
    ),
    ("[queue_defaults]\naliases = ['x']", 2, &["\"aliases\" is not a key of [queue_defaults]"]),
    (
        "[metrics]\nzzzzzz = 1",
        2,
        &["\"zzzzzz\" is not a key of [metrics]; the keys are shard_label"],
    ),
    // Durations.
    (
        "[windows]\npane = '7x'",
        2,
        &["windows.pane: expected a duration such as \"20s\"", "found \"7x\""],
    ),
    (
        "[windows]\npane = 5",
        2,
        &["windows.pane: expected a duration such as \"20s\", \"5m\" or \"1h30m\", found 5"],
    ),
    ("[windows]\npane = '99ms'", 2, &["expected a duration between 100ms and 1d, found \"99ms\""]),
    (
        "[windows]\nmiss_grace = '31d'",
        2,
        &["windows.miss_grace: expected a duration between 0s and 30d, found \"31d\""],
    ),
    ("[queues.a]\ntarget_wait = '40000d'", 2, &["queues.a.target_wait", "2^40 ms"]),
    (
        "[queue_defaults]\nmax_wait = '0s'",
        2,
        &["queue_defaults.max_wait: expected a duration between 1s and"],
    ),
    // Windows.
    (
        "[windows]\nlengths = ['1m',\n'7s']",
        3,
        &["windows.lengths: \"7s\": not a whole number of panes of 5s"],
    ),
    (
        "[windows]\npane = '10m'\nlengths = ['5m']",
        3,
        &["\"5m\": not a whole number of panes of 10m"],
    ),
    ("[windows]\npane = '7s'\nlengths = ['7s', '21s', '22s']", 3, &["\"22s\""]),
    ("[windows]\nlengths = ['60s', '1m']", 2, &["windows.lengths: \"1m\": the same length twice"]),
    ("[windows]\nlengths = ['25h']", 2, &["a duration from one pane to 1d", "found \"25h\""]),
    ("[windows]\nlengths = ['0s']", 2, &["a duration from one pane to 1d", "found \"0s\""]),
    (
        "[windows]\nlengths = ['today']",
        2,
        &["the window \"today\" always exists", "found \"today\""],
    ),
    ("[windows]\nlengths = []", 2, &["expected 1 to 16 windows, found 0"]),
    ("[windows]\nlengths = '5m'", 2, &["windows.lengths: expected a list", "found \"5m\""]),
    ("[windows]\npane = '100ms'\nlengths = ['24h']", 3, &["more than 86400 panes of 100ms"]),
    (
        "[windows]\nlengths = ['1m','2m','3m','4m','5m','6m','7m','8m','9m','10m','11m','12m','13m','14m','15m','16m','17m']",
        2,
        &["expected 1 to 16 windows, found 17"],
    ),
    (
        "[windows]\npane = '8m'\nlengths = ['16m', 24]",
        3,
        &["windows.lengths: expected a duration", "found 24"],
    ),
    // Civil time.
    (
        "[windows]\ntime_zone = 'Europe/Ankara'",
        2,
        &["windows.time_zone: expected an IANA time zone such as", "found \"Europe/Ankara\""],
    ),
    (
        "[queues.a]\ntime_zone = 3",
        2,
        &["queues.a.time_zone: expected an IANA time zone", "found 3"],
    ),
    (
        "[windows]\nbusiness_day_starts = '24:00'",
        2,
        &["windows.business_day_starts: expected a local time", "found \"24:00\""],
    ),
    ("[windows]\nbusiness_day_starts = '6:00'", 2, &["\"6:00\""]),
    (
        "[queues.a]\nopening_hours = 'Mo-Fri 08:00-17:00'",
        2,
        &["queues.a.opening_hours", "\"Fri\" is not a day"],
    ),
    ("[queues.a]\nopening_hours = 'PH off'", 2, &["holidays are listed by date"]),
    (
        "[queues.a]\nholidays = [\n'2026-10-29',\n'2026-02-29']",
        4,
        &["queues.a.holidays: expected a date such as", "found \"2026-02-29\""],
    ),
    ("[queues.a]\nholidays = ['29.10.2026']", 2, &["\"29.10.2026\""]),
    ("[queues.a]\nholidays = [2026-10-29T10:00:00]", 2, &["a date such as"]),
    // Numbers and words.
    (
        "[queues.a]\ntarget_ratio = 80",
        2,
        &["queues.a.target_ratio: expected a ratio from 0 to 1, found 80"],
    ),
    ("[queue_defaults]\ntarget_abandonment = -0.1", 2, &["a ratio from 0 to 1, found -0.1"]),
    ("[queue_defaults]\ntarget_ratio = nan", 2, &["a ratio"]),
    ("[queue_defaults]\ntarget_ratio = '0.8'", 2, &["a ratio from 0 to 1, found \"0.8\""]),
    (
        "[queue_defaults]\nformula = 'answerd_only'",
        2,
        &["expected one of live, answered_only,", "did you mean answered_only"],
    ),
    (
        "[queue_defaults]\nclock = 'office'",
        2,
        &["queue_defaults.clock: expected one of elapsed, opening_hours, found \"office\""],
    ),
    (
        "[queues.a]\nchannel = 'fax'",
        2,
        &["queues.a.channel: expected one of phone, email,", "channels.names"],
    ),
    (
        "[windows]\nidle_advance = 'yes'",
        2,
        &["windows.idle_advance: expected true or false, found \"yes\""],
    ),
    (
        "[limits]\nseries = 0",
        2,
        &["limits.series: expected a whole number from 1 to 1000000, found 0"],
    ),
    (
        "[limits]\nrecord_bytes = 104857601",
        2,
        &["limits.record_bytes: expected", "found 104857601"],
    ),
    ("[limits]\nopen_contacts = 99999999999999999999", 2, &["limits.open_contacts"]),
    ("[limits]\nremembered_ids = 1.5", 2, &["limits.remembered_ids: expected", "found 1.5"]),
    (
        "[limits]\nseries = 1\n[queues.a]\n[queues.b]",
        2,
        &["limits.series: 1: 2 queues are configured"],
    ),
    // Queues.
    ("[queues.none]", 1, &["queues: \"none\" is reserved"]),
    ("\n[queues.other]", 2, &["queues: \"other\" is reserved"]),
    ("[queues.'']", 1, &["expected an id of 1 to 256 bytes, found 0"]),
    ("[queues.a]\nname = ''", 2, &["queues.a.name: expected text of 1 to 256 bytes, found \"\""]),
    ("queues = 3", 1, &["queues: expected a table for each queue"]),
    ("[queues]\na = 3", 2, &["queues.a: expected a table, found 3"]),
    (
        "[queues.a]\naliases = ['x']\n[queues.b]\naliases = ['y',\n'x']",
        5,
        &["queues.b.aliases: \"x\": is already an alias of queue a, at line 2"],
    ),
    (
        "[queues.a]\naliases = ['x', 'x']",
        2,
        &["queues.a.aliases: \"x\": listed twice, first at line 2"],
    ),
    (
        "[queues.a]\naliases = ['b']\n[queues.b]",
        2,
        &["queues.a.aliases: \"b\": is the id of another queue, at line 3"],
    ),
    ("[queues.a]\naliases = ['a']", 2, &["\"a\": is the id of the queue itself"]),
    (
        "[queues.a]\naliases = ['']",
        2,
        &["queues.a.aliases: expected text of 1 to 256 bytes, found \"\""],
    ),
    // Channels.
    (
        "[channels]\nnames = ['sms',\n'email']",
        3,
        &["channels.names: \"email\": is a channel already"],
    ),
    ("[channels]\nnames = ['sms', 'sms']", 2, &["listed twice"]),
    ("[channels]\nnames = ['other']", 2, &["\"other\": is reserved"]),
    // Kafka.
    (
        "[kafka]\nworkers = 65",
        2,
        &["kafka.workers: expected a whole number from 1 to 64, found 65"],
    ),
    ("[kafka]\nbrokers = 'a:1,,b:1'", 2, &["kafka.brokers: expected addresses with commas"]),
    ("[kafka]\ngroup = ''", 2, &["kafka.group"]),
    (
        "[kafka]\ninstance_id = 'a b'",
        2,
        &["kafka.instance_id: expected 1 to 200 letters, digits, dots, _ and -, found \"a b\""],
    ),
    ("[kafka]\ninstance_id = ''", 2, &["kafka.instance_id: expected 1 to 200 letters"]),
    ("[kafka]\ndead_letter_topic = '^x'", 2, &["kafka.dead_letter_topic: expected a topic name"]),
    ("[[kafka.topics]]\nname = 'a b'", 2, &["kafka.topics.name: expected a topic name"]),
    ("\n[[kafka.topics]]\nformat = 'cloudevents'", 2, &["kafka.topics.name: missing"]),
    (
        "[[kafka.topics]]\nname = 'a'\nformat = 'json'",
        3,
        &[
            "kafka.topics.format: expected one of cloudevents, asterisk_queue_log, mapped, found \"json\"",
        ],
    ),
    (
        "[[kafka.topics]]\nname = 'a'\n[[kafka.topics]]\nname = 'a'",
        4,
        &["\"a\": listed twice, first at line 2"],
    ),
    ("[[kafka.topics]]\nname = 'nabiz.dead-letters'", 2, &["is the dead-letter topic"]),
    ("[[kafka.topics]]\nname = 'a'\ntype = 'b'", 3, &["\"type\" is not a key of [kafka.topics]"]),
    ("[kafka]\ntopics = ['a']", 2, &["kafka.topics: expected a table such as"]),
    (
        "[kafka.client]\n'group.id' = 'x'",
        2,
        &["kafka.client.\"group.id\": set by nabiz", "the key is kafka.group"],
    ),
    (
        "[kafka.client]\n'group.instance.id' = 'x'",
        2,
        &["kafka.client.\"group.instance.id\": set by nabiz", "the key is kafka.instance_id"],
    ),
    ("[kafka.client]\nacks = '1'", 2, &["kafka.client.\"acks\": set by nabiz"]),
    (
        "[kafka.client]\nauto.offset.reset = 'latest'",
        2,
        &["kafka.client.\"auto.offset.reset\": set by nabiz"],
    ),
    (
        "[kafka.client]\n'security.protcol' = 'ssl'",
        2,
        &["kafka.client.\"security.protcol\": librdkafka has no such property"],
    ),
    (
        "[kafka.client]\n'security.protocol' = 'tls'",
        2,
        &["kafka.client.\"security.protocol\": \"tls\": librdkafka refuses it"],
    ),
    (
        "[kafka.client]\n'client.id' = ['a']",
        2,
        &["kafka.client.\"client.id\": expected text, a number"],
    ),
    (
        "[kafka.client]\n'client.id' = 'a'\nclient.id = 'b'",
        3,
        &["kafka.client.\"client.id\": given twice"],
    ),
    // The rest.
    ("[http]\nlisten = 'localhost:9464'", 2, &["http.listen: expected an IP address and a port"]),
    ("[http]\nlisten = 9464", 2, &["http.listen: expected", "found 9464"]),
    ("[http]\ntls_certificate = 'a.pem'", 2, &["http.tls_certificate: http.tls_key is needed too"]),
    ("[http]\ntls_key = 'a.pem'", 2, &["http.tls_key: http.tls_certificate is needed too"]),
    (
        "[http]\ntls_key = ''\ntls_certificate = 'a.pem'",
        2,
        &["http.tls_key: expected the path of a PEM file, found ***"],
    ),
    (
        "[http]\nbearer_token_hash = 'x'",
        2,
        &["http.bearer_token_hash: ***: expected a hash that begins with \"$argon2id$v=19$\""],
    ),
    (
        "[http]\nbasic_auth = { user = 'x' }",
        2,
        &["http.basic_auth.user: ***: expected a hash that begins with"],
    ),
    ("[http]\nbasic_auth = {}", 2, &["http.basic_auth: expected at least one user"]),
    (
        "[http]\nbasic_auth = { 'a:b' = 'x' }",
        2,
        &["http.basic_auth: expected a user name of 1 to 256 bytes"],
    ),
    (
        "[ledger]\ninterval = '7m'",
        2,
        &["ledger.interval: expected whole minutes that divide a day"],
    ),
    (
        "[ledger]\ninterval = '30s'",
        2,
        &["ledger.interval: expected a duration between 1m and 1d, found \"30s\""],
    ),
    (
        "[ledger]\nretention = '23h'",
        2,
        &["ledger.retention: expected a duration between 1d and 2^40 ms, found \"23h\""],
    ),
    ("[ledger]\npath = ''", 2, &["ledger.path"]),
];

#[test]
fn error_names_its_line_and_the_allowed_values_when_a_value_is_wrong() {
    for (text, line, words) in WRONG {
        let Err(error) = parse(text, &[]) else {
            panic!("accepted:\n{text}");
        };
        let shown = error.to_string();
        assert_eq!(error.diagnostics().len(), 1, "{text}\n{shown}");
        assert!(shown.starts_with(&format!("nabiz.toml:{line}: ")), "{text}\n{shown}");
        for word in *words {
            assert!(shown.contains(word), "{text}\n{shown}\nhas no {word}");
        }
    }
}

#[test]
fn error_names_the_variable_when_its_value_is_wrong() {
    let cases = [
        (
            "NABIZ_KAFAK__BROKERS",
            "x",
            "NABIZ_KAFAK__BROKERS: \"kafak\" is not a section; did you mean kafka",
        ),
        (
            "NABIZ_KAFKA__BROKER",
            "x",
            "NABIZ_KAFKA__BROKER: \"broker\" is not a key of [kafka]; did you mean brokers",
        ),
        (
            "NABIZ_KAFKA__WORKERS",
            "two",
            "NABIZ_KAFKA__WORKERS: kafka.workers: expected a whole number from 1 to 64, found \"two\"",
        ),
        (
            "NABIZ_KAFKA__INSTANCE_ID",
            "a/b",
            "NABIZ_KAFKA__INSTANCE_ID: kafka.instance_id: expected 1 to 200 letters",
        ),
        (
            "NABIZ_WINDOWS__PANE",
            "7x",
            "NABIZ_WINDOWS__PANE: windows.pane: expected a duration such as",
        ),
        (
            "NABIZ_WINDOWS__LENGTHS",
            "1m,7s",
            "NABIZ_WINDOWS__LENGTHS: windows.lengths: \"7s\": not a whole number",
        ),
        ("NABIZ_WINDOWS__LENGTHS", "[1m]", "NABIZ_WINDOWS__LENGTHS: is not a TOML value"),
        (
            "NABIZ_QUEUES__FAULT",
            "x",
            "NABIZ_QUEUES__FAULT: \"queues__fault\" names no queue and key",
        ),
        (
            "NABIZ_QUEUES__FAULT__TARGET",
            "x",
            "NABIZ_QUEUES__FAULT__TARGET: \"target\" is not a key of [queues.<id>]",
        ),
        (
            "NABIZ_QUEUES__BILLING__NAME",
            "x",
            "\"billing\" is not a configured queue; configured are: fault",
        ),
        (
            "NABIZ_HTTP__LISTEN__PORT",
            "1",
            "NABIZ_HTTP__LISTEN__PORT: \"http__listen__port\" is not a key",
        ),
        (
            "NABIZ_HTTP__TLS_KEY",
            "x",
            "NABIZ_HTTP__TLS_KEY: http.tls_key: http.tls_certificate is needed too",
        ),
        (
            "NABIZ_KAFKA__CLIENT__GROUP_ID",
            "x",
            "NABIZ_KAFKA__CLIENT__GROUP_ID: kafka.client.\"group.id\": set by nabiz",
        ),
        (
            "NABIZ_KAFKA__CLIENT__NO_SUCH",
            "x",
            "NABIZ_KAFKA__CLIENT__NO_SUCH: kafka.client.\"no.such\"",
        ),
        ("NABIZ____X", "x", "NABIZ____X: \"\" is not a section"),
    ];
    for (name, value, expected) in cases {
        let error = parse("[queues.fault]", &[(name, value)]).expect_err(name).to_string();
        assert!(error.contains(expected) && error.lines().count() == 1, "{name}={value}\n{error}");
    }
}

#[test]
fn errors_are_reported_together_in_the_order_of_the_file() {
    let text = "[queues.a]\nchannel = 'fax'\ntarget_ratio = 2\n[windows]\npane = 1\nx = 1\n[kafka]\nworkers = 0\n";
    let error = parse(text, &[("NABIZ_HTTP__LISTEN", "x")]).expect_err("six errors").to_string();
    let starts: Vec<&str> = error.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        starts,
        [
            "nabiz.toml:2",
            "nabiz.toml:3",
            "nabiz.toml:5",
            "nabiz.toml:6",
            "nabiz.toml:8",
            "NABIZ_HTTP__LISTEN"
        ]
    );
    // A text that is not TOML causes syntax errors only, and each has a line.
    let error = parse("[windows\npane = '5s'\nx = y\n", &[]).expect_err("no TOML");
    assert!(error.diagnostics().iter().all(|diagnostic| diagnostic.line.is_some()), "{error}");
}

fn check(toml: &str, variables: &[(&str, &str)]) -> std::process::Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nabiz.toml");
    std::fs::write(&path, toml).expect("a file");
    std::process::Command::new(env!("CARGO_BIN_EXE_nabiz"))
        .args(["check", "--config"])
        .arg(&path)
        .envs(variables.iter().copied())
        .output()
        .expect("the command runs")
}

#[test]
fn check_prints_the_effective_configuration() {
    let done = check(INTERFACE, &[("NABIZ_QUEUES__FAULT__NAME", "Arıza"), ("NABIZ_LOG", "info")]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let printed = String::from_utf8(done.stdout).expect("text");
    assert_eq!(printed, loaded(INTERFACE, &[("NABIZ_QUEUES__FAULT__NAME", "Arıza")]).to_toml());
    assert!(printed.contains("\n[queues.fault]\nname = \"Arıza\"\n"), "{printed}");
    // Enough for a replay.
    assert_eq!(check("", &[]).status.code(), Some(0));
}

#[test]
fn check_exits_with_2_and_prints_every_error_when_the_file_is_wrong() {
    let cases = [
        (
            "[windows]\npane = '7x'\n[metrics]\nx = 1",
            vec!["nabiz.toml:2: windows.pane: ", "nabiz.toml:4: metrics: "],
        ),
        ("[kafka]\nbrokers = 'a:1'", vec!["nabiz.toml: kafka.topics: missing"]),
    ];
    for (toml, expected) in cases {
        let done = check(toml, &[]);
        let errors = String::from_utf8(done.stderr).expect("text");
        assert_eq!((done.status.code(), done.stdout.is_empty()), (Some(2), true), "{errors}");
        for line in expected {
            assert!(errors.contains(line), "{errors}");
        }
    }
}

proptest::proptest! {
    /// Every text with every variable results in errors, or in a configuration that prints and
    /// loads again.
    #[test]
    fn reader_never_panics_when_text_is_arbitrary(
        cut in 0..INTERFACE.len(),
        length in 0usize..40,
        put in "\\PC{0,6}|[0-9a-z\\[\\]\"=.,{}-]{0,6}",
        name in "NABIZ_(QUEUES|KAFKA|WINDOWS)__(CLIENT|FAULT|LENGTHS|PANE|TOPICS)(__[A-Z_]{0,8})?",
        value in "\\PC{0,8}|[0-9a-z\\[\\]\"=,{}]{0,8}",
    ) {
        let kept = |(at, _): &(usize, char)| *at < cut || *at >= cut + length;
        let kept = INTERFACE.char_indices().filter(kept);
        let mut text: String = kept.map(|(_, character)| character).collect();
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &put);
        for variables in [vec![], vec![(name.as_str(), value.as_str())]] {
            match parse(&text, &variables) {
                Ok(config) => {
                    let printed = config.to_toml();
                    proptest::prop_assert_eq!(loaded(&printed, &[]).to_toml(), printed);
                }
                Err(error) => proptest::prop_assert!(!error.diagnostics().is_empty()),
            }
        }
    }
}
