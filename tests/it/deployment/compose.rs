//! `deploy/compose/`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    CONFIG, JOB, PORT, PROGRAM, STATE, assert_pinned, effective, root, text, topics, value, yaml,
};
use crate::harness::serial;
use nabiz_dev::{end, free_port, tool, wait_for};

const FILE: &str = "deploy/compose/docker-compose.yml";

/// The keys of the compose specification that the file uses; any other is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    name: String,
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, ()>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    build: Option<Build>,
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    depends_on: DependsOn,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    healthcheck: Option<HealthCheck>,
    stop_grace_period: Option<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
    restart: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    context: String,
    dockerfile: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum DependsOn {
    Started(Vec<String>),
    On(BTreeMap<String, Condition>),
}

impl Default for DependsOn {
    fn default() -> Self {
        DependsOn::Started(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    condition: When,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum When {
    ServiceHealthy,
    ServiceCompletedSuccessfully,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthCheck {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
}

/// `prometheus.yml`, as far as it is used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prometheus {
    global: BTreeMap<String, String>,
    rule_files: Vec<String>,
    alerting: Alerting,
    scrape_configs: Vec<ScrapeConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerting {
    alertmanagers: Vec<Targets>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    static_configs: Vec<StaticConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScrapeConfig {
    job_name: String,
    scrape_native_histograms: bool,
    static_configs: Vec<StaticConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StaticConfig {
    targets: Vec<String>,
}

/// Returns the mounts: source, target, and whether each is read-only.
fn mounts(service: &Service) -> Vec<(&str, &str, bool)> {
    service
        .volumes
        .iter()
        .map(|volume| match volume.split(':').collect::<Vec<_>>()[..] {
            [from, to] => (from, to, false),
            [from, to, "ro"] => (from, to, true),
            _ => panic!("{volume} is not a mount of this file"),
        })
        .collect()
}

fn assert_duration(text: &str) {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{text} is no duration in seconds");
}

#[test]
fn services_images_volumes_and_dependencies_fit_together() {
    let compose: Compose = yaml(FILE);
    assert_eq!(compose.name, "nabiz");
    for (name, service) in &compose.services {
        assert_pinned(&service.image);
        if let Some(build) = &service.build {
            let context = root().join("deploy/compose").join(&build.context);
            assert!(
                context.join("Cargo.toml").exists(),
                "{name}: the context is the root of the tree"
            );
            assert!(context.join(&build.dockerfile).exists(), "{name}: {}", build.dockerfile);
        }
        for (from, to, is_read_only) in mounts(service) {
            assert!(to.starts_with('/'), "{name}: {to}");
            if from.starts_with('.') {
                assert!(
                    root().join("deploy/compose").join(from).exists(),
                    "{name}: {from} is not there"
                );
                assert!(is_read_only, "{name}: {from} is not the container's to change");
            } else {
                assert!(
                    compose.volumes.contains_key(from),
                    "{name}: volume {from} is not declared"
                );
            }
        }
        let needs: Vec<(&String, Option<&When>)> = match &service.depends_on {
            DependsOn::Started(names) => names.iter().map(|name| (name, None)).collect(),
            DependsOn::On(names) => {
                names.iter().map(|(name, on)| (name, Some(&on.condition))).collect()
            }
        };
        for (need, when) in needs {
            let other = compose
                .services
                .get(need)
                .unwrap_or_else(|| panic!("{name} needs {need}, which is not there"));
            assert_eq!(
                when == Some(&When::ServiceHealthy),
                when.is_some() && other.healthcheck.is_some(),
                "{name}: {need}"
            );
        }
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} is open to other hosts");
        }
        match &service.healthcheck {
            Some(check) => {
                assert_eq!(check.test[0], "CMD", "{name}");
                assert_duration(&check.interval);
                assert_duration(&check.timeout);
                assert!(check.retries > 0, "{name}");
            }
            // These need no health check: `topics` creates the topics and ends, and no service
            // waits for the simulator.
            None => assert!(
                ["topics", "simulator"].contains(&name.as_str()),
                "{name} has no health check"
            ),
        }
    }
    let mounted: Vec<&str> =
        compose.services.values().flat_map(mounts).map(|(from, _, _)| from).collect();
    for volume in compose.volumes.keys() {
        assert!(mounted.contains(&volume.as_str()), "volume {volume} is declared and not used");
    }
}

#[test]
fn ports_paths_and_topics_match_the_configuration() {
    let compose: Compose = yaml(FILE);
    let config = effective("deploy/compose/nabiz.toml", &[]);
    let nabiz = &compose.services["nabiz"];
    assert_eq!(nabiz.ports, [format!("127.0.0.1:{PORT}:{PORT}")]);
    assert!(mounts(nabiz).contains(&("./nabiz.toml", CONFIG, true)));
    assert!(mounts(nabiz).contains(&("ledger", STATE, false)));
    assert!(nabiz.command.is_empty() && nabiz.entrypoint.is_none(), "the image's own");
    let stop = nabiz.stop_grace_period.as_deref().expect("a grace period");
    assert_duration(stop);
    let simulator = &compose.services["simulator"];
    assert_eq!(simulator.image, nabiz.image);
    assert!(nabiz.image.ends_with(&format!(":{}", env!("CARGO_PKG_VERSION"))), "{}", nabiz.image);
    for (name, service) in [("nabiz", nabiz), ("simulator", simulator)] {
        assert!(service.read_only && service.cap_drop == ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
    }
    assert_eq!(nabiz.restart.as_deref(), Some("on-failure"));

    // Kafka has the address in the configuration, and the topics that it names.
    let brokers = value(&config, "kafka", "brokers");
    let kafka = &compose.services["kafka"];
    assert_eq!(kafka.environment["KAFKA_ADVERTISED_LISTENERS"], format!("PLAINTEXT://{brokers}"));
    assert!(
        kafka
            .healthcheck
            .as_ref()
            .is_some_and(|check| check.test.iter().any(|word| word == brokers))
    );
    let made = &compose.services["topics"].command.join(" ");
    assert!(made.contains(&format!("--bootstrap-server {brokers} ")), "{made}");
    for topic in topics(&config) {
        assert!(made.contains(&format!(" {topic}:")), "topic {topic} is not made");
    }
    let simulate = &simulator.command.join(" ");
    assert!(
        simulate.contains(&format!("--brokers {brokers} --topic {} ", topics(&config)[0])),
        "{simulate}"
    );
    assert!(
        simulate.starts_with(&format!("exec {} ", PROGRAM.rsplit('/').next().expect("a name"))),
        "{simulate}"
    );

    // Prometheus scrapes nabiz, reads the shipped rules, and sends alerts to Alertmanager.
    let prometheus: Prometheus = yaml("deploy/compose/prometheus.yml");
    let service = &compose.services["prometheus"];
    assert_eq!(prometheus.rule_files.len(), 2);
    for file in &prometheus.rule_files {
        let name = file.rsplit('/').next().expect("a name");
        let shipped = format!("../prometheus/{name}");
        assert!(
            mounts(service).contains(&(shipped.as_str(), file.as_str(), true)),
            "{file} is not mounted"
        );
    }
    assert!(
        prometheus
            .global
            .keys()
            .all(|key| ["scrape_interval", "evaluation_interval"].contains(&key.as_str()))
    );
    let [scrape] = &prometheus.scrape_configs[..] else { panic!("expected one job") };
    assert_eq!((scrape.job_name.as_str(), scrape.scrape_native_histograms), (JOB, true));
    assert_eq!(scrape.static_configs[0].targets, [format!("nabiz:{PORT}")]);
    assert_eq!(
        prometheus.alerting.alertmanagers[0].static_configs[0].targets,
        ["alertmanager:9093"]
    );
    for (name, option, at) in
        [("prometheus", "prometheus.yml", 9090), ("alertmanager", "alertmanager.yml", 9093)]
    {
        let service = &compose.services[name];
        let file = format!("/etc/{name}/{option}");
        assert!(service.command.contains(&format!("--config.file={file}")), "{name}");
        assert!(
            mounts(service).iter().any(|(_, to, is_read_only)| *to == file && *is_read_only),
            "{name}"
        );
        assert_eq!(service.ports, [format!("127.0.0.1:{at}:{at}")]);
        let health = &service.healthcheck.as_ref().expect("a health check").test;
        assert_eq!(health.last(), Some(&format!("http://localhost:{at}/-/healthy")));
        // The data is in the volume.
        assert!(
            service.command.iter().any(|word| word.ends_with(&format!(".path=/{name}"))),
            "{name}"
        );
        assert!(mounts(service).contains(&(name, format!("/{name}").as_str(), false)), "{name}");
    }

    // Grafana queries both, and reads its dashboards from the mounted folder.
    let sources: Value = yaml("grafana/provisioning/datasources/nabiz.yaml");
    let urls: Vec<&str> = sources["datasources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["url"].as_str())
        .collect();
    assert_eq!(urls, ["http://prometheus:9090", &format!("http://nabiz:{PORT}")]);
    let providers: Value = yaml("grafana/provisioning/dashboards/nabiz.yaml");
    let folder = providers["providers"][0]["options"]["path"].as_str().expect("a folder");
    let grafana = mounts(&compose.services["grafana"]);
    assert!(grafana.contains(&("../../grafana/dashboards", folder, true)), "{folder}");
    assert!(grafana.contains(&("../../grafana/provisioning", "/etc/grafana/provisioning", true)));
}

/// The command that compose runs in the image, against the program: it fails before the program is
/// ready and after it has ended.
#[test]
fn health_check_fails_unless_nabiz_is_ready() {
    let _shared = serial::shared();
    let compose: Compose = yaml(FILE);
    let check = compose.services["nabiz"].healthcheck.as_ref().expect("a health check");
    let port = free_port();
    // Compose writes `$` as `$$`.
    let words: Vec<String> = check
        .test
        .iter()
        .map(|word| word.replace("$$", "$").replace(&PORT.to_string(), &port.to_string()))
        .collect();
    let healthy = || {
        let mut command = Command::new(&words[1]);
        command.args(&words[2..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("the shell runs").success()
    };
    assert!(!healthy(), "nothing listens");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_nabiz"))
        .args(["demo", "--listen", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("nabiz starts");
    let became = std::panic::catch_unwind(|| {
        wait_for("healthy", Duration::from_secs(60), || {
            if healthy() { Ok(()) } else { Err("not healthy") }
        });
    });
    end(&mut demo, Duration::from_secs(10));
    became.unwrap_or_else(|why| std::panic::resume_unwind(why));
    assert!(!healthy(), "nothing listens any more");
    // A path that answers another status than 200 is not healthy; /readyz is the one that does.
    assert!(words.iter().any(|word| word.contains("GET /readyz HTTP/1.0")), "{words:?}");
}

/// promtool's check of the file. The packaged version is too old for `scrape_native_histograms`.
#[test]
#[ignore = "needs promtool (make test)"]
fn prometheus_accepts_its_configuration() {
    let rules = root().join("deploy/prometheus").display().to_string();
    let lines = text("deploy/compose/prometheus.yml").replace("/etc/prometheus", &rules);
    let lines: Vec<&str> =
        lines.lines().filter(|line| !line.contains("scrape_native_histograms")).collect();
    let file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a temporary file");
    std::fs::write(file.path(), lines.join("\n")).expect("a temporary file");
    let output = Command::new(tool(&["promtool"]))
        .args(["check", "config"])
        .arg(file.path())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
