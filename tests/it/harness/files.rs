//! The files in `deploy/prometheus` and `deploy/alertmanager`, and the programs that read them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Returns the path of a file in `deploy/`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// Returns the text of a file in `deploy/`.
pub fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a YAML file in `deploy/`.
pub fn yaml(name: &str) -> Value {
    serde_yaml_ng::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the elements of a list. Fails where the value is not a list.
pub fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

/// Returns a text. Fails where the value is not a text.
pub fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// Returns the rules of all groups of a rule file.
pub fn rules(name: &str) -> Vec<Value> {
    let file = yaml(name);
    list(&file["groups"]).iter().flat_map(|group| list(&group["rules"]).clone()).collect()
}

/// Returns the alerting rules. Two may have one name.
pub fn alerts() -> Vec<Value> {
    rules("prometheus/nabiz.alerts.yml")
}
