//! The files in `deploy/shipping/`, as text.

use nabiz_dev::root;

/// Names that all the files share.
pub const QUEUE_LOG: &str = "/var/log/asterisk/queue_log";
pub const BROKERS: &str = "kafka-1.example:9092";
pub const TOPIC: &str = "pbx.queue-log";
/// Folder of the positions of rsyslog.
pub const RUNTIME: &str = "/run/queue-log-shipper";

/// Returns the text of a file.
pub fn text(name: &str) -> String {
    let path = root().join("deploy/shipping").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the keys and values of a section of Fluent Bit's classic format, keys in lower case.
fn section(text: &str, name: &str) -> Vec<(String, String)> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != format!("[{name}]"));
    assert!(lines.next().is_some(), "no section {name}");
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (key, value) = line.split_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            (key.to_lowercase(), value.trim().to_owned())
        })
        .collect()
}

#[test]
fn vector_ships_the_line_alone_from_both_files_and_waits_for_every_replica() {
    let config: toml::Table = text("vector.toml").parse().expect("TOML");
    let source = &config["sources"]["queue_log"];
    assert_eq!(source["type"].as_str(), Some("file"));
    let include: Vec<_> = source["include"].as_array().expect("paths").iter().collect();
    let rotated = format!("{QUEUE_LOG}.1");
    assert_eq!(include, [&QUEUE_LOG.into(), &toml::Value::from(rotated)]);
    assert_eq!(source["read_from"].as_str(), Some("beginning"));
    let sink = &config["sinks"]["kafka"];
    assert_eq!(sink["type"].as_str(), Some("kafka"));
    assert_eq!(sink["inputs"][0].as_str(), Some("queue_log"));
    assert_eq!(sink["bootstrap_servers"].as_str(), Some(BROKERS));
    assert_eq!(sink["topic"].as_str(), Some(TOPIC));
    assert_eq!(sink["encoding"]["codec"].as_str(), Some("raw_message"));
    assert_eq!(sink["acknowledgements"]["enabled"].as_bool(), Some(true));
    assert_eq!(sink["librdkafka_options"]["acks"].as_str(), Some("all"));
}

#[test]
fn fluent_bit_ships_the_line_as_message_from_both_files_and_waits_for_every_replica() {
    let text = text("fluent-bit.conf");
    let has = |name: &str, pairs: &[(&str, &str)]| {
        let section = section(&text, name);
        for (key, value) in pairs {
            let found: Vec<_> = section.iter().filter(|(found, _)| found == key).collect();
            assert_eq!(found.len(), 1, "{name}: {key}");
            assert_eq!(found[0].1, *value, "{name}: {key}");
        }
    };
    let paths = format!("{QUEUE_LOG},{QUEUE_LOG}.1");
    has("INPUT", &[("name", "tail"), ("path", &paths), ("key", "message")]);
    has("INPUT", &[("read_from_head", "On"), ("storage.type", "filesystem")]);
    has("OUTPUT", &[("name", "kafka"), ("match", "*"), ("brokers", BROKERS), ("topics", TOPIC)]);
    has("OUTPUT", &[("format", "json"), ("retry_limit", "no_limits"), ("rdkafka.acks", "all")]);
    assert_eq!(text.matches("[INPUT]").count() + text.matches("[OUTPUT]").count(), 2);
}

#[test]
fn files_name_the_topic_that_the_shipped_configuration_reads() {
    let config = root().join("deploy/nabiz.toml");
    let config: toml::Table =
        std::fs::read_to_string(config).expect("a configuration").parse().expect("TOML");
    let topics = config["kafka"]["topics"].as_array().expect("topics");
    let ours = topics.iter().find(|topic| topic["name"].as_str() == Some(TOPIC));
    let ours = ours.expect("the topic of the recipes");
    assert_eq!(ours["format"].as_str(), Some("asterisk_queue_log"));
    for name in ["rsyslog.conf", "tail-kcat", "vector.toml", "fluent-bit.conf"] {
        let text = text(name);
        for part in [QUEUE_LOG, BROKERS, TOPIC] {
            assert!(text.contains(part), "{name}: no {part}");
        }
    }
}

#[test]
fn units_restart_the_shippers_and_keep_no_position() {
    let rsyslog = text("queue-log-rsyslog.service");
    let kcat = text("queue-log-tail-kcat.service");
    for unit in [&rsyslog, &kcat] {
        assert!(unit.lines().any(|line| line == "Restart=always"), "{unit}");
    }
    let has = |line: &str| rsyslog.lines().any(|found| found == line);
    assert!(has("RuntimeDirectory=queue-log-shipper"));
    assert!(has(&format!(
        "ExecStart=/usr/sbin/rsyslogd -n -f /etc/queue-log-shipper/rsyslog.conf -i {RUNTIME}/pid"
    )));
    assert!(!rsyslog.contains("RuntimeDirectoryPreserve"));
    for name in ["QUEUE_LOG", "KAFKA_BROKERS", "KAFKA_TOPIC"] {
        assert!(kcat.contains(&format!("\nEnvironment={name}=")), "{name}");
        assert!(text("tail-kcat").contains(&format!("${{{name}:-")), "{name}");
    }
}
