//! A real Prometheus server on loopback.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{end, free_port, tail, tool, try_wait_for, wait_for};

/// A running Prometheus that scrapes every second, with native histograms; ended when dropped.
pub struct Prometheus {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes `targets`: job and addresses.
    pub fn start(targets: &[(&str, Vec<&str>)]) -> Prometheus {
        let mut config = "global:\n  scrape_interval: 1s\nscrape_configs:\n".to_owned();
        for (job, addresses) in targets {
            let _ = write!(
                config,
                "- job_name: {job}\n  static_configs:\n  - targets: {addresses:?}\n"
            );
        }
        Prometheus::start_with(&[("prometheus.yml", config)], &[])
    }

    /// Starts a server with flags of its own and with files in one folder. The file
    /// `prometheus.yml` is its configuration.
    pub fn start_with(files: &[(&str, String)], flags: &[String]) -> Prometheus {
        let folder = tempfile::Builder::new()
            .prefix("nabiz-prometheus-")
            .tempdir()
            .expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file of the configuration");
        }
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(folder.path().join("log")).expect("a log file");
        let child = Command::new(tool(&["prometheus"]))
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--enable-feature=native-histograms")
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus starts");
        let prometheus = Prometheus { child, address, folder };
        wait_for("prometheus ready", Duration::from_secs(30), || prometheus.get("/-/ready", &[]));
        prometheus
    }

    /// Returns the URL that the server listens on.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the end of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.log(), 20)
    }

    fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .build()
            .into();
        let request = agent
            .get(format!("http://{}{path}", self.address))
            .query_pairs(parameters.iter().copied());
        let mut response = request.call().map_err(|error| error.to_string())?;
        response.body_mut().read_to_string().map_err(|error| error.to_string())
    }

    /// Returns the values of an instant query with their labels, in the order of the server.
    pub fn query(&self, expression: &str) -> Result<Vec<(Value, f64)>, String> {
        let body = self
            .get("/api/v1/query", &[("query", expression)])
            .map_err(|why| format!("{expression}: {why}"))?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let result =
            answer["data"]["result"].as_array().ok_or_else(|| format!("{expression}: {answer}"))?;
        let value =
            |sample: &Value| sample["value"][1].as_str().and_then(|value| value.parse().ok());
        Ok(result
            .iter()
            .filter_map(|sample| Some((sample["metric"].clone(), value(sample)?)))
            .collect())
    }

    /// Returns the only value of an instant query.
    pub fn value(&self, expression: &str) -> Result<f64, String> {
        match &self.query(expression)?[..] {
            [(_, value)] => Ok(*value),
            other => Err(format!("{expression}: expected one value, found {other:?}")),
        }
    }

    /// Returns the values of the only series of a query over a period, with their times. Both times
    /// and period are in seconds since the Unix epoch.
    pub fn range(
        &self,
        expression: &str,
        from: f64,
        to: f64,
        step: f64,
    ) -> Result<Vec<(f64, f64)>, String> {
        let times = [from, to, step].map(|seconds| format!("{seconds:.3}"));
        let parameters =
            [("query", expression), ("start", &times[0]), ("end", &times[1]), ("step", &times[2])];
        let body = self
            .get("/api/v1/query_range", &parameters)
            .map_err(|why| format!("{expression}: {why}"))?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let series = answer["data"]["result"].as_array().map(Vec::as_slice);
        let Some([series]) = series else {
            return Err(format!("{expression}: expected one series, found {answer}"));
        };
        let value = |point: &Value| Some((point[0].as_f64()?, point[1].as_str()?.parse().ok()?));
        Ok(series["values"].as_array().into_iter().flatten().filter_map(value).collect())
    }

    /// Repeats a query until it has the wanted value.
    pub fn wait_for_value(&self, expression: &str, wanted: f64, deadline: Duration) {
        let asked = try_wait_for(deadline, || match self.value(expression)? {
            value if value == wanted => Ok(()),
            value => Err(format!("{expression} is {value}, not {wanted}")),
        });
        if let Err(why) = asked {
            panic!("not within {deadline:?}: {why}\n{}", self.log_tail());
        }
    }

    /// Names of all metrics that have arrived.
    pub fn names(&self) -> Vec<String> {
        let body = self.get("/api/v1/label/__name__/values", &[]).expect("the names");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["data"]
            .as_array()
            .expect("names")
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.child, Duration::from_secs(10));
    }
}
