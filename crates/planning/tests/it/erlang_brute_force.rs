//! The formulas of waiting against the solved birth-and-death process.

use nabiz_planning::demand::Demand;
use nabiz_planning::erlang::{Expected, erlang_b, expected};
use proptest::prelude::*;

use crate::birth_death::Solved;
use crate::cases;

/// Figures for a load with a handle time of 1 second.
fn figures(load: f64, agents: u32, theta: f64, target: f64) -> Expected {
    let demand = Demand::new(load, 1.0, 1.0).unwrap().with_patience(1.0 / theta).unwrap();
    expected(&demand, agents, target).unwrap().unwrap()
}

#[track_caller]
fn close(actual: f64, wanted: f64, tolerance: f64, what: &str) {
    let is_close = (actual - wanted).abs() <= tolerance * (1.0 + wanted.abs());
    assert!(is_close, "{what}: {actual}, solved {wanted}");
}

fn compare(load: f64, agents: u32, theta: f64, tolerance: f64) -> Solved {
    let solved = Solved::new(load, agents, theta);
    let figures = figures(load, agents, theta, 0.0);
    let case = format!("load {load}, agents {agents}, theta {theta}");
    close(figures.waiting, solved.waiting(), tolerance, &format!("waiting, {case}"));
    close(figures.abandonment, solved.abandonment(), tolerance, &format!("abandonment, {case}"));
    close(figures.mean_wait_seconds, solved.mean_wait(), tolerance, &format!("wait, {case}"));
    close(figures.occupancy.unwrap(), solved.occupancy(), tolerance, &format!("busy, {case}"));
    close(figures.service_level, 1.0 - solved.waiting(), tolerance, &format!("level, {case}"));
    solved
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn erlang_a_equals_the_solved_process(
        load in 0.01..60.0_f64,
        agents in 1..80_u32,
        log_theta in -3.0..3.0_f64,
        target in 0.0..3.0_f64,
    ) {
        let theta = 10.0_f64.powf(log_theta);
        let solved = compare(load, agents, theta, 1e-10);
        // The walk of a queue of thousands takes too long for a test.
        let target = if solved.states() > 600 { 0.0 } else { target / f64::from(agents) };
        let level = figures(load, agents, theta, target).service_level;
        close(level, solved.answered_within(target), 1e-10, "service level");
    }
}

#[test]
fn erlang_a_equals_the_solved_process_in_large_centres() {
    for load in [100.0, 1_000.0, 10_000.0_f64] {
        for spare in [-0.5, -0.05, -1e-3, 0.0, 1e-3, 0.05, 0.5, 1.0] {
            let agents = (load * (1.0 + spare)).round() as u32;
            for theta in [0.01, 0.5, 1.0, 30.0] {
                compare(load, agents, theta, 1e-9);
            }
        }
    }
}

#[test]
fn service_level_equals_the_walk_through_the_queue_at_the_sizes_of_a_centre() {
    // 240 s to handle, 260 s of patience, 20 s of target.
    let (theta, target) = (240.0 / 260.0, 20.0 / 240.0);
    for (load, agents) in [(2.67, 5), (13.3, 16), (53.3, 56), (53.3, 40), (53.3, 10), (200.0, 190)]
    {
        let solved = Solved::new(load, agents, theta);
        let level = figures(load, agents, theta, target).service_level;
        close(level, solved.answered_within(target), 1e-11, "service level");
    }
}

#[test]
fn mean_answer_equals_the_integral_of_the_shares_that_are_not_answered_yet() {
    let (load, agents, theta) = (13.3, 12, 0.8);
    let solved = Solved::new(load, agents, theta);
    let answered = 1.0 - solved.abandonment();
    // E(wait; answered) is the integral of P(wait > t; answered), here by Simpson's rule.
    let steps = 2_000;
    let width = 12.0 / f64::from(steps);
    let integral: f64 = (0..=steps)
        .map(|k| {
            let weight = match k {
                0 => 1.0,
                _ if k == steps => 1.0,
                _ if k % 2 == 1 => 4.0,
                _ => 2.0,
            };
            let at = f64::from(k) * width;
            weight * (answered - figures(load, agents, theta, at).service_level)
        })
        .sum::<f64>()
        * width
        / 3.0;
    let mean = figures(load, agents, theta, 0.0).mean_answer_seconds.unwrap();
    close(mean, integral / answered, 1e-9, "mean answer");
}

#[test]
fn erlang_b_equals_the_sum_of_its_definition() {
    for load in [0.01, 1.0, 7.5, 20.0_f64] {
        let (mut term, mut sum) = (1.0, 1.0);
        for agents in 0..60_u32 {
            if agents > 0 {
                term *= load / f64::from(agents);
                sum += term;
            }
            close(erlang_b(load, agents).unwrap(), term / sum, 1e-14, "blocking");
        }
    }
}
