//! `nabiz serve` reads its configuration again on SIGHUP, notices changed files, and ends after no
//! signal without a clean stop. No broker is needed: none can be reached.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nabiz_dev::process::Nabiz;
use nabiz_dev::{free_port, wait_for};
use serde_json::Value;

use crate::harness::serial;
use crate::security::{is_trusted, write_certificate};

/// Longest wait for a reload. A loaded machine takes seconds to end the clients.
const WITHIN: Duration = Duration::from_secs(30);
/// Longest wait for a changed file to be noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(40);

/// A running process with its configuration file.
struct Running {
    nabiz: Nabiz,
    toml: String,
    folder: tempfile::TempDir,
}

impl Running {
    /// Starts a process, with further sections of its configuration.
    fn start(sections: impl FnOnce(&Path) -> String) -> Running {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("127.0.0.1:{}", free_port());
        let ledger = folder.path().join("nabiz.db");
        let toml = format!(
            "[kafka]\nbrokers = '127.0.0.1:1'\n[[kafka.topics]]\nname = 'calls'\n\
             [http]\nlisten = '{address}'\n[ledger]\npath = '{}'\n{}",
            ledger.display(),
            sections(folder.path())
        );
        let config = folder.path().join("nabiz.toml");
        std::fs::write(&config, &toml).expect("a configuration");
        let running = Running { nabiz: Nabiz::serve(&config, &address), toml, folder };
        wait_for("the process listens", WITHIN, || TcpStream::connect(&address));
        running
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the configuration file.
    fn write(&self, toml: &str) {
        std::fs::write(self.file("nabiz.toml"), toml).expect("a configuration");
    }

    /// Waits until this many reloads took effect and were refused.
    fn wait_reloads(&self, applied: f64, refused: f64, within: Duration) {
        wait_for("reloads", within, || {
            let scrape = self.nabiz.scrape();
            let count = |result| scrape.value("nabiz_config_reloads_total", &[("result", result)]);
            let found = (count("applied"), count("refused"));
            let is_there = found == (Some(applied), Some(refused));
            is_there.then_some(()).ok_or_else(|| format!("{found:?}\n{}", self.nabiz.log_tail()))
        });
    }

    /// Returns `configuration` of the status.
    fn configuration(&self) -> Value {
        let (_, body) = self.nabiz.get("/api/v1/status").expect("a status");
        let status: Value = serde_json::from_str(&body).expect("JSON");
        status["configuration"].clone()
    }

    fn is_last_reload_successful(&self) -> Option<f64> {
        self.nabiz.scrape().value("nabiz_config_last_reload_successful", &[])
    }
}

#[test]
fn reload_is_refused_with_every_mistake_and_changes_nothing() {
    let _shared = serial::shared();
    let running = Running::start(|_| "[queues.support]\ntarget_wait = '20s'\n".to_owned());
    let before = running.configuration();
    assert_eq!(before["last_reload_successful"], true);
    let good = running.toml.clone();

    running.write(&format!("{good}target_ratio = 'much'\nmax_wait = '1ms'\n[windos]\n"));
    running.nabiz.signal("HUP");
    running.wait_reloads(0.0, 1.0, WITHIN);
    let log = running.nabiz.log_tail();
    for mistake in ["queues.support.target_ratio", "queues.support.max_wait", "windos"] {
        assert!(log.contains(mistake), "{mistake} is not in\n{log}");
    }
    assert_eq!(running.is_last_reload_successful(), Some(0.0));
    let now = running.configuration();
    assert_eq!((&now["digest"], &now["loaded"]), (&before["digest"], &before["loaded"]));

    // A right value beside one that needs a restart does not take effect either.
    let ledger = format!("[ledger]\npath = '{}'", running.file("nabiz.db").display());
    running.write(
        &good
            .replace("'calls'", "'mails'")
            .replace("'20s'", "'30s'")
            .replace(&ledger, "[ledger]\npath = 'other.db'"),
    );
    running.nabiz.signal("HUP");
    running.wait_reloads(0.0, 2.0, WITHIN);
    let log = running.nabiz.log_tail();
    for key in ["kafka.topics: the new value needs a restart", "ledger.path: the new value needs"] {
        assert!(log.contains(key), "{key} is not in\n{log}");
    }
    assert_eq!(running.configuration()["digest"], before["digest"]);

    // librdkafka itself refuses these.
    let client = "[kafka.client]\n'security.protocol' = 'ssl'\n'ssl.ca.location' = '/none.pem'\n";
    running.write(&format!("{good}{client}"));
    running.nabiz.signal("HUP");
    running.wait_reloads(0.0, 3.0, WITHIN);
    let log = running.nabiz.log_tail();
    assert!(log.contains("ssl.ca.location failed"), "{log}");

    running.write(&good.replace("'20s'", "'30s'"));
    running.nabiz.signal("HUP");
    running.wait_reloads(1.0, 3.0, WITHIN);
    assert_eq!(running.is_last_reload_successful(), Some(1.0));
    assert_ne!(running.configuration()["digest"], before["digest"]);
    assert_eq!(running.nabiz.get("/healthz").map(|(status, _)| status), Ok(200));
    assert_eq!(running.nabiz.terminate(Duration::from_secs(10)).code(), Some(0));
}

#[test]
fn credentials_take_effect_without_a_pause_of_ingest() {
    let _shared = serial::shared();
    let running = Running::start(|_| String::new());
    assert_eq!(running.nabiz.get("/api/v1/status").map(|(status, _)| status), Ok(200));
    let hash = nabiz::secret::SecretHash::of(b"sesame").expect("a hash").reveal();
    let listen = running.toml.lines().find(|line| line.starts_with("listen")).expect("a key");
    let locked = format!("{listen}\nbearer_token_hash = '{hash}'");
    running.write(&running.toml.replace(listen, &locked));
    running.nabiz.signal("HUP");
    wait_for("credentials are needed", WITHIN, || match running.nabiz.get("/api/v1/status")? {
        (401, _) => Ok(()),
        (status, _) => Err(format!("{status}\n{}", running.nabiz.log_tail())),
    });
    let log = running.nabiz.log_tail();
    assert!(log.contains("http.bearer_token_hash") && !log.contains("argon2id"), "{log}");
    assert!(log.contains("restarts_ingest=false"), "{log}");
    running.write(&running.toml);
    running.nabiz.signal("HUP");
    wait_for("no credentials are needed", WITHIN, || {
        match running.nabiz.get("/api/v1/status")? {
            (200, _) => Ok(()),
            (status, _) => Err(format!("{status}\n{}", running.nabiz.log_tail())),
        }
    });
}

#[test]
fn changed_certificate_of_http_is_noticed_unless_it_is_wrong() {
    let _shared = serial::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let first = write_certificate(folder.path());
    let running = Running::start(|_| String::new());
    let listen = running.toml.lines().find(|line| line.starts_with("listen")).expect("a key");
    let address = running.nabiz.address();
    assert!(!is_trusted(address, &first));
    // A reload puts TLS on the listener that is there.
    let tls = format!("{listen}\ntls_certificate = {certificate:?}\ntls_key = {key:?}");
    running.write(&running.toml.replace(listen, &tls));
    running.nabiz.signal("HUP");
    let served = |trust: &_, within| {
        wait_for("the certificate is served", within, || {
            is_trusted(address, trust).then_some(()).ok_or_else(|| running.nabiz.log_tail())
        });
    };
    served(&first, WITHIN);
    let second = write_certificate(folder.path());
    served(&second, NOTICED_WITHIN);
    assert!(!is_trusted(address, &first));
    std::fs::write(&key, "no key").expect("written");
    wait_for("the refusal is logged", NOTICED_WITHIN, || {
        let log = running.nabiz.log_tail();
        log.contains("holds no private key in PEM").then_some(()).ok_or(log)
    });
    assert!(is_trusted(address, &second));
    let third = write_certificate(folder.path());
    served(&third, NOTICED_WITHIN);
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
        .expect("a certificate")
        .cert
        .pem()
}

#[test]
fn changed_files_of_the_kafka_client_are_used_unless_they_are_wrong() {
    let _shared = serial::shared();
    let running = Running::start(|folder| {
        std::fs::write(folder.join("ca.pem"), certificate()).expect("a certificate");
        std::fs::write(folder.join("password"), "sesame\n").expect("a secret");
        format!(
            "[kafka.client]\n'security.protocol' = 'sasl_ssl'\n'sasl.mechanism' = 'PLAIN'\n\
             'sasl.username' = 'nabiz'\n'sasl.password' = {{ file = '{}' }}\n\
             'ssl.ca.location' = '{}'\n",
            folder.join("password").display(),
            folder.join("ca.pem").display()
        )
    });
    let before = running.configuration();
    let good = std::fs::read(running.file("ca.pem")).expect("a certificate");
    std::fs::write(running.file("ca.pem"), "no certificate").expect("written");
    running.wait_reloads(0.0, 1.0, NOTICED_WITHIN);
    assert_eq!(running.is_last_reload_successful(), Some(0.0));
    // What is in use is there again.
    std::fs::write(running.file("ca.pem"), good).expect("written");
    wait_for("nothing is refused", NOTICED_WITHIN, || {
        let found = running.is_last_reload_successful();
        (found == Some(1.0)).then_some(()).ok_or_else(|| format!("{found:?}"))
    });
    running.wait_reloads(0.0, 1.0, WITHIN);
    std::fs::write(running.file("ca.pem"), certificate()).expect("written");
    running.wait_reloads(1.0, 1.0, NOTICED_WITHIN);
    assert_eq!(running.is_last_reload_successful(), Some(1.0));
    // The configuration is the same; a secret from a file belongs to it.
    assert_eq!(running.configuration()["digest"], before["digest"]);
    std::fs::write(running.file("password"), "open\n").expect("written");
    running.wait_reloads(2.0, 1.0, NOTICED_WITHIN);
    assert_ne!(running.configuration()["digest"], before["digest"]);
    let log = running.nabiz.log_tail();
    assert!(log.contains("sasl.password") && !log.contains("sesame"), "{log}");
}

#[test]
fn quit_stops_cleanly_and_signals_without_use_do_not_stop() {
    let _shared = serial::shared();
    let mut running = Running::start(|_| String::new());
    for name in ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PIPE", "XFSZ", "RTMIN"] {
        running.nabiz.signal(name);
        wait_for("the log names the signal", WITHIN, || {
            let log = running.nabiz.log_tail();
            let is_there = name == "PIPE"
                || log.contains(&format!("signal=\"SIG{name}\""))
                || (name == "RTMIN" && log.contains("a real-time signal"));
            is_there.then_some(()).ok_or(log)
        });
        assert_eq!(running.nabiz.get("/healthz").map(|(status, _)| status), Ok(200), "{name}");
    }
    let asked = Instant::now();
    running.nabiz.signal("QUIT");
    let status = running.nabiz.wait_end(WITHIN);
    let log = running.nabiz.log_tail();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("nabiz stopped"), "{log}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}
