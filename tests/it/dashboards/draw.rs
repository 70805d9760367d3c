//! The dashboards as Grafana's own components draw them in a browser.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::files;
use super::hour::Hour;
use nabiz_dev::compressed::FACTOR;

/// What was drawn, by the name of the dashboard; the pictures are in `folder`.
pub fn draw(hour: &Hour, folder: &Path) -> BTreeMap<String, Value> {
    let scripts = files::root().join("grafana/draw");
    assert!(scripts.join("node_modules").exists(), "run npm ci --prefix grafana/draw");
    let answers = folder.join("answers.json");
    let report = folder.join("report.json");
    let collected = node(
        Command::new("node")
            .arg(scripts.join("collect.mjs"))
            .arg(&answers)
            .args(["--prometheus", &hour.prometheus(), "--nabiz", &hour.nabiz()])
            .args(["--factor", &FACTOR.to_string(), "--last", "1h", "--stream-time", &hour.stream_time().to_string()]),
    );
    assert!(collected.status.success(), "{}", String::from_utf8_lossy(&collected.stderr));
    // What the pages told is in the report too.
    let drawn =
        node(Command::new("node").arg(scripts.join("draw.mjs")).arg(&answers).arg(folder).arg("--report").arg(&report));
    let report = std::fs::read_to_string(report)
        .unwrap_or_else(|error| panic!("no report: {error}\n{}", String::from_utf8_lossy(&drawn.stderr)));
    serde_json::from_str(&report).expect("JSON")
}

fn node(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("node runs")
}

/// Width and height of a PNG.
pub fn size_of(png: &[u8]) -> Option<(u64, u64)> {
    if !png.starts_with(b"\x89PNG\r\n\x1a\n") {
        return None;
    }
    let number = |at: usize| Some(u64::from(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?)));
    Some((number(16)?, number(20)?))
}
