//! The dashboards of Grafana: the content of the files, the answers of a real Prometheus to their
//! expressions, and the drawn panels.

mod draw;
mod files;
mod hour;
mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::serial;
use files::{Dashboard, Expression, Use, list, text};
use hour::{Hour, compressed};
use nabiz_dev::wait_for;
use serde_json::Value;

/// Fails with all that is wrong, one a line.
#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
#[ignore = "needs Node.js (make test)"]
fn generator_produces_the_committed_files() {
    let script = files::root().join("grafana/generate.mjs");
    let output = Command::new("node").arg(script).arg("--check").stdin(Stdio::null()).output();
    let output = output.expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs npm (make test)"]
fn dashboards_match_the_types_that_grafana_publishes() {
    let folder = files::root().join("grafana/check");
    assert!(folder.join("node_modules").exists(), "run npm ci --prefix grafana/check");
    let output =
        Command::new("npm").args(["run", "--silent", "types"]).current_dir(folder).output();
    let output = output.expect("npm runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn expressions_parse_and_use_each_metric_by_its_type() {
    let recorded = files::recorded_names();
    let mut faults = Vec::new();
    let mut count = 0;
    for expression in files::all().iter().flat_map(Dashboard::expressions) {
        count += 1;
        for read in promql::reads(&expression) {
            let of_one = promql::faults(&read, &recorded, expression.used);
            faults.extend(of_one.into_iter().map(|fault| format!("{}: {fault}", expression.place)));
        }
    }
    assert!(count > 150, "only {count} expressions were found");
    assert_none(&faults);
}

#[test]
fn dashboards_follow_the_conventions_for_operators() {
    let dashboards = files::all();
    let uids: BTreeSet<&str> = dashboards.iter().map(|one| text(&one.json["uid"])).collect();
    assert_eq!(dashboards.len(), 7);
    assert_eq!(uids.len(), 7, "each dashboard has an address of its own");
    let mut faults = Vec::new();
    for dashboard in &dashboards {
        let mut fault = |what: String| faults.push(format!("{}: {what}", dashboard.name));
        let json = &dashboard.json;
        if text(&json["uid"]) != format!("nabiz-{}", dashboard.name) {
            fault("its uid is not the name of the file".into());
        }
        if json["editable"] != false || json["schemaVersion"] != 42 || !json["id"].is_null() {
            fault("it must not be editable, be of schema 42, and have no id".into());
        }
        if text(&json["description"]).is_empty() || list(&json["tags"]).is_empty() {
            fault("it has no description or no tag".into());
        }
        let linked: BTreeSet<&str> = list(&json["links"])
            .iter()
            .filter_map(|link| text(&link["url"]).strip_prefix("/d/"))
            .collect();
        let others: BTreeSet<&str> =
            uids.iter().copied().filter(|uid| *uid != text(&json["uid"])).collect();
        if linked != others || list(&json["links"]).iter().any(|link| link["includeVars"] != true) {
            fault("it must link to the five others and keep the variables".into());
        }
        if list(&json["annotations"]["list"]).is_empty() {
            fault("alerts are not marked".into());
        }
        for what in faults_of_variables(dashboard) {
            fault(what);
        }
        for what in faults_of_grid(dashboard) {
            fault(what);
        }
        for panel in dashboard.panels() {
            for what in faults_of_panel(panel) {
                fault(format!("{}: {what}", text(&panel["title"])));
            }
        }
    }
    assert_none(&faults);
}

/// Returns the faults of the choices at the top of the dashboard.
fn faults_of_variables(dashboard: &Dashboard) -> Vec<String> {
    let mut faults = Vec::new();
    let variables: BTreeMap<&str, &Value> =
        dashboard.variables().iter().map(|variable| (text(&variable["name"]), variable)).collect();
    for name in ["datasource", "job", "instance"] {
        if !variables.contains_key(name) {
            faults.push(format!("no variable {name}"));
        }
    }
    for (name, variable) in &variables {
        if text(&variable["label"]).is_empty() || text(&variable["description"]).is_empty() {
            faults.push(format!("variable {name} has no label or no description"));
        }
        if variable["type"] == "query" && variable["refresh"] != 2 {
            faults.push(format!("variable {name} is not refreshed when the period changes"));
        }
        if variable["type"] == "query" && variable["datasource"]["uid"] != "${datasource}" {
            faults.push(format!("variable {name} does not ask the chosen data source"));
        }
        if variable["includeAll"] == true
            && (variable["allValue"] != ".+" || variable["multi"] != true)
        {
            faults.push(format!("variable {name}: all must be \".+\", and several can be chosen"));
        }
    }
    let whole = dashboard.json.to_string();
    let used =
        |name: &str| whole.contains(&format!("${name}")) || whole.contains(&format!("${{{name}"));
    faults.extend(
        variables
            .keys()
            .filter(|name| !used(name))
            .map(|name| format!("variable {name} is not used")),
    );
    for name in ["queue", "channel", "window", "step", "history"] {
        if used(name) && !variables.contains_key(name) {
            faults.push(format!("variable {name} is used and not there"));
        }
    }
    faults
}

/// Places of the panels: inside 24 columns, none over another; ids of their own.
fn faults_of_grid(dashboard: &Dashboard) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeMap::new();
    for panel in list(&dashboard.json["panels"]) {
        let title = text(&panel["title"]);
        if !ids.insert(panel["id"].as_u64().expect("an id")) {
            faults.push(format!("{title}: its id is taken"));
        }
        let at = |side: &str| {
            panel["gridPos"][side].as_u64().unwrap_or_else(|| panic!("{title}: no {side}"))
        };
        let (x, y, w, h) = (at("x"), at("y"), at("w"), at("h"));
        if w == 0 || h == 0 || x + w > 24 {
            faults.push(format!("{title}: not within 24 columns"));
        }
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            if let Some(other) = taken.insert(cell, title) {
                faults.push(format!("{title} lies over {other}"));
                break;
            }
        }
    }
    faults
}

