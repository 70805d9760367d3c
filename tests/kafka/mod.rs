//! What tests of the whole program need: a real Kafka broker, the `nabiz` process, and a reader of its metrics.
//!
//! A test takes [`tools`] first; without Kafka on the machine it prints a notice and passes, or fails where
//! `NABIZ_REQUIRE_TOOLS=1` (as `make test` sets it).

// Each test binary uses its own part of the harness.
#![allow(dead_code)]

pub mod alertmanager;
pub mod broker;
pub mod client;
pub mod compressed;
pub mod pipeline;
pub mod process;
pub mod prometheus;
pub mod queue_log;
pub mod scrape;
pub mod truth;

use std::fmt::Display;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Where the jars of the broker are.
#[derive(Clone, Debug)]
pub struct Tools {
    /// For `java -cp`.
    pub class_path: String,
}

/// The tools, or `None` with a printed notice where they are missing and not required.
///
/// # Panics
/// Where they are missing and `NABIZ_REQUIRE_TOOLS=1`.
pub fn tools() -> Option<Tools> {
    match find_tools() {
        Ok(tools) => Some(tools),
        Err(why) if std::env::var_os("NABIZ_REQUIRE_TOOLS").is_some_and(|value| value == "1") => {
            panic!("the tools of this test are required: {why}")
        }
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

fn find_tools() -> Result<Tools, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/fetch-kafka");
    let output = Command::new(&script)
        .arg("--where")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let java = Command::new("java").arg("-version").stdin(Stdio::null()).output();
    if !java.is_ok_and(|output| output.status.success()) {
        return Err("java does not run; run scripts/install-tools".to_owned());
    }
    Ok(Tools { class_path: folder.join("libs").join("*").display().to_string() })
}

/// A TCP port of the loopback interface that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    listener.local_addr().expect("its address").port()
}

/// Calls `probe` until it gives a value; fails with its last error at the deadline.
pub fn wait_for<T, E: Display>(what: &str, deadline: Duration, mut probe: impl FnMut() -> Result<T, E>) -> T {
    match try_wait_for(deadline, &mut probe) {
        Ok(value) => value,
        Err(error) => panic!("{what}: not within {deadline:?}: {error}"),
    }
}

/// As [`wait_for`], and gives the last error instead of failing.
pub fn try_wait_for<T, E: Display>(deadline: Duration, mut probe: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// Sends a signal to a process that this test started and has not reaped.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {}", child.id());
}

/// The exit of a process, or `None` if it is still running at the deadline.
pub fn exit_within(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    try_wait_for(deadline, || child.try_wait().expect("the state of a child").ok_or("still running")).ok()
}

/// Ends a process: asked by SIGTERM, forced at the deadline.
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

/// The last lines of a log file, for a failing test's output.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
