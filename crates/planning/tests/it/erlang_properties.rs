//! What holds for every queue, whatever its numbers.

use nabiz_planning::demand::Demand;
use nabiz_planning::erlang::{Expected, erlang_b, erlang_c, expected};
use nabiz_planning::staffing::{Goal, Reason, staff};
use proptest::prelude::*;

use crate::cases;

/// Rounding of a few operations on shares.
const SLACK: f64 = 1e-12;

fn demand(load: f64, patience: f64) -> Demand {
    Demand::new(load, 1.0, 1.0).unwrap().with_patience(patience).unwrap()
}

fn at(load: f64, agents: u32, patience: f64, target: f64) -> Expected {
    expected(&demand(load, patience), agents, target).unwrap().unwrap()
}

/// Holds the figures of a queue to what every queue keeps.
fn hold(figures: &Expected, load: f64, patience: f64, case: &str) {
    let share = |x: f64| (0.0..=1.0).contains(&x);
    let Expected { waiting, service_level, abandonment, .. } = *figures;
    assert!(share(waiting) && share(service_level) && share(abandonment), "{figures:?} {case}");
    assert!(figures.mean_wait_seconds >= 0.0, "{figures:?} {case}");
    assert!(figures.mean_wait_seconds <= patience * (1.0 + SLACK), "{figures:?} {case}");
    // Answered at once, at least; not abandoned, at most.
    assert!(service_level >= 1.0 - waiting - SLACK, "{figures:?} {case}");
    assert!(service_level <= 1.0 - abandonment + SLACK, "{figures:?} {case}");
    assert!(abandonment <= waiting + SLACK, "{figures:?} {case}");
    let Some(occupancy) = figures.occupancy else { return };
    assert!(share(occupancy), "{figures:?} {case}");
    // Whoever comes is served or abandons: what agents serve is the load less what abandons.
    let served = occupancy * f64::from(figures.agents) / load;
    assert!((served + abandonment - 1.0).abs() < 1e-11, "{figures:?} {case}");
    let answer = figures.mean_answer_seconds.unwrap();
    assert!(answer.is_finite() && answer >= 0.0, "{figures:?} {case}");
}

#[test]
fn figures_hold_together_from_the_smallest_to_the_largest_queues() {
    let mut queues = 0;
    for load in [0.01, 0.5, 1.0, 7.0, 100.0, 1_000.0, 9_999.5, 10_000.0] {
        for agents in [0, 1, 2, 7, 99, 101, 1_000, 9_999, 10_000, 10_001, 11_000, 20_000] {
            for patience in [0.0, 1e-9, 1e-3, 0.1, 1.0, 30.0, 1e3, 1e6, 1e9, f64::INFINITY] {
                let mut last: Option<Expected> = None;
                for target in [0.0, 1e-9, 1e-3, 0.1, 1.0, 50.0, 1e6] {
                    let case = format!("load {load}, patience {patience}, target {target}");
                    let figures = expected(&demand(load, patience), agents, target).unwrap();
                    let Some(figures) = figures else {
                        assert!(patience.is_infinite() && f64::from(agents) <= load, "{case}");
                        continue;
                    };
                    hold(&figures, load, patience, &case);
                    if target == 0.0 {
                        let at_once = 1.0 - figures.waiting;
                        assert!((figures.service_level - at_once).abs() < SLACK, "{case}");
                    }
                    if let Some(last) = last {
                        assert!(figures.service_level >= last.service_level - SLACK, "{case}");
                        assert!((figures.waiting - last.waiting).abs() < SLACK, "{case}");
                    }
                    last = Some(figures);
                    queues += 1;
                }
            }
        }
    }
    println!("{queues} queues");
    assert!(queues > 6_000);
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn one_agent_more_makes_nothing_worse(
        log_load in -2.0..4.0_f64,
        spare in -0.6..0.6_f64,
        log_patience in -4.0..5.0_f64,
        log_target in -3.0..2.0_f64,
    ) {
        let (load, patience) = (10.0_f64.powf(log_load), 10.0_f64.powf(log_patience));
        let target = 10.0_f64.powf(log_target);
        let agents = (load * (1.0 + spare)).round() as u32;
        let (few, more) = (at(load, agents, patience, target), at(load, agents + 1, patience, target));
        prop_assert!(more.service_level >= few.service_level - SLACK, "{few:?} {more:?}");
        prop_assert!(more.waiting <= few.waiting + SLACK, "{few:?} {more:?}");
        prop_assert!(more.abandonment <= few.abandonment + SLACK, "{few:?} {more:?}");
        prop_assert!(more.mean_wait_seconds <= few.mean_wait_seconds * (1.0 + 1e-11));
        if let Some(occupancy) = few.occupancy {
            prop_assert!(more.occupancy.unwrap() <= occupancy + SLACK, "{few:?} {more:?}");
        }
    }

    #[test]
    fn erlang_a_tends_to_erlang_c_as_patience_grows_and_to_erlang_b_as_it_shrinks(
        log_load in -2.0..4.0_f64,
        spare in 0.02..1.0_f64,
        target in 0.0..1.0_f64,
    ) {
        let load = 10.0_f64.powf(log_load);
        let agents = (load * (1.0 + spare)).ceil() as u32 + 1;
        let (patient, endless) =
            (at(load, agents, 1e9, target), at(load, agents, f64::INFINITY, target));
        prop_assert!((patient.waiting - erlang_c(load, agents).unwrap().unwrap()).abs() < 1e-6);
        prop_assert!((patient.service_level - endless.service_level).abs() < 1e-6);
        prop_assert!((patient.mean_wait_seconds - endless.mean_wait_seconds).abs() < 1e-5);
        prop_assert!(patient.abandonment < 1e-7);
        let hasty = at(load, agents, 1e-9, target);
        prop_assert!((hasty.waiting - erlang_b(load, agents).unwrap()).abs() < 1e-6);
        prop_assert!((hasty.service_level - at(load, agents, 0.0, target).service_level).abs() < 1e-6);
    }

    #[test]
    fn staffing_is_the_least_that_reaches_the_goal(
        log_load in -2.0..3.7_f64,
        log_patience in -2.0..4.0_f64,
        level in 0.01..0.999_f64,
        target in 0.0..2.0_f64,
        occupancy in 0.2..1.0_f64,
        abandonment in 1e-4..0.9_f64,
        minimum in 0..4_u32,
    ) {
        let demand = demand(10.0_f64.powf(log_load), 10.0_f64.powf(log_patience));
        let goal = Goal::new(level, target).unwrap().with_minimum_agents(minimum);
        let goal = goal.with_max_occupancy(occupancy).unwrap();
        let goal = goal.with_max_abandonment(abandonment).unwrap();
        let staffing = staff(&demand, &goal).unwrap();
        prop_assert_eq!(goal.missed(&staffing.expected.unwrap()), vec![]);
        prop_assert!(staffing.agents >= minimum);
        let fewer = staffing.one_fewer.unwrap();
        match staffing.decided_by {
            Reason::Minimum => prop_assert_eq!(staffing.agents, minimum),
            part => prop_assert!(goal.missed(&fewer).contains(&part), "{:?}", staffing),
        }
        prop_assert_eq!(fewer.agents + 1, staffing.agents);
        prop_assert_eq!(staffing.one_more.unwrap().agents, staffing.agents + 1);
    }
}

