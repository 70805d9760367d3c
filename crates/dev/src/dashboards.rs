//! Pictures of the dashboards, drawn by Grafana's own components in a browser.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{exit_within, root};

const TIME_ZONE: &str = "Europe/Istanbul";
/// Longest time until a page is at rest.
const QUIET_WITHIN: Duration = Duration::from_secs(30);
const END_WITHIN: Duration = Duration::from_secs(10);
/// Grafana's server provides its font, and no package contains it. The browser uses another font,
/// which is not a fault.
const FONTS: &str = "/public/fonts/";

/// A page that `grafana/draw/serve.mjs` serves.
#[derive(Deserialize)]
struct Served {
    name: String,
    url: String,
    width: u32,
    height: u32,
}

/// Draws each dashboard that has answers in the file of `grafana/draw/collect.mjs`, as a PNG in
/// `folder`.
///
/// Returns a report by the name of the dashboard: size and path of the picture, its panels and
/// headings with their places and whether they show data, and the faults that its page has
/// reported.
///
/// # Panics
/// Where Node.js, its packages or Chromium are missing.
pub fn draw(answers: &Path, folder: &Path) -> BTreeMap<String, Value> {
    let scripts = root().join("grafana/draw");
    assert!(scripts.join("node_modules").exists(), "run npm ci --prefix grafana/draw");
    let mut server = Command::new("node")
        .arg(scripts.join("serve.mjs"))
        .arg(answers)
        .args(["--time-zone", TIME_ZONE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let pages: Vec<Served> =
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("serve.mjs: {error}: {line:?}"));
    let browser = Browser::start_with(&[("TZ", TIME_ZONE)]);
    let report =
        pages.iter().map(|page| (page.name.clone(), draw_page(&browser, page, folder))).collect();
    // The server exits when its input closes.
    drop(server.stdin.take());
    let status = exit_within(&mut server, END_WITHIN);
    assert!(status.is_some_and(|status| status.success()), "serve.mjs: {status:?}");
    report
}

fn draw_page(browser: &Browser, served: &Served, folder: &Path) -> Value {
    let Served { name, url, width, height } = served;
    let mut page = browser.open(url, *width, *height);
    let is_quiet = page.try_wait_for("window.isQuiet?.() ?? false", &json!(true), QUIET_WITHIN);
    let image = folder.join(format!("{name}.png"));
    std::fs::write(&image, page.screenshot(false)).expect("the picture is written");
    let mut report = page.evaluate("window.drawn?.() ?? {}");
    let faults = page.faults().iter().filter(|fault| !fault.contains(FONTS)).cloned();
    report["faults"] = is_quiet.err().into_iter().chain(faults).collect();
    report["width"] = json!(width);
    report["height"] = json!(height);
    report["image"] = json!(image);
    browser.close(page);
    // Where pngquant is installed, the picture becomes a third of the size and looks the same.
    let _ = Command::new("pngquant")
        .args(["--force", "--strip", "--speed", "1", "--output"])
        .args([&image, Path::new("128"), Path::new("--"), &image])
        .status();
    report
}
