//! The shipped `alertmanager.yml` in a real Alertmanager: which notifications reach which receiver,
//! and which are held back. The tests change three things: receivers are webhooks of the test,
//! waits are one second, and the service hours include now or exclude it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::harness::files::{self, alerts, list, word, yaml};
use crate::harness::serial;
use nabiz_dev::alertmanager::PROGRAMS;
use nabiz_dev::tool;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(60);
/// Time without a notification after which an alert counts as silent: several times as long as a
/// delivery takes here.
const SILENCE: Duration = Duration::from_secs(4);

/// An alert that arrived at a receiver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Delivered {
    receiver: String,
    alert: String,
    job: String,
    queue: String,
    status: String,
}

impl Delivered {
    fn firing(receiver: &str, alert: &str, job: &str, queue: &str) -> Self {
        let [receiver, alert, job, queue] = [receiver, alert, job, queue].map(str::to_owned);
        Delivered { receiver, alert, job, queue, status: "firing".to_owned() }
    }
}

/// Reads one request of Alertmanager: the path is the receiver's name.
fn take(stream: TcpStream, token: &str, found: &Sender<Delivered>) -> Option<()> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .ok()?;
    assert_eq!(authorization, format!("Bearer {token}"), "the token of the file is sent");
    let body: Value = serde_json::from_slice(&body).ok()?;
    for alert in body["alerts"].as_array()? {
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        let status = word(&alert["status"]).to_owned();
        let receiver = path.trim_start_matches('/').to_owned();
        let delivered = Delivered {
            receiver,
            alert: label("alertname"),
            job: label("job"),
            queue: label("queue"),
            status,
        };
        found.send(delivered).ok()?;
    }
    Some(())
}

/// An Alertmanager and the receiver of everything that it sends; it ends when dropped.
struct Alertmanager {
    process: Child,
    address: String,
    deliveries: Receiver<Delivered>,
    seen: BTreeSet<Delivered>,
    folder: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sets the waits of a route and of those below it.
fn hurry(route: &mut Value) {
    for wait in ["group_wait", "group_interval"] {
        if route.get(wait).is_some() {
            route[wait] = json!("1s");
        }
    }
    for below in route.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
        hurry(below);
    }
}

/// Returns the shipped configuration, with the changes of the test.
fn configuration(folder: &Path, webhook: &str, in_service_hours: bool) -> Value {
    let secrets = folder.display().to_string();
    let text =
        files::text("alertmanager/alertmanager.yml").replace("/etc/alertmanager/secrets", &secrets);
    let mut config: Value = serde_yaml_ng::from_str(&text).unwrap();
    for receiver in config["receivers"].as_array_mut().unwrap() {
        let name = word(&receiver["name"]).to_owned();
        // Keeps a webhook of the shipped file. A receiver with mail only gets a new webhook.
        let shipped = receiver["webhook_configs"][0].clone();
        let http =
            json!({"authorization": {"credentials_file": format!("{secrets}/webhook-token")}});
        let mut one = if shipped.is_null() { json!({"http_config": http}) } else { shipped };
        one["url"] = json!(format!("{webhook}/{name}"));
        *receiver = json!({"name": name, "webhook_configs": [one]});
    }
    hurry(&mut config["route"]);
    let zone = word(&config["time_intervals"][0]["time_intervals"][0]["location"]);
    let today = jiff::Timestamp::now().in_tz(zone).unwrap().weekday().to_monday_zero_offset();
    // Two days, so that midnight does not matter.
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let first = if in_service_hours { today } else { today + 3 };
    let days = [0, 1].map(|after| days[(first + after) as usize % 7]);
    config["time_intervals"][0]["time_intervals"] = json!([{"weekdays": days, "location": zone}]);
    config
}

