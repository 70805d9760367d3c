//! A real Prometheus that scrapes a real nabiz.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::files::rules_file;
use crate::kafka::{end, free_port, tail, wait_for};

/// How long the two processes may take to start.
const START: Duration = Duration::from_secs(60);

/// Prometheus and the demo that it scrapes; both end when dropped.
pub struct Stack {
    nabiz: Child,
    prometheus: Child,
    prometheus_address: String,
    folder: tempfile::TempDir,
}

impl Stack {
    /// Starts both; an error says why Prometheus cannot be started.
    pub fn start(lasts: Duration) -> Result<Stack, std::io::Error> {
        let folder = tempfile::tempdir()?;
        let nabiz_address = format!("127.0.0.1:{}", free_port());
        let prometheus_address = format!("127.0.0.1:{}", free_port());
        let rules = folder.path().join("nabiz.rules.yml");
        fs::write(&rules, hurried(&fs::read_to_string(rules_file()).expect("the recording rules")))?;
        let config = serde_json::json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{"job_name": "nabiz", "static_configs": [{"targets": [nabiz_address]}]}],
        });
        let file = folder.path().join("prometheus.yml");
        // JSON is YAML too.
        fs::write(&file, config.to_string())?;
        let log = |name: &str| fs::File::create(folder.path().join(name));
        let prometheus = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={prometheus_address}"))
            .args(["--enable-feature=native-histograms", "--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(log("prometheus.log")?)
            .stderr(log("prometheus.err")?)
            .spawn()?;
        let seconds = format!("{}s", lasts.as_secs());
        let nabiz = Command::new(env!("CARGO_BIN_EXE_nabiz"))
            .args(["demo", "--scenario", "pipe-burst", "--rate-scale", "100", "--duration", &seconds])
            .args(["--listen", &nabiz_address])
            .stdin(Stdio::null())
            .stdout(log("nabiz.log")?)
            .stderr(log("nabiz.err")?)
            .spawn()
            .expect("nabiz starts");
        let stack = Stack { nabiz, prometheus, prometheus_address, folder };
        wait_for("Prometheus has scraped nabiz", START, || {
            let answer = stack.query("nabiz_ready == 1", None)?;
            if answer.is_empty() { Err(format!("not ready yet\n{}", stack.logs())) } else { Ok(()) }
        });
        Ok(stack)
    }

    /// The series of an answer: at the newest instant, or in steps over a period up to it.
    pub fn query(&self, expression: &str, over: Option<(Duration, Duration)>) -> Result<Vec<Value>, String> {
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
        let url = format!("http://{}/api/v1/{path}", self.prometheus_address);
        let mut response = agent.post(&url).send_form(form).map_err(|error| error.to_string())?;
        let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        match &answer["data"]["result"] {
            Value::Array(series) => Ok(series.clone()),
            other => Err(format!("not a vector: {other}")),
        }
    }

    /// The ends of the logs, for a failing test.
    pub fn logs(&self) -> String {
        ["nabiz.err", "prometheus.err"].map(|name| tail(&self.folder.path().join(name), 20)).join("\n")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        end(&mut self.nabiz, Duration::from_secs(5));
        end(&mut self.prometheus, Duration::from_secs(10));
    }
}

/// The rules, evaluated each second instead of at their own pace.
fn hurried(rules: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("interval: ") {
        Some(pace) => line.replace(pace, "1s"),
        None => line.to_owned(),
    };
    rules.lines().map(line).collect::<Vec<_>>().join("\n")
}