/// Returns the faults of a panel, such as a missing title, unit or query.
fn faults_of_panel(panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let defaults = &panel["fieldConfig"]["defaults"];
    if text(&panel["title"]).is_empty() {
        faults.push("no title".into());
    }
    if !text(&panel["description"]).ends_with('.') {
        faults.push("no description, or not a sentence".into());
    }
    if text(&defaults["unit"]).is_empty() {
        faults.push("no unit".into());
    }
    if text(&defaults["noValue"]).is_empty() {
        faults.push("no text for no data".into());
    }
    let mut ids = BTreeSet::new();
    let targets = list(&panel["targets"]);
    if targets.is_empty() {
        faults.push("no query".into());
    }
    for target in targets {
        let id = text(&target["refId"]);
        if !ids.insert(id) {
            faults.push(format!("query {id} is there twice"));
        }
        for source in [&panel["datasource"], &target["datasource"]] {
            if !matches!(text(&source["uid"]), "${datasource}" | "${history}") {
                faults.push(format!("query {id} asks a fixed data source"));
            }
        }
        if target["expr"].is_string() && target["range"] == target["instant"] {
            faults.push(format!("query {id} must be of an instant or of a range"));
        }
        if panel["type"] == "timeseries" && text(&target["legendFormat"]).is_empty() {
            faults.push(format!("query {id} has no name in the legend"));
        }
    }
    faults
}

/// Returns the factor of the error budget beyond which each service-level alert fires, by its long
/// window.
fn factors_of_the_alerts() -> BTreeMap<String, f64> {
    let rules = std::fs::read_to_string(files::root().join("deploy/prometheus/nabiz.alerts.yml"))
        .expect("the alerts");
    let lines: Vec<&str> = rules.lines().map(str::trim).collect();
    let pair = |lines: &[&str]| {
        let (window, _) = lines[0]
            .strip_prefix("queue:nabiz_service_level_missed_per_event:ratio_increase")?
            .split_once('{')?;
        let (factor, _) = lines[1].strip_prefix("> clamp_max(")?.split_once(" * (1 - ")?;
        Some((window.to_owned(), factor.parse().ok()?))
    };
    lines.windows(2).filter_map(pair).collect()
}

#[test]
fn burn_rates_turn_red_when_the_alerts_fire() {
    let dashboards = files::all();
    let dashboard =
        dashboards.iter().find(|one| one.name == "service-levels").expect("the service levels");
    let mut red = BTreeMap::new();
    for column in dashboard.panels().flat_map(|panel| list(&panel["fieldConfig"]["overrides"])) {
        let Some(window) = text(&column["matcher"]["options"]).strip_prefix("Burn ") else {
            continue;
        };
        let thresholds = list(&column["properties"])
            .iter()
            .find(|one| one["id"] == "thresholds")
            .expect("thresholds");
        let step = list(&thresholds["value"]["steps"])
            .iter()
            .find(|step| step["color"] == "red")
            .expect("a red one");
        red.insert(window.replace(' ', ""), step["value"].as_f64().expect("a number"));
    }
    assert_eq!(red.len(), 3);
    assert_eq!(red, factors_of_the_alerts());
}

