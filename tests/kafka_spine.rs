//! The whole program against a real Kafka broker.

mod kafka;

use kafka::broker::Kafka;
use kafka::client::{Outgoing, produce, read_all};
use kafka::tools;

#[test]
fn broker_keeps_records_across_a_kill() {
    let Some(tools) = tools() else { return };
    let kafka = Kafka::start(&tools);
    kafka.create_topic("kept", 2);
    let records: Vec<Outgoing> = (0..100)
        .map(|n| Outgoing {
            key: format!("k{n}"),
            value: format!("v{n}").into_bytes(),
            timestamp_ms: 1_767_600_000_000 + n,
            partition: None,
        })
        .collect();
    produce(&kafka, "kept", &records);
    kafka.kill();
    kafka.restart();
    assert_eq!(read_all(&kafka, "kept").len(), 100);
    kafka.stop();
    kafka.restart();
    assert_eq!(read_all(&kafka, "kept").len(), 100);
}
