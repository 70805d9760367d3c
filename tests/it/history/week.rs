//! A simulated week through shards and the ledger, compared with the simulation's ground truth.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz::ledger::history::{self, Step};
use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Calls, RecordMeta, Shard};
use nabiz_core::time::Millis;
use nabiz_simulator::{DAY_MS, DEFAULT_START_MS, Options, Scenario, Simulation};
use serde_json::Value;

use super::fixture::{Fixture, INTERVAL_MS, exact, parse_csv, query};
use crate::harness::serial;

const PARTITIONS: usize = 2;

/// The columns of the history that the ground truth counts too.
const COUNTS: [(&str, &str); 15] = [
    ("offered", "nabiz_visits_offered_total"),
    ("answered", "nabiz_visits_answered_total"),
    ("answered_in_target", "nabiz_visits_answered_in_target_total"),
    ("abandoned", "nabiz_visits_abandoned_total"),
    ("abandoned_in_target", "nabiz_visits_abandoned_in_target_total"),
    ("abandoned_short", "nabiz_visits_abandoned_short_total"),
    ("left", "nabiz_visits_left_total"),
    ("lost", "nabiz_visits_lost_total"),
    ("service_level_met", "nabiz_service_level_met_total"),
    ("service_level_missed", "nabiz_service_level_missed_total"),
    ("handled", "nabiz_handle_seconds_count"),
    ("not_answered", "nabiz_not_answered_total"),
    ("transfers", "nabiz_transfers_total"),
    ("reopened", "nabiz_reopened_total"),
    ("surveys", "nabiz_survey_responses_total"),
];

#[test]
fn history_of_a_simulated_week_equals_the_truth_with_p90_within_one_percent() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("[windows]\nidle_advance = false");
    let mut settings = Settings::clone(&fixture.settings);
    settings.history_interval = Some(Millis(INTERVAL_MS as u64));
    let settings = Arc::new(settings);
    let mut shards: Vec<Shard> =
        (0..PARTITIONS).map(|_| Shard::new(settings.clone(), [7; 16])).collect();
    // Agents have their own key, so their partition is not that of their calls.
    shards.iter_mut().for_each(|shard| shard.set_calls(Calls::Apart));
    let leases: Vec<_> =
        (0..PARTITIONS).map(|partition| fixture.acquire(partition as i32)).collect();

    let options =
        Options { duration_ms: Some(7 * DAY_MS), rate_scale: 0.3, seed: 5, ..Options::default() };
    let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);
    let mut queued: BTreeMap<String, i64> = BTreeMap::new();
    let mut waits: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let fold = |shard: &mut Shard, position: usize, json: &str| {
        let message = Message { value: Some(json.as_bytes()), headers: &[] };
        shard.fold(
            Format::CloudEvents,
            &message,
            RecordMeta { offset: Offset(position as i64), timestamp: None },
        );
    };
    let mut position = 0;
    for event in simulation.by_ref() {
        let partition = event.key.bytes().map(usize::from).sum::<usize>() % PARTITIONS;
        fold(&mut shards[partition], position, &event.json);
        position += 1;
        if event.json.contains("contact.queued") {
            queued.insert(event.key.clone(), event.time_ms);
        } else if event.json.contains("contact.answered") {
            let json: Value = serde_json::from_str(&event.json).expect("JSON");
            let queue = json["data"]["queue"].as_str().expect("a queue").to_string();
            waits.entry(queue).or_default().push((event.time_ms - queued[&event.key]) as u64);
        }
        if position % 1_500 == 0 {
            fixture.store(leases[partition], shards[partition].checkpoint());
        }
    }
    let closing = simulation.closing_event();
    for (shard, lease) in shards.iter_mut().zip(&leases) {
        fold(shard, position, &closing.json);
        fixture.store(*lease, shard.checkpoint());
        position += 1;
    }
    let truth = simulation.truth();

    let week = |step| query(DEFAULT_START_MS, DEFAULT_START_MS + 7 * DAY_MS as i64, step);
    let mut csv = Vec::new();
    let zone = fixture.settings.windows.business_day.zone();
    history::write_rows(
        fixture.history(week(Step::HalfHour)),
        history::HistoryFormat::Csv,
        &history::Layout::default(),
        zone,
        &mut csv,
    )
    .expect("written");
    let records = parse_csv(std::str::from_utf8(&csv).expect("UTF-8"));
    let (header, rows) = records.split_first().expect("a header");
    let place = |column: &str| header.iter().position(|name| name == column).expect("a column");
    for (column, metric) in COUNTS {
        let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
        for row in rows {
            let key = (row[place("queue")].clone(), row[place("channel")].clone());
            *sums.entry(key).or_default() += row[place(column)].parse::<f64>().expect("a number");
        }
        let total: f64 = sums.values().sum();
        assert_eq!(total, truth.sum(metric, &[]), "{column}");
        assert!(
            total > 0.0 || column == "lost" || column == "reopened",
            "no event counts in {column}"
        );
        for ((queue, channel), sum) in sums {
            let expected = truth.sum(metric, &[("queue", &queue), ("channel", &channel)]);
            assert_eq!(sum, expected, "{column} of {queue} on {channel}");
        }
    }
    let agents: f64 = ["available", "busy", "wrap_up", "paused", "offline"]
        .iter()
        .flat_map(|state| rows.iter().map(move |row| (state, row)))
        .filter_map(|(state, row)| {
            row[place(&format!("agent_{state}_seconds"))].parse::<f64>().ok()
        })
        .sum();
    let expected = truth.sum("nabiz_agent_seconds_total", &[]);
    assert!(
        (agents - expected).abs() < 1e-3 && agents > 0.0,
        "{agents} agent seconds, {expected} in the truth"
    );

    let mut compared = 0;
    for row in fixture.rows(week(Step::All)).iter().filter(|row| row.counts.visits.answered > 0) {
        // A queue of the simulation has one channel.
        let waits = &waits[&*row.queue];
        assert_eq!(waits.len() as u64, row.counts.visits.answered, "{}", row.queue);
        let exact_ms = exact(waits, 0.9).expect("values");
        let [_, Millis(merged_ms), ..] = row.wait_quantiles.expect("quantiles");
        assert!(
            merged_ms.abs_diff(exact_ms) as f64 <= exact_ms as f64 * 0.01,
            "{merged_ms} is not {exact_ms}"
        );
        compared += 1;
    }
    assert!(compared >= 5, "{compared} queues compared");
}
