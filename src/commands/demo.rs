//! `nabiz demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use nabiz_core::decode::Format;
use nabiz_core::time::Millis;
use nabiz_simulator::{DEFAULT_START_MS, RATE_SCALE_MAX, RATE_SCALE_MIN, Scenario, Simulation};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::{Failure, pipeline};
use crate::clock::system_time;
use crate::config::Config;
use crate::http::Security;
use crate::ingest::{LedgerOptions, Options, Topic};
use crate::ledger;
use nabiz_simulator as simulate;

const EXAMPLES: &str = "\
Examples:
  nabiz demo
  nabiz demo --scenario pipe-burst --duration 10m --listen 127.0.0.1:8080";

/// Runs everything in one process: embedded Kafka, a simulated contact centre, the pipeline and the
/// page.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How long to run, such as 30s or 10m; until Ctrl-C where it is not given.
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// What kind of time to simulate: ordinary-day, pipe-burst, or overnight.
    #[arg(long, value_name = "S", default_value = "ordinary-day")]
    scenario: Scenario,
    /// Factor on the arrivals, 0.001 to 1000.
    #[arg(long, value_name = "X", default_value = "10", value_parser = parse_rate_scale)]
    rate_scale: f64,
    /// Where the page and the metrics are served.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9464", value_parser = parse_listen)]
    listen: SocketAddr,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    nabiz_core::time::parse_duration(text)
        .map(|duration| Duration::from_millis(duration.get()))
        .map_err(|error| error.to_string())
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an address with a port is allowed, such as 127.0.0.1:9464".to_string())
}

fn parse_rate_scale(text: &str) -> Result<f64, String> {
    /// The embedded broker keeps 100 000 records a partition; a faster demo would run away from it.
    const DEMO_MAX: f64 = 1000.0_f64.min(RATE_SCALE_MAX);
    let allowed = RATE_SCALE_MIN..=DEMO_MAX;
    text.parse()
        .ok()
        .filter(|scale| allowed.contains(scale))
        .ok_or_else(|| "allowed are numbers from 0.001 to 1000".into())
}

const TOPIC: &str = "contact-centre";
const PARTITIONS: i32 = 3;
/// The simulated morning that happens before the demo starts, so that the windows are full at once.
const WARM_UP_MS: i64 = 70 * 60_000;
/// Now is half past ten of a simulated working Monday.
const SIMULATED_NOW_MS: i64 = DEFAULT_START_MS + 10 * 3_600_000 + 30 * 60_000;

pub fn run(args: Args) -> Result<(), Failure> {
    pipeline::start_logging("warn");
    let config = Config::parse(include_str!("demo.toml"), "demo.toml", std::iter::empty())
        .map_err(Failure::usage)?;
    let cluster = MockCluster::new(1).context("the embedded Kafka cannot be started")?;
    cluster.create_topic(TOPIC, PARTITIONS, 1).context("the embedded Kafka has no topic")?;
    let brokers = cluster.bootstrap_servers();

    let now_ms = system_time().get();
    let simulation = Simulation::new(
        args.scenario,
        simulate::Options {
            start_ms: SIMULATED_NOW_MS - WARM_UP_MS,
            duration_ms: None,
            rate_scale: args.rate_scale,
            seed: now_ms.unsigned_abs(),
            burst_start_ms: Some(SIMULATED_NOW_MS),
            shift_ms: now_ms - SIMULATED_NOW_MS,
        },
    );
    let stop = Arc::new(AtomicBool::new(false));
    let producer = spawn_producer(simulation, &brokers, Arc::clone(&stop))?;

    let topics = vec![Topic { name: TOPIC.to_owned(), format: Format::CloudEvents }];
    let scratch = Scratch::new(now_ms)?;
    let path = scratch.0.join("nabiz.db");
    let ledger_options =
        LedgerOptions::new(&path, ledger::load_or_create(&path).map_err(anyhow::Error::from)?);
    let options = Options {
        topics,
        ..Options::new(brokers, "nabiz-demo", "nabiz.dead-letters", ledger_options)
    };
    let mut settings = config.settings();
    settings.history_interval = Some(Millis(config.ledger.interval_ms));
    let http = pipeline::Http { listen: args.listen, security: Security::default() };
    let result = pipeline::run(options, Arc::new(settings), http, args.duration, |address| {
        println!("page     http://{address}/");
        println!("metrics  http://{address}/metrics");
        println!("api      http://{address}/api/v1/queues");
        match args.duration {
            Some(duration) => {
                println!("A simulated contact centre runs for {} s.", duration.as_secs())
            }
            None => println!("A simulated contact centre runs until Ctrl-C."),
        }
    });
    stop.store(true, Ordering::Relaxed);
    match producer.join() {
        Ok(Ok(())) => result,
        Ok(Err(error)) => result.and(Err(Failure::Running(error))),
        Err(_) => result
            .and(Err(Failure::Running(anyhow::anyhow!("the simulated contact centre has failed")))),
    }
}

/// A folder for the ledger of this demo, gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(now_ms: i64) -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("nabiz-demo-{}-{now_ms:x}", std::process::id()));
        std::fs::create_dir(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn spawn_producer(
    simulation: Simulation,
    brokers: &str,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<thread::JoinHandle<anyhow::Result<()>>> {
    let producer: ThreadedProducer<DefaultProducerContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).set("linger.ms", "5").create()?;
    let produce = move || produce(simulation, &producer, &stop);
    thread::Builder::new()
        .name("nabiz-demo".to_owned())
        .spawn(produce)
        .context("no thread for the simulation")
}

/// Writes each event when its time has come.
fn produce(
    simulation: Simulation,
    producer: &ThreadedProducer<DefaultProducerContext>,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    /// Longest sleep, so that a stop is noticed.
    const NAP: Duration = Duration::from_millis(100);
    for event in simulation {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let wait_ms = u64::try_from(event.time_ms - system_time().get()).unwrap_or(0);
            if wait_ms == 0 {
                break;
            }
            thread::sleep(NAP.min(Duration::from_millis(wait_ms)));
        }
        let mut record =
            BaseRecord::to(TOPIC).key(&event.key).payload(&event.json).timestamp(event.time_ms);
        while let Err((error, unsent)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(rdkafka::error::RDKafkaErrorCode::QueueFull) {
                return Err(error).context("the embedded Kafka took no event");
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            record = unsent;
            thread::sleep(NAP);
        }
    }
    let _ = producer.flush(NAP);
    Ok(())
}
