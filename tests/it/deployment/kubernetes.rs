//! `deploy/kubernetes/`: objects against strict types of the API and of the Prometheus operator.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::kubernetes_api::{
    AccessMode, EvictionPolicy, GroupChangePolicy, IntOrString, Object, PodDisruptionBudgetSpec,
    Retention, ServiceSpec, StatefulSetSpec, object,
};
use super::{CONFIG, JOB, PORT, STATE, USER, effective, root, text, yaml};

const FOLDER: &str = "deploy/kubernetes";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    api_version: String,
    kind: String,
    resources: Vec<String>,
    config_map_generator: Vec<ConfigMapGenerator>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigMapGenerator {
    name: String,
    files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    name: String,
    new_name: String,
    new_tag: String,
}

/// An object of the Prometheus operator.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Custom<S> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ServiceMonitorSpec {
    selector: Selector,
    scrape_native_histograms: bool,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Endpoint {
    port: String,
    path: String,
    interval: String,
    scrape_timeout: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    interval: Option<String>,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    r#for: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

fn file<T: DeserializeOwned>(name: &str) -> T {
    yaml(&format!("{FOLDER}/{name}"))
}

fn stateful_set() -> Object<StatefulSetSpec> {
    object(&format!("{FOLDER}/statefulset.yaml"))
}

fn service() -> Object<ServiceSpec> {
    object(&format!("{FOLDER}/service.yaml"))
}

/// Checks that an object with these labels is selected.
fn assert_selects(
    selector: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
    what: &str,
) {
    assert!(
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value)),
        "{what}"
    );
}

#[test]
fn kustomization_has_every_file_and_the_image() {
    let kustomization: Kustomization = file("kustomization.yaml");
    assert_eq!(kustomization.api_version, "kustomize.config.k8s.io/v1beta1");
    assert_eq!(kustomization.kind, "Kustomization");
    let mut there: Vec<String> = std::fs::read_dir(root().join(FOLDER))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml") && name != "kustomization.yaml")
        .collect();
    there.sort();
    let mut listed = kustomization.resources;
    listed.sort();
    assert_eq!(listed, there);

    let pod = stateful_set().spec.template.spec;
    let [maps] = &kustomization.config_map_generator[..] else { panic!("expected one map") };
    assert_eq!(maps.files, ["nabiz.toml"]);
    assert_eq!(format!("/etc/nabiz/{}", maps.files[0]), CONFIG);
    assert!(pod.volumes.iter().any(|volume| volume.config_map.name == maps.name));
    let [image] = &kustomization.images[..] else { panic!("expected one image") };
    assert_eq!(pod.containers[0].image, format!("{}:{}", image.name, image.new_tag));
    assert_eq!(image.new_tag, env!("CARGO_PKG_VERSION"));
    assert!(!image.new_name.contains(':'), "{}", image.new_name);
}

