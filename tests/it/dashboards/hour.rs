//! A real Prometheus that has scraped a real nabiz for a simulated hour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::{Time, time};
use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;

use nabiz_dev::broker::Kafka;
use nabiz_dev::compressed::{FACTOR, Simulator, configuration, monday_at, start_prometheus};
use nabiz_dev::process::Nabiz;
use nabiz_dev::prometheus::Prometheus;
use nabiz_dev::{free_port, wait_for};

/// Twenty minutes later the main bursts, for forty minutes.
const START: Time = time(9, 40, 0, 0);
/// The hour of stream time that Prometheus scrapes from its beginning to its end.
const AN_HOUR: Duration = Duration::from_secs(3600);
/// Ten times the calls of a day, so that the rare things happen too.
const RATE_SCALE: u32 = 10;
/// A minute, and as much again for a machine that does much else.
const PASSES_WITHIN: Duration = Duration::from_secs(120);

/// The simulator, Kafka, nabiz and Prometheus with the shipped rules, in compressed time; they end
/// when dropped, in this order.
pub struct Hour {
    _simulator: Simulator,
    prometheus: Prometheus,
    nabiz: Nabiz,
    _kafka: Kafka,
    _folder: tempfile::TempDir,
    start: ZonedDateTime,
}

impl Hour {
    /// Starts all processes and waits until an hour of stream time has passed. Prometheus scrapes
    /// that hour from its beginning to its end. The contact centre continues to run.
    pub fn pass() -> Hour {
        let kafka = Kafka::start();
        kafka.create_topic("calls", 3);
        kafka.create_topic("nabiz.dead-letters", 1);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{}", free_port());
        let mut nabiz =
            Nabiz::serve(&configuration(folder.path(), &kafka.brokers(), &address), &address);
        nabiz.wait_ready();
        // No Alertmanager listens on the port that Prometheus sends alerts to.
        let prometheus = start_prometheus(nabiz.address(), &format!("127.0.0.1:{}", free_port()));
        let start = monday_at(START);
        let simulator = Simulator::start(&kafka.brokers(), &start, RATE_SCALE);
        let hour = Hour {
            _simulator: simulator,
            prometheus,
            nabiz,
            _kafka: kafka,
            _folder: folder,
            start,
        };
        wait_for("an hour of stream time", PASSES_WITHIN, || hour.has_passed());
        hour
    }

    fn has_passed(&self) -> Result<(), String> {
        // The minimum is the slowest partition. The range begins before the start of this test.
        let seen = |function: &str| {
            self.prometheus.value(&format!(
                "min({function}_over_time(nabiz_stream_time_timestamp_seconds[1h]))"
            ))
        };
        let (first, last) = (seen("min")?, seen("max")?);
        let start = self.start.timestamp().as_second() as f64;
        assert!(
            first >= start,
            "stream time {first} is before the start, {start}\n{}",
            self.logs()
        );
        if last - first >= AN_HOUR.as_secs_f64() {
            return Ok(());
        }
        Err(format!("{} s have passed\n{}", last - first, self.logs()))
    }

    /// Returns the address of Prometheus.
    pub fn prometheus(&self) -> String {
        self.prometheus.url()
    }

    /// Returns the address of nabiz.
    pub fn nabiz(&self) -> String {
        format!("http://{}", self.nabiz.address())
    }

    /// Returns the current time in the contact centre.
    pub fn stream_time(&self) -> Timestamp {
        let seconds =
            self.prometheus.value("min(nabiz_stream_time_timestamp_seconds)").expect("stream time");
        Timestamp::from_millisecond((seconds * 1000.0) as i64).expect("a time of this century")
    }

    /// Returns the series of an answer: at the newest instant, or in steps over a period up to it.
    pub fn query(
        &self,
        expression: &str,
        over: Option<(Duration, Duration)>,
    ) -> Result<Vec<Value>, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let mut form = vec![("query", expression.to_owned())];
        let path = match over {
            None => "query",
            Some((period, step)) => {
                form.push(("start", (now - period).as_secs_f64().to_string()));
                form.push(("end", now.as_secs_f64().to_string()));
                form.push(("step", step.as_secs_f64().to_string()));
                "query_range"
            }
        };
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}/api/v1/{path}", self.prometheus());
        let mut response = agent.post(&url).send_form(form).map_err(|error| error.to_string())?;
        let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let answer: Value =
            serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        match &answer["data"]["result"] {
            Value::Array(series) => Ok(series.clone()),
            other => Err(format!("not a vector: {other}")),
        }
    }

    /// Returns the ends of the logs, for a failing test.
    pub fn logs(&self) -> String {
        format!("{}\n{}", self.nabiz.log_tail(), self.prometheus.log_tail())
    }
}

/// Returns the real duration of a period of the contact centre.
pub fn compressed(period: Duration) -> Duration {
    period / FACTOR
}
