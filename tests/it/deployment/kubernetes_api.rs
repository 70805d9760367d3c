//! The part of the Kubernetes API that `deploy/kubernetes/` uses, by the names and types of the
//! API reference (v1.33). The API's own generated types take longer to compile than all other
//! tools of the tests. These are stricter: a field that is not listed here is an error, so a new
//! one is looked up once in the reference before it is added.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::yaml;

/// Reads an object of the API. Fails where its version and kind are not those of the type.
pub fn object<T: Kind + DeserializeOwned>(path: &str) -> Object<T> {
    let object: Object<T> = yaml(path);
    assert_eq!(
        (object.api_version.as_str(), object.kind.as_str()),
        (T::API_VERSION, T::KIND),
        "{path}"
    );
    object
}

pub trait Kind {
    const API_VERSION: &str;
    const KIND: &str;
}

impl Kind for StatefulSetSpec {
    const API_VERSION: &str = "apps/v1";
    const KIND: &str = "StatefulSet";
}

impl Kind for ServiceSpec {
    const API_VERSION: &str = "v1";
    const KIND: &str = "Service";
}

impl Kind for PodDisruptionBudgetSpec {
    const API_VERSION: &str = "policy/v1";
    const KIND: &str = "PodDisruptionBudget";
}

/// Defines types whose fields have the API's names, `snake_case` here and `camelCase` there. A
/// field that is not optional must be there, and one that is not listed must not.
macro_rules! api {
    ($($name:ident { $($field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name { $(pub $field: $type,)* }
    )*};
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Object<S> {
    api_version: String,
    kind: String,
    pub metadata: Metadata,
    pub spec: S,
}

/// A number, or a name or percentage.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum IntOrString {
    Int(i32),
    String(String),
}

pub type Map = BTreeMap<String, String>;

api! {
    Metadata { name: String, labels: Option<Map>, }
    Selector { match_labels: Map, }

    StatefulSetSpec {
        replicas: i32,
        service_name: String,
        selector: Selector,
        persistent_volume_claim_retention_policy: RetentionPolicy,
        template: PodTemplate,
        volume_claim_templates: Vec<VolumeClaim>,
    }
    RetentionPolicy { when_deleted: Retention, when_scaled: Retention, }
    PodTemplate { metadata: PodMetadata, spec: PodSpec, }
    PodMetadata { labels: Map, }
    PodSpec {
        automount_service_account_token: Option<bool>,
        enable_service_links: Option<bool>,
        termination_grace_period_seconds: Option<i64>,
        security_context: PodSecurityContext,
        containers: Vec<Container>,
        volumes: Vec<Volume>,
    }
    PodSecurityContext {
        run_as_non_root: Option<bool>,
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        fs_group: Option<i64>,
        fs_group_change_policy: Option<GroupChangePolicy>,
        seccomp_profile: SeccompProfile,
    }
    SeccompProfile { r#type: String, }
    Container {
        name: String,
        image: String,
        args: Vec<String>,
        env: Vec<Variable>,
        ports: Vec<ContainerPort>,
        startup_probe: Probe,
        liveness_probe: Probe,
        readiness_probe: Probe,
        resources: Resources,
        security_context: SecurityContext,
        volume_mounts: Vec<Mount>,
    }
    Variable { name: String, value: Option<String>, value_from: Option<VariableSource>, }
    VariableSource { secret_key_ref: SecretKey, }
    SecretKey { name: String, key: String, optional: Option<bool>, }
    ContainerPort { name: String, container_port: i32, }
    Probe {
        http_get: HttpGet,
        period_seconds: Option<i32>,
        timeout_seconds: Option<i32>,
        failure_threshold: Option<i32>,
    }
    HttpGet { path: String, port: IntOrString, }
    Resources { requests: Map, limits: Option<Map>, }
    SecurityContext {
        allow_privilege_escalation: Option<bool>,
        read_only_root_filesystem: Option<bool>,
        capabilities: Capabilities,
    }
    Capabilities { drop: Vec<String>, }
    Mount { name: String, mount_path: String, read_only: Option<bool>, }
    Volume { name: String, config_map: ConfigMapVolume, }
    ConfigMapVolume { name: String, }
    VolumeClaim { metadata: Metadata, spec: VolumeClaimSpec, }
    VolumeClaimSpec { access_modes: Vec<AccessMode>, resources: Resources, }

    ServiceSpec { selector: Map, ports: Vec<ServicePort>, }
    ServicePort { name: String, port: i32, target_port: IntOrString, }

    PodDisruptionBudgetSpec {
        max_unavailable: IntOrString,
        unhealthy_pod_eviction_policy: EvictionPolicy,
        selector: Selector,
    }
}

#[derive(Debug, Deserialize, PartialEq)]
pub enum Retention {
    Retain,
    Delete,
}

#[derive(Debug, Deserialize, PartialEq)]
pub enum GroupChangePolicy {
    OnRootMismatch,
    Always,
}

#[expect(clippy::enum_variant_names, reason = "the words of the API of Kubernetes")]
#[derive(Debug, Deserialize, PartialEq)]
pub enum AccessMode {
    ReadWriteOnce,
    ReadOnlyMany,
    ReadWriteMany,
    ReadWriteOncePod,
}

#[derive(Debug, Deserialize, PartialEq)]
pub enum EvictionPolicy {
    IfHealthyBudget,
    AlwaysAllow,
}
