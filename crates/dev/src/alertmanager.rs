//! A real Alertmanager on loopback, and a webhook that it notifies.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use super::{end, free_port, tail, tool, wait_for};

/// The program, as Debian calls it and as its makers do.
pub const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// One alert of a request to the webhook.
#[derive(Clone, Debug)]
pub struct Notification {
    pub at: Timestamp,
    pub receiver: String,
    pub is_firing: bool,
    pub began: Timestamp,
    pub labels: BTreeMap<String, String>,
    pub description: String,
}

impl Notification {
    /// Returns the value of a label; empty where there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Returns whether the notification is about an alert of this name.
    pub fn is(&self, alert: &str) -> bool {
        self.label("alertname") == alert
    }
}

/// A webhook that keeps every notification.
pub struct Webhook {
    pub url: String,
    notifications: Arc<Mutex<Vec<Notification>>>,
}

impl Webhook {
    /// Listens until the test ends.
    pub fn start() -> Webhook {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let url = format!("http://{}/", listener.local_addr().expect("its address"));
        let notifications = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&notifications);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(all) = take(stream) {
                    log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(all);
                }
            }
        });
        Webhook { url, notifications }
    }

    /// Returns every notification in its order.
    pub fn notifications(&self) -> Vec<Notification> {
        self.notifications.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Waits for a notification. At the deadline it fails with the notifications that arrived
    /// instead.
    pub fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        is_it: impl Fn(&Notification) -> bool,
    ) -> Notification {
        wait_for(what, deadline, || {
            let notifications = self.notifications();
            let lines = |all: &[Notification]| {
                all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join("\n")
            };
            notifications
                .iter()
                .find(|one| is_it(one))
                .cloned()
                .ok_or_else(|| format!("received\n{}", lines(&notifications)))
        })
    }
}

/// Reads one request, answers it, and returns the alerts of its body.
fn take(stream: TcpStream) -> Option<Vec<Notification>> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let at = Timestamp::now();
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let notification = |alert: &Value| {
        Some(Notification {
            at,
            receiver: body["receiver"].as_str()?.to_owned(),
            is_firing: alert["status"] == "firing",
            began: alert["startsAt"].as_str()?.parse().ok()?,
            labels: serde_json::from_value(alert["labels"].clone()).ok()?,
            description: alert["annotations"]["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
    };
    body["alerts"].as_array()?.iter().map(notification).collect()
}

/// A running Alertmanager, ended when dropped.
pub struct Alertmanager {
    child: Child,
    pub address: String,
    folder: TempDir,
}

impl Alertmanager {
    /// Starts one and waits until it is ready.
    pub fn start(config: &str) -> Alertmanager {
        let folder = tempfile::Builder::new()
            .prefix("nabiz-alertmanager-")
            .tempdir()
            .expect("a temporary folder");
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, config).expect("the configuration");
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(folder.path().join("log")).expect("a log file");
        let child = Command::new(tool(&PROGRAMS))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("alertmanager starts");
        let alertmanager = Alertmanager { child, address, folder };
        wait_for("alertmanager ready", Duration::from_secs(30), || {
            let answer = ureq::get(format!("http://{}/-/ready", alertmanager.address)).call();
            answer.map(drop).map_err(|error| format!("{error}\n{}", alertmanager.log()))
        });
        alertmanager
    }

    fn log(&self) -> String {
        tail(&self.folder.path().join("log"), 20)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        end(&mut self.child, Duration::from_secs(10));
        if std::thread::panicking() {
            eprintln!("--- alertmanager\n{}", self.log());
        }
    }
}