impl Alertmanager {
    /// Starts one with the service hours around now or away from it.
    fn start(in_service_hours: bool) -> Self {
        let program = tool(&PROGRAMS);
        let folder = tempfile::tempdir().unwrap();
        let token = "told-to-the-test";
        std::fs::write(folder.path().join("webhook-token"), format!("{token}\n")).unwrap();
        std::fs::write(folder.path().join("smtp-password"), "unused\n").unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = format!("http://{}", listener.local_addr().unwrap());
        let (found, deliveries) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                take(stream, token, &found);
            }
        });

        let config = folder.path().join("alertmanager.yml");
        let text = configuration(folder.path(), &webhook, in_service_hours).to_string();
        std::fs::write(&config, text).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Alertmanager { process, address, deliveries, seen: BTreeSet::new(), folder };
        let begun = Instant::now();
        while ureq::get(format!("http://{}/-/ready", started.address)).call().is_err() {
            assert!(begun.elapsed() < DEADLINE, "Alertmanager is not ready:\n{}", started.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        started
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Says that an alert of the shipped file fires, or with `resolved` that it does not any more.
    fn post(&self, name: &str, severity: &str, job: &str, queue: &str, resolved: bool) {
        self.post_of(name, severity, None, job, queue, resolved);
    }

    fn post_of(
        &self,
        name: &str,
        severity: &str,
        extent: Option<&str>,
        job: &str,
        queue: &str,
        resolved: bool,
    ) {
        let of = |alert: &&Value| {
            let labels = &alert["labels"];
            (word(&alert["alert"]), word(&labels["severity"]), labels["extent"].as_str())
                == (name, severity, extent)
        };
        let mut labels = alerts().iter().find(of).unwrap_or_else(|| panic!("no {severity} {name}"))
            ["labels"]
            .clone();
        labels["alertname"] = json!(name);
        labels["job"] = json!(job);
        if !queue.is_empty() {
            labels["queue"] = json!(queue);
            labels["channel"] = json!("phone");
        }
        let now = jiff::Timestamp::now();
        let ends = now
            + if resolved {
                jiff::SignedDuration::from_secs(-1)
            } else {
                jiff::SignedDuration::from_mins(10)
            };
        let starts = now - jiff::SignedDuration::from_secs(60);
        let body =
            json!([{"labels": labels, "startsAt": starts.to_string(), "endsAt": ends.to_string()}]);
        let sent = ureq::post(format!("http://{}/api/v2/alerts", self.address))
            .header("content-type", "application/json")
            .send(body.to_string());
        sent.unwrap_or_else(|error| panic!("{name} is not taken: {error}\n{}", self.log()));
    }

    fn fires(&self, name: &str, severity: &str, job: &str, queue: &str) {
        self.post(name, severity, job, queue, false);
    }

    fn await_delivery(&mut self, awaited: &Delivered) {
        let begun = Instant::now();
        while !self.seen.contains(awaited) {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            let Ok(delivered) = self.deliveries.recv_timeout(left) else {
                panic!("{awaited:?} does not come; there came {:#?}\n{}", self.seen, self.log());
            };
            self.seen.insert(delivered);
        }
    }

    fn await_firing(&mut self, receiver: &str, alert: &str, job: &str, queue: &str) {
        self.await_delivery(&Delivered::firing(receiver, alert, job, queue));
    }

    /// Checks that no receiver gets one of these alerts, each with its job and queue, within a
    /// while.
    fn assert_silent(&mut self, silent: &[(&str, &str, &str)]) {
        let begun = Instant::now();
        while let Ok(delivered) =
            self.deliveries.recv_timeout(SILENCE.saturating_sub(begun.elapsed()))
        {
            self.seen.insert(delivered);
        }
        let of = |seen: &&Delivered| silent.contains(&(&*seen.alert, &*seen.job, &*seen.queue));
        assert_eq!(self.seen.iter().find(of), None, "it is to be silent");
    }

    /// Waits until Alertmanager reports that other alerts inhibit this one.
    fn await_inhibited(&self, alert: &str, job: &str, queue: &str) {
        let begun = Instant::now();
        loop {
            let mut answer =
                ureq::get(format!("http://{}/api/v2/alerts", self.address)).call().unwrap();
            let all: Value =
                serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
            let label = |one: &Value, name: &str| {
                one["labels"][name].as_str().unwrap_or_default().to_owned()
            };
            let is_it = |one: &&Value| {
                (label(one, "alertname"), label(one, "job"), label(one, "queue"))
                    == (alert.to_owned(), job.to_owned(), queue.to_owned())
            };
            let one = list(&all)
                .iter()
                .find(is_it)
                .unwrap_or_else(|| panic!("{alert} of {job} is not there: {all}"));
            if one["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty()) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "{alert} of {job} is not inhibited: {one}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

const PAGE: &str = "contact-centre-page";

#[test]
#[ignore = "needs Alertmanager (make test)"]
fn dead_pipeline_silences_service_alerts_of_its_own_job() {
    let _shared = serial::shared();
    let mut alertmanager = Alertmanager::start(true);
    // In service hours, and without a fault of the pipeline, a service alert is a page.
    alertmanager.fires("NabizServiceLevelFastBurn", "critical", "nabiz", "billing");
    alertmanager.await_firing(PAGE, "NabizServiceLevelFastBurn", "nabiz", "billing");

    alertmanager.fires("NabizDown", "critical", "nabiz", "");
    alertmanager.await_firing("platform-page", "NabizDown", "nabiz", "");
    for (severity, alert) in
        [("critical", "NabizQueueUnattended"), ("warning", "NabizLongestWaitHigh")]
    {
        alertmanager.fires(alert, severity, "nabiz", "billing");
        alertmanager.fires(alert, severity, "nabiz-2", "billing");
    }
    // Alerts that follow from the missing process are inhibited too.
    alertmanager.fires("NabizStreamTimeStalled", "critical", "nabiz", "");
    alertmanager.await_firing(PAGE, "NabizQueueUnattended", "nabiz-2", "billing");
    alertmanager.await_firing("contact-centre-mail", "NabizLongestWaitHigh", "nabiz-2", "billing");
    alertmanager.await_inhibited("NabizQueueUnattended", "nabiz", "billing");
    alertmanager.await_inhibited("NabizLongestWaitHigh", "nabiz", "billing");
    alertmanager.await_inhibited("NabizStreamTimeStalled", "nabiz", "");
    alertmanager.assert_silent(&[
        ("NabizQueueUnattended", "nabiz", "billing"),
        ("NabizLongestWaitHigh", "nabiz", "billing"),
        ("NabizStreamTimeStalled", "nabiz", ""),
    ]);

    // Once the pipeline is up again, the alerts that still fire are delivered: only the inhibition
    // held them back.
    alertmanager.post("NabizDown", "critical", "nabiz", "", true);
    alertmanager.post("NabizStreamTimeStalled", "critical", "nabiz", "", true);
    let resolved = Delivered {
        status: "resolved".to_owned(),
        ..Delivered::firing("platform-page", "NabizDown", "nabiz", "")
    };
    alertmanager.await_delivery(&resolved);
    alertmanager.await_firing(PAGE, "NabizQueueUnattended", "nabiz", "billing");
    alertmanager.await_firing("contact-centre-mail", "NabizLongestWaitHigh", "nabiz", "billing");
}

#[test]
#[ignore = "needs Alertmanager (make test)"]
fn service_alerts_are_silenced_only_by_pipeline_faults() {
    let _shared = serial::shared();
    let mut alertmanager = Alertmanager::start(true);
    let silencing = [
        ("down", "NabizDown"),
        ("absent", "NabizAbsent"),
        ("late", "NabizNotReady"),
        ("old", "NabizStreamTimeStalled"),
    ];
    let others = [
        ("left", "NabizDown", "warning"),
        ("lag", "NabizLagGrowing", "warning"),
        ("disk", "NabizCheckpointStale", "critical"),
    ];
    for (job, alert) in silencing {
        alertmanager.fires(alert, "critical", job, "");
    }
    for (job, alert, severity) in others {
        alertmanager.fires(alert, severity, job, "");
    }
    for (job, alert) in silencing {
        alertmanager.await_firing("platform-page", alert, job, "");
    }
    for (job, alert, severity) in others {
        let receiver = if severity == "critical" { "platform-page" } else { "platform-mail" };
        alertmanager.await_firing(receiver, alert, job, "");
    }
    let jobs = silencing.map(|(job, _)| job).into_iter().chain(others.map(|(job, _, _)| job));
    for job in jobs {
        alertmanager.fires("NabizServiceLevelFastBurn", "critical", job, "billing");
    }
    for (job, _, _) in others {
        alertmanager.await_firing(PAGE, "NabizServiceLevelFastBurn", job, "billing");
    }
    for (job, _) in silencing {
        alertmanager.await_inhibited("NabizServiceLevelFastBurn", job, "billing");
    }
    alertmanager
        .assert_silent(&silencing.map(|(job, _)| ("NabizServiceLevelFastBurn", job, "billing")));
}

#[test]
#[ignore = "needs Alertmanager (make test)"]
fn stalled_part_silences_only_alerts_on_current_waits() {
    let _shared = serial::shared();
    let mut alertmanager = Alertmanager::start(true);
    let of_now = [
        ("NabizQueueUnattended", "critical"),
        ("NabizLongestWaitHigh", "warning"),
        ("NabizFirstResponseOverdue", "warning"),
        ("NabizFollowupOverdue", "warning"),
    ];
    let of_ratios = [
        ("NabizServiceLevelFastBurn", "critical", PAGE),
        ("NabizAbandonmentHigh", "warning", "contact-centre-mail"),
    ];
    alertmanager.post_of("NabizStreamTimeStalled", "critical", Some("part"), "nabiz", "", false);
    alertmanager.await_firing("platform-page", "NabizStreamTimeStalled", "nabiz", "");
    // An instance that does not catch up beside others inhibits no alert.
    alertmanager.fires("NabizNotReady", "warning", "nabiz", "");
    alertmanager.await_firing("platform-mail", "NabizNotReady", "nabiz", "");
    for (alert, severity) in of_now {
        alertmanager.fires(alert, severity, "nabiz", "billing");
    }
    for (alert, severity, receiver) in of_ratios {
        alertmanager.fires(alert, severity, "nabiz", "billing");
        alertmanager.await_firing(receiver, alert, "nabiz", "billing");
    }
    for (alert, _) in of_now {
        alertmanager.await_inhibited(alert, "nabiz", "billing");
    }
    alertmanager.assert_silent(&of_now.map(|(alert, _)| (alert, "nabiz", "billing")));
}

#[test]
#[ignore = "needs Alertmanager (make test)"]
fn queue_alert_silences_lesser_alerts_of_its_queue() {
    let _shared = serial::shared();
    let mut alertmanager = Alertmanager::start(true);
    alertmanager.fires("NabizServiceLevelFastBurn", "critical", "nabiz", "billing");
    alertmanager.fires("NabizGhostVisits", "warning", "nabiz", "billing");
    alertmanager.await_firing(PAGE, "NabizServiceLevelFastBurn", "nabiz", "billing");
    alertmanager.await_firing("platform-mail", "NabizGhostVisits", "nabiz", "billing");
    let lesser = [
        ("NabizServiceLevelSlowBurn", "warning"),
        ("NabizServiceLevelBudgetLow", "info"),
        ("NabizLongestWaitHigh", "warning"),
    ];
    for (alert, severity) in lesser {
        alertmanager.fires(alert, severity, "nabiz", "billing");
        alertmanager.fires(alert, severity, "nabiz", "general");
    }
    // For the other queue the slow burn is delivered, and it inhibits the last alert.
    alertmanager.await_firing(
        "contact-centre-mail",
        "NabizServiceLevelSlowBurn",
        "nabiz",
        "general",
    );
    alertmanager.await_firing("contact-centre-mail", "NabizLongestWaitHigh", "nabiz", "general");
    for (alert, _) in lesser {
        alertmanager.await_inhibited(alert, "nabiz", "billing");
    }
    alertmanager.await_inhibited("NabizServiceLevelBudgetLow", "nabiz", "general");
    alertmanager.assert_silent(&lesser.map(|(alert, _)| (alert, "nabiz", "billing")));
}

#[test]
#[ignore = "needs Alertmanager (make test)"]
fn closed_queues_page_nobody_outside_service_hours() {
    let _shared = serial::shared();
    let mut alertmanager = Alertmanager::start(false);
    alertmanager.fires("NabizServiceLevelFastBurn", "critical", "nabiz", "billing");
    // The queue with service at all hours, the alerts by mail, and the pipeline's alerts.
    alertmanager.fires("NabizServiceLevelFastBurn", "critical", "nabiz", "fault");
    alertmanager.fires("NabizAbandonmentHigh", "warning", "nabiz", "billing");
    alertmanager.fires("NabizFollowupOverdue", "warning", "nabiz", "");
    alertmanager.fires("NabizCheckpointStale", "critical", "nabiz", "");
    alertmanager.await_firing(PAGE, "NabizServiceLevelFastBurn", "nabiz", "fault");
    alertmanager.await_firing("contact-centre-mail", "NabizAbandonmentHigh", "nabiz", "billing");
    alertmanager.await_firing("follow-up-mail", "NabizFollowupOverdue", "nabiz", "");
    alertmanager.await_firing("platform-page", "NabizCheckpointStale", "nabiz", "");
    // The alert is delivered, but not as a page.
    alertmanager.await_firing(
        "contact-centre-mail",
        "NabizServiceLevelFastBurn",
        "nabiz",
        "billing",
    );
    alertmanager.assert_silent(&[]);
    let page = Delivered::firing(PAGE, "NabizServiceLevelFastBurn", "nabiz", "billing");
    assert!(!alertmanager.seen.contains(&page), "{:#?}", alertmanager.seen);
}

#[test]
#[ignore = "needs Alertmanager (make test)"]
fn watchdog_has_its_own_route() {
    let _shared = serial::shared();
    let mut alertmanager = Alertmanager::start(false);
    alertmanager.fires("NabizDown", "critical", "nabiz", "");
    alertmanager.fires("Watchdog", "info", "nabiz", "");
    alertmanager.await_firing("platform-page", "NabizDown", "nabiz", "");
    alertmanager.await_firing("dead-mans-switch", "Watchdog", "nabiz", "");
    let receivers: BTreeSet<&str> = alertmanager
        .seen
        .iter()
        .filter(|seen| seen.alert == "Watchdog")
        .map(|seen| &*seen.receiver)
        .collect();
    assert_eq!(receivers, BTreeSet::from(["dead-mans-switch"]));
}

#[test]
fn route_waits_are_ordered() {
    let _shared = serial::shared();
    let seconds = |value: &Value| {
        let (number, unit) = word(value).split_at(word(value).len() - 1);
        let each = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => panic!("{value}"),
        };
        number.parse::<u64>().unwrap() * each
    };
    fn check(route: &Value, group_interval: u64, seconds: &dyn Fn(&Value) -> u64) {
        let own = route.get("group_interval").map_or(group_interval, seconds);
        if let Some(repeat) = route.get("repeat_interval") {
            // Alertmanager repeats a notification only at multiples of group_interval.
            assert_eq!(seconds(repeat) % own, 0, "{route}");
        }
        for below in route.get("routes").and_then(Value::as_array).into_iter().flatten() {
            check(below, own, seconds);
        }
    }
    check(&yaml("alertmanager/alertmanager.yml")["route"], 0, &seconds);
}
