//! `nabiz demo`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use nabiz_core::decode::Format;
use nabiz_core::time::{Millis, Timestamp, WallTime};
use nabiz_simulator::{self as simulator, DEFAULT_START_MS, RATE_SCALE_MAX, RATE_SCALE_MIN};
use nabiz_simulator::{Scenario, Simulation};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::arguments::scenario_parser;
use super::failure::Failure;
use super::parts::Parts;
use super::{logging, pipeline};
use crate::clock::system_time;
use crate::config::Config;
use crate::http::Security;
use crate::ingest::{LedgerOptions, Options, Topic};
use crate::ledger;
use crate::plan::PlanningSettings;
use crate::record_format::RecordFormat;

const EXAMPLES: &str = "\
Examples:
  nabiz demo
  nabiz demo --scenario pipe-burst --duration 10m --listen 127.0.0.1:8080";

/// Runs everything in one process: embedded Kafka, a simulated contact centre, the pipeline and the
/// page.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Duration of the run, such as 30s or 10m; without it, until Ctrl-C
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Scenario to simulate
    #[arg(
        long,
        value_name = "S",
        default_value = Scenario::OrdinaryDay.as_str(),
        value_parser = scenario_parser()
    )]
    scenario: Scenario,
    /// Factor on arrivals and staff, 0.001 to 1000
    #[arg(long, value_name = "X", default_value = "10", value_parser = parse_rate_scale)]
    rate_scale: f64,
    /// Address of the page and the metrics
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9464", value_parser = parse_listen)]
    listen: SocketAddr,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    nabiz_core::time::parse_duration(text)
        .map(|duration| Duration::from_millis(duration.get()))
        .map_err(|error| error.to_string())
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address with a port, such as 127.0.0.1:9464".to_string())
}

fn parse_rate_scale(text: &str) -> Result<f64, String> {
    // The embedded broker keeps 100 000 records for each partition, and a faster demo would lose
    // some.
    const DEMO_MAX: f64 = 1000.0_f64.min(RATE_SCALE_MAX);
    let allowed = RATE_SCALE_MIN..=DEMO_MAX;
    text.parse()
        .ok()
        .filter(|scale| allowed.contains(scale))
        .ok_or_else(|| "expected a number from 0.001 to 1000".into())
}

const TOPIC: &str = "contact-centre";
const PARTITIONS: i32 = 3;
/// Simulated time before the start of the demo, so that the windows are full at once.
const WARM_UP: Millis = Millis::from_mins(70);
/// The demo starts at half past ten of a simulated working Monday.
const SIMULATED_NOW: Timestamp =
    Timestamp(DEFAULT_START_MS).saturating_add(Millis::from_mins(10 * 60 + 30));

/// Runs the demo until a signal or the end of `--duration`.
///
/// # Errors
/// Returns a running failure when a part cannot be started.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    logging::start("warn")?;
    let config = Config::parse(include_str!("demo.toml"), "demo.toml", std::iter::empty())
        .map_err(Failure::usage)?;
    let cluster = MockCluster::new(1).context("cannot start the embedded Kafka")?;
    cluster
        .create_topic(TOPIC, PARTITIONS, 1)
        .context("cannot create a topic in the embedded Kafka")?;
    let brokers = cluster.bootstrap_servers();

    let now = system_time();
    let simulation = Simulation::new(
        args.scenario,
        simulator::Options {
            start_ms: SIMULATED_NOW.saturating_sub(WARM_UP).get(),
            duration_ms: None,
            rate_scale: args.rate_scale,
            seed: now.get().unsigned_abs(),
            burst_start_ms: Some(SIMULATED_NOW.get()),
            shift_ms: now.get() - SIMULATED_NOW.get(),
            history_interval_ms: None,
        },
    );
    let stop = Arc::new(AtomicBool::new(false));
    let producer = spawn_producer(simulation, &brokers, Arc::clone(&stop))?;

    let topics =
        vec![Topic { name: TOPIC.to_owned(), format: RecordFormat::Native(Format::CloudEvents) }];
    let scratch = Scratch::new(now)?;
    let path = scratch.0.join("nabiz.db");
    let ledger_options =
        LedgerOptions::new(&path, ledger::load_or_create(&path).map_err(anyhow::Error::from)?);
    let options = Options {
        topics,
        ..Options::new(brokers, "nabiz-demo", "nabiz.dead-letters", ledger_options)
    };
    let mut settings = config.settings();
    settings.history_interval = Some(config.ledger.interval);
    let parts = Parts {
        options,
        settings: Arc::new(settings),
        planning: Arc::new(PlanningSettings::of(&config)),
        security: Security::default(),
    };
    let result = pipeline::run(parts, args.listen, None, args.duration, |address| {
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
            .and(Err(Failure::Running(anyhow::anyhow!("the simulated contact centre panicked")))),
    }
}

/// A folder for the ledger of this demo. It is removed when the demo ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(now: WallTime) -> anyhow::Result<Self> {
        let name = format!("nabiz-demo-{}-{:x}", std::process::id(), now.get());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After a failure the system cleans its folder of temporary files itself.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts the thread that writes the simulated events.
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
        .context("cannot start a thread for the simulation")
}

/// Writes each event when it is due, until `stop`.
fn produce(
    simulation: Simulation,
    producer: &ThreadedProducer<DefaultProducerContext>,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    /// Longest sleep, so that `stop` is seen soon.
    const SLEEP_MAX: Duration = Duration::from_millis(100);
    for event in simulation {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let wait = WallTime(event.time_ms).since(system_time());
            if wait == Millis::ZERO {
                break;
            }
            thread::sleep(SLEEP_MAX.min(Duration::from_millis(wait.get())));
        }
        let mut record =
            BaseRecord::to(TOPIC).key(&event.key).payload(&event.json).timestamp(event.time_ms);
        while let Err((error, unsent)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(rdkafka::error::RDKafkaErrorCode::QueueFull) {
                return Err(error).context("the embedded Kafka does not accept an event");
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            record = unsent;
            thread::sleep(SLEEP_MAX);
        }
    }
    let _ = producer.flush(SLEEP_MAX);
    Ok(())
}
