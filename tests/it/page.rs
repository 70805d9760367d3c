//! The live page in a real browser: it shows the numbers of the API, follows a change, and marks
//! the numbers that it does not have.

use std::time::Duration;

use crate::harness::numbers::{NOW_MS, later, published, snapshot, with_none, with_waiting};
use crate::harness::serial;
use crate::harness::server::{DEADLINE, Server};
use nabiz::http::Limits;
use nabiz::readmodel::{Degradation, ShardLabel};
use nabiz_core::ids::Offset;
use nabiz_core::time::{Millis, WallTime};
use nabiz_dev::browser::{Browser, Page};
use serde_json::{Value, json};

/// A first paint on a busy machine.
const PAINT: Duration = Duration::from_secs(20);

fn field(queue: &str, field: &str) -> String {
    format!(
        "document.querySelector('[data-queue=\"{queue}\"] [data-field=\"{field}\"]')?.textContent ?? null"
    )
}

fn in_queue(queue: &str, selector: &str) -> String {
    format!("document.querySelector('[data-queue=\"{queue}\"] {selector}')?.textContent ?? null")
}

fn text(id: &str) -> String {
    format!("document.getElementById('{id}').textContent")
}

fn keep_screenshot(page: &mut Page, name: &str, whole: bool) {
    if let Ok(folder) = std::env::var("NABIZ_SCREENSHOTS") {
        std::fs::write(format!("{folder}/{name}.png"), page.screenshot(whole)).expect("written");
    }
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_shows_the_numbers_of_the_api_and_follows_a_change() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = Server::start(published(snapshot(), true));
    let mut answer = ureq::get(server.url("/api/v1/queues")).call().expect("an answer");
    let api: Value =
        serde_json::from_str(&answer.body_mut().read_to_string().expect("a text")).expect("JSON");

    let mut page = browser.open(&server.url("/"), 1920, 1080);
    page.wait_for("document.querySelectorAll('article').length", &json!(9), PAINT);
    for queue in api["queues"].as_array().expect("queues") {
        let id = queue["queue"].as_str().expect("an id");
        let channel = &queue["channels"][0];
        page.wait_for(&in_queue(id, "h2"), &queue["name"], DEADLINE);
        let (shown, number) = match channel["immediate"] == true {
            true => ("waiting", &channel["live"]["waiting"]),
            false => ("open", &channel["live"]["open"]),
        };
        page.wait_for(&field(id, shown), &json!(number.to_string()), DEADLINE);
        page.wait_for(&field(id, "busy"), &json!(queue["agents"]["busy"].to_string()), DEADLINE);
    }
    // The queue in trouble is first; the others follow by name.
    let first = "document.querySelector('article').dataset.queue";
    page.wait_for(first, &json!("fault"), DEADLINE);
    page.wait_for(&in_queue("fault", ".state"), &json!("▲Below target"), DEADLINE);
    page.wait_for(&in_queue("fault", "[data-window=\"5m\"] .ratio"), &json!("46%"), DEADLINE);
    page.wait_for(&in_queue("fault", "[data-window=\"5m\"] .counts"), &json!("30 of 65"), DEADLINE);
    page.wait_for(&field("fault", "longest"), &json!("1:43"), DEADLINE);
    page.wait_for(&in_queue("water-quality", "[data-window=\"5m\"] .ratio"), &json!("–"), DEADLINE);
    page.wait_for(&field("water-quality", "asa"), &json!("–"), DEADLINE);
    page.wait_for(
        &text("summary"),
        &json!("▲ 2 queues need attentionArıza BildirimE-posta"),
        DEADLINE,
    );

    server.publish(published(with_waiting("fault", 77), true));
    page.wait_for(&field("fault", "waiting"), &json!("77"), DEADLINE);

    page.evaluate("document.getElementById('language').click()");
    page.wait_for("document.documentElement.lang", &json!("tr"), DEADLINE);
    page.wait_for(&in_queue("fault", ".state"), &json!("▲Hedefin altında"), DEADLINE);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_shows_the_count_of_a_source_that_differs_for_more_than_a_minute() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = Server::start(published(snapshot(), true));
    let mut page = browser.open(&server.url("/"), 1920, 1080);
    page.wait_for(&field("fault", "waiting"), &json!("14"), PAINT);
    let observed = in_queue("fault", ".observed");
    page.wait_for(&observed, &json!(""), DEADLINE);
    // A change of the waiting contacts shows that the page has taken the numbers.
    let publish = |page: &mut Page, after: u64, waiting: u64| {
        let numbers = later(Millis::from_secs(after), with_waiting("fault", waiting));
        server.publish(published(numbers, true));
        page.wait_for(&field("fault", "waiting"), &json!(waiting.to_string()), DEADLINE);
    };
    publish(&mut page, 30, 15);
    page.wait_for(&observed, &json!(""), DEADLINE);
    publish(&mut page, 61, 14);
    page.wait_for(&observed, &json!("≠ source counts 16"), DEADLINE);
    // Equal for a moment: the minute begins again.
    publish(&mut page, 90, 16);
    page.wait_for(&observed, &json!(""), DEADLINE);
    publish(&mut page, 120, 13);
    page.wait_for(&observed, &json!(""), DEADLINE);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_has_no_card_for_contacts_in_no_queue_when_there_are_none() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = Server::start(published(with_none(0), true));
    let mut page = browser.open(&server.url("/"), 1920, 1080);
    page.wait_for("document.querySelectorAll('article').length", &json!(9), PAINT);
    page.wait_for("document.querySelector('[data-queue=\"none\"]')", &Value::Null, DEADLINE);
    server.publish(published(with_none(2), true));
    page.wait_for("document.querySelectorAll('article').length", &json!(10), DEADLINE);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_polls_when_no_stream_slot_is_free() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let limits = Limits { streams: 0, ..Limits::default() };
    let server = Server::with(published(snapshot(), true), || WallTime(NOW_MS), limits);
    let mut page = browser.open(&server.url("/"), 1920, 1080);
    page.wait_for(&field("fault", "waiting"), &json!("14"), PAINT);
    server.publish(published(with_waiting("fault", 77), true));
    page.wait_for(&field("fault", "waiting"), &json!("77"), 2 * DEADLINE);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_marks_old_numbers_as_stale() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server =
        Server::with(published(snapshot(), true), || WallTime(NOW_MS + 60_000), Limits::default());
    let mut page = browser.open(&server.url("/"), 1920, 1080);
    page.wait_for("document.querySelectorAll('article').length", &json!(9), PAINT);
    page.wait_for(&format!("{}.startsWith('Stale')", text("stale")), &json!(true), DEADLINE);
    page.wait_for("document.getElementById('stale').hidden", &json!(false), DEADLINE);
    keep_screenshot(&mut page, "wall-stale", false);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_shows_the_faults_that_leave_its_numbers_true() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let mut degraded = published(snapshot(), true);
    degraded.health.degraded = vec![Degradation {
        label: Some(ShardLabel { topic: "calls".into(), partition: 3 }),
        offset: Some(Offset(17)),
        cause: "no right to read".into(),
        remedy: "grant READ".into(),
    }];
    let server = Server::start(degraded);
    let mut page = browser.open(&server.url("/"), 1920, 1080);
    page.wait_for(
        "document.querySelector('#degraded li')?.textContent ?? null",
        &json!("calls/3, offset 17: no right to read. → grant READ."),
        PAINT,
    );
    page.wait_for("document.querySelectorAll('article').length", &json!(9), DEADLINE);
    keep_screenshot(&mut page, "wall-degraded", false);

    server.publish(published(snapshot(), true));
    page.wait_for("document.getElementById('degraded').hidden", &json!(true), DEADLINE);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_shows_no_numbers_while_catching_up_and_reports_a_lost_connection() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = Server::start(published(snapshot(), false));
    let mut page = browser.open(&server.url("/"), 390, 844);
    page.wait_for("document.getElementById('progress').hidden", &json!(false), PAINT);
    page.wait_for(
        "document.querySelector('.partition').textContent",
        &json!("calls/012,665 records to go"),
        DEADLINE,
    );
    page.wait_for(
        "document.querySelector('#progress .reason').textContent",
        &json!("catching up: 1 of 1 partitions, 12665 records to go"),
        DEADLINE,
    );
    page.wait_for("document.querySelector('progress').value", &json!(17_335), DEADLINE);
    page.wait_for("document.querySelector('progress').max", &json!(30_000), DEADLINE);
    page.wait_for("document.querySelectorAll('article').length", &json!(0), DEADLINE);
    keep_screenshot(&mut page, "phone-catching-up", false);

    server.publish(published(snapshot(), true));
    page.wait_for("document.querySelectorAll('article').length", &json!(9), DEADLINE);
    page.wait_for("document.getElementById('progress').hidden", &json!(true), DEADLINE);

    server.stop();
    page.wait_for("document.getElementById('connection').dataset.state", &json!("lost"), DEADLINE);
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn page_fits_a_phone_and_a_wallboard() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = Server::start(published(snapshot(), true));
    for (name, width, height) in
        [("phone", 390, 844), ("small-phone", 360, 640), ("wall", 1920, 1080)]
    {
        let mut page = browser.open(&server.url("/"), width, height);
        page.wait_for("document.querySelectorAll('article').length", &json!(9), PAINT);
        for scheme in ["light", "dark"] {
            page.prefer(scheme);
            keep_screenshot(&mut page, &format!("{name}-{scheme}"), width < 600);
        }
        let too_wide =
            "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        page.wait_for(too_wide, &json!(false), DEADLINE);
        if name == "wall" {
            let too_high =
                "document.documentElement.scrollHeight > document.documentElement.clientHeight";
            page.wait_for(too_high, &json!(false), DEADLINE);
            let wrapped = "[...document.querySelectorAll('.level > :not(.bar)')].filter((part) => \
                           part.offsetHeight > 1.9 * parseFloat(getComputedStyle(part).fontSize)) \
                           .length";
            page.wait_for(wrapped, &json!(0), DEADLINE);
            page.evaluate("document.getElementById('language').click()");
            keep_screenshot(&mut page, "wall-turkish", false);
        }
    }
}
