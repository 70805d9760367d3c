//! The program as a user runs it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(30);

/// Returns a command of the program, in the folder of the fixtures, without configuration from the
/// environment.
pub(super) fn nabiz(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.args(arguments).current_dir(super::expected::path("data")).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NABIZ_") {
            command.env_remove(name);
        }
    }
    command
}

/// Returns the output of a command that exits with 0.
pub(super) fn output_of(command: &mut Command) -> Output {
    let output = command.output().expect("nabiz starts");
    assert_eq!(output.status.code(), Some(0), "{command:?}: {}", text(&output.stderr));
    output
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Waits until `done` is `Some`.
pub(super) fn wait_for<T>(what: &str, mut done: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match done() {
            Ok(value) => return value,
            Err(why) => assert!(Instant::now() < deadline, "never: {what}: {why}"),
        }
        std::thread::sleep(PAUSE);
    }
}

/// Returns an address of this host without a listener.
pub(super) fn free_address() -> String {
    format!("127.0.0.1:{}", nabiz_dev::free_port())
}

/// An answer to a request.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A running `nabiz serve`, killed when dropped.
pub(super) struct Served {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Served {
    /// Starts `nabiz serve`. `address` is where its configuration lets it listen.
    pub(super) fn start(config: &Path, address: String) -> Served {
        let log = config.with_extension("log");
        let file = std::fs::File::create(&log).expect("a log file");
        let config = config.to_str().expect("a path in UTF-8");
        let child = nabiz(&["serve", "--config", config])
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("nabiz starts");
        Served { child, address, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        agent.run(request.body(()).expect("a request"))
    }

    /// Sends a request and returns the answer.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let response = self
            .request(method, path, headers)
            .map_err(|error| format!("{error}\n{}", self.log()))?;
        let (parts, mut body) = response.into_parts();
        let named = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes()).to_owned()));
        let headers = named.collect();
        let mut bytes = Vec::new();
        body.as_reader().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(Answer { status: parts.status.as_u16(), headers, body: bytes })
    }

    /// Returns the body of an answer with status 200.
    pub(super) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let answer =
            self.ask("GET", path, headers).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer.body));
        answer.body
    }

    /// Returns the text of an answer with status 200.
    pub(super) fn get_text(&self, path: &str) -> String {
        String::from_utf8(self.get(path, &[])).expect("UTF-8")
    }

    /// Returns the first event of a stream, up to the empty line after it.
    pub(super) fn first_event(&self, path: &str) -> String {
        let mut response = self.request("GET", path, &[]).expect("an answer");
        let lines = BufReader::new(response.body_mut().as_reader()).lines();
        let event = lines.map(|line| line.expect("a line")).take_while(|line| !line.is_empty());
        event.map(|line| line + "\n").collect()
    }

    /// Waits until the numbers are shown, `records` records are read, and every dead letter is
    /// written.
    pub(super) fn wait_until_read(&mut self, records: usize) {
        wait_for("everything read", || {
            let ended = self.child.try_wait().expect("its status");
            assert!(ended.is_none(), "{ended:?}\n{}", self.log());
            let answer = self.ask("GET", "/api/v1/status", &[])?;
            let status: serde_json::Value =
                serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
            let partitions = status["partitions"].as_array().cloned().unwrap_or_default();
            let read: u64 =
                partitions.iter().filter_map(|partition| partition["position"].as_u64()).sum();
            let is_written = status["dead_letters_waiting"] == 0;
            let is_all = status["ready"] == true && is_written && read == records as u64;
            if is_all { Ok(()) } else { Err(format!("{status}\n{}", self.log())) }
        });
    }

    /// Ends the process as a service manager does, and waits for the end.
    pub(super) fn terminate(mut self) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(status.success());
        let ended = wait_for("the end of nabiz", || {
            self.child.try_wait().expect("its status").ok_or_else(|| self.log())
        });
        assert!(ended.success(), "{ended}\n{}", self.log());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- nabiz\n{}", self.log());
        }
    }
}
