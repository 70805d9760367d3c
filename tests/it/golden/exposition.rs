//! `/metrics` in a form that can be compared.

use prost::Message;

/// Metrics that depend on the clock, the process or the machine, and why. All others are compared.
pub(super) const LEFT_OUT: [(&str, &str); 10] = [
    ("process_", "CPU time, memory, files and threads of the process"),
    ("nabiz_checkpoint_timestamp_seconds", "wall time of the last checkpoint"),
    ("nabiz_config_last_reload_success_timestamp_seconds", "wall time of the start"),
    ("nabiz_checkpoint_duration_seconds", "how long the machine took"),
    ("nabiz_checkpoint_pause_seconds", "how long the machine took"),
    ("nabiz_collect_duration_seconds", "how long the machine took"),
    (
        "nabiz_intervals_unsaved",
        "what has changed since the last checkpoint, which comes by the wall clock",
    ),
    ("nabiz_ledger_size_bytes", "pages of SQLite in use, by when checkpoints came"),
    ("nabiz_ledger_file_size_bytes", "pages of SQLite, by when checkpoints came"),
    ("nabiz_ledger_wal_size_bytes", "write-ahead log of SQLite, by when checkpoints came"),
];

fn is_left_out(name: &str) -> bool {
    LEFT_OUT.iter().any(|(start, _)| name.starts_with(start))
}

/// Returns the lines of the text format without HELP and without what is left out.
pub(super) fn without_help(text: &str) -> String {
    let name_of = |line: &str| -> String {
        let line = line.strip_prefix("# TYPE ").unwrap_or(line);
        line.split(['{', ' ']).next().unwrap_or_default().to_owned()
    };
    let kept =
        text.lines().filter(|line| !line.starts_with("# HELP ") && !is_left_out(&name_of(line)));
    kept.map(|line| format!("{line}\n")).collect()
}

/// A `MetricFamily` of `io.prometheus.client`, with every field that the program writes.
#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Number {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(message, repeated, tag = "3")]
    buckets: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    deltas: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    upper: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// Returns the delimited protobuf format as text, without HELP and without [`LEFT_OUT`].
///
/// # Panics
/// Where the bytes hold a field that is not read here: the bytes must be the same after they are
/// decoded and encoded.
pub(super) fn protobuf_as_text(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let before = rest;
        let family = Family::decode_length_delimited(&mut rest).expect("a family");
        let read = &before[..before.len() - rest.len()];
        if is_left_out(&family.name) {
            continue;
        }
        assert!(
            family.encode_length_delimited_to_vec() == read,
            "{} has a field that is not read",
            family.name
        );
        out.push_str(&format!("{} type {}\n", family.name, family.kind));
        for metric in &family.metrics {
            out.push_str(&metric_as_text(metric));
        }
    }
    out
}

fn metric_as_text(metric: &Metric) -> String {
    let labels: Vec<String> =
        metric.labels.iter().map(|label| format!("{}={:?}", label.name, label.value)).collect();
    let mut line = format!("  {{{}}}", labels.join(","));
    for (kind, number) in
        [("gauge", metric.gauge), ("counter", metric.counter), ("untyped", metric.untyped)]
    {
        if let Some(Number { value }) = number {
            line.push_str(&format!(" {kind} {value:?}"));
        }
    }
    if let Some(histogram) = &metric.histogram {
        let Histogram { count, sum, buckets, schema, zero_threshold, zero_count, spans, deltas } =
            histogram;
        let buckets: Vec<String> =
            buckets.iter().map(|bucket| format!("{:?}:{}", bucket.upper, bucket.count)).collect();
        let spans: Vec<String> =
            spans.iter().map(|span| format!("{}+{}", span.offset, span.length)).collect();
        let deltas: Vec<String> = deltas.iter().map(ToString::to_string).collect();
        line.push_str(&format!(
            " histogram count {count} sum {sum:?} buckets [{}] schema {schema} zero {zero_count} within {zero_threshold:?} \
             spans [{}] deltas [{}]",
            buckets.join(" "),
            spans.join(" "),
            deltas.join(" ")
        ));
    }
    line + "\n"
}

#[test]
fn without_help_keeps_types_and_samples() {
    let text = "# HELP nabiz_open A.\n# TYPE nabiz_open gauge\nnabiz_open{queue=\"a\"} 1\n# TYPE process_x gauge\nprocess_x 2\n";
    assert_eq!(without_help(text), "# TYPE nabiz_open gauge\nnabiz_open{queue=\"a\"} 1\n");
}
