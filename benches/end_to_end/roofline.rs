//! The minimum work of a reader that uses librdkafka: reads every record and drops it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Runs one consumer per thread, in one group, and answers requests with the number of records
/// read. Does not end by itself.
pub fn run() {
    let threads: usize = variable("BENCH_THREADS").parse().expect("a number of threads");
    let counts: Vec<Arc<AtomicU64>> = (0..threads).map(|_| Arc::default()).collect();
    for count in &counts {
        let count = Arc::clone(count);
        std::thread::spawn(move || read(&count));
    }
    let listener = TcpListener::bind(variable("BENCH_LISTEN")).expect("a free address");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let _ = stream.read(&mut [0; 4096]);
        let read: u64 = counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        let text = read.to_string();
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
    }
}

fn read(count: &AtomicU64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", variable("BENCH_BROKERS"))
        .set("group.id", variable("BENCH_GROUP"))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "roundrobin")
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[&variable("BENCH_TOPIC")]).expect("a subscription");
    loop {
        if let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) {
            std::hint::black_box(record.payload());
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
