//! The page of plans in a real browser.

use std::time::Duration;

use crate::harness::serial;
use crate::harness::server::DEADLINE;
use nabiz_dev::browser::{Browser, Page};
use serde_json::{Value, json};

use super::{last_week, plan_json, queue, server};

/// A first paint and a plan on a busy machine.
const PAINT: Duration = Duration::from_secs(60);

fn keep_screenshot(page: &mut Page, name: &str, whole: bool) {
    if let Ok(folder) = std::env::var("NABIZ_SCREENSHOTS") {
        std::fs::write(format!("{folder}/{name}.png"), page.screenshot(whole)).expect("written");
    }
}

fn text(selector: &str) -> String {
    format!("document.querySelector('{selector}')?.textContent ?? null")
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn plan_page_shows_the_numbers_of_the_api() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = server();
    let (from, to) = last_week();
    let plan = plan_json(&["--from", &from, "--to", &to]);
    let fault = queue(&plan, "fault");

    let mut page = browser.open(&server.url(&format!("/plan?from={from}&queue=fault")), 1600, 1000);
    page.wait_for("document.getElementById('plan').hidden", &json!(false), PAINT);
    page.wait_for(
        "document.getElementById('queue').selectedOptions[0].textContent",
        &json!("Arıza Bildirim · Phone"),
        DEADLINE,
    );
    page.wait_for("document.querySelectorAll('#heat tbody tr').length", &json!(48), DEADLINE);
    // Monday at ten, in the heat map and in the table of the day.
    let at_ten = |step: &&Value| step["start"].as_str().is_some_and(|it| it.contains("T10:00"));
    let step = fault["steps"].as_array().expect("steps").iter().find(at_ten).expect("a step");
    let agents = json!(step["agents"].to_string());
    page.wait_for(&text("#heat tbody tr:nth-child(21) td"), &agents, DEADLINE);
    page.wait_for(&text("#rows tbody tr:nth-child(21) td:nth-child(6)"), &agents, DEADLINE);
    page.wait_for(&text("#rows tbody tr:nth-child(21) td:nth-child(1)"), &json!("10:00"), DEADLINE);
    page.wait_for("document.querySelectorAll('.chart path').length", &json!(7), DEADLINE);

    page.evaluate("[...document.querySelectorAll('#heat-choice button')].at(-1).click()");
    let expected = step["forecast"].as_f64().expect("a forecast").round().to_string();
    page.wait_for(&text("#heat tbody tr:nth-child(21) td"), &json!(expected), DEADLINE);

    page.evaluate("document.getElementById('language').click()");
    page.wait_for(&text("#calls-title"), &json!("Tahmin ve gerçekleşen"), DEADLINE);
    page.evaluate("document.getElementById('language').click()");

    // Twice the volume needs more agents; the address keeps the question.
    page.evaluate(
        "document.getElementById('volume').value = '2'; \
                   document.getElementById('choose').requestSubmit()",
    );
    page.wait_for("new URLSearchParams(location.search).get('volume')", &json!("2"), DEADLINE);
    let doubled = (step["forecast"].as_f64().expect("a forecast") * 2.0).round().to_string();
    page.wait_for(&text("#heat tbody tr:nth-child(21) td"), &json!(doubled), PAINT);

    page.evaluate(
        "document.getElementById('volume').value = 'much'; \
                   document.getElementById('choose').requestSubmit()",
    );
    page.wait_for(
        &format!("({}).includes('expected a factor')", text("#trouble")),
        &json!(true),
        PAINT,
    );
    assert!(page.faults().iter().all(|fault| fault.contains("400")), "{:?}", page.faults());
}

#[test]
#[ignore = "needs Chromium (make test)"]
fn plan_page_fits_a_phone_and_says_when_there_is_nothing_to_plan() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = server();
    let (from, _) = last_week();
    for (name, width, height) in [("plan", 1600, 1150), ("plan-phone", 390, 844)] {
        let address = server.url(&format!("/plan?from={from}&queue=fault"));
        let mut page = browser.open(&address, width, height);
        page.wait_for("document.getElementById('plan').hidden", &json!(false), PAINT);
        for scheme in ["dark", "light"] {
            page.prefer(scheme);
            keep_screenshot(&mut page, &format!("{name}-{scheme}"), false);
            keep_screenshot(&mut page, &format!("{name}-{scheme}-whole"), true);
        }
        let too_wide =
            "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        page.wait_for(too_wide, &json!(false), DEADLINE);
        assert!(page.faults().is_empty(), "{:?}", page.faults());
    }
    let without = crate::harness::server::Server::start(crate::harness::numbers::published(
        crate::harness::numbers::snapshot(),
        true,
    ));
    let mut page = browser.open(&without.url("/plan"), 1600, 1000);
    page.wait_for(
        &text("#trouble"),
        &json!("No ledger is configured, so there is no history to learn from."),
        PAINT,
    );
}
