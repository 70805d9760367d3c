//! The truth by interval against the truth of the whole run.

use std::collections::BTreeMap;

use nabiz_simulator::{DAY_MS, HistoryTruth, Options, Scenario, Simulation, Truth};

const INTERVAL_MS: u64 = 900_000;

fn run(scenario: Scenario, duration_ms: u64) -> (Truth, HistoryTruth) {
    let options = Options {
        duration_ms: Some(duration_ms),
        seed: 9,
        history_interval_ms: Some(INTERVAL_MS),
        ..Options::default()
    };
    let mut simulation = Simulation::new(scenario, options);
    assert!(simulation.by_ref().count() > 1_000);
    let truth = simulation.truth();
    let history = simulation.take_history_truth().expect("it is asked for");
    assert!(simulation.take_history_truth().is_none(), "it is taken");
    (truth, history)
}

/// Sums over all intervals, by the labels of their rows and the name.
type Sums = BTreeMap<(Vec<&'static str>, &'static str), f64>;

/// The sums of every kind of rows.
fn totals(history: &HistoryTruth) -> BTreeMap<&'static str, Sums> {
    let mut totals: BTreeMap<&'static str, Sums> = BTreeMap::new();
    for row in history.rows() {
        assert_eq!(row.start_ms() % INTERVAL_MS as i64, 0);
        let sums = totals.entry(row.of()).or_default();
        for (name, value) in row.sums() {
            let labels = row.labels().map(|(_, value)| value).collect();
            *sums.entry((labels, name)).or_default() += value.as_f64();
        }
    }
    totals
}

/// Asserts that the sums of `name` are the samples of `metric` that have the labels `fixed`. The
/// labels `labels` of a sample are those of the row.
fn assert_equal(
    (truth, sums): (&Truth, &Sums),
    name: &str,
    (metric, labels, fixed): (&str, &[&str], &[(&str, &str)]),
) {
    let found: BTreeMap<Vec<&str>, f64> = sums
        .iter()
        .filter(|((_, known), _)| *known == name)
        .map(|((labels, _), sum)| (labels.clone(), *sum))
        .collect();
    let mut expected: BTreeMap<Vec<&str>, f64> = BTreeMap::new();
    for sample in truth.metrics.get(metric).into_iter().flatten() {
        let value = |name: &str| sample.labels.get(name).map_or("", String::as_str);
        if fixed.iter().all(|(name, expected)| value(name) == *expected) {
            let labels = labels.iter().map(|name| value(name)).collect();
            *expected.entry(labels).or_default() += sample.value.as_f64();
        }
    }
    // Some reasons to leave are rare.
    assert!(!expected.is_empty() || name.starts_with("left_"), "{metric} has no sample");
    assert_eq!(found.len(), expected.len(), "{name}: {found:?}, {metric}: {expected:?}");
    for (labels, sum) in &expected {
        let of_rows = found.get(labels).copied().unwrap_or(0.0);
        assert!((of_rows - sum).abs() < 1e-3, "{name} {labels:?}: {of_rows}, {metric}: {sum}");
    }
}

/// The sum of a number over all rows of a kind.
fn sum_of(sums: &Sums, name: &str) -> f64 {
    sums.iter().filter(|((_, known), _)| *known == name).map(|(_, sum)| sum).sum()
}

