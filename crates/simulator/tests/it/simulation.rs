//! The simulation through its public interface: events, truth, and the volumes of the site.

use std::collections::BTreeSet;

use nabiz_simulator::{
    DAY_MS, DEFAULT_START_MS, Options, Scenario, SimulatedEvent, Simulation, Truth,
};
use serde_json::Value;

use crate::reader;

const HOUR_MS: u64 = 3_600_000;

fn run(scenario: Scenario, options: Options) -> (Vec<SimulatedEvent>, Truth) {
    let mut simulation = Simulation::new(scenario, options);
    let events = simulation.by_ref().collect();
    let truth = simulation.truth();
    (events, truth)
}

fn seeded(seed: u64) -> Options {
    Options { seed, ..Options::default() }
}

fn json_of(event: &SimulatedEvent) -> Value {
    serde_json::from_str(&event.json).expect("an event is JSON")
}

#[test]
fn simulation_gives_the_same_events_when_the_seed_is_the_same() {
    let (first, first_truth) = run(Scenario::PipeBurst, seeded(7));
    let (second, second_truth) = run(Scenario::PipeBurst, seeded(7));
    assert!(first == second, "the same seed gave different events");
    assert_eq!(first_truth, second_truth);
    let (other, _) = run(Scenario::PipeBurst, seeded(8));
    let times =
        |events: &[SimulatedEvent]| events.iter().map(|event| event.time_ms).collect::<Vec<i64>>();
    assert_ne!(times(&first), times(&other));
}

#[test]
fn events_are_ordered_with_an_id_and_a_key_when_a_day_is_simulated() {
    let options = Options { start_ms: DEFAULT_START_MS + 9 * HOUR_MS as i64 + 17, ..seeded(3) };
    let end_ms = options.start_ms + DAY_MS as i64;
    let (events, truth) = run(Scenario::OrdinaryDay, options.clone());
    assert_eq!(truth.events, events.len() as u64);
    assert!(events.is_sorted_by_key(|event| event.time_ms));
    assert!(events.iter().all(|event| (options.start_ms..end_ms).contains(&event.time_ms)));
    let mut ids = BTreeSet::new();
    for event in &events {
        let json = json_of(event);
        assert_eq!(json["specversion"], "1.0");
        assert!(!event.json.contains('\n'));
        let time: jiff::Timestamp =
            json["time"].as_str().expect("a time").parse().expect("RFC 3339");
        assert_eq!(time.as_millisecond(), event.time_ms);
        assert!(json["time"].as_str().is_some_and(|text| text.ends_with("+03:00")));
        assert!(ids.insert(json["id"].as_str().expect("an id").to_owned()), "an id was used twice");
        let data = &json["data"];
        let key = match json["type"].as_str().expect("a type") {
            kind if kind.starts_with("agent.") => &data["agent"],
            kind if kind.starts_with("followup.") => &data["followup_id"],
            kind if kind.starts_with("queue.") => &data["queue"],
            _ => &data["contact_id"],
        };
        assert_eq!(key, &event.key);
    }
}

#[test]
fn every_event_type_occurs_when_an_ordinary_day_is_simulated() {
    let (events, _) = run(Scenario::OrdinaryDay, Options::default());
    let seen: BTreeSet<String> = events
        .iter()
        .map(|event| json_of(event)["type"].as_str().expect("a type").to_owned())
        .collect();
    let expected = [
        "agent.state_changed",
        "contact.abandoned",
        "contact.alerted",
        "contact.answered",
        "contact.ended",
        "contact.left_queue",
        "contact.not_answered",
        "contact.queued",
        "contact.replied",
        "contact.resolved",
        "contact.reopened",
        "contact.self_service",
        "contact.started",
        "contact.transferred",
        "followup.informed",
        "followup.opened",
        "followup.work_done",
        "queue.observed",
        "survey.answered",
    ];
    assert_eq!(seen, expected.into_iter().map(str::to_owned).collect());
}

#[test]
fn volumes_equal_the_year_of_the_first_user_when_a_day_is_taken_365_times() {
    let seeds = 1..=12;
    let days = seeds.clone().count() as f64;
    let (mut calls, mut contained) = (0.0, 0.0);
    for seed in seeds {
        let (_, truth) = run(Scenario::OrdinaryDay, seeded(seed));
        calls += truth.sum("nabiz_contacts_started_total", &[("channel", "phone")]);
        contained += truth.sum("nabiz_self_service_total", &[("outcome", "contained")]);
    }
    let (calls, contained) = (calls / days * 365.0, contained / days * 365.0);
    assert!((calls / 1_073_711.0 - 1.0).abs() < 0.02, "{calls} calls a year");
    assert!((contained / 335_000.0 - 1.0).abs() < 0.04, "{contained} of them contained");
    assert!((contained / calls - 0.312).abs() < 0.006, "{} contained", contained / calls);
}

