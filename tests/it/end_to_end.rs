//! From a burst water main to the page, with the real programs: the simulator, Kafka, nabiz,
//! Prometheus with the shipped rules, Alertmanager with the shipped routes, and a webhook. Time is
//! compressed by one factor in scenario and rules.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::serial;
use jiff::civil::{Time, time};
use jiff::{Timestamp, ToSpan};
use nabiz_dev::alertmanager::{Alertmanager, Notification, Webhook};
use nabiz_dev::broker::Kafka;
use nabiz_dev::compressed::{
    FACTOR, Simulator, configuration, monday_at, script, start_prometheus,
};
use nabiz_dev::process::Nabiz;
use nabiz_dev::prometheus::Prometheus;
use nabiz_dev::{exit_within, free_port, signal};

const START: Time = time(9, 50, 0, 0);
/// At the speed of [`FACTOR`] the burst takes 40 seconds.
const BURST_BEGINS: Time = time(10, 0, 0, 0);
const BURST_ENDS: Time = time(10, 40, 0, 0);
const DEADLINE: Duration = Duration::from_secs(150);
/// The alert that is awaited.
const PAGE: &str = "NabizServiceLevelFastBurn";
/// Largest difference between the service level of a page and that of nabiz's own window. The page
/// uses samples at the ends of a range, some seconds of simulated time apart.
const LEVEL_ERROR: f64 = 0.1;
/// The same of the number of events, as a share.
const EVENTS_ERROR: f64 = 0.25;

/// Returns the numbers of a page's text: service level and target as ratios, and events.
fn numbers(description: &str) -> (f64, f64, f64) {
    let after = |marker: &str| {
        let (_, rest) = description
            .split_once(marker)
            .unwrap_or_else(|| panic!("no {marker:?} in {description:?}"));
        let number = rest.trim_start().split(['%', ' ', ',']).next().unwrap_or_default();
        number.parse::<f64>().unwrap_or_else(|error| {
            panic!("{number:?} after {marker:?} in {description:?}: {error}")
        })
    };
    let (before, _) = description
        .split_once(" service-level events")
        .unwrap_or_else(|| panic!("{description:?}"));
    let events = before.rsplit(' ').next().and_then(|number| number.parse().ok());
    (after("service level") / 100.0, after("target") / 100.0, events.expect("a number of events"))
}

