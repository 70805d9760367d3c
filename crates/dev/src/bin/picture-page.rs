//! Takes a picture of the live page in a burst: `picture-page nabiz picture.png`, with the program
//! and the file that is written.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use nabiz_dev::browser::{Browser, Page};
use nabiz_dev::{end, free_port, try_wait_for};
use serde_json::json;

/// Viewport, in pixels: every card of the demo fits on it.
const SIZE: (u32, u32) = (1600, 780);
/// The page needs the demo, and the demo fills its windows before it listens.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// The burst shows in all windows of the card after about three minutes.
const BURST_DEADLINE: Duration = Duration::from_secs(480);
const END_WITHIN: Duration = Duration::from_secs(10);
/// Each window of the queue that the burst hits is below its target.
const BURST_SHOWS: &str = r#"(() => {
    const bars = [...document.querySelectorAll('[data-queue="fault"] [data-window]')];
    return bars.length > 0 && bars.every((bar) => bar.classList.contains("below"));
})()"#;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, picture] = &arguments[..] else {
        eprintln!("usage: picture-page nabiz picture.png");
        return ExitCode::from(2);
    };
    match picture_page(Path::new(program), Path::new(picture)) {
        Ok(()) => {
            println!("{picture}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("picture-page: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo with a burst, and takes the picture when the burst shows in every window.
fn picture_page(program: &Path, picture: &Path) -> anyhow::Result<()> {
    let address = format!("127.0.0.1:{}", free_port());
    let demo = Command::new(program)
        .args(["demo", "--scenario", "pipe-burst", "--listen", &address])
        // Ends the demo also if this program is killed.
        .args(["--duration", "10m"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let demo = Demo(demo);
    let image = take(&address)?;
    drop(demo);
    std::fs::write(picture, image)
        .with_context(|| format!("cannot write {}", picture.display()))?;
    // Where pngquant is installed, the picture becomes a third of the size and looks the same.
    let _ = Command::new("pngquant")
        .args(["--force", "--strip", "--speed", "1", "--output"])
        .args([picture, Path::new("128"), Path::new("--"), picture])
        .status();
    Ok(())
}

/// The demo, which ends when this is dropped: the browser panics where Chromium is missing.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        end(&mut self.0, END_WITHIN);
    }
}

/// Returns the picture as a PNG.
fn take(address: &str) -> anyhow::Result<Vec<u8>> {
    let ready = format!("http://{address}/readyz");
    try_wait_for(START_DEADLINE, || ureq::get(&ready).call()).context("the demo is not ready")?;
    let browser = Browser::start();
    let mut page: Page = browser.open(&format!("http://{address}/"), SIZE.0, SIZE.1);
    page.try_wait_for(BURST_SHOWS, &json!(true), BURST_DEADLINE).map_err(anyhow::Error::msg)?;
    let image = page.screenshot(false);
    ensure!(page.faults().is_empty(), "the page reports errors: {:?}", page.faults());
    Ok(image)
}