#[test]
fn intervals_add_up_to_the_truth_of_the_run_when_all_are_summed() {
    for (scenario, duration_ms) in
        [(Scenario::OrdinaryDay, 2 * DAY_MS), (Scenario::PipeBurst, DAY_MS / 24 * 10 + 1_234_567)]
    {
        let (truth, history) = run(scenario, duration_ms);
        let totals = totals(&history);
        let of = |of: &str| (&truth, &totals[of]);
        let queue = &["queue", "channel"][..];
        for (name, metric, fixed) in [
            ("offered", "nabiz_visits_offered_total", &[][..]),
            ("answered", "nabiz_visits_answered_total", &[]),
            ("arrived_answered", "nabiz_visits_answered_total", &[]),
            ("answered_in_target", "nabiz_visits_answered_in_target_total", &[]),
            ("arrived_answered_in_target", "nabiz_visits_answered_in_target_total", &[]),
            ("abandoned", "nabiz_visits_abandoned_total", &[]),
            ("arrived_abandoned", "nabiz_visits_abandoned_total", &[]),
            ("abandoned_in_target", "nabiz_visits_abandoned_in_target_total", &[]),
            ("abandoned_short", "nabiz_visits_abandoned_short_total", &[]),
            ("arrived_abandoned_short", "nabiz_visits_abandoned_short_total", &[]),
            ("left", "nabiz_visits_left_total", &[]),
            ("arrived_left", "nabiz_visits_left_total", &[]),
            ("left_closed", "nabiz_visits_left_total", &[("reason", "closed")]),
            ("left_callback", "nabiz_visits_left_total", &[("reason", "callback")]),
            ("left_exit_key", "nabiz_visits_left_total", &[("reason", "exit_key")]),
            ("left_withdrawn", "nabiz_visits_left_total", &[("reason", "withdrawn")]),
            ("service_level_met", "nabiz_service_level_met_total", &[]),
            ("service_level_missed", "nabiz_service_level_missed_total", &[]),
            ("wait_sum_seconds", "nabiz_wait_seconds_sum", &[("outcome", "answered")]),
            ("abandon_wait_sum_seconds", "nabiz_wait_seconds_sum", &[("outcome", "abandoned")]),
            ("handled", "nabiz_handle_seconds_count", &[]),
            ("handle_sum_seconds", "nabiz_handle_seconds_sum", &[]),
            ("first_responses", "nabiz_first_response_seconds_count", &[]),
            ("first_response_sum_seconds", "nabiz_first_response_seconds_sum", &[]),
            ("resolutions", "nabiz_resolution_seconds_count", &[]),
            ("resolution_sum_seconds", "nabiz_resolution_seconds_sum", &[]),
            ("not_answered", "nabiz_not_answered_total", &[]),
            ("transfers", "nabiz_transfers_total", &[]),
            ("reopened", "nabiz_reopened_total", &[]),
            ("surveys", "nabiz_survey_responses_total", &[]),
        ] {
            assert_equal(of("visits"), name, (metric, queue, fixed));
        }
        let score = &["queue", "channel", "score"];
        assert_equal(of("scores"), "count", ("nabiz_survey_responses_total", score, &[]));
        for outcome in ["contained", "to_queue", "abandoned", "failed"] {
            let name = format!("self_service_{outcome}");
            let summed = sum_of(&totals["arrivals"], &name);
            let counted = truth.sum("nabiz_self_service_total", &[("outcome", outcome)]);
            assert_eq!(summed, counted, "{outcome}");
        }
        let contacts = sum_of(&totals["arrivals"], "contacts");
        assert_eq!(contacts, truth.sum("nabiz_contacts_started_total", &[]));
        let unit = &["unit"][..];
        assert_equal(of("units"), "opened", ("nabiz_followups_opened_total", unit, &[]));
        assert_equal(of("units"), "informed", ("nabiz_followups_informed_total", unit, &[]));
        let sum = ("nabiz_followup_seconds_sum", unit, &[][..]);
        assert_equal(of("units"), "informed_sum_seconds", sum);
        for state in ["available", "busy", "wrap_up", "paused", "offline"] {
            let name = format!("agent_{state}_seconds");
            let metric = "nabiz_agent_seconds_total";
            let fixed = [("state", state)];
            assert_equal(of("queue_agents"), &name, (metric, &["queue"], &fixed));
        }
        let paused = sum_of(&totals["pauses"], "paused_seconds");
        let of_heads = sum_of(&totals["agents"], "agent_paused_seconds");
        assert!((paused - of_heads).abs() < 1e-3 && paused > 0.0, "{paused}, {of_heads}");
    }
}

#[test]
fn history_is_absent_when_it_is_not_asked_for() {
    let options = Options { duration_ms: Some(600_000), ..Options::default() };
    let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);
    assert!(simulation.by_ref().count() > 0);
    assert!(simulation.take_history_truth().is_none());
}
