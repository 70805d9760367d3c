//! The contenders: how each is started, how far it has read, and whether its numbers are right.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::measure::Usage;
use crate::workload::{QueueTruth, Truth};
use nabiz_dev::broker::Kafka;
use nabiz_dev::scrape::sample;
use nabiz_dev::{end, free_port, tail};

/// Threads, workers or processes of each contender.
pub const THREADS: usize = 2;
const STOP_WITHIN: Duration = Duration::from_secs(20);
const GIVE_UP_AFTER: Duration = Duration::from_secs(1800);
const POLL: Duration = Duration::from_millis(25);
const SCRAPE_POLL: Duration = Duration::from_secs(1);
/// Time that a contender keeps running after its last record, so that the work that it still has
/// under way counts too.
const SETTLE: Duration = Duration::from_secs(3);

/// A contender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contender {
    /// Reads and drops.
    Roofline,
    Nabiz(NabizConfig),
    /// A folder of `benches/peers`.
    Peer(String),
}

/// Differences from the default configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NabizConfig {
    pub workers: usize,
    /// Keys of `[windows]`, as lines.
    pub windows: String,
    /// Whole sections, as lines.
    pub sections: String,
}

impl Default for NabizConfig {
    fn default() -> Self {
        NabizConfig { workers: THREADS, windows: String::new(), sections: String::new() }
    }
}

/// One run of a contender that has read all.
#[derive(Debug)]
pub struct Run {
    /// From its start to its first record.
    pub start_seconds: f64,
    /// From its first record to its last.
    pub seconds: f64,
    /// CPU and memory, with all that was done after the last record.
    pub usage: Usage,
    /// Why its numbers are not the truth.
    pub wrong: Option<String>,
}

/// A contender that runs.
pub struct Running {
    pub child: Child,
    pub address: String,
    started: Instant,
    progress: Progress,
    folder: TempDir,
}

/// Where a contender reports how many records it has read.
enum Progress {
    /// As a number.
    Plain,
    /// The positions of its partitions.
    Positions,
    /// The sum of the samples of a metric, at a path.
    Metric { path: String, name: String },
}

impl Contender {
    pub fn name(&self) -> &str {
        match self {
            Contender::Roofline => "roofline",
            Contender::Nabiz(_) => "nabiz",
            Contender::Peer(name) => name,
        }
    }

