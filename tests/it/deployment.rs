//! The files in `deploy/`, checked as text: their shapes against the real types or strict ones, and
//! that image, compose, Kubernetes, systemd and configuration name the same program, files, ports,
//! paths, topics and volumes. No container is run.

mod compose;
mod image;
mod kubernetes;
mod kubernetes_api;
mod local;
mod systemd;
mod workflows;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;

/// Path of the program, in the image and on a host.
const PROGRAM: &str = "/usr/local/bin/nabiz";
/// Path of its configuration.
const CONFIG: &str = "/etc/nabiz/nabiz.toml";
/// Folder of its state.
const STATE: &str = "/var/lib/nabiz";
/// Port that it listens on.
const PORT: i32 = 9464;
/// The user in the image.
const USER: i64 = 10001;
/// Value of the label `job` that the alerts select.
const JOB: &str = "nabiz";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the text of a file, by its path from the root of the tree.
fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml<T: DeserializeOwned>(path: &str) -> T {
    serde_yaml_ng::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the effective configuration that `nabiz check` prints, with environment variables.
fn effective(path: &str, environment: &[(&str, &str)]) -> toml::Table {
    let output = Command::new(env!("CARGO_BIN_EXE_nabiz"))
        .args(["check", "--config"])
        .arg(root().join(path))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("nabiz starts");
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .parse()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn value<'a>(config: &'a toml::Table, section: &str, key: &str) -> &'a str {
    config[section][key].as_str().unwrap_or_else(|| panic!("{section}.{key} is no text"))
}

/// Returns the topics that a configuration reads, and the one that it writes.
fn topics(config: &toml::Table) -> Vec<String> {
    let read = config["kafka"]["topics"].as_array().expect("topics");
    let read = read.iter().map(|topic| topic["name"].as_str().expect("a name").to_owned());
    read.chain([value(config, "kafka", "dead_letter_topic").to_owned()]).collect()
}

/// Checks that an image is pinned to a version: a tag with two numbers at least, or a digest.
fn assert_pinned(image: &str) {
    let (name, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag"));
    assert!(!name.is_empty() && !tag.contains('/'), "{image} has no tag");
    let mut numbers = tag.trim_start_matches('v').split(['.', '-']);
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    assert!(
        is_number(numbers.next()) && is_number(numbers.next()),
        "{image} is not pinned to a version"
    );
}

#[test]
fn check_accepts_every_shipped_configuration() {
    for path in ["deploy/nabiz.toml", "deploy/compose/nabiz.toml", "deploy/kubernetes/nabiz.toml"] {
        let config = effective(path, &[]);
        let (address, port) =
            value(&config, "http", "listen").rsplit_once(':').expect("an address and a port");
        assert_eq!(port.parse(), Ok(PORT), "{path}");
        // On a host a proxy forwards to nabiz; in a container only other addresses reach it.
        let expected = if path == "deploy/nabiz.toml" { "127.0.0.1" } else { "0.0.0.0" };
        assert_eq!(address, expected, "{path}");
        let ledger = Path::new(value(&config, "ledger", "path"));
        assert_eq!(ledger.parent(), Some(Path::new(STATE)), "{path}");
    }
}

#[test]
fn shipped_scripts_are_executable() {
    use std::os::unix::fs::PermissionsExt;
    for path in [
        "deploy/kubernetes/generate-prometheus-rule",
        "deploy/local/alertmanager",
        "deploy/local/compress",
        "deploy/local/pager",
        "deploy/local/stack",
        "deploy/shipping/tail-kcat",
    ] {
        let mode = std::fs::metadata(root().join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
            .permissions();
        assert_eq!(mode.mode() & 0o111, 0o111, "{path}");
    }
}
