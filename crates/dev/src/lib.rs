//! The harness of the tests and benchmarks that run the whole program: a real Kafka broker, the
//! `nabiz` process, a reader of its metrics, Prometheus, Alertmanager and a browser.
//!
//! A missing tool is a failure. Tests that need one are marked `#[ignore = "needs …"]`; `make test`
//! installs the tools and runs these tests too.

#![allow(clippy::disallowed_methods, reason = "the programs under test run by the real clock")]

mod acls;
pub mod alertmanager;
pub mod broker;
pub mod browser;
pub mod client;
pub mod compressed;
pub mod dashboards;
pub mod pipeline;
pub mod process;
pub mod prometheus;
pub mod scrape;

use std::fmt::Display;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Returns the class path of Apache Kafka, for `java -cp`.
///
/// # Panics
/// Where Kafka or Java is missing.
fn kafka_class_path() -> String {
    let script = root().join("scripts/fetch-kafka");
    let output = Command::new(&script).arg("--where").stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    require(&["java"], "-version");
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    folder.join("libs").join("*").display().to_string()
}

/// Returns the first of these programs that runs.
///
/// # Panics
/// Where none of them runs.
pub fn tool(names: &[&'static str]) -> &'static str {
    require(names, "--version")
}

fn require(names: &[&'static str], version: &str) -> &'static str {
    let runs = |name: &&str| {
        let output = Command::new(name).arg(version).stdin(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = names.iter().copied().find(|name| runs(name));
    found.unwrap_or_else(|| panic!("none of {names:?} runs; run scripts/install-tools"))
}

/// Returns the root folder of the source tree.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns the path of the `nabiz` program under test.
///
/// Cargo passes the path to integration tests and benchmarks in the environment. A test binary that
/// is started by hand finds the program in the folder above its own.
///
/// # Panics
/// Where there is no such program.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("CARGO_BIN_EXE_nabiz") {
        return path.into();
    }
    let this = std::env::current_exe().expect("the path of this program");
    let path = this.parent().and_then(Path::parent).expect("a folder above").join("nabiz");
    assert!(path.exists(), "{} does not exist; build it first", path.display());
    path
}

/// Returns a TCP port of the loopback interface that is free now, and never the same port twice.
///
/// The port is below the range that the system uses for outgoing connections, so that none of these
/// occupies it before the caller's process binds it.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin far apart.
    let begin = std::process::id().wrapping_mul(101);
    for _ in 0..COUNT {
        let number = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + number).expect("a port below 32000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free loopback port from {FIRST} to {}", FIRST + COUNT);
}

/// Calls `probe` until it returns a value; fails with its last error at the deadline.
pub fn wait_for<T, E: Display>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<T, E>,
) -> T {
    match try_wait_for(deadline, &mut probe) {
        Ok(value) => value,
        Err(error) => panic!("{what}: not within {deadline:?}: {error}"),
    }
}

/// Waits as [`wait_for`] does, and returns the last error at the deadline.
pub fn try_wait_for<T, E: Display>(
    deadline: Duration,
    mut probe: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// Writes to the terminal, past the capture of test output, that a test cannot run on this machine.
pub fn report_skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}: {}", why.trim());
}

/// Sends a signal to a process that this test started and has not reaped.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {}", child.id());
}

/// Waits for a process to end; returns `None` if it is still running at the deadline.
pub fn exit_within(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    try_wait_for(deadline, || {
        child.try_wait().expect("the state of a child").ok_or("still running")
    })
    .ok()
}

/// Ends a process with SIGTERM, and kills it at the deadline.
pub fn end(child: &mut Child, deadline: Duration) {
    if let Ok(Some(_)) = child.try_wait() {
        return;
    }
    signal(child, "TERM");
    if exit_within(child, deadline).is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Returns the last lines of a log file, for the output of a failing test.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
