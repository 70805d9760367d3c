use clap::{CommandFactory, Parser};
use nabiz_core::time::WallTime;

use super::*;

/// One event of `source` test, at a second of 5 January 2026, 09:00 UTC.
fn event(id: u32, second: u32, kind: &str, data: &str) -> String {
    let time = format!("2026-01-05T09:{:02}:{:02}Z", second / 60, second % 60);
    let head = format!(r#""specversion":"1.0","id":"{id}","source":"test","type":"{kind}""#);
    format!(r#"{{{head},"time":"{time}","data":{{"contact_id":{data}}}}}"#) + "\n"
}

fn queued(id: u32, second: u32, contact: &str) -> String {
    event(
        id,
        second,
        "contact.queued",
        &format!(r#""{contact}","queue":"fault","channel":"phone""#),
    )
}

fn answered(id: u32, second: u32, contact: &str) -> String {
    event(id, second, "contact.answered", &format!(r#""{contact}","queue":"fault""#))
}

struct Outcome {
    result: Result<Snapshot, Failure>,
    reported: Vec<String>,
}

fn fold_with(settings: Settings, lines: &str, format: Format, at: Option<&str>) -> Outcome {
    fold_by_clock(settings, lines, format, at, None)
}

fn fold_by_clock(
    settings: Settings,
    lines: &str,
    format: Format,
    at: Option<&str>,
    clock: Option<WallClock>,
) -> Outcome {
    let mut reported = Vec::new();
    let at = at.map(|at| at.parse().unwrap());
    let result = replay(
        lines.as_bytes(),
        &RecordFormat::Native(format),
        at,
        &Arc::new(settings),
        clock,
        None,
        |line| reported.push(line.to_string()),
    );
    Outcome { result, reported }
}

fn fold(lines: &str, at: Option<&str>) -> Outcome {
    fold_with(load_config(None).unwrap().settings(), lines, Format::CloudEvents, at)
}

impl Outcome {
    #[track_caller]
    fn metrics(self) -> String {
        let settings = Arc::new(load_config(None).unwrap().settings());
        exposition::contact_text(&settings, &self.result.unwrap())
    }

    /// Returns the reported lines without the sentences of rejections.
    fn reported(&self) -> Vec<String> {
        let without_detail = |line: &String| match line.splitn(3, ": ").collect::<Vec<_>>()[..] {
            [line, reason, _] => format!("{line}: {reason}"),
            _ => line.clone(),
        };
        self.reported.iter().map(without_detail).collect()
    }
}

#[test]
fn visit_is_counted() {
    let outcome = fold(&(queued(1, 0, "a") + &answered(2, 8, "a")), None);
    assert_eq!(outcome.reported(), ["read 2 lines: applied 2, duplicate 0, late 0, rejected 0"]);
    let metrics = outcome.metrics();
    for line in [
        r#"nabiz_visits_offered_total{queue="fault",channel="phone"} 1"#,
        r#"nabiz_visits_answered_in_target_total{queue="fault",channel="phone"} 1"#,
        r#"nabiz_wait_seconds_sum{queue="fault",channel="phone",outcome="answered"} 8"#,
        r#"nabiz_window_service_level_ratio{queue="fault",channel="phone",window="1m"} 1"#,
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn rejection_names_its_line_and_blank_lines_are_skipped() {
    let lines = format!("nonsense\n\n \t\r\n[]\n{}{}", queued(1, 0, "a"), queued(1, 0, "a"));
    let outcome = fold(&lines, None);
    let summary = "read 4 lines: applied 1, duplicate 1, late 0, rejected 2";
    assert_eq!(outcome.reported(), ["line 1: not_json", "line 4: not_object", summary]);
    assert!(outcome.reported[0].len() > "line 1: not_json: ".len(), "no detail");
}

#[test]
fn blank_line_is_a_record_when_the_file_is_a_queue_log() {
    let outcome =
        fold_with(load_config(None).unwrap().settings(), "\n", Format::AsteriskQueueLog, None);
    assert_eq!(
        outcome.reported(),
        ["line 1: bad_line", "read 1 lines: applied 0, duplicate 0, late 0, rejected 1"]
    );
}

#[test]
fn line_is_rejected_when_it_is_over_the_limit() {
    let mut settings = load_config(None).unwrap().settings();
    let line = queued(1, 0, "a");
    settings.limits.record_bytes = line.trim_end().len();
    let longer = queued(2, 0, "longer");
    let outcome = fold_with(settings, &format!("{longer}{line}"), Format::CloudEvents, None);
    let summary = "read 2 lines: applied 1, duplicate 0, late 0, rejected 1";
    assert_eq!(outcome.reported(), ["line 1: too_large", summary]);
}

#[test]
fn held_ending_is_an_orphan_in_time_or_at_the_end() {
    let lines = answered(1, 0, "a") + &queued(2, 60, "b") + "nonsense\n" + &answered(3, 61, "c");
    let outcome = fold(&lines, None);
    let summary = "read 4 lines: applied 1, duplicate 0, late 0, rejected 3 (orphans 2)";
    assert_eq!(
        outcome.reported(),
        ["line 1: orphan", "line 3: not_json", "line 4: orphan", summary]
    );
}

#[test]
fn timeouts_until_at_are_counted() {
    let missed = r#"nabiz_service_level_missed_total{queue="fault",channel="phone"} 1"#;
    assert!(!fold(&queued(1, 0, "a"), None).metrics().contains(missed));
    let at = fold(&queued(1, 0, "a"), Some("2026-01-05T12:00:40+03:00")).metrics();
    assert!(at.contains(missed), "{at}");
    assert!(at.contains(r#"nabiz_longest_wait_seconds{queue="fault",channel="phone"} 40"#), "{at}");
}

#[test]
fn at_is_wrong_usage_when_it_is_before_the_largest_event_time() {
    let lines = queued(1, 30, "a") + &queued(2, 10, "b");
    assert!(fold(&lines, Some("2026-01-05T09:00:30Z")).result.is_ok());
    let outcome = fold(&lines, Some("2026-01-05T09:00:29Z"));
    let Err(Failure::Usage(error)) = outcome.result else { panic!("expected a usage failure") };
    let text = error.to_string();
    assert!(
        text.contains("2026-01-05T09:00:29Z") && text.contains("2026-01-05T09:00:30Z"),
        "{text}"
    );
}

#[test]
fn line_is_rejected_when_it_is_ahead_of_the_clock() {
    let at = |time: &str| WallTime(time.parse::<Timestamp>().unwrap().as_millisecond());
    let clock = at("2026-01-05T09:00:30Z");
    let far = queued(2, 0, "b").replace("2026-01-05", "2530-01-05");
    let lines = queued(1, 0, "a") + &far + &queued(3, 90, "c") + &queued(4, 91, "d");
    let settings = || load_config(None).unwrap().settings();
    let format = Format::CloudEvents;
    let outcome = fold_by_clock(settings(), &lines, format, None, Some(Arc::new(move || clock)));
    let summary = "read 4 lines: applied 2, duplicate 0, late 0, rejected 2";
    assert_eq!(outcome.reported(), ["line 2: future_time", "line 4: future_time", summary]);
    let simulated = fold_by_clock(settings(), &lines, format, None, None);
    assert_eq!(
        simulated.reported(),
        ["read 4 lines: applied 2, duplicate 0, late 2, rejected 0"],
        "one line makes the others late"
    );
}

#[test]
fn replay_succeeds_when_the_input_is_empty() {
    let outcome = fold("", Some("2026-01-05T09:00:00Z"));
    assert_eq!(outcome.reported(), ["read 0 lines: applied 0, duplicate 0, late 0, rejected 0"]);
    assert!(outcome.metrics().contains(r#"nabiz_contacts_started_total{channel="phone"} 0"#));
}

#[test]
fn help_and_error_list_every_format() {
    #[derive(Debug, clap::Parser)]
    struct Only {
        #[command(flatten)]
        _args: Args,
    }
    let help = Only::command().render_help().to_string();
    let error = Only::try_parse_from(["replay", "-", "--format", "xml"]).unwrap_err().to_string();
    for format in Format::ALL {
        assert!(help.contains(format.as_str()) && error.contains(format.as_str()), "{help}{error}");
    }
}