    /// Returns which of the contender's numbers are compared with the truth.
    pub fn claims(&self) -> &'static str {
        match self {
            Contender::Roofline => "none",
            _ if Names::of(self).wait_sum.is_empty() => "counts equal the truth; no waits",
            _ => "counts and waits equal the truth",
        }
    }

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name)
    }

    /// Returns every contender.
    pub fn all() -> Vec<Contender> {
        let mut peers: Vec<String> = fs::read_dir(Contender::folder(""))
            .expect("benches/peers")
            .flatten()
            .filter(|entry| entry.path().join("run").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        peers.sort();
        let own = [Contender::Roofline, Contender::Nabiz(NabizConfig::default())];
        own.into_iter().chain(peers.into_iter().map(Contender::Peer)).collect()
    }

    /// Fetches and builds the contender. Returns its versions, or the reason why it is not
    /// available.
    pub fn prepare(&self) -> Result<String, String> {
        let Contender::Peer(name) = self else {
            let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
            return Ok(match self {
                Contender::Nabiz(_) => {
                    format!("nabiz {}, librdkafka {librdkafka}", env!("CARGO_PKG_VERSION"))
                }
                _ => format!("librdkafka {librdkafka}"),
            });
        };
        let output =
            Command::new(Contender::folder(name).join("build")).stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let last = |text: &str| text.trim().lines().last().unwrap_or_default().to_owned();
        if output.status.success() {
            Ok(last(&stdout))
        } else {
            Err(last(&String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// Starts the contender in a consumer group of its own.
    pub fn start(&self, kafka: &Kafka, topic: &str) -> Running {
        let folder =
            tempfile::Builder::new().prefix("nabiz-bench-").tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{}", free_port());
        let group = folder.path().file_name().expect("a name").to_string_lossy().into_owned();
        let (mut command, progress) = match self {
            Contender::Roofline => {
                (Command::new(std::env::current_exe().expect("this program")), Progress::Plain)
            }
            Contender::Nabiz(config) => {
                let path = folder.path().join("nabiz.toml");
                let ledger = folder.path().join("nabiz.db");
                let toml = config.toml(&kafka.brokers(), topic, &group, &address, &ledger);
                fs::write(&path, toml).expect("a configuration");
                let program = env!("CARGO_BIN_EXE_nabiz");
                let mut command = match std::env::var_os("BENCH_PERF") {
                    None => Command::new(program),
                    Some(file) => {
                        let mut command = Command::new("perf");
                        command.args(["record", "--freq=999", "-g", "-o"]).arg(file).arg(program);
                        command
                    }
                };
                command.args(["serve", "--config"]).arg(path);
                (command, Progress::Positions)
            }
            Contender::Peer(name) => (
                Command::new(Contender::folder(name).join("run")),
                Progress::of(&Contender::folder(name)),
            ),
        };
        let log = fs::File::create(folder.path().join("log")).expect("a log file");
        let child = command
            .env("BENCH_ROLE", "roofline")
            .env("BENCH_BROKERS", kafka.brokers())
            .env("BENCH_TOPIC", topic)
            .env("BENCH_GROUP", group)
            .env("BENCH_LISTEN", &address)
            .env("BENCH_THREADS", THREADS.to_string())
            .env("BENCH_STATE", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        Running { child, address, started: Instant::now(), progress, folder }
    }

    /// Reads the whole topic once.
    pub fn run(&self, kafka: &Kafka, topic: &str, truth: &Truth) -> Run {
        let mut running = self.start(kafka, topic);
        let (start_seconds, seconds) = running.read_all(truth.events as u64);
        std::thread::sleep(SETTLE);
        let usage = Usage::of(&running.child);
        let wrong = match self {
            Contender::Roofline => None,
            _ => running.compare(self, truth).err(),
        };
        Run { start_seconds, seconds, usage, wrong }
    }
}

impl NabizConfig {
    fn toml(
        &self,
        brokers: &str,
        topic: &str,
        group: &str,
        address: &str,
        ledger: &Path,
    ) -> String {
        let (windows, sections) = (&self.windows, &self.sections);
        format!(
            "[kafka]\nbrokers = {brokers:?}\ngroup = {group:?}\nworkers = {}\ndead_letter_topic = \"bench.dead\"\n\
             [[kafka.topics]]\nname = {topic:?}\n[windows]\nidle_advance = false\n{windows}\
             [http]\nlisten = {address:?}\n[ledger]\npath = {ledger:?}\n{sections}",
            self.workers
        )
    }
}

impl Progress {
    /// Returns the time between two reads of the progress. It is long for a contender that reports
    /// its progress only by a scrape, because the cost of scrapes counts as the contender's own.
    fn poll(&self) -> Duration {
        match self {
            Progress::Metric { .. } => SCRAPE_POLL,
            _ => POLL,
        }
    }

    /// Returns what a peer's file `progress` names: a path and a metric.
    fn of(folder: &Path) -> Progress {
        let Ok(text) = fs::read_to_string(folder.join("progress")) else { return Progress::Plain };
        let mut words = text.split_whitespace().map(str::to_owned);
        match (words.next(), words.next()) {
            (Some(path), Some(name)) => Progress::Metric { path, name },
            _ => panic!("{}/progress: a path and a metric are expected", folder.display()),
        }
    }
}

impl Running {
    /// Returns the body of an answer.
    pub fn get(&self, path: &str) -> Result<String, String> {
        let url = format!("http://{}{path}", self.address);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        let mut response = agent.get(&url).call().map_err(|error| format!("{url}: {error}"))?;
        let body = response.body_mut().with_config().limit(1 << 30).read_to_string();
        body.map_err(|error| format!("{url}: {error}"))
    }

    /// Returns the number of records read so far.
    pub fn records(&self) -> Result<u64, String> {
        match &self.progress {
            Progress::Plain => {
                let text = self.get("/progress")?;
                text.trim().parse().map_err(|_| format!("/progress: {text:?}"))
            }
            Progress::Positions => {
                let status: Value = serde_json::from_str(&self.get("/api/v1/status")?)
                    .map_err(|e| e.to_string())?;
                let partitions = status["partitions"].as_array().cloned().unwrap_or_default();
                Ok(partitions.iter().filter_map(|partition| partition["position"].as_u64()).sum())
            }
            Progress::Metric { path, name } => {
                let text = self.get(path)?;
                let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(sample);
                Ok(samples
                    .filter(|((found, _), _)| found == name)
                    .map(|(_, value)| value as u64)
                    .sum())
            }
        }
    }

    /// Waits until the contender has read `records` records. Returns the seconds to the first
    /// record, and from the first to the last.
    pub fn read_all(&mut self, records: u64) -> (f64, f64) {
        let mut first = None;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the contender ended with {status}\n{}", self.log());
            }
            let read = self.records();
            let now = Instant::now();
            if matches!(read, Ok(count) if count > 0) && first.is_none() {
                first = Some(now);
            }
            if matches!(read, Ok(count) if count >= records) {
                let first = first.unwrap_or(now);
                return ((first - self.started).as_secs_f64(), (now - first).as_secs_f64());
            }
            assert!(
                self.started.elapsed() < GIVE_UP_AFTER,
                "{read:?} of {records}\n{}",
                self.log()
            );
            std::thread::sleep(self.progress.poll());
        }
    }

    /// Returns the end of its log.
    pub fn log(&self) -> String {
        tail(&self.folder.path().join("log"), 40)
    }

    /// Holds the counts of each queue against the truth.
    fn compare(&self, contender: &Contender, truth: &Truth) -> Result<(), String> {
        let names = Names::of(contender);
        let mut found: BTreeMap<String, QueueTruth> = BTreeMap::new();
        let mut wait_seconds: BTreeMap<String, f64> = BTreeMap::new();
        let text = self.get("/metrics")?;
        for ((name, labels), value) in
            text.lines().filter(|line| !line.starts_with('#')).filter_map(sample)
        {
            let Some(queue) = labels.get("queue") else { continue };
            let entry = found.entry(queue.clone()).or_default();
            let is_abandoned = labels.get("outcome").is_some_and(|outcome| outcome == "abandoned");
            match name.as_str() {
                name if name == names.offered => entry.offered += value as u64,
                name if name == names.answered => entry.answered += value as u64,
                name if name == names.abandoned => entry.abandoned += value as u64,
                name if name == names.wait_sum && !is_abandoned => {
                    *wait_seconds.entry(queue.clone()).or_default() += value;
                }
                _ => {}
            }
        }
        for (queue, truth) in &truth.queues {
            let Some(found) = found.get(queue) else {
                return Err(format!("queue {queue} is missing"));
            };
            let counts = (found.offered, found.answered, found.abandoned);
            if counts != (truth.offered, truth.answered, truth.abandoned) {
                return Err(format!(
                    "queue {queue}: {counts:?} offered, answered, abandoned, the truth is {truth:?}"
                ));
            }
            let wait = wait_seconds.get(queue).copied().unwrap_or_default();
            let difference = (wait - truth.wait_ms as f64 / 1000.0).abs();
            if !names.wait_sum.is_empty() && difference > 0.001 * truth.answered as f64 + 0.001 {
                return Err(format!("queue {queue}: {wait} s of waiting, the truth is {truth:?}"));
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child, STOP_WITHIN);
    }
}

/// Names of the metrics that are held against the truth.
struct Names {
    offered: String,
    answered: String,
    abandoned: String,
    /// Empty where the contender cannot join.
    wait_sum: String,
}

impl Names {
    fn of(contender: &Contender) -> Names {
        let [offered, answered, abandoned, wait_sum] = match contender {
            Contender::Nabiz(_) => [
                "nabiz_visits_offered_total",
                "nabiz_visits_answered_total",
                "nabiz_visits_abandoned_total",
                "nabiz_wait_seconds_sum",
            ],
            _ => [
                "peer_offered_total",
                "peer_answered_total",
                "peer_abandoned_total",
                "peer_wait_seconds_sum",
            ],
        };
        let own = match contender {
            Contender::Peer(name) => {
                fs::read_to_string(Contender::folder(name).join("names")).unwrap_or_default()
            }
            _ => String::new(),
        };
        // Lines of the form `peer_offered_total its_own_name`; `-` where there is no such number.
        let of = |name: &str| {
            let line = own.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            line.map_or(name, |own| if own == "-" { "" } else { own }).to_owned()
        };
        Names {
            offered: of(offered),
            answered: of(answered),
            abandoned: of(abandoned),
            wait_sum: of(wait_sum),
        }
    }
}