/// Time within which Prometheus answers every expression once the hour has passed. It evaluates the
/// slowest rules every 5 seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);
/// The period of the queries: the hour, and the time before it that Prometheus has scraped.
const PERIOD: Duration = Duration::from_secs(70 * 60);

/// Expressions that may have no answer, by a part of their place, and why.
const MAY_BE_EMPTY: [(&str, &str); 3] = [
    ("channels: annotation ", "the burst is on the phone"),
    ("pipeline: annotation ", "nothing is wrong with the pipeline"),
    ("pipeline: Rejected records a minute: ", "the simulator makes no bad records"),
];

/// Panels that may show the text for no data, and why.
const MAY_SHOW_NOTHING: [(&str, &str); 6] = [
    ("pipeline: Rejected records a minute", "the simulator makes no bad records"),
    ("planning: Agents needed", NO_PLAN),
    ("planning: Agents there", NO_PLAN),
    ("planning: Agents to schedule", NO_PLAN),
    ("planning: Forecast", NO_PLAN),
    ("planning: Expected service level there", NO_PLAN),
];
const NO_PLAN: &str = "an hour of history is not enough for a plan";

/// A real Prometheus scrapes an hour of a simulated contact centre in a minute. Then it answers
/// every expression, and Grafana's components draw every panel from its answers. The hour is on a
/// future Monday, so the age of the numbers is negative; nothing else differs from production.
#[test]
#[ignore = "needs Apache Kafka, Prometheus, Node.js and Chromium (make test)"]
fn expressions_are_answered_and_panels_drawn_after_an_hour() {
    let _alone = serial::alone();
    let begin = Instant::now();
    let hour = Hour::pass();
    eprintln!("an hour has passed after {:?}", begin.elapsed());
    every_expression_is_answered(&hour);
    eprintln!("all is answered after {:?}", begin.elapsed());
    every_panel_is_drawn(&hour);
    eprintln!("all is drawn after {:?}", begin.elapsed());
}

fn every_expression_is_answered(hour: &Hour) {
    let mut open: Vec<Expression> = files::all().iter().flat_map(Dashboard::expressions).collect();
    for (part, why) in MAY_BE_EMPTY {
        assert!(
            open.iter().any(|one| one.place.contains(part)),
            "nothing is {part:?} any more ({why})"
        );
    }
    let count = open.len();
    wait_for("an answer to every expression", ANSWERED_WITHIN, || {
        open.retain(|expression| {
            let values = ask(hour, expression).unwrap_or_else(|fault| panic!("{fault}"));
            let may_be_empty = MAY_BE_EMPTY.iter().any(|(part, _)| expression.place.contains(part));
            values.is_empty() && !may_be_empty
        });
        let places: Vec<&str> = open.iter().map(|expression| expression.place.as_str()).collect();
        if places.is_empty() {
            Ok(())
        } else {
            Err(format!("none yet to\n{}\n{}", places.join("\n"), hour.logs()))
        }
    });
    eprintln!("{count} expressions answered by Prometheus");
}

/// Returns the values of an expression, queried as Grafana queries it; an error where one of them
/// is not finite.
fn ask(hour: &Hour, expression: &Expression) -> Result<Vec<f64>, String> {
    let variables = [
        ("job", "nabiz"),
        ("instance", ".+"),
        ("queue", ".+"),
        ("channel", ".+"),
        ("window", "15m"),
    ];
    let period = compressed(PERIOD);
    let query = promql::substitute(&expression.text, Duration::from_secs(10), period, &variables);
    let over = (expression.used == Use::Graph).then_some((period, Duration::from_secs(2)));
    let series = hour
        .query(&query, over)
        .map_err(|error| format!("{}: {error}\n{query}", expression.place))?;
    let values: Vec<f64> = series.iter().flat_map(numbers).collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(bad) => Err(format!("{}: {bad} in the answer to {query}", expression.place)),
        None => Ok(values),
    }
}

/// Pixels of a row of the grid on the page of `grafana/draw`, and of the gap between two panels.
const ROW: f64 = 38.0;
const GAP: f64 = 8.0;
/// Smallest size of a picture that shows its panels. The smallest real one has 58 000 bytes, or a
/// third more where `pngquant` is not installed.
const LEAST_BYTES: usize = 30_000;