#[test]
fn pod_runs_the_program_with_its_files() {
    let spec = stateful_set().spec;
    assert_eq!(spec.replicas, 1, "one ledger on one volume");
    assert_eq!(spec.service_name, service().metadata.name);
    let kept = &spec.persistent_volume_claim_retention_policy;
    assert_eq!((&kept.when_deleted, &kept.when_scaled), (&Retention::Retain, &Retention::Retain));
    let labels = &spec.template.metadata.labels;
    assert_selects(&spec.selector.match_labels, labels, "the pod");
    assert_selects(&service().spec.selector, labels, "the pod");

    let pod = spec.template.spec;
    assert_eq!(
        pod.enable_service_links,
        Some(false),
        "NABIZ_… of the service are not configuration"
    );
    assert!(
        pod.termination_grace_period_seconds.is_some_and(|seconds| seconds > 5),
        "it stops within 5 seconds"
    );
    let [container] = &pod.containers[..] else {
        panic!("expected one container, found {}", pod.containers.len())
    };
    assert_eq!(container.name, "nabiz");
    let image = format!(r#"["{}"]"#, container.args.join(r#"", ""#));
    assert!(text("deploy/Dockerfile").contains(&format!("CMD {image}")), "{image}");
    let port = &container.ports[0];
    assert_eq!((port.name.as_str(), port.container_port), ("http", PORT));
    for (probe, path) in [
        (&container.startup_probe, "/healthz"),
        (&container.liveness_probe, "/healthz"),
        (&container.readiness_probe, "/readyz"),
    ] {
        let get = &probe.http_get;
        assert_eq!((get.path.as_str(), &get.port), (path, &IntOrString::String("http".to_owned())));
        let period = probe.period_seconds.expect("a period");
        assert!(period > 0 && probe.timeout_seconds.unwrap_or(1) <= period, "{path}");
        assert!(probe.failure_threshold.unwrap_or(3) > 0, "{path}");
    }

    let at = |path: &str| {
        container
            .volume_mounts
            .iter()
            .find(|mount| mount.mount_path == path)
            .unwrap_or_else(|| panic!("no {path}"))
    };
    let [claim] = &spec.volume_claim_templates[..] else { panic!("expected one claim") };
    assert_eq!(claim.metadata.name, at(STATE).name);
    assert_eq!(claim.spec.access_modes, [AccessMode::ReadWriteOnce]);
    assert!(claim.spec.resources.requests.contains_key("storage"));
    assert_ne!(at(STATE).read_only, Some(true));
    let configuration = at("/etc/nabiz");
    assert_eq!(configuration.read_only, Some(true));
    assert!(pod.volumes.iter().any(|volume| volume.name == configuration.name));
    assert_eq!(container.resources.requests.len(), 2);
    assert!(
        container.resources.limits.as_ref().is_some_and(|limits| limits.contains_key("memory"))
    );

    // The environment and the file make a valid configuration, and the secret is not in the tree.
    let variables = container.env.iter();
    let environment: Vec<(&str, &str)> = variables
        .map(|it| (it.name.as_str(), it.value.as_deref().unwrap_or("not-a-secret")))
        .collect();
    let config = effective("deploy/kubernetes/nabiz.toml", &environment);
    assert_eq!(
        config["kafka"]["client"]["sasl.password"].as_str(),
        Some("***"),
        "it reached the Kafka client"
    );
    let secret =
        container.env.iter().find(|variable| variable.name.ends_with("PASSWORD")).expect("one");
    let reference = &secret.value_from.as_ref().expect("a secret").secret_key_ref;
    assert_eq!((secret.value.as_deref(), reference.optional), (None, Some(true)));
    assert_eq!((reference.name.as_str(), reference.key.as_str()), ("nabiz", "kafka-password"));
}

/// The requirements of Kubernetes' "restricted" standard, and a read-only root file system.
/// Containers that start earlier, the host's network and added capabilities are not fields of the
/// types, so that the files cannot have them.
#[test]
fn pod_is_restricted() {
    let pod = stateful_set().spec.template.spec;
    assert_eq!(pod.automount_service_account_token, Some(false));
    let context = pod.security_context;
    assert_eq!((context.run_as_non_root, context.run_as_user), (Some(true), Some(USER)));
    assert_eq!((context.run_as_group, context.fs_group), (Some(USER), Some(USER)));
    assert_eq!(context.fs_group_change_policy, Some(GroupChangePolicy::OnRootMismatch));
    assert_eq!(context.seccomp_profile.r#type, "RuntimeDefault");
    for container in pod.containers {
        let context = container.security_context;
        assert_eq!(context.allow_privilege_escalation, Some(false));
        assert_eq!(context.read_only_root_filesystem, Some(true));
        assert_eq!(context.capabilities.drop, ["ALL"]);
    }
}

#[test]
fn service_budget_and_monitor_select_the_pod() {
    let service = service();
    // The service's name is the label `job`.
    assert_eq!(service.metadata.name, JOB);
    let port = &service.spec.ports[0];
    assert_eq!((port.name.as_str(), port.port), ("http", PORT));
    assert_eq!(port.target_port, IntOrString::String("http".to_owned()));

    let labels = stateful_set().spec.template.metadata.labels;
    let budget: Object<PodDisruptionBudgetSpec> =
        object(&format!("{FOLDER}/pod-disruption-budget.yaml"));
    let budget = budget.spec;
    assert_selects(&budget.selector.match_labels, &labels, "the pod");
    assert_eq!(budget.max_unavailable, IntOrString::Int(1), "a drain is never held up");
    assert_eq!(budget.unhealthy_pod_eviction_policy, EvictionPolicy::AlwaysAllow);

    let monitor: Custom<ServiceMonitorSpec> = file("service-monitor.yaml");
    assert_eq!(
        (monitor.api_version.as_str(), monitor.kind.as_str()),
        ("monitoring.coreos.com/v1", "ServiceMonitor")
    );
    assert_eq!(monitor.metadata.name, JOB);
    assert!(!monitor.metadata.labels.is_empty());
    assert_selects(
        &monitor.spec.selector.match_labels,
        &service.metadata.labels.expect("labels"),
        "the service",
    );
    assert!(monitor.spec.scrape_native_histograms);
    let endpoint = &monitor.spec.endpoints[0];
    assert_eq!((endpoint.port.as_str(), endpoint.path.as_str()), ("http", "/metrics"));
    let seconds = |text: &str| {
        text.strip_suffix('s').and_then(|text| text.parse::<u32>().ok()).expect("seconds")
    };
    assert!(seconds(&endpoint.scrape_timeout) <= seconds(&endpoint.interval));
}

#[test]
fn prometheus_rule_equals_the_shipped_rules() {
    let rule: Custom<Rules> = file("prometheus-rule.yaml");
    assert_eq!(
        (rule.api_version.as_str(), rule.kind.as_str()),
        ("monitoring.coreos.com/v1", "PrometheusRule")
    );
    assert_eq!(rule.metadata.name, JOB);
    assert!(!rule.metadata.labels.is_empty());
    let mut shipped = Vec::new();
    for name in ["nabiz.alerts.yml", "nabiz.rules.yml"] {
        shipped.extend(yaml::<Rules>(&format!("deploy/prometheus/{name}")).groups);
    }
    assert!(shipped.iter().map(|group| group.rules.len()).sum::<usize>() > 100);
    assert!(rule.spec.groups == shipped, "they differ; run {FOLDER}/generate-prometheus-rule");
}

/// The documented command produces the committed file, comments included.
#[test]
fn prometheus_rule_equals_the_output_of_its_generator() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = |from: &str, to: &str| {
        let to = folder.path().join(to);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        std::fs::copy(root().join(from), &to).expect("a copy");
        to
    };
    for name in ["nabiz.alerts.yml", "nabiz.rules.yml"] {
        copy(&format!("deploy/prometheus/{name}"), &format!("prometheus/{name}"));
    }
    let script =
        copy(&format!("{FOLDER}/generate-prometheus-rule"), "kubernetes/generate-prometheus-rule");
    let output = Command::new("bash").arg(script).output().expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = std::fs::read_to_string(folder.path().join("kubernetes/prometheus-rule.yaml"))
        .expect("it is made");
    assert!(
        made == text(&format!("{FOLDER}/prometheus-rule.yaml")),
        "run {FOLDER}/generate-prometheus-rule"
    );
}
