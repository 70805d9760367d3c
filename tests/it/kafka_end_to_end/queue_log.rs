//! A queue_log as one Asterisk host writes it, with every verb, and the numbers that follow from
//! it.
//!
//! The numbers in [`expected`] are counted by hand from the calls in [`lines`]; they are not
//! computed.

use nabiz_dev::client::Outgoing;

/// Whole seconds since the Unix epoch: 2026-01-05T10:00:00+03:00.
const START: i64 = 1_767_596_400;

/// Rejected lines: two that are not lines of a queue_log, and one with an unknown verb.
pub const REJECTED: usize = 3;

/// The queues of [`lines`]; `600` has its name from the configuration.
pub const QUEUES: [&str; 4] = ["support", "700", "701", "702"];

/// Returns the lines in the order of their time.
pub fn lines() -> Vec<(i64, String)> {
    let mut log = Log::default();
    log.add(0, "NONE|NONE|NONE|QUEUESTART|");
    log.add(1, "MANAGER|600|SIP/10|ADDMEMBER|");
    log.add(1, "MANAGER|600|SIP/11|ADDMEMBER|PAUSED");
    log.add(2, "NONE|600|SIP/11|UNPAUSE|back");
    log.add(3, "REALTIME|600|SIP/12|PENALTY|5");
    log.add(3, "REALTIME|600|SIP/12|RINGINUSE|0");
    log.add(4, "NONE|NONE|SIP/12|AGENTLOGIN|SIP/12-0001");
    log.add(5, "NONE|NONE|SIP/13|AGENTCALLBACKLOGIN|13@agents");

    // Twenty calls answered after 10 s to 29 s; ten first ring without an answer. Talk is 60 s.
    for n in 0..20 {
        let (at, wait) = (60 + 60 * n, 10 + n);
        let call = log.call(at, "600");
        if n % 2 == 0 {
            log.of(at + 5, &call, "600|SIP/10|RINGNOANSWER|5000");
        }
        log.of(at + wait, &call, &format!("600|SIP/11|CONNECT|{wait}|{call}9|2"));
        let verb = if n % 3 == 0 { "COMPLETEAGENT" } else { "COMPLETECALLER" };
        log.of(at + wait + 60, &call, &format!("600|SIP/11|{verb}|{wait}|60|1"));
    }
    // Ten callers leave after 3 s, 6 s, ... 30 s.
    for n in 1..=10 {
        let (at, wait) = (90 + 60 * n, 3 * n);
        let call = log.call(at, "600");
        log.of(at + wait, &call, &format!("600|NONE|ABANDON|1|1|{wait}"));
    }
    // Four time out after 40 s; three leave after 15 s, because no agent serves the queue; two
    // press a key after 10 s; two are withdrawn after 12 s.
    for (count, wait, verb) in [
        (4, 40, "EXITWITHTIMEOUT|1|1|40"),
        (3, 15, "EXITEMPTY|1|1|15"),
        (2, 10, "EXITWITHKEY|5|1|1|10"),
    ] {
        for n in 0..count {
            let at = 1500 + 100 * n + wait;
            let call = log.call(at, "600");
            log.of(at + wait, &call, &format!("600|NONE|{verb}"));
        }
    }
    for n in 0..2 {
        let at = 1600 + n;
        let call = log.call(at, "600");
        log.of(at + 12, &call, "600|NONE|WITHDRAW|1|1|12|moved by a supervisor");
    }
    // Six calls answered after 8 s and handed over after 30 s: three blind, two attended, one in
    // the old form.
    for (n, verb) in [
        "BLINDTRANSFER|77|internal|8|30|1",
        "BLINDTRANSFER|78|internal|8|30|1",
        "BLINDTRANSFER|79|internal|8|30|1",
        "ATTENDEDTRANSFER|BRIDGE|4f|8|30|1",
        "ATTENDEDTRANSFER|APP|Queue|8|30|1",
        "TRANSFER|80|internal|8|30|1",
    ]
    .into_iter()
    .enumerate()
    {
        let at = 2000 + 50 * n as i64;
        let call = log.call(at, "600");
        log.of(at + 8, &call, &format!("600|SIP/11|CONNECT|8|{call}9|2"));
        log.of(at + 38, &call, &format!("600|SIP/11|{verb}"));
    }
    // The rare lines: the agent hangs up during the announcement, which ends the offer and not the
    // visit, and the channels do not fit.
    let rare: [&[&str]; 2] = [&["AGENTDUMP|", "WITHDRAW|1|1|9|moved"], &["SYSCOMPAT|"]];
    for (n, verbs) in rare.into_iter().enumerate() {
        let at = 2400 + 20 * n as i64;
        let call = log.call(at, "700");
        log.of(at + 3, &call, "700|SIP/10|RINGCANCELED|3000");
        for verb in verbs {
            log.of(at + 9, &call, &format!("700|SIP/10|{verb}"));
        }
    }
    log.add(2450, &format!("{START}.900|700|NONE|OUTCALL|ANSWERED|12|x"));

    // Another queue rejects three calls at entry, and a dial plan writes the dialled number and
    // another line.
    for (n, verb) in ["FULL|", "CLOSED|", "JOINEMPTY|", "DID|444"].into_iter().enumerate() {
        log.add(2460 + n as i64, &format!("{START}.91{n}|702|NONE|{verb}"));
    }
    log.add(2470, &format!("{START}.920|702|NONE|WEATHER|rain"));

    log.add(2500, "NONE|NONE|NONE|CONFIGRELOAD|");
    log.add(2510, "NONE|600|SIP/10|PAUSE|lunch");
    log.add(2520, "NONE|NONE|SIP/10|PAUSEALL|lunch");
    log.add(2530, "NONE|NONE|SIP/10|UNPAUSEALL|");
    log.add(2540, "NONE|NONE|SIP/12|AGENTLOGOFF|SIP/12-0001|2536");
    log.add(2541, "NONE|NONE|SIP/13|AGENTCALLBACKLOGOFF|13@agents|2536|");
    log.add(2550, "MANAGER|600|SIP/11|REMOVEMEMBER|");
    // One caller waits when Asterisk restarts.
    log.call(2600, "701");
    log.add(2610, "NONE|NONE|NONE|QUEUESTART|");

    log.lines.sort_by_key(|(at, _)| *at);
    // Written twice by a careless shipper: the last call that was answered.
    let twice = log
        .lines
        .iter()
        .rfind(|(_, line)| line.contains("|CONNECT|"))
        .cloned()
        .expect("a call was answered");
    log.lines.push((2620, twice.1));
    log.lines.push((2621, "this is no line of a queue_log".to_owned()));
    log.lines.push((2622, format!("yesterday|{START}.901|600|NONE|ENTERQUEUE||x|1")));
    log.add(3600, "NONE|NONE|NONE|CONFIGRELOAD|");
    log.lines
}