#[test]
fn weekend_is_quieter_when_a_week_has_the_mean_of_the_year() {
    let options = Options { duration_ms: Some(7 * DAY_MS), ..seeded(2) };
    let mut days = [0_u64; 7];
    for event in Simulation::new(Scenario::OrdinaryDay, options) {
        if event.json.contains("\"contact.started\"") && event.json.contains("\"phone\"") {
            days[((event.time_ms - DEFAULT_START_MS) / DAY_MS as i64) as usize] += 1;
        }
    }
    let mean = days.iter().sum::<u64>() as f64 / 7.0;
    assert!((mean * 365.0 / 1_073_711.0 - 1.0).abs() < 0.02, "{days:?}");
    assert!(days[5].max(days[6]) < *days[..5].iter().min().expect("weekdays"), "{days:?}");
}

#[test]
fn arrivals_and_staff_grow_when_the_rate_scale_rises() {
    let (_, ten) = run(Scenario::OrdinaryDay, Options { rate_scale: 10.0, ..seeded(1) });
    let calls = ten.sum("nabiz_contacts_started_total", &[("channel", "phone")]);
    assert!((calls / 29_417.0 - 1.0).abs() < 0.03, "{calls}");
    assert!(
        service_level(&ten, "fault") > 0.7,
        "staff grows with the traffic: {}",
        service_level(&ten, "fault")
    );
}

fn service_level(truth: &Truth, queue: &str) -> f64 {
    let met = truth.sum("nabiz_service_level_met_total", &[("queue", queue)]);
    met / (met + truth.sum("nabiz_service_level_missed_total", &[("queue", queue)]))
}

#[test]
fn waits_and_abandonments_rise_when_a_pipe_bursts() {
    let around_the_burst = |seed| Options {
        start_ms: DEFAULT_START_MS + 9 * HOUR_MS as i64,
        duration_ms: Some(2 * HOUR_MS),
        ..seeded(seed)
    };
    for seed in 1..=3 {
        let (_, ordinary) = run(Scenario::OrdinaryDay, around_the_burst(seed));
        let (_, burst) = run(Scenario::PipeBurst, around_the_burst(seed));
        let (usual, broken) = (service_level(&ordinary, "fault"), service_level(&burst, "fault"));
        assert!(
            usual > 0.6 && broken < usual - 0.3,
            "seed {seed}: service level {usual} and {broken}"
        );
        let abandoned =
            |truth: &Truth| truth.sum("nabiz_visits_abandoned_total", &[("queue", "fault")]);
        assert!(abandoned(&burst) > 5.0 * abandoned(&ordinary).max(5.0), "seed {seed}");
    }
}

#[test]
fn burst_begins_at_the_requested_time_when_one_is_given() {
    let at = |burst_start_ms| Options { duration_ms: Some(HOUR_MS), burst_start_ms, ..seeded(1) };
    let (_, without) = run(Scenario::PipeBurst, at(None));
    let (_, with) = run(Scenario::PipeBurst, at(Some(DEFAULT_START_MS + 60_000)));
    let calls = |truth: &Truth| truth.sum("nabiz_contacts_started_total", &[("channel", "phone")]);
    assert!(calls(&with) > 1.5 * calls(&without), "{} and {}", calls(&with), calls(&without));
}

#[test]
fn arrivals_are_few_when_it_is_night() {
    let (_, night) =
        run(Scenario::Overnight, Options { duration_ms: Some(8 * HOUR_MS), ..seeded(1) });
    let calls = night.sum("nabiz_contacts_started_total", &[("channel", "phone")]);
    assert!((90.0..210.0).contains(&calls), "{calls} calls in eight hours");
}

