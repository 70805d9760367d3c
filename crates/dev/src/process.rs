//! The `nabiz` process under test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use super::scrape::Scrape;
use super::{end, exit_within, program, signal, tail, wait_for};

/// A running `nabiz serve` or `nabiz gateway`, ended when dropped. Its log is kept in the folder of
/// the test.
pub struct Nabiz {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Nabiz {
    /// Starts `nabiz serve` with a configuration file whose `http.listen` is `address`.
    pub fn serve(config: &Path, address: &str) -> Nabiz {
        Nabiz::start("serve", config, address)
    }

    /// Starts `nabiz gateway` with a configuration file whose `gateway.metrics_listen` is
    /// `address`.
    pub fn gateway(config: &Path, address: &str) -> Nabiz {
        Nabiz::start("gateway", config, address)
    }

    fn start(command: &str, config: &Path, address: &str) -> Nabiz {
        let log = config.with_extension("log");
        let file =
            std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(program())
            .args([command, "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .expect("nabiz starts");
        Nabiz { child, address: address.to_owned(), log }
    }

    /// Address of its HTTP listener.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the status and body of an answer, or why there is none.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        let url = format!("http://{}{path}", self.address);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = agent.get(&url).call().map_err(|error| format!("{url}: {error}"))?;
        let body =
            response.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
        Ok((response.status().as_u16(), body))
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_ready(&mut self) {
        let log = self.log.clone();
        wait_for("nabiz ready", Duration::from_secs(60), || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("nabiz ended with {status}\n{}", tail(&log, 60));
            }
            match self.get("/readyz")? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}\n{}", tail(&log, 60))),
            }
        });
    }

    /// Scrapes `/metrics` once.
    pub fn scrape(&self) -> Scrape {
        let (status, body) =
            self.get("/metrics").unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()));
        assert_eq!(status, 200, "{body}");
        Scrape::parse(&body)
    }

    /// Scrapes until `done` returns `Ok`, and fails with its last error at the deadline.
    pub fn scrape_until(
        &self,
        what: &str,
        deadline: Duration,
        mut done: impl FnMut(&Scrape) -> Result<(), String>,
    ) -> Scrape {
        wait_for(what, deadline, || {
            let scrape = self.scrape();
            done(&scrape).map_err(|why| format!("{why}\n{}", self.log_tail()))?;
            Ok::<_, String>(scrape)
        })
    }

    /// Sends SIGTERM and waits; fails if the process is still running at the deadline.
    pub fn terminate(mut self, deadline: Duration) -> ExitStatus {
        signal(&self.child, "TERM");
        let status = exit_within(&mut self.child, deadline);
        status
            .unwrap_or_else(|| panic!("nabiz runs {deadline:?} after SIGTERM\n{}", self.log_tail()))
    }

    /// Waits until the process ends by itself; fails if it is still running at the deadline.
    pub fn wait_end(&mut self, deadline: Duration) -> ExitStatus {
        let status = exit_within(&mut self.child, deadline);
        status.unwrap_or_else(|| panic!("nabiz runs after {deadline:?}\n{}", self.log_tail()))
    }

    /// Kills the process, as a crash does.
    pub fn kill(mut self) {
        signal(&self.child, "KILL");
        assert!(
            exit_within(&mut self.child, Duration::from_secs(5)).is_some(),
            "a killed process ends"
        );
    }

    /// Sends a signal: `STOP` suspends the process and `CONT` resumes it.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Returns the whole log.
    pub fn log(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Returns the last lines of the log.
    pub fn log_tail(&self) -> String {
        tail(&self.log, 60)
    }
}

impl Drop for Nabiz {
    fn drop(&mut self) {
        end(&mut self.child, Duration::from_secs(5));
        if std::thread::panicking() {
            eprintln!("--- nabiz\n{}", self.log_tail());
        }
    }
}

/// Runs `nabiz` with arguments to its end, and fails unless it succeeds.
pub fn nabiz<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    let mut command = Command::new(program());
    let output = command.args(arguments).stdin(Stdio::null()).output().expect("nabiz starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