/// Returns the lines as records of partition 0.
pub fn records() -> Vec<Outgoing> {
    lines()
        .into_iter()
        .map(|(at, line)| Outgoing {
            key: String::new(),
            value: line.into_bytes(),
            timestamp_ms: (START + at) * 1000,
            partition: Some(0),
        })
        .collect()
}

/// A sample and its labels.
pub type Expected = (&'static str, &'static [(&'static str, &'static str)], f64);

/// Returns the numbers of [`lines`] with the default targets (20 s, short 5 s); the queue `600` has
/// the name `support`.
pub fn expected() -> Vec<Expected> {
    const SUPPORT: &[(&str, &str)] = &[("queue", "support"), ("channel", "phone")];
    const ANSWERED: &[(&str, &str)] =
        &[("queue", "support"), ("channel", "phone"), ("outcome", "answered")];
    const ABANDONED: &[(&str, &str)] =
        &[("queue", "support"), ("channel", "phone"), ("outcome", "abandoned")];
    vec![
        // 20 answered + 10 abandoned + 4 + 3 + 2 + 2 left + 6 handed over
        ("nabiz_visits_offered_total", SUPPORT, 47.0),
        ("nabiz_visits_answered_total", SUPPORT, 26.0),
        // 10 s to 20 s are 11 calls, and the six of 8 s
        ("nabiz_visits_answered_in_target_total", SUPPORT, 17.0),
        ("nabiz_visits_abandoned_total", SUPPORT, 10.0),
        // 3, 6, 9, 12, 15, 18
        ("nabiz_visits_abandoned_in_target_total", SUPPORT, 6.0),
        ("nabiz_visits_abandoned_short_total", SUPPORT, 1.0),
        (
            "nabiz_visits_left_total",
            &[("queue", "support"), ("channel", "phone"), ("reason", "timeout")],
            4.0,
        ),
        (
            "nabiz_visits_left_total",
            &[("queue", "support"), ("channel", "phone"), ("reason", "empty")],
            3.0,
        ),
        (
            "nabiz_visits_left_total",
            &[("queue", "support"), ("channel", "phone"), ("reason", "exit_key")],
            2.0,
        ),
        (
            "nabiz_visits_left_total",
            &[("queue", "support"), ("channel", "phone"), ("reason", "withdrawn")],
            2.0,
        ),
        ("nabiz_visits_lost_total", SUPPORT, 0.0),
        ("nabiz_service_level_met_total", SUPPORT, 17.0),
        // 9 answered late, 4 abandoned late (21, 24, 27, 30), 4 timed out
        ("nabiz_service_level_missed_total", SUPPORT, 17.0),
        // 10 + 11 + ... + 29 = 390, and 6 * 8 = 48
        ("nabiz_wait_seconds_count", ANSWERED, 26.0),
        ("nabiz_wait_seconds_sum", ANSWERED, 438.0),
        // 3 + 6 + ... + 30
        ("nabiz_wait_seconds_count", ABANDONED, 10.0),
        ("nabiz_wait_seconds_sum", ABANDONED, 165.0),
        ("nabiz_not_answered_total", SUPPORT, 10.0),
        ("nabiz_transfers_total", SUPPORT, 6.0),
        // 20 * 60 + 6 * 30
        ("nabiz_handle_seconds_count", SUPPORT, 26.0),
        ("nabiz_handle_seconds_sum", SUPPORT, 1380.0),
        ("nabiz_visits_offered_total", &[("queue", "700"), ("channel", "phone")], 2.0),
        (
            "nabiz_visits_left_total",
            &[("queue", "700"), ("channel", "phone"), ("reason", "withdrawn")],
            2.0,
        ),
        ("nabiz_not_answered_total", &[("queue", "700"), ("channel", "phone")], 1.0),
        ("nabiz_visits_offered_total", &[("queue", "702"), ("channel", "phone")], 3.0),
        (
            "nabiz_visits_left_total",
            &[("queue", "702"), ("channel", "phone"), ("reason", "full")],
            1.0,
        ),
        (
            "nabiz_visits_left_total",
            &[("queue", "702"), ("channel", "phone"), ("reason", "closed")],
            1.0,
        ),
        (
            "nabiz_visits_left_total",
            &[("queue", "702"), ("channel", "phone"), ("reason", "empty")],
            1.0,
        ),
        ("nabiz_visits_offered_total", &[("queue", "701"), ("channel", "phone")], 1.0),
        ("nabiz_visits_lost_total", &[("queue", "701"), ("channel", "phone")], 1.0),
        ("nabiz_records_total", &[("topic", "asterisk"), ("result", "duplicate")], 1.0),
        ("nabiz_records_total", &[("topic", "asterisk"), ("result", "late")], 0.0),
        ("nabiz_records_total", &[("topic", "asterisk"), ("result", "rejected")], REJECTED as f64),
        ("nabiz_records_rejected_total", &[("topic", "asterisk"), ("reason", "bad_line")], 2.0),
        ("nabiz_records_rejected_total", &[("topic", "asterisk"), ("reason", "unknown_type")], 1.0),
    ]
}

#[derive(Default)]
struct Log {
    lines: Vec<(i64, String)>,
    calls: u32,
}

impl Log {
    fn add(&mut self, at: i64, rest: &str) {
        self.lines.push((at, format!("{}|{rest}", START + at)));
    }

    /// Adds a caller that enters a queue, and returns the id of the call.
    fn call(&mut self, at: i64, queue: &str) -> String {
        self.calls += 1;
        let call = format!("{}.{}", START + at, self.calls);
        self.of(at, &call, &format!("{queue}|NONE|ENTERQUEUE||anonymous|1"));
        call
    }

    fn of(&mut self, at: i64, call: &str, rest: &str) {
        self.add(at, &format!("{call}|{rest}"));
    }
}
