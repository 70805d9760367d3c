//! The shippers, started as their units in `deploy/shipping/` start them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nabiz_dev::broker::Kafka;
use nabiz_dev::{exit_within, report_skipped, root, tail};
use tempfile::TempDir;

use super::asterisk::Asterisk;

const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A shipper, which can be killed and started again. It is killed when dropped.
pub struct Shipper {
    folder: TempDir,
    command: Command,
    child: Option<Child>,
}

impl Shipper {
    /// Returns an rsyslogd with the shipped configuration; only places and names differ.
    pub fn rsyslog(asterisk: &Asterisk, kafka: &Kafka, topic: &str) -> Shipper {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = runtime(&folder);
        let mut text = super::files::text("rsyslog.conf");
        for (shipped, own) in [
            (super::files::RUNTIME, runtime.display().to_string()),
            (super::files::QUEUE_LOG, asterisk.path().display().to_string()),
            (super::files::BROKERS, kafka.brokers()),
            (super::files::TOPIC, topic.to_owned()),
        ] {
            assert!(text.contains(shipped), "rsyslog.conf: no {shipped}");
            text = text.replace(shipped, &own);
        }
        let configuration = folder.path().join("rsyslog.conf");
        fs::write(&configuration, text).expect("written");
        let mut command = Command::new("rsyslogd");
        command.arg("-n").arg("-f").arg(configuration).arg("-i").arg(runtime.join("pid"));
        Shipper { folder, command, child: None }
    }

    /// Returns the shipped script.
    pub fn tail_and_kcat(asterisk: &Asterisk, kafka: &Kafka, topic: &str) -> Shipper {
        let mut command = Command::new(root().join("deploy/shipping/tail-kcat"));
        command
            .env("QUEUE_LOG", asterisk.path())
            .env("KAFKA_BROKERS", kafka.brokers())
            .env("KAFKA_TOPIC", topic);
        let folder = tempfile::tempdir().expect("a temporary folder");
        Shipper { folder, command, child: None }
    }

    /// Starts it with an empty runtime folder, as systemd does; does nothing while it runs.
    pub fn start(&mut self) {
        if self.child.is_some() {
            return;
        }
        let runtime = runtime(&self.folder);
        if runtime.exists() {
            fs::remove_dir_all(&runtime).expect("the runtime folder is removed");
        }
        fs::create_dir(&runtime).expect("a runtime folder");
        let log = fs::File::options().create(true).append(true).open(self.log()).expect("a log");
        // A process group of its own stands for the control group of a unit.
        self.command.process_group(0).stdin(Stdio::null());
        self.command.stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(self.command.spawn().expect("the shipper starts"));
    }

    /// Kills every process of it.
    pub fn kill(&mut self) {
        self.signal("KILL");
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.signal("TERM");
    }

    fn signal(&mut self, name: &str) {
        let Some(mut child) = self.child.take() else { return };
        let group = format!("-{}", child.id());
        let status = Command::new("kill").args(["-s", name, "--", &group]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -s {name} -- {group}");
        assert!(exit_within(&mut child, ENDS_WITHIN).is_some(), "the shipper ends");
    }

    /// Returns what it wrote last.
    pub fn said(&self) -> String {
        tail(&self.log(), 30)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
            let _ = child.wait();
        }
    }
}

fn runtime(folder: &TempDir) -> PathBuf {
    folder.path().join("runtime")
}

/// Returns whether rsyslogd and its module for Kafka are installed, and reports where not.
pub fn rsyslog_is_there() -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let configuration = folder.path().join("rsyslog.conf");
    let text = "module(load=\"omkafka\")\naction(type=\"omkafka\" topic=\"any\")\n";
    fs::write(&configuration, text).expect("written");
    is_there("rsyslog", Command::new("rsyslogd").arg("-N1").arg("-f").arg(configuration))
}

/// Returns whether kcat is installed, and reports where not.
pub fn kcat_is_there() -> bool {
    is_there("tail and kcat", Command::new("kcat").arg("-V"))
}

fn is_there(what: &str, probe: &mut Command) -> bool {
    let why = match probe.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let program = Path::new(probe.get_program()).display();
    report_skipped(&format!("shipping by {what}"), &format!("{program}: {why}"));
    false
}
