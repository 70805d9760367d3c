//! Speed and memory as functions of the size of the state.

use std::time::Duration;

use nabiz_dev::broker::Kafka;
use nabiz_simulator::{DEFAULT_START_MS, SimulatedEvent};
use rdkafka::producer::Producer;

use crate::contender::{Contender, NabizConfig};
use crate::measure::Usage;
use crate::report::{head, mib, row};
use crate::workload::{PARTITIONS, QUEUES_OF_A_SITE, Shape, produce, producer, send};

const EVENTS: usize = 1_500_000;

fn measure(kafka: &Kafka, topic: &str, shape: Shape, config: NabizConfig) -> Vec<String> {
    let truth = produce(kafka, topic, shape);
    let run = Contender::Nabiz(config).run(kafka, topic, &truth);
    let result = vec![
        truth.queues.len().to_string(),
        truth.open_max.to_string(),
        shape.partitions.to_string(),
        format!("{:.0}", truth.events as f64 / run.seconds),
        format!("{:.2}", run.usage.cpu_seconds / truth.events as f64 * 1e6),
        mib(run.usage.peak_bytes),
        run.wrong.map_or_else(String::new, |why| format!("wrong: {why}")),
    ];
    eprintln!("{topic}: {result:?}");
    result
}

pub fn run(kafka: &Kafka) -> String {
    let standard = Shape::standard(EVENTS);
    let mut text = format!(
        "## How it grows\n\n{EVENTS} events for each row; one round, so differences of a tenth say nothing.\n\n"
    );
    text += &head(&[
        "what changes",
        "queues",
        "open contacts",
        "partitions",
        "events a second",
        "CPU s a million",
        "peak MiB",
        "",
    ]);
    let mut add = |what: &str, topic: &str, shape: Shape, config: NabizConfig| {
        let cells = measure(kafka, &format!("bench.scale.{topic}"), shape, config);
        text += &row(&[vec![what.to_owned()], cells].concat());
    };
    for queues in [10, 100, 1_000, 10_000] {
        let shape = Shape { sites: queues / QUEUES_OF_A_SITE, ..standard };
        let config = NabizConfig {
            sections: "[limits]\nseries = 20000\n".to_owned(),
            ..NabizConfig::default()
        };
        add("queues", &format!("queues.{queues}"), shape, config);
    }
    for rate_scale in [40.0, 400.0, 4_000.0, 40_000.0] {
        let shape = Shape { rate_scale, ..standard };
        add("open contacts", &format!("contacts.{rate_scale}"), shape, NabizConfig::default());
    }
    for (number, lengths) in [
        r#"["5m"]"#,
        r#"["1m", "5m", "15m", "30m", "1h"]"#,
        r#"["1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "4h", "8h"]"#,
    ]
    .into_iter()
    .enumerate()
    {
        let config =
            NabizConfig { windows: format!("lengths = {lengths}\n"), ..NabizConfig::default() };
        add(
            &format!("windows {}", lengths.replace('"', "")),
            &format!("windows.{number}"),
            standard,
            config,
        );
    }
    for partitions in [1, 2, 4, 16, 64] {
        add(
            "partitions",
            &format!("partitions.{partitions}"),
            Shape { partitions, ..standard },
            NabizConfig::default(),
        );
    }
    for workers in [1, 2, 4] {
        let config = NabizConfig { workers, ..NabizConfig::default() };
        add(&format!("{workers} workers"), &format!("workers.{workers}"), standard, config);
    }
    text
}

/// Measures 500 queues, 100 000 open contacts and one hour of windows.
pub fn memory(kafka: &Kafka) -> String {
    const TOPIC: &str = "bench.memory";
    const OPEN: usize = 100_000;
    kafka.create_topic(TOPIC, PARTITIONS);
    let producer = producer(kafka);
    let mut records = 0;
    let mut write = |event: &SimulatedEvent| {
        send(&producer, TOPIC, event, event.time_ms);
        records += 1;
    };
    let start_ms = DEFAULT_START_MS + 9 * 3_600_000;
    for number in 0..OPEN {
        let (key, queue) = (format!("open-{number}"), format!("site-{}-email", number % 50));
        for (kind, data) in [
            ("started", r#""channel":"email""#.to_owned()),
            ("queued", format!(r#""queue":"{queue}""#)),
        ] {
            let json = format!(
                r#"{{"specversion":"1.0","id":"{key}-{kind}","source":"mail","type":"contact.{kind}","time":"2026-01-05T08:59:{:02}.000+03:00","data":{{"contact_id":"{key}",{data}}}}}"#,
                number * 60 / OPEN
            );
            write(&SimulatedEvent { time_ms: start_ms - 60_000, key: key.clone(), json });
        }
    }
    // The events span 62 minutes, so that the longest window is full and advances.
    let shape = Shape { events: usize::MAX, sites: 50, rate_scale: 100.0, partitions: PARTITIONS };
    for event in shape.generate().take_while(|event| event.time_ms < start_ms + 62 * 60_000) {
        write(&event);
    }
    producer.flush(Duration::from_secs(60)).expect("the records are written");
    let mut running = Contender::Nabiz(NabizConfig::default()).start(kafka, TOPIC);
    running.read_all(records);
    std::thread::sleep(Duration::from_secs(3));
    let before = Usage::of(&running.child);
    let body = running.get("/metrics").expect("metrics");
    let waiting: f64 = body
        .lines()
        .filter(|line| line.starts_with("nabiz_waiting{"))
        .filter_map(nabiz_dev::scrape::sample)
        .map(|(_, value)| value)
        .sum();
    assert!(waiting >= OPEN as f64, "{waiting} wait");
    let after = Usage::of(&running.child);
    format!(
        "## Memory\n\n500 queues, {OPEN} open contacts and those of an hour at 100 times the first user ({records} events), one hour of windows: \
         {} MiB resident, {} MiB at most; {} MiB at most with a scrape as text.\n",
        mib(before.resident_bytes),
        mib(before.peak_bytes),
        mib(after.peak_bytes)
    )
}