fn every_panel_is_drawn(hour: &Hour) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let drawn = draw::draw(hour, folder.path());
    let dashboards = files::all();
    assert_eq!(drawn.len(), dashboards.len(), "{:?}", drawn.keys());
    let mut faults = Vec::new();
    let mut count = 0;
    for (place, why) in MAY_SHOW_NOTHING {
        let is_there = |one: &Dashboard| {
            one.panels().any(|panel| format!("{}: {}", one.name, text(&panel["title"])) == place)
        };
        assert!(dashboards.iter().any(is_there), "there is no {place:?} any more ({why})");
    }
    for dashboard in &dashboards {
        let report = &drawn[&dashboard.name];
        let mut fault = |what: String| faults.push(format!("{}: {what}", dashboard.name));
        list(&report["faults"]).iter().for_each(|one| fault(text(one).to_owned()));
        let (panels, rows) = (list(&report["panels"]), list(&report["rows"]));
        let wanted = list(&dashboard.json["panels"]);
        if panels.len() + rows.len() != wanted.len() {
            fault(format!(
                "{} panels and {} headings are drawn of {}",
                panels.len(),
                rows.len(),
                wanted.len()
            ));
        }
        let width = report["width"].as_f64().expect("a width");
        for panel in wanted {
            let title = text(&panel["title"]);
            let is_it = |one: &&Value| one["id"] == panel["id"];
            if panel["type"] == "row" {
                let heading = rows.iter().find(is_it).map(|row| text(&row["title"]));
                if heading != Some(title) {
                    fault(format!("the heading {title} is {heading:?}"));
                }
                continue;
            }
            let Some(one) = panels.iter().find(is_it) else {
                fault(format!("{title} is not drawn"));
                continue;
            };
            count += 1;
            for what in faults_of_drawn(panel, one, width / 24.0) {
                fault(format!("{title}: {what}"));
            }
            let place = format!("{}: {title}", dashboard.name);
            let may_be_empty =
                MAY_SHOW_NOTHING.iter().any(|(place_of_one, _)| *place_of_one == place);
            if one["shows"] != true && !(may_be_empty && one["values"] == 0) {
                fault(format!(
                    "{title} shows nothing of {} numbers, but {}",
                    one["values"], one["text"]
                ));
            }
        }
        let png = std::fs::read(text(&report["image"])).expect("a picture");
        let size = draw::size_of(&png);
        if size.is_none()
            || size != report["width"].as_u64().zip(report["height"].as_u64())
            || png.len() < LEAST_BYTES
        {
            fault(format!("the picture is of {} bytes and {size:?}", png.len()));
        }
    }
    assert_none(&faults);
    eprintln!("{count} panels of {} dashboards drawn", dashboards.len());
}

/// Returns the faults of a drawn panel: an error in it, or a place that differs from the grid's.
fn faults_of_drawn(panel: &Value, drawn: &Value, column: f64) -> Vec<String> {
    let mut faults = Vec::new();
    if !drawn["error"].is_null() {
        faults.push(format!("error {}", drawn["error"]));
    }
    if drawn["isTitled"] != true {
        faults.push("its title is not to be read".into());
    }
    let grid = |side: &str| panel["gridPos"][side].as_f64().expect("a number");
    let places = [
        ("x", grid("x") * column + GAP / 2.0),
        ("y", grid("y") * ROW),
        ("width", grid("w") * column - GAP),
        ("height", grid("h") * ROW - GAP),
    ];
    for (side, wanted) in places {
        let found = drawn[side].as_f64();
        if found.is_none_or(|found| (found - wanted).abs() >= 1.0) {
            faults.push(format!("{side} is {found:?} instead of {wanted}"));
        }
    }
    faults
}

/// Returns the numbers of one series: floats, and the counts of histograms.
fn numbers(series: &Value) -> Vec<f64> {
    let number = |pair: &Value| text(&pair[1]).parse::<f64>().expect("a number");
    let histogram = |pair: &Value| text(&pair[1]["count"]).parse::<f64>().expect("a count");
    let single = |name: &str| Some(&series[name]).filter(|value| value.is_array());
    let mut numbers: Vec<f64> = list(&series["values"]).iter().map(number).collect();
    numbers.extend(single("value").map(number));
    numbers.extend(list(&series["histograms"]).iter().map(histogram));
    numbers.extend(single("histogram").map(histogram));
    numbers
}
