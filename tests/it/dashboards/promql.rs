//! The content of an expression: which series it reads, and how.

use std::time::Duration;

use nabiz::exposition::catalogue::{self, Kind, Source};
use promql_parser::label::MatchOp;
use promql_parser::parser::{self, AtModifier, Expr, VectorSelector};

use super::files::{Expression, Use};

/// Replaces `$__rate_interval` where an expression is only parsed. No expression contains this
/// length itself.
pub const RATE_INTERVAL: Duration = Duration::from_secs(241);
/// Stands for `$__range`.
pub const RANGE: Duration = Duration::from_secs(86_413);

/// Metrics that a process or Prometheus itself has, beside the catalogue.
const OTHERS: [&str; 4] =
    ["up", "ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes"];
/// Start time of an alert; beside `ALERTS`.
const SINCE: &str = "ALERTS_FOR_STATE";

/// Puts values in the place of Grafana's variables.
pub fn substitute(
    text: &str,
    rate_interval: Duration,
    range: Duration,
    variables: &[(&str, &str)],
) -> String {
    let mut text = text
        .replace("$__rate_interval", &format!("{}s", rate_interval.as_secs()))
        .replace("$__range", &format!("{}s", range.as_secs()));
    for (name, value) in variables {
        text = text.replace(&format!("${name}"), value);
    }
    assert!(!text.contains('$'), "a variable without a value: {text}");
    text
}

/// One reading of a metric.
#[derive(Debug)]
pub struct Read {
    /// Name of the metric or of the recorded series.
    pub name: String,
    /// Matchers as written, such as `job=~"x"`.
    pub matchers: Vec<String>,
    /// The range and the function around it, for a range vector.
    pub range: Option<(String, Duration)>,
    /// Whether a sum or a maximum encloses it.
    pub aggregated: bool,
}

/// Returns every reading in an expression.
///
/// # Panics
/// Where it does not parse.
pub fn reads(expression: &Expression) -> Vec<Read> {
    let itself: Vec<(&str, &str)> =
        ["job", "instance", "queue", "channel", "window"].map(|name| (name, "variable")).to_vec();
    let text = substitute(&expression.text, RATE_INTERVAL, RANGE, &itself);
    let parsed = parser::parse(&text)
        .unwrap_or_else(|error| panic!("{}: {error}\n{text}", expression.place));
    let mut found = Vec::new();
    collect(&parsed, "", false, &mut found);
    found
}

fn collect(expr: &Expr, function: &str, aggregated: bool, found: &mut Vec<Read>) {
    match expr {
        Expr::Aggregate(inner) => collect(&inner.expr, "", true, found),
        Expr::Unary(inner) => collect(&inner.expr, "", aggregated, found),
        Expr::Binary(inner) => {
            collect(&inner.lhs, "", aggregated, found);
            collect(&inner.rhs, "", aggregated, found);
        }
        Expr::Paren(inner) => collect(&inner.expr, function, aggregated, found),
        Expr::Call(call) => {
            for argument in &call.args.args {
                collect(argument, call.func.name, aggregated, found);
            }
        }
        Expr::VectorSelector(selector) => found.push(read(selector, None, aggregated)),
        Expr::MatrixSelector(matrix) => {
            found.push(read(&matrix.vs, Some((function.to_owned(), matrix.range)), aggregated));
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Subquery(_) | Expr::Extension(_) => {
            panic!("no dashboard has a subquery: it reads too much")
        }
    }
}

fn read(selector: &VectorSelector, range: Option<(String, Duration)>, aggregated: bool) -> Read {
    assert!(
        selector.offset.is_none() && !matches!(selector.at, Some(AtModifier::At(_))),
        "a fixed time: {selector}"
    );
    let name =
        selector.name.clone().unwrap_or_else(|| panic!("a selector without a name: {selector}"));
    let operator = |op: &MatchOp| match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Re(_) => "=~",
        MatchOp::NotRe(_) => "!~",
    };
    let matchers = selector.matchers.matchers.iter();
    let matchers =
        matchers.map(|one| format!("{}{}{:?}", one.name, operator(&one.op), one.value)).collect();
    Read { name, matchers, range, aggregated }
}

/// Returns the faults of one reading; empty where there are none. `recorded` are the names of the
/// recording rules.
pub fn faults(read: &Read, recorded: &[String], used: Use) -> Vec<String> {
    let mut faults = Vec::new();
    let name = read.name.as_str();
    let metric = catalogue::ALL.iter().find(|metric| metric.name == name);
    let is_recorded = name.contains(':');
    let known = match metric {
        Some(_) => true,
        None if is_recorded => recorded.iter().any(|known| known == name),
        None => OTHERS.contains(&name) || name == SINCE,
    };
    if !known {
        faults.push(format!("{name} is neither in the catalogue nor recorded"));
    }

    if let Some(metric) = metric {
        let names = read.matchers.iter().filter_map(|matcher| matcher.split(['=', '!']).next());
        let unknown = names
            .filter(|name| !matches!(*name, "job" | "instance") && !metric.labels.contains(name));
        faults.extend(unknown.map(|label| format!("{name} has no label {label}")));
    }

    let has = |matcher: &str| read.matchers.iter().any(|found| found == matcher);
    if !has("job=~\"variable\"") && name != "nabiz_build_info" {
        faults.push(format!("{name} is not limited to the chosen job"));
    }
    let of_rules = is_recorded || name == "ALERTS" || name == SINCE;
    if !of_rules && name != "nabiz_build_info" && !has("instance=~\"variable\"") {
        faults.push(format!("{name} is not limited to the chosen instances"));
    }

    // Only the growth of a counter or a histogram has a meaning.
    let grows = metric.is_some_and(|metric| matches!(metric.kind, Kind::Counter | Kind::Histogram))
        || name == "process_cpu_seconds_total"
        || (name.starts_with("shard:") && name.ends_with(":max"));
    match &read.range {
        Some((function, range)) if matches!(function.as_str(), "rate" | "increase") => {
            if !grows {
                faults.push(format!("{function} of {name}, which is not a counter"));
            }
            if *range == RANGE && used != Use::Instant {
                faults.push(format!("{name} over $__range in a graph: it is for single values"));
            }
            if *range != RANGE && *range != RATE_INTERVAL {
                faults.push(format!(
                    "{function} of {name} over a fixed {range:?} instead of $__rate_interval"
                ));
            }
        }
        Some((function, _)) if grows => faults.push(format!("{function} of the counter {name}")),
        Some(_) => {}
        None if grows => faults.push(format!("the counter {name} without rate or increase")),
        None => {}
    }

    let may_have_shards =
        metric.is_some_and(|metric| matches!(metric.source, Source::Contacts | Source::Records));
    if may_have_shards && !read.aggregated && used != Use::Aside {
        faults.push(format!("{name} is not added up over partitions and instances"));
    }
    faults
}
