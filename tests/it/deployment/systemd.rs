//! `deploy/systemd/nabiz.service`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{CONFIG, PROGRAM, STATE, effective, text, value};

const UNIT: &str = "deploy/systemd/nabiz.service";

/// Values by section and key.
fn unit() -> BTreeMap<(String, String), Vec<String>> {
    let mut unit: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text(UNIT).lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{UNIT}: {line}"));
        unit.entry((section.clone(), key.to_owned())).or_default().push(value.to_owned());
    }
    unit
}

#[test]
fn unit_runs_the_program_with_its_files() {
    let unit = unit();
    let service =
        |key: &str| match unit.get(&("Service".to_owned(), key.to_owned())).map(Vec::as_slice) {
            Some([one]) => one.as_str(),
            other => panic!("{UNIT}: {key}: {other:?}"),
        };
    assert_eq!(service("ExecStart"), format!("{PROGRAM} serve --config {CONFIG}"));
    assert_eq!(service("ExecReload"), "kill -HUP $MAINPID");
    // systemd restarts the unit when an `ExecStartPre` program fails, whatever its exit code.
    assert!(!unit.contains_key(&("Service".to_owned(), "ExecStartPre".to_owned())));
    assert_eq!(format!("/var/lib/{}", service("StateDirectory")), STATE);
    assert_eq!(service("WorkingDirectory").replace("%S", "/var/lib"), STATE);
    // The ledger of the example is in the folder that the unit may write to.
    let ledger = effective("deploy/nabiz.toml", &[]);
    assert_eq!(Path::new(value(&ledger, "ledger", "path")).parent(), Some(Path::new(STATE)));
    // Exit code 2 is a wrong configuration.
    assert_eq!(service("RestartPreventExitStatus"), "2");
    for (key, wanted) in [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
    ] {
        assert_eq!(service(key), wanted, "{key}");
    }
    assert_eq!(unit[&("Install".to_owned(), "WantedBy".to_owned())], ["multi-user.target"]);
}

#[test]
fn unit_of_the_gateway_is_that_of_nabiz_but_for_its_command_and_its_state() {
    let lines = |unit: &str| -> Vec<String> {
        let own =
            ["Description=", "ExecStart=", "ExecReload=", "WorkingDirectory=", "StateDirectory"];
        let text = text(unit);
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let shared = lines.filter(|line| !own.iter().any(|key| line.starts_with(key)));
        shared.map(str::to_owned).collect()
    };
    let gateway = "deploy/systemd/nabiz-gateway.service";
    assert_eq!(lines(gateway), lines(UNIT));
    let start = format!("ExecStart={PROGRAM} gateway --config /etc/nabiz/gateway.toml");
    assert!(text(gateway).lines().any(|line| line == start), "{}", text(gateway));
}

/// systemd's own check of keys and values. The program in the unit is the one built here.
#[test]
fn systemd_analyze_accepts_the_unit() {
    if !Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return nabiz_dev::report_skipped(
            "systemd_analyze_accepts_the_unit",
            "systemd-analyze is not installed",
        );
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("nabiz.service");
    std::fs::write(&path, text(UNIT).replace(PROGRAM, env!("CARGO_BIN_EXE_nabiz")))
        .expect("a copy of the unit");
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("nabiz")).collect();
    assert!(output.status.success() && about_it.is_empty(), "{}\n{said}", output.status);
}