/// Checks that the numbers of a page are those of nabiz's own window at some instant before the
/// page was sent.
fn assert_right_numbers(prometheus: &Prometheus, page: &Notification) {
    let (level, target, events) = numbers(&page.description);
    assert_eq!(target, 0.8);
    assert!(level < 0.6 && events >= 20.0, "the thresholds of the alert: {}", page.description);
    let window = |name: &str| {
        let expression = format!(r#"{name}{{queue="fault",channel="phone",window="30m"}}"#);
        let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1000.0;
        let points =
            prometheus.range(&expression, seconds(page.began) - 2.0, seconds(page.at), 0.25);
        points.unwrap_or_else(|why| panic!("{why}"))
    };
    let (met, missed) =
        (window("nabiz_window_service_level_met"), window("nabiz_window_service_level_missed"));
    let exact: Vec<(f64, f64)> = met
        .iter()
        .filter_map(|(at, met)| {
            missed.iter().find(|(time, _)| time == at).map(|(_, missed)| (met, missed))
        })
        .map(|(met, missed)| (met / (met + missed), met + missed))
        .collect();
    let is_near = |(exact_level, exact_events): &(f64, f64)| {
        (exact_level - level).abs() <= LEVEL_ERROR
            && (exact_events / events - 1.0).abs() <= EVENTS_ERROR
    };
    assert!(
        exact.iter().any(is_near),
        "{}\nthe window has level and events {exact:?}",
        page.description
    );
}

#[test]
#[ignore = "needs Apache Kafka, Prometheus and Alertmanager (make test)"]
fn burst_pages_for_its_queue_and_dead_pipeline_for_itself() {
    let _alone = serial::alone();
    let kafka = Kafka::start();
    kafka.create_topic("calls", 3);
    kafka.create_topic("nabiz.dead-letters", 1);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = format!("127.0.0.1:{}", free_port());
    let mut nabiz =
        Nabiz::serve(&configuration(folder.path(), &kafka.brokers(), &address), &address);
    nabiz.wait_ready();
    let webhook = Webhook::start();
    let alertmanager =
        Alertmanager::start(&script("alertmanager", &[&FACTOR.to_string(), &webhook.url]));
    let prometheus = start_prometheus(nabiz.address(), &alertmanager.address);
    // Prometheus may take its first targets only after five seconds. In compressed time that is
    // long enough for the alert on an absent target to fire.
    prometheus.wait_for_value(r#"up{job="nabiz"}"#, 1.0, Duration::from_secs(30));
    let scraped = Timestamp::now();

    let start = monday_at(START);
    let began = Timestamp::now();
    let _simulator = Simulator::start(&kafka.brokers(), &start, 1);
    let simulated = |at: Timestamp| {
        let passed = at.as_millisecond() - began.as_millisecond();
        start
            .checked_add((passed * i64::from(FACTOR)).milliseconds())
            .expect("a time of that day")
            .time()
    };

    let page = webhook.wait_for("the page", DEADLINE, |one| one.is(PAGE) && one.is_firing);
    println!(
        "{} simulated, after {} s: {}",
        simulated(page.at),
        page.at.duration_since(began).as_secs(),
        page.description
    );
    assert_eq!((page.label("queue"), page.label("channel")), ("fault", "phone"));
    assert_eq!(
        (page.label("severity"), page.receiver.as_str()),
        ("critical", "contact-centre-page")
    );
    assert!(
        (BURST_BEGINS..BURST_ENDS).contains(&simulated(page.began)),
        "it began at {}",
        simulated(page.began)
    );
    assert!(page.description.contains("Queue fault (phone)"), "{}", page.description);
    assert_right_numbers(&prometheus, &page);

    let over = webhook.wait_for("the end", DEADLINE, |one| one.is(PAGE) && !one.is_firing);
    println!(
        "{} simulated, after {} s: over",
        simulated(over.at),
        over.at.duration_since(began).as_secs()
    );
    assert_eq!((over.label("queue"), over.began), ("fault", page.began));
    assert!(simulated(over.at) > BURST_ENDS, "it was over at {}", simulated(over.at));
    // Stream time was ahead of the clock all the time, without an alert on the pipeline.
    let since_scraped =
        |one: &&Notification| one.is_firing && !one.is("Watchdog") && one.began >= scraped;
    for one in webhook.notifications().iter().filter(since_scraped) {
        assert_eq!(one.label("category"), "service", "{one:?}");
        assert!(one.label("severity") != "critical" || one.label("queue") == "fault", "{one:?}");
    }

    let killed = Timestamp::now();
    nabiz.kill();
    let down = webhook
        .wait_for("the page for nabiz", DEADLINE, |one| one.is("NabizDown") && one.is_firing);
    println!("after {} ms: {}", down.at.duration_since(killed).as_millis(), down.description);
    assert_eq!((down.label("severity"), down.receiver.as_str()), ("critical", "platform-page"));
    assert!(down.description.contains(&address), "{}", down.description);
    // During the next notifications of the dead man's switch, no page about the service is sent.
    let of_watchdog = || {
        webhook.notifications().iter().filter(|one| one.is("Watchdog") && one.at > down.at).count()
    };
    nabiz_dev::wait_for("the dead man's switch", DEADLINE, || match of_watchdog() {
        0..5 => Err(format!("notified {} times", of_watchdog())),
        _ => Ok(()),
    });
    for one in webhook
        .notifications()
        .iter()
        .filter(|one| one.is_firing && one.label("category") == "service")
    {
        let is_page_after = one.label("severity") == "critical" && one.began > killed;
        assert!(one.at <= down.at && !is_page_after, "{one:?}");
    }
}

/// `make stack`, without its build: it pages, and Ctrl-C ends all its processes.
#[test]
#[ignore = "needs Apache Kafka, Prometheus and Alertmanager (make test)"]
fn local_stack_pages_and_leaves_nothing_behind() {
    let _alone = serial::alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut stack = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/local/stack"))
        .env("NABIZ", env!("CARGO_BIN_EXE_nabiz"))
        .env("TMPDIR", folder.path())
        // Without a page it ends by itself.
        .env("STACK_SECONDS", DEADLINE.as_secs().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash runs");
    let mut said = Vec::new();
    for line in BufReader::new(stack.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        let is_page = line.contains("PAGE ") && line.contains(PAGE);
        said.push(line);
        if is_page {
            // The output continues until every process has ended.
            signal(&stack, "INT");
        }
    }
    let status =
        exit_within(&mut stack, Duration::from_secs(30)).expect("it ends when its parts have");
    let said = said.join("\n");
    assert!(
        said.contains(&format!("PAGE     {PAGE}: Queue fault (phone): service level ")),
        "{said}"
    );
    assert_eq!(status.code(), Some(0), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    let addresses: Vec<&str> =
        said.split("http://").skip(1).filter_map(|rest| rest.split(['/', ' ']).next()).collect();
    assert!(addresses.len() >= 4, "{said}");
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} still listens");
    }
}
