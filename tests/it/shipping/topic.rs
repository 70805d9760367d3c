//! What has arrived in a topic.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use nabiz_dev::broker::Kafka;
use nabiz_dev::client::reader_from;
use rdkafka::Offset;
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message;

/// A reader of partition 0.
pub struct Topic {
    consumer: BaseConsumer,
    arrived: HashMap<Vec<u8>, usize>,
}

impl Topic {
    /// Reads a topic from its first record.
    pub fn read(kafka: &Kafka, name: &str) -> Topic {
        let consumer = reader_from(kafka, name, Offset::Beginning);
        Topic { consumer, arrived: HashMap::new() }
    }

    /// Waits until every line has arrived; fails at the deadline with what the shipper said.
    pub fn wait_for(
        &mut self,
        lines: &[Vec<u8>],
        deadline: Duration,
        said: impl FnOnce() -> String,
    ) {
        let start = Instant::now();
        loop {
            self.poll(Duration::from_millis(100));
            let missing: Vec<_> =
                lines.iter().filter(|line| !self.arrived.contains_key(*line)).collect();
            let Some(first) = missing.first() else { return };
            assert!(
                start.elapsed() < deadline,
                "{} of {} lines have not arrived, the first is {:?}\n{}",
                missing.len(),
                lines.len(),
                String::from_utf8_lossy(first),
                said()
            );
        }
    }

    /// Returns the records that are none of these lines.
    pub fn foreign(&self, lines: &[Vec<u8>]) -> Vec<String> {
        let lines: HashSet<_> = lines.iter().collect();
        let foreign = self.arrived.keys().filter(|line| !lines.contains(line));
        foreign.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// Returns how many records there are, once no shipper runs any more.
    pub fn length(&mut self) -> usize {
        while self.poll(Duration::from_secs(1)) > 0 {}
        self.arrived.values().sum()
    }

    /// Reads what comes within this time after the record before, and returns how many records.
    fn poll(&mut self, within: Duration) -> usize {
        let mut count = 0;
        while let Some(result) = self.consumer.poll(within) {
            let record = result.expect("a record");
            let line = record.payload().unwrap_or_default().to_vec();
            *self.arrived.entry(line).or_default() += 1;
            count += 1;
        }
        count
    }
}
