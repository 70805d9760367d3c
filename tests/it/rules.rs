//! The shipped rules, alerts and routes: checked by promtool and amtool, and against the catalogue,
//! the documentation and the runbook.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output, Stdio};

use crate::harness::files::{self, alerts, list, rules, text, word, yaml};
use crate::harness::serial;
use nabiz::exposition::catalogue::{self, Kind};
use nabiz_dev::tool;
use serde_json::Value;

const RULES: &str = "prometheus/nabiz.rules.yml";
const ALERTS: &str = "prometheus/nabiz.alerts.yml";
const ALERTMANAGER: &str = "alertmanager/alertmanager.yml";
const UNIT_TESTS: [&str; 6] = [
    "prometheus/tests/no-traffic.yml",
    "prometheus/tests/pipeline.yml",
    "prometheus/tests/recorded.yml",
    "prometheus/tests/service-level-days.yml",
    "prometheus/tests/service-level.yml",
    "prometheus/tests/service.yml",
];

/// Every alert that there has to be, and the receiver of each of its severities.
const EXPECTED: [(&str, &str, &str); 33] = [
    ("NabizServiceLevelFastBurn", "critical", "contact-centre-page"),
    ("NabizServiceLevelSlowBurn", "warning", "contact-centre-mail"),
    ("NabizServiceLevelBudgetLow", "info", "contact-centre-mail"),
    ("NabizAbandonmentHigh", "warning", "contact-centre-mail"),
    ("NabizLongestWaitHigh", "warning", "contact-centre-mail"),
    ("NabizQueueUnattended", "critical", "contact-centre-page"),
    ("NabizFirstResponseOverdue", "warning", "contact-centre-mail"),
    ("NabizFollowupOverdue", "warning", "follow-up-mail"),
    ("NabizDown", "critical", "platform-page"),
    ("NabizDown", "warning", "platform-mail"),
    ("NabizAbsent", "critical", "platform-page"),
    ("NabizNotReady", "critical", "platform-page"),
    ("NabizNotReady", "warning", "platform-mail"),
    // One rule for the whole job, and one for a part of it.
    ("NabizStreamTimeStalled", "critical", "platform-page"),
    ("NabizStreamTimeStalled", "critical", "platform-page"),
    ("NabizLagGrowing", "warning", "platform-mail"),
    ("NabizPartitionStuck", "warning", "platform-mail"),
    ("NabizDegraded", "warning", "platform-mail"),
    ("NabizReloadRefused", "warning", "platform-mail"),
    ("NabizKafkaClientErrors", "warning", "platform-mail"),
    ("NabizLogReset", "warning", "platform-mail"),
    ("NabizLogUnverified", "warning", "platform-mail"),
    ("NabizRecordsAhead", "warning", "platform-mail"),
    ("NabizRecordsRejected", "warning", "platform-mail"),
    ("NabizFieldsDropped", "warning", "platform-mail"),
    ("NabizQueueVanished", "warning", "platform-mail"),
    ("NabizGhostVisits", "warning", "platform-mail"),
    ("NabizNoTrafficInHours", "warning", "platform-mail"),
    ("NabizCheckpointStale", "critical", "platform-page"),
    ("NabizGatewayTurnedAway", "warning", "platform-mail"),
    ("NabizGatewayUnauthorized", "warning", "platform-mail"),
    ("NabizGatewayKafkaAway", "critical", "platform-page"),
    ("Watchdog", "info", "dead-mans-switch"),
];

fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn both(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn succeeds(program: &str, args: &[&str]) {
    let output = run(program, args);
    assert!(output.status.success(), "{program} {args:?}: {}\n{}", output.status, both(&output));
}

fn file(name: &str) -> String {
    files::path(name).display().to_string()
}

#[test]
#[ignore = "needs promtool (make test)"]
fn promtool_accepts_the_rules() {
    let promtool = tool(&["promtool"]);
    succeeds(
        promtool,
        &["check", "rules", "--lint=all", "--lint-fatal", &file(RULES), &file(ALERTS)],
    );
    succeeds(promtool, &["check", "config", &file("prometheus/prometheus.yml")]);
}

#[test]
#[ignore = "needs promtool (make test)"]
fn promtool_passes_every_unit_test() {
    let _shared = serial::shared();
    let promtool = tool(&["promtool"]);
    let mut shipped: Vec<String> = std::fs::read_dir(files::path("prometheus/tests"))
        .unwrap()
        .map(|entry| format!("prometheus/tests/{}", entry.unwrap().file_name().display()))
        .collect();
    shipped.sort();
    assert_eq!(shipped, UNIT_TESTS);

    let running = UNIT_TESTS.map(|name| {
        let mut command = Command::new(promtool);
        command
            .args(["test", "rules", &file(name)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        (name, command.spawn().unwrap())
    });
    for (name, child) in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{name}: {}\n{}", output.status, both(&output));
    }
}

#[test]
#[ignore = "needs amtool (make test)"]
fn amtool_accepts_the_routing() {
    let amtool = tool(&["amtool"]);
    succeeds(amtool, &["check-config", &file(ALERTMANAGER)]);
}

#[test]
#[ignore = "needs amtool (make test)"]
fn every_alert_goes_to_its_receiver() {
    let amtool = tool(&["amtool"]);
    for alert in alerts() {
        let (name, severity) = (word(&alert["alert"]), word(&alert["labels"]["severity"]));
        let (_, _, receiver) =
            EXPECTED.iter().find(|expected| (expected.0, expected.1) == (name, severity)).unwrap();
        let mut labels =
            vec![format!("alertname={name}"), "job=nabiz".into(), "queue=billing".into()];
        let own = alert["labels"].as_object().unwrap();
        labels.extend(own.iter().map(|(label, value)| format!("{label}={}", word(value))));
        let config = format!("--config.file={}", file(ALERTMANAGER));
        // amtool ignores time intervals, so it names both receivers: the mail and the page.
        let receiver =
            receiver.replace("contact-centre-page", "contact-centre-mail,contact-centre-page");
        let verify = format!("--verify.receivers={receiver}");
        let mut args = vec!["config", "routes", "test", &config, &verify];
        args.extend(labels.iter().map(String::as_str));
        succeeds(amtool, &args);
    }
}

#[test]
fn shipped_alerts_are_those_of_the_contract() {
    let shipped: BTreeSet<(String, String)> = alerts()
        .iter()
        .map(|alert| {
            (word(&alert["alert"]).to_owned(), word(&alert["labels"]["severity"]).to_owned())
        })
        .collect();
    let expected: BTreeSet<(String, String)> = EXPECTED
        .iter()
        .map(|(name, severity, _)| ((*name).to_owned(), (*severity).to_owned()))
        .collect();
    assert_eq!(shipped, expected);
    assert_eq!(alerts().len(), EXPECTED.len());
}

/// Returns how often the unit tests expect each alert to fire, and how often to be silent.
fn cases() -> BTreeMap<String, (usize, usize)> {
    let mut cases: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for name in UNIT_TESTS {
        for case in list(&yaml(name)["tests"]) {
            for expectation in case["alert_rule_test"].as_array().unwrap_or(&Vec::new()) {
                let alert = word(&expectation["alertname"]).to_owned();
                let (fires, silent) = cases.entry(alert).or_default();
                let expected = list(&expectation["exp_alerts"]);
                *fires += usize::from(!expected.is_empty());
                *silent += usize::from(expected.is_empty());
                for alert in expected {
                    assert!(
                        alert["exp_labels"]["job"].is_string(),
                        "{expectation} has lost its job"
                    );
                }
            }
        }
    }
    cases
}

#[test]
fn every_alert_has_a_firing_and_a_silent_case() {
    let cases = cases();
    for (name, _, _) in EXPECTED {
        let (fires, silent) = cases.get(name).copied().unwrap_or_default();
        assert!(fires > 0, "no unit case in which {name} fires");
        assert!(silent > 0 || name == "Watchdog", "no unit case in which {name} is silent");
    }
    let known: BTreeSet<&str> = EXPECTED.iter().map(|expected| expected.0).collect();
    assert!(
        cases.keys().all(|name| known.contains(name.as_str())),
        "a case for an alert that is not there"
    );
}

/// A row of the table in the head of the alerts file.
struct Burn {
    alert: String,
    severity: String,
    share: f64,
    period_hours: f64,
    long_window: String,
    factor: f64,
    short_window: String,
    hold: String,
}

fn hours(duration: &str) -> f64 {
    let (number, unit) = duration.split_at(duration.len() - 1);
    number.parse::<f64>().unwrap() * if unit == "m" { 1.0 / 60.0 } else { 1.0 }
}

fn table() -> Vec<Burn> {
    let text = text(ALERTS);
    let rows = text.lines().filter(|line| line.starts_with("#   | Nabiz"));
    let row = |line: &str| {
        let cells: Vec<&str> = line
            .trim_start_matches('#')
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        Burn {
            alert: cells[0].to_owned(),
            severity: cells[1].to_owned(),
            share: cells[2].parse().unwrap(),
            period_hours: hours(cells[3]),
            long_window: cells[4].to_owned(),
            factor: cells[5].parse().unwrap(),
            short_window: cells[6].to_owned(),
            hold: cells[7].to_owned(),
        }
    };
    rows.map(row).collect()
}

#[test]
fn burn_rate_factors_follow_from_the_budget_and_can_be_reached() {
    let table = table();
    assert_eq!(table.len(), 3);
    for burn in &table {
        let factor = burn.share * burn.period_hours / hours(&burn.long_window);
        assert!(
            (factor - burn.factor).abs() < 1e-9,
            "{}: {factor}, not {}",
            burn.alert,
            burn.factor
        );
        for percent in 50..100 {
            let threshold = (burn.factor * (1.0 - f64::from(percent) / 100.0)).min(0.9);
            assert!(
                threshold < 0.95,
                "{}: no error ratio is over {threshold} at {percent} %",
                burn.alert
            );
        }
    }
    for (target, expected) in [(0.8, [0.40, 0.25, 0.22]), (0.95, [0.10, 0.0625, 0.055])] {
        for (burn, expected) in table.iter().zip(expected) {
            assert!(
                (burn.factor * (1.0 - target) - expected).abs() < 1e-9,
                "{} at {target}",
                burn.alert
            );
        }
    }
}

#[test]
fn service_level_alerts_match_the_table() {
    // 20 opening hours are two days of the clock.
    let in_series =
        |window: &str| if window == "20h" { "2d".to_owned() } else { window.to_owned() };
    for burn in table() {
        let (factor, long, short) =
            (burn.factor, in_series(&burn.long_window), in_series(&burn.short_window));
        let alert = alerts().into_iter().find(|alert| word(&alert["alert"]) == burn.alert).unwrap();
        let threshold = format!(
            "> clamp_max({factor} * (1 - queue:nabiz_target_service_level_ratio:max), 0.9)"
        );
        let expected = format!(
            "queue:nabiz_service_level_missed_per_event:ratio_increase{long}{{channel=~\"phone|chat\"}} {threshold} \
             and queue:nabiz_service_level_missed_per_event:ratio_increase{short} {threshold} \
             and queue:nabiz_service_level_events:increase{long} >= 20 \
             and queue:nabiz_service_level_missed:increase{long} >= 5 \
             and ignoring (channel) queue:nabiz_queue_open:max == 1"
        );
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(word(&alert["expr"])), expected, "{}", burn.alert);
        assert_eq!(word(&alert["for"]), burn.hold, "{}", burn.alert);
        assert_eq!(word(&alert["labels"]["severity"]), burn.severity, "{}", burn.alert);
    }
}

#[test]
fn every_alert_has_its_labels_texts_and_runbook() {
    let runbook =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operate/runbook.md"))
            .unwrap();
    let sections: BTreeSet<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let dashboards =
        ["operations", "queue", "channels", "service-levels", "capacity", "planning", "pipeline"];
    for alert in alerts() {
        let name = word(&alert["alert"]);
        let labels = &alert["labels"];
        assert!(["critical", "warning", "info"].contains(&word(&labels["severity"])), "{name}");
        assert!(["service", "pipeline"].contains(&word(&labels["category"])), "{name}");
        assert!(
            ["contact-centre", "follow-up", "platform"].contains(&word(&labels["team"])),
            "{name}"
        );
        let annotations = &alert["annotations"];
        assert!(word(&annotations["summary"]).ends_with('.'), "{name}");
        // A group of alerts has one summary.
        assert!(!word(&annotations["summary"]).contains("{{"), "{name}");
        assert!(word(&annotations["description"]).ends_with('.'), "{name}");
        assert!(word(&annotations["description"]).contains("{{") || name == "Watchdog", "{name}");

        let (page, anchor) = word(&annotations["runbook_url"]).split_once('#').unwrap();
        assert_eq!(page, "https://docs.example/nabiz/operate/runbook.md", "{name}");
        assert_eq!(anchor, name.to_lowercase());
        assert!(sections.contains(name), "docs/operate/runbook.md has no section {name}");

        let url = word(&annotations["dashboard_url"])
            .strip_prefix("https://grafana.example/d/nabiz-")
            .unwrap();
        assert!(dashboards.contains(&url.split('?').next().unwrap()), "{name}: {url}");
    }
    let known: BTreeSet<&str> = EXPECTED.iter().map(|expected| expected.0).collect();
    for section in sections.iter().filter(|section| section.starts_with("Nabiz")) {
        assert!(
            known.contains(section),
            "docs/operate/runbook.md has a section on {section}, which is no alert"
        );
    }
}

/// Returns the names of the metrics in an expression: the words that are neither a function, a
/// keyword, a label, a number nor a string.
fn metrics(expression: &str) -> BTreeSet<String> {
    const KEYWORDS: [&str; 12] = [
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "by",
        "without",
        "offset",
        "bool",
        "inf",
    ];
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let until = |end: char| rest[1..].find(end).map_or(rest.len(), |at| at + 2);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let length = match first {
            '"' => until('"'),
            '{' => until('}'),
            '[' => until(']'),
            _ if is_name(first) => {
                rest.find(|c: char| !is_name(c) && c != '.').unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        if first.is_ascii_digit() || !is_name(first) {
            continue;
        }
        let next = after.trim_start();
        let is_call = ["(", "without", "by "].iter().any(|start| next.starts_with(start));
        if ["on", "ignoring", "by", "without", "group_left", "group_right"].contains(&token)
            && next.starts_with('(')
        {
            rest = &after[after.find(')').map_or(after.len(), |at| at + 1)..];
        } else if !is_call && !KEYWORDS.contains(&token) {
            names.insert(token.to_owned());
        }
    }
    names
}

#[test]
fn names_are_found_in_expressions() {
    let found = metrics(
        r#"sum without (le, a) (rate(x_bucket{b="c{d"}[5m])) > on (q) 0.01 * y:z:sum offset 1w and up == 1"#,
    );
    assert_eq!(found, BTreeSet::from(["x_bucket".to_owned(), "y:z:sum".into(), "up".into()]));
}

/// Returns the queries inside a template.
fn queries(template: &str) -> Vec<String> {
    template
        .split("printf `")
        .skip(1)
        .map(|rest| rest.split('`').next().unwrap().replace("%q", "\"x\""))
        .collect()
}

#[test]
fn rules_use_only_names_of_the_catalogue_or_recorded_ones() {
    // Prometheus gives the first one, and nabiz the second one on Linux, beside its catalogue.
    let mut known: BTreeSet<String> =
        ["up", "process_start_time_seconds"].map(str::to_owned).into();
    for metric in catalogue::ALL.iter().chain(catalogue::GATEWAY) {
        known.insert(metric.name.to_owned());
        if metric.kind == Kind::Histogram {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", metric.name)));
        }
    }
    for rule in rules(RULES) {
        // In one evaluation a rule can use only series that earlier rules have recorded.
        for name in metrics(word(&rule["expr"])) {
            assert!(known.contains(&name), "{} uses {name}, which there is not", rule["record"]);
        }
        assert!(
            known.insert(word(&rule["record"]).to_owned()),
            "{} is recorded twice",
            rule["record"]
        );
    }
    for alert in alerts() {
        let mut expressions = vec![word(&alert["expr"]).to_owned()];
        expressions.extend(queries(word(&alert["annotations"]["description"])));
        for name in expressions.iter().flat_map(|expression| metrics(expression)) {
            assert!(known.contains(&name), "{} uses {name}, which there is not", alert["alert"]);
        }
    }
    let mut in_cases = BTreeSet::new();
    for name in UNIT_TESTS {
        for case in list(&yaml(name)["tests"]) {
            in_cases.extend(
                list(&case["input_series"])
                    .iter()
                    .flat_map(|input| metrics(word(&input["series"]))),
            );
        }
    }
    for name in in_cases {
        assert!(
            known.contains(&name) && !name.contains(':'),
            "the unit cases feed {name}, which nabiz does not serve"
        );
    }
}

#[test]
fn recording_rules_follow_their_conventions() {
    for rule in rules(RULES) {
        let (name, expression) = (word(&rule["record"]), word(&rule["expr"]));
        let parts: Vec<&str> = name.split(':').collect();
        assert_eq!(parts.len(), 3, "{name} is not level:metric:operations");
        let levels = ["shard", "queue", "unit", "entry_point", "channel", "topic", "partition"];
        assert!(levels.contains(&parts[0]), "{name}");
        assert!(parts[1].starts_with("nabiz_"), "{name}");
        assert!(
            !expression.contains(" by (") && !expression.contains("avg"),
            "{name}: {expression}"
        );
        if parts[0] == "shard" {
            assert!(expression.starts_with("max without (instance) ("), "{name}: {expression}");
        }
        if expression.contains("increase(") {
            // An increase of a sum, or of the series of one instance, is never used.
            assert!(
                expression.starts_with("sum without (instance, shard) (increase(shard:nabiz_"),
                "{name}: {expression}"
            );
            assert!(!parts[1].ends_with("_total"), "{name}");
            let window = parts[2].strip_prefix("increase").unwrap();
            assert!(expression.ends_with(&format!(":max[{window}]))")), "{name}: {expression}");
        }
        if parts[2].starts_with("ratio") {
            let (numerator, denominator) = expression.split_once(" / ").unwrap();
            assert!(
                numerator.starts_with(parts[0]) && denominator.ends_with("> 0)"),
                "{name}: {expression}"
            );
        }
    }
}

#[test]
fn documentation_lists_exactly_the_recorded_series() {
    let (_, section) =
        include_str!("../../docs/spec/metrics.md").split_once("## Recorded series").unwrap();
    let mut documented = Vec::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(!cells[2].is_empty(), "{row} says nothing");
        let name = cells[0].trim_matches('`');
        let windows = cells[1].split(", ").map(|window| if window == "-" { "" } else { window });
        documented.extend(windows.map(|window| format!("{name}{window}")));
    }
    let mut recorded: Vec<String> =
        rules(RULES).iter().map(|rule| word(&rule["record"]).to_owned()).collect();
    documented.sort();
    recorded.sort();
    assert_eq!(documented, recorded);
}

#[test]
fn unit_tests_evaluate_every_rule_group_in_its_order() {
    let names = |file: &str| -> Vec<Value> {
        list(&yaml(file)["groups"]).iter().map(|group| group["name"].clone()).collect()
    };
    let all = [names(RULES), names(ALERTS)].concat();
    for file in UNIT_TESTS {
        assert_eq!(list(&yaml(file)["group_eval_order"]), &all, "{file}");
    }
}
