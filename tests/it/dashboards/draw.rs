//! The dashboards as Grafana's own components draw them in a browser.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::files;
use super::hour::Hour;
use nabiz_dev::compressed::FACTOR;
use nabiz_dev::dashboards;

/// Draws every dashboard from the current answers of Prometheus and nabiz. Returns the report of
/// [`dashboards::draw`]; the pictures are in `folder`.
pub fn draw(hour: &Hour, folder: &Path) -> BTreeMap<String, Value> {
    let answers = folder.join("answers.json");
    let collected = Command::new("node")
        .arg(files::root().join("grafana/draw/collect.mjs"))
        .arg(&answers)
        .args(["--prometheus", &hour.prometheus(), "--nabiz", &hour.nabiz()])
        .args([
            "--factor",
            &FACTOR.to_string(),
            "--last",
            "1h",
            "--stream-time",
            &hour.stream_time().to_string(),
        ])
        .stdin(Stdio::null())
        .output()
        .expect("node runs");
    assert!(collected.status.success(), "{}", String::from_utf8_lossy(&collected.stderr));
    dashboards::draw(&answers, folder)
}

/// Returns the width and height of a PNG.
pub fn size_of(png: &[u8]) -> Option<(u64, u64)> {
    if !png.starts_with(b"\x89PNG\r\n\x1a\n") {
        return None;
    }
    let number =
        |at: usize| Some(u64::from(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?)));
    Some((number(16)?, number(20)?))
}