#[test]
fn bound_on_the_occupancy_is_found_where_no_agents_would_hold_it_too() {
    let goal = Goal::new(0.2, 0.0).unwrap().with_max_occupancy(0.885).unwrap();
    let staffing = staff(&demand(6.3, 0.21), &goal).unwrap();
    assert_eq!((staffing.agents, staffing.decided_by), (4, Reason::Occupancy));
    assert!(staffing.one_fewer.unwrap().occupancy.unwrap() > 0.885);
}

#[test]
fn goal_beyond_the_most_agents_is_unreachable() {
    let goal = Goal::new(0.5, 0.0).unwrap().with_max_occupancy(1e-3).unwrap();
    let error = staff(&demand(1_000.0, 1.0), &goal).unwrap_err();
    assert_eq!(error.to_string(), "no number of agents up to 40000 reaches the goal");
}

#[test]
fn nothing_that_arrives_needs_the_minimum_and_has_no_figures() {
    let goal = Goal::new(0.8, 20.0).unwrap().with_minimum_agents(2);
    let staffing = staff(&demand(0.0, 260.0), &goal).unwrap();
    assert_eq!((staffing.agents, staffing.decided_by), (2, Reason::Minimum));
    assert_eq!((staffing.expected, staffing.one_fewer, staffing.one_more), (None, None, None));
}

#[test]
fn numbers_that_cannot_be_are_errors() {
    for (contacts, interval, handle) in [
        (-1.0, 1.0, 1.0),
        (f64::NAN, 1.0, 1.0),
        (f64::INFINITY, 1.0, 1.0),
        (1.0, 0.0, 1.0),
        (1.0, 1.0, 0.0),
        (1.0, 1.0, f64::NAN),
        (20_001.0, 1.0, 1.0),
    ] {
        assert!(Demand::new(contacts, interval, handle).is_err(), "{contacts} {interval} {handle}");
    }
    for patience in [-1.0, f64::NAN, 1e10] {
        assert!(Demand::new(1.0, 1.0, 1.0).unwrap().with_patience(patience).is_err(), "{patience}");
    }
    assert_eq!(
        Goal::new(1.0, 20.0).unwrap_err().to_string(),
        "service level: expected above 0 and below 1, found 1"
    );
    assert!(Goal::new(0.8, -1.0).is_err());
    assert!(expected(&demand(1.0, 1.0), 1, f64::INFINITY).is_err());
    assert!(expected(&demand(1.0, 1.0), 40_001, 1.0).is_err());
    assert!(erlang_b(f64::NAN, 1).is_err() && erlang_c(1.0, 40_001).is_err());
}
