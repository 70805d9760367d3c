//! The formulas against simulated centres: the service level that comes out of the agents that
//! staffing says, and the patience that a history with callbacks, timeouts and balking measures.
//!
//! A simulated day has twelve hours of steady arrivals, counted after an hour that brings the centre
//! into its steady state.

use nabiz_planning::demand::Demand;
use nabiz_planning::patience::Patience;
use nabiz_planning::staffing::{Goal, staff};
use nabiz_simulator::centre::{Callback, Centre, CentreQueue, Group, Times};

const HALF_HOUR_S: f64 = 1_800.0;
/// Half hours of a day.
const STEPS: usize = 24;
const HANDLE_S: f64 = 240.0;
const PATIENCE_S: f64 = 260.0;
const TARGET_S: f64 = 20.0;

/// A steady day with these calls each half hour.
fn day(calls: f64, agents: u32, change: impl FnOnce(&mut CentreQueue)) -> Centre {
    let handling = Times::Exponential { mean_s: HANDLE_S };
    let mut queue = CentreQueue::new(vec![calls; STEPS], handling)
        .with_patience(Times::Exponential { mean_s: PATIENCE_S });
    queue.target_s = TARGET_S;
    change(&mut queue);
    Centre {
        step_s: HALF_HOUR_S,
        warm_up_s: 3_600.0,
        queues: vec![queue],
        groups: vec![Group { queues: vec![0], agents: vec![agents; STEPS] }],
    }
}

/// Days that bring the standard error of the service level below 0.8 points: at least 30 000 calls,
/// and at least 40 days, because the waits of one busy hour hang together.
fn days_for(calls: f64) -> u64 {
    (30_000.0 / (calls * STEPS as f64)).ceil().max(40.0) as u64
}

#[test]
fn simulated_service_level_is_within_2_points_when_agents_are_as_staffing_says() {
    let goal = Goal::new(0.8, TARGET_S).unwrap();
    println!("calls  agents  predicted  simulated  standard error  days");
    for calls in [5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 150.0, 250.0, 400.0] {
        let demand = Demand::new(calls, HALF_HOUR_S, HANDLE_S)
            .and_then(|demand| demand.with_patience(PATIENCE_S))
            .unwrap();
        let staffing = staff(&demand, &goal).unwrap();
        let (agents, expected) = (staffing.agents, staffing.expected.unwrap());
        let days = days_for(calls);
        let outcome = day(calls, agents, |_| {}).simulate(41, days).unwrap();
        let counts = &outcome.queues[0].total;
        let found = counts.service_level().unwrap();
        let error = found.standard_error.unwrap();
        println!(
            "{calls:5}  {agents:6}  {:9.4}  {:9.4}  {error:14.4}  {days:4}",
            expected.service_level, found.value
        );
        assert!(error < 0.008, "{calls} calls: standard error {error}");
        let off = (found.value - expected.service_level).abs();
        assert!(off < 0.02, "{calls} calls, {agents} agents: {found:?}, {expected:?}");
        // One agent fewer misses the goal, so the number is not too high either.
        let fewer = staffing.one_fewer.unwrap().service_level;
        assert!(fewer < 0.8 && found.value > fewer + off, "{calls} calls: {found:?}, {fewer}");
        let abandonment = counts.abandonment().unwrap();
        assert!((abandonment - expected.abandonment).abs() < 0.005, "{calls}: {abandonment}");
        let occupancy = outcome.groups[0].total.occupancy().unwrap();
        assert!((occupancy - expected.occupancy.unwrap()).abs() < 0.01, "{calls}: {occupancy}");
    }
}

#[test]
fn measured_patience_is_within_5_percent_when_callers_balk_call_back_and_time_out() {
    for (seed, agents) in [(1, 11), (2, 13), (3, 15)] {
        let centre = day(100.0, agents, |queue| {
            queue.balking = 0.025;
            queue.callback = Some(Callback { after_s: 60.0, share: 0.3 });
            queue.timeout_s = Some(120.0);
        });
        let outcome = centre.simulate(seed, 40).unwrap();
        let counts = &outcome.queues[0].total;
        let long = counts.abandoned - counts.abandoned_short;
        let patience = Patience::estimate(counts.wait_beyond_short_s, long).unwrap();
        println!(
            "{agents} agents: {:.1} s, {:.1} to {:.1}, of {} abandons; {} callbacks, {} timeouts, {} short",
            patience.mean_seconds,
            patience.low_seconds,
            patience.high_seconds,
            patience.abandonments,
            counts.callbacks,
            counts.timeouts,
            counts.abandoned_short,
        );
        assert!(patience.abandonments >= 1_600);
        assert!((patience.mean_seconds / PATIENCE_S - 1.0).abs() < 0.05, "{patience:?}");
        assert!(patience.low_seconds < PATIENCE_S && PATIENCE_S < patience.high_seconds);
        assert!(counts.callbacks > 300 && counts.timeouts > 100 && counts.abandoned_short > 300);
    }
}