#[test]
fn truth_equals_the_counts_of_a_plain_reader_when_all_events_are_read() {
    let minute = 60_000;
    for (scenario, start_ms, duration_ms, rate_scale) in [
        (Scenario::OrdinaryDay, DEFAULT_START_MS, 2 * DAY_MS, 1.0),
        (
            Scenario::PipeBurst,
            DEFAULT_START_MS + 9 * HOUR_MS as i64,
            HOUR_MS + 33 * minute + 7_123,
            1.0,
        ),
        (Scenario::PipeBurst, DEFAULT_START_MS + 9 * HOUR_MS as i64, HOUR_MS + 21 * minute, 20.0),
        (Scenario::Overnight, DEFAULT_START_MS + 20 * HOUR_MS as i64, 9 * HOUR_MS, 3.0),
    ] {
        let options =
            Options { start_ms, duration_ms: Some(duration_ms), rate_scale, ..seeded(11) };
        let (events, truth) = run(scenario, options);
        let read = reader::read(events.iter().map(json_of));
        reader::assert_same(&read, &truth);
        assert!(
            truth.sum("nabiz_visits_lost_total", &[]) == 0.0,
            "no visit waits until it is lost"
        );
    }
}

#[test]
fn offered_visits_have_ended_or_wait_when_the_simulation_stops() {
    let options = Options { duration_ms: Some(10 * HOUR_MS + 20 * 60_000), ..seeded(4) };
    let (events, truth) = run(Scenario::PipeBurst, options);
    let read = reader::read(events.iter().map(json_of));
    for queue in
        ["fault", "billing", "subscription", "general", "wastewater", "email", "chat", "petition"]
    {
        let of = |metric: &str| truth.sum(metric, &[("queue", queue)]);
        let ended = of("nabiz_visits_answered_total")
            + of("nabiz_visits_abandoned_total")
            + of("nabiz_visits_left_total")
            + of("nabiz_visits_lost_total");
        assert_eq!(of("nabiz_visits_offered_total"), ended + read.waiting(queue) as f64, "{queue}");
    }
    assert!(read.waiting("fault") > 5, "the burst has callers waiting");
    assert!(truth.sum("nabiz_visits_left_total", &[("reason", "callback")]) > 0.0);
}

#[test]
fn third_of_the_answers_carries_the_wait_when_a_day_is_simulated() {
    let (events, _) = run(Scenario::OrdinaryDay, seeded(1));
    let answered: Vec<&SimulatedEvent> =
        events.iter().filter(|event| event.json.contains("\"contact.answered\"")).collect();
    let given = answered.iter().filter(|event| event.json.contains("\"wait_ms\"")).count() as f64;
    assert!(
        (given / answered.len() as f64 - 1.0 / 3.0).abs() < 0.05,
        "{given} of {}",
        answered.len()
    );
}

#[test]
fn closing_events_are_counted_when_they_are_taken_at_the_end() {
    let mut simulation =
        Simulation::new(Scenario::OrdinaryDay, Options { duration_ms: Some(HOUR_MS), ..seeded(1) });
    let events: Vec<SimulatedEvent> = simulation.by_ref().collect();
    let before = simulation.truth();
    let closing = [simulation.closing_event(), simulation.closing_event()];
    let largest_ms = events.last().expect("events").time_ms;
    assert!(
        closing
            .iter()
            .all(|event| event.time_ms == largest_ms && simulation.time_ms() == largest_ms)
    );
    assert_ne!(json_of(&closing[0])["id"], json_of(&closing[1])["id"]);
    assert_eq!(json_of(&closing[0])["type"], "queue.observed");
    let after = simulation.truth();
    assert_eq!(after.events, before.events + 2);
    assert_eq!(after.metrics, before.metrics);
}

#[test]
fn simulation_does_not_end_when_it_has_no_duration() {
    let options = Options { duration_ms: None, rate_scale: 0.01, ..seeded(1) };
    let last = Simulation::new(Scenario::Overnight, options).nth(40_000).expect("no end");
    assert!(last.time_ms > DEFAULT_START_MS + 2 * DAY_MS as i64);
}

#[test]
fn fields_identify_no_person_when_a_day_is_simulated() {
    let (events, _) = run(Scenario::OrdinaryDay, Options::default());
    for event in &events {
        let data = &json_of(event)["data"];
        for (field, value) in data.as_object().expect("data") {
            let known = [
                "contact_id",
                "channel",
                "entry_point",
                "outcome",
                "menu",
                "queue",
                "position",
                "agent",
                "wait_ms",
                "reason",
                "from_queue",
                "to_queue",
                "kind",
                "talk_ms",
                "hold_ms",
                "wrap_up_ms",
                "ended_by",
                "followup_id",
                "unit",
                "due",
                "score",
                "scale",
                "state",
                "queues",
                "waiting",
                "oldest_wait_ms",
            ];
            assert!(known.contains(&field.as_str()), "{field}: {value}");
        }
    }
}
