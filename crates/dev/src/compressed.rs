//! The shipped pipeline in compressed time: the simulator writes into Kafka faster than real time,
//! and the rules of Prometheus are faster by the same factor.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, offset};
use jiff::{Timestamp, ZonedDateTime};

use super::prometheus::Prometheus;
use super::{end, program, root};

/// Simulated seconds per second.
pub const FACTOR: u32 = 60;

/// `nabiz simulate` of a burst water main, ended when dropped.
pub struct Simulator(Child);

impl Simulator {
    /// Writes from `start` on into the topic `calls`, with `rate_scale` times the arrivals.
    pub fn start(brokers: &str, start: &ZonedDateTime, rate_scale: u32) -> Simulator {
        let child = Command::new(program())
            .args([
                "simulate",
                "--brokers",
                brokers,
                "--scenario",
                "pipe-burst",
                "--duration",
                "1d",
            ])
            .args(["--start", &start.timestamp().to_string(), "--speed", &FACTOR.to_string()])
            .args(["--rate-scale", &rate_scale.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("nabiz starts");
        Simulator(child)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        end(&mut self.0, Duration::from_secs(5));
    }
}

/// Runs a script of `deploy/local` and returns its output.
pub fn script(name: &str, arguments: &[&str]) -> String {
    let root = root();
    let mut command = Command::new(root.join("deploy/local").join(name));
    let output = command
        .args(arguments)
        .current_dir(&root)
        .stdin(Stdio::null())
        .output()
        .expect("perl runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Returns a time of a coming Monday, so that stream time is ahead of the clock and not behind it.
pub fn monday_at(time: Time) -> ZonedDateTime {
    let today = Timestamp::now().to_zoned_datetime(TimeZone::fixed(offset(3)));
    let monday = today.nth_weekday(1, Weekday::Monday).expect("a Monday to come");
    monday.with().time(time).build().expect("a time of that day")
}

/// Writes the configuration of the compose file for these addresses.
pub fn configuration(folder: &Path, brokers: &str, address: &str) -> PathBuf {
    let ledger = folder.join("nabiz.db").display().to_string();
    let shipped = root().join("deploy/compose/nabiz.toml");
    let text = std::fs::read_to_string(shipped)
        .expect("the configuration of the compose file")
        .replace("kafka:9092", brokers)
        .replace("0.0.0.0:9464", address)
        .replace("/var/lib/nabiz/nabiz.db", &ledger);
    let path = folder.join("nabiz.toml");
    std::fs::write(&path, format!("{text}\n[windows]\nidle_advance = false\n"))
        .expect("the configuration");
    path
}

/// Starts the shipped Prometheus with the shipped rules. Two defaults of the server are durations,
/// so they are compressed too.
pub fn start_prometheus(nabiz: &str, alertmanager: &str) -> Prometheus {
    let factor = FACTOR.to_string();
    let compressed =
        |name: &str| script("compress", &[&factor, &format!("deploy/prometheus/{name}")]);
    let config = compressed("prometheus.yml")
        .replace("127.0.0.1:9464", nabiz)
        .replace("127.0.0.1:9093", alertmanager);
    let files = [
        ("prometheus.yml", config),
        ("nabiz.rules.yml", compressed("nabiz.rules.yml")),
        ("nabiz.alerts.yml", compressed("nabiz.alerts.yml")),
    ];
    let flags = [("query.lookback-delta", 300_000), ("rules.alert.resend-delay", 60_000)];
    Prometheus::start_with(&files, &flags.map(|(flag, ms)| format!("--{flag}={}ms", ms / FACTOR)))
}
