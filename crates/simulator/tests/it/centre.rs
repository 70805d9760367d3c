//! The parametric centre against the formulas of Erlang A, and its own books.

use nabiz_simulator::centre::{
    Callback, Centre, CentreError, CentreQueue, Counts, Group, Outcome, Times,
};

const HALF_HOUR_S: f64 = 1_800.0;

/// A steady centre of one queue: `steps` half hours after an hour of warm-up.
fn steady(queue: CentreQueue, agents: u32) -> Centre {
    let steps = queue.arrivals.len();
    Centre {
        step_s: HALF_HOUR_S,
        warm_up_s: 3_600.0,
        queues: vec![queue],
        groups: vec![Group { queues: vec![0], agents: vec![agents; steps] }],
    }
}

fn exponential(mean_s: f64) -> Times {
    Times::Exponential { mean_s }
}

fn queue(calls: f64, steps: usize, handling_s: f64, patience_s: f64) -> CentreQueue {
    CentreQueue::new(vec![calls; steps], exponential(handling_s))
        .with_patience(exponential(patience_s))
}

fn total(outcome: &Outcome) -> &Counts {
    &outcome.queues[0].total
}

#[test]
fn steady_centre_reaches_what_erlang_a_says_when_times_are_exponential() {
    // Calls in half an hour, agents, service level within 20 s, abandonment, mean wait and
    // occupancy of Erlang A with a handling time of 240 s and a patience of 260 s.
    for (calls, agents, level, abandonment, wait_s, occupancy) in [
        (20.0, 5, 0.894970, 0.029460, 7.659623, 0.517621),
        (50.0, 9, 0.827681, 0.041606, 10.817625, 0.709921),
        (150.0, 23, 0.822824, 0.033874, 8.807365, 0.840109),
        // Overload, which Erlang C has no answer for.
        (400.0, 10, 0.0, 0.812500, 211.25, 1.0),
    ] {
        let days = 3 + (6_000.0 / calls) as u64;
        let outcome = steady(queue(calls, 24, 240.0, 260.0), agents).simulate(7, days).unwrap();
        let counts = total(&outcome);
        let found = counts.service_level().unwrap();
        let error = found.standard_error.unwrap();
        assert!(error < 0.01, "{calls}: standard error {error}");
        assert!((found.value - level).abs() < 4.0 * error + 1e-9, "{calls}: {found:?}, {level}");
        let found = counts.abandonment().unwrap();
        assert!((found - abandonment).abs() < 0.005, "{calls}: {found}, {abandonment}");
        let found = counts.mean_wait_s().unwrap();
        assert!((found / wait_s - 1.0).abs() < 0.1, "{calls}: {found}, {wait_s}");
        let found = outcome.groups[0].total.occupancy().unwrap();
        assert!((found - occupancy).abs() < 0.01, "{calls}: {found}, {occupancy}");
    }
}

/// Patience as a history measures it, and the long abandons that it rests on.
fn measured_patience(counts: &Counts) -> (f64, f64) {
    let long = (counts.abandoned - counts.abandoned_short) as f64;
    (counts.wait_beyond_short_s / long, long)
}

#[test]
fn patience_is_measured_within_5_percent_when_callers_balk_call_back_and_time_out() {
    let patience_s = 260.0;
    for (seed, agents) in [(1, 11), (2, 12), (5, 13)] {
        let queue = CentreQueue {
            balking: 0.025,
            callback: Some(Callback { after_s: 60.0, share: 0.3 }),
            timeout_s: Some(120.0),
            ..queue(100.0, 24, 240.0, patience_s)
        };
        let outcome = steady(queue, agents).simulate(seed, 40).unwrap();
        let counts = total(&outcome);
        let (found_s, long) = measured_patience(counts);
        // The estimate of an exponential mean from n ends has a relative deviation of 1 / sqrt(n).
        let half = 1.96 * found_s / long.sqrt();
        let interval = format!("{found_s:.0} s, {:.0} to {:.0}", found_s - half, found_s + half);
        println!("{agents} agents: {long} long abandons, patience {interval}");
        assert!(long >= 1_600.0, "{long} long abandons");
        assert!((found_s / patience_s - 1.0).abs() < 0.05, "{interval}");
        assert!(counts.callbacks > 500 && counts.timeouts > 500 && counts.abandoned_short > 500);
        // Without the waits of those who left another way the estimate is far too low.
        let naive_s =
            (counts.wait_s - 60.0 * counts.callbacks as f64 - 120.0 * counts.timeouts as f64)
                / counts.abandoned as f64;
        assert!(naive_s < 0.8 * patience_s, "{naive_s}");
    }
}

#[test]
fn every_visit_has_one_end_when_agents_and_queues_are_many() {
    let mut first = queue(60.0, 6, 200.0, 100.0);
    first.handling_factors = vec![1.0, 1.0, 2.0, 1.0, 0.5, 1.0];
    first.callback = Some(Callback { after_s: 30.0, share: 0.2 });
    let mut second = CentreQueue::new(
        vec![10.0, 40.0, 0.0, 90.0, 20.0, 5.0],
        Times::Lognormal { mean_s: 300.0, sigma: 0.7 },
    );
    second.timeout_s = Some(300.0);
    let centre = Centre {
        step_s: HALF_HOUR_S,
        warm_up_s: 0.0,
        queues: vec![first, second],
        groups: vec![
            Group { queues: vec![0], agents: vec![3, 8, 5, 0, 2, 4] },
            Group { queues: vec![0, 1], agents: vec![4, 4, 9, 6, 6, 1] },
        ],
    };
    let outcome = centre.simulate(3, 20).unwrap();
    assert_eq!(outcome.replications, 20);
    for queue in &outcome.queues {
        for counts in queue.steps.iter().chain([&queue.total]) {
            let ended = counts.answered + counts.abandoned + counts.callbacks + counts.timeouts;
            assert_eq!(counts.offered, ended + counts.still_waiting);
            assert_eq!(counts.still_waiting, 0);
        }
        let offered: u64 = queue.steps.iter().map(|counts| counts.offered).sum();
        assert_eq!(offered, queue.total.offered);
    }
    let offered = outcome.queues[1].steps.iter().map(|counts| counts.offered as f64 / 20.0);
    for (found, expected) in offered.zip(&centre.queues[1].arrivals) {
        assert!((found - expected).abs() <= 4.0 * (expected / 20.0).sqrt(), "{found}, {expected}");
    }
    let mean = outcome.queues[1].total.handling_s / outcome.queues[1].total.answered as f64;
    assert!((mean / 300.0 - 1.0).abs() < 0.05, "the mean of a lognormal time is {mean}");
    let busy_s: f64 = outcome.groups.iter().map(|group| group.total.busy_s).sum();
    let handled_s: f64 = outcome.queues.iter().map(|queue| queue.total.handling_s).sum();
    // What agents do after the last step is not in their time.
    assert!(busy_s <= handled_s && busy_s > 0.95 * handled_s, "{busy_s} of {handled_s}");
}

#[test]
fn shared_agents_reach_a_level_between_apart_and_pooled_when_only_some_serve_both() {
    let centre = |groups: Vec<Group>| Centre {
        step_s: HALF_HOUR_S,
        warm_up_s: 3_600.0,
        queues: vec![queue(40.0, 24, 240.0, 260.0), queue(40.0, 24, 240.0, 260.0)],
        groups,
    };
    let group =
        |queues: &[usize], agents| Group { queues: queues.to_vec(), agents: vec![agents; 24] };
    let level = |groups| {
        let outcome = centre(groups).simulate(5, 60).unwrap();
        let met: u64 = outcome.queues.iter().map(|queue| queue.total.answered_in_target).sum();
        let offered: u64 = outcome.queues.iter().map(|queue| queue.total.offered).sum();
        met as f64 / offered as f64
    };
    let apart = level(vec![group(&[0], 6), group(&[1], 6)]);
    let some = level(vec![group(&[0], 5), group(&[1], 5), group(&[0, 1], 2)]);
    let pooled = level(vec![group(&[0, 1], 12)]);
    assert!(apart + 0.02 < some && some + 0.02 < pooled, "{apart}, {some}, {pooled}");
}

#[test]
fn agents_take_the_visit_that_entered_first_when_they_serve_two_queues() {
    let centre = Centre {
        step_s: HALF_HOUR_S,
        warm_up_s: 3_600.0,
        queues: vec![queue(90.0, 24, 240.0, 260.0), queue(10.0, 24, 240.0, 260.0)],
        groups: vec![Group { queues: vec![0, 1], agents: vec![12; 24] }],
    };
    let outcome = centre.simulate(5, 60).unwrap();
    let [often, seldom] = [0, 1].map(|queue| outcome.queues[queue].total.mean_wait_s().unwrap());
    assert!((often / seldom - 1.0).abs() < 0.05, "{often} s and {seldom} s");
}

#[test]
fn outcome_is_the_same_when_seed_and_number_are_the_same() {
    let centre = steady(queue(50.0, 8, 240.0, 260.0), 9);
    assert_eq!(centre.replicate(1, 4).unwrap(), centre.replicate(1, 4).unwrap());
    assert_ne!(centre.replicate(1, 4).unwrap(), centre.replicate(1, 5).unwrap());
    assert_ne!(centre.replicate(1, 4).unwrap(), centre.replicate(2, 4).unwrap());
    let mut sum = centre.replicate(1, 0).unwrap();
    sum.add(&centre.replicate(1, 1).unwrap());
    assert_eq!(sum, centre.simulate(1, 2).unwrap());
}

#[test]
fn visits_wait_for_ever_when_nobody_serves_them_and_nobody_gives_up() {
    let patient = CentreQueue::new(vec![30.0; 4], exponential(240.0));
    let counts = steady(patient, 0).simulate(1, 3).unwrap().queues.remove(0).total;
    assert!(counts.offered > 200);
    assert_eq!(counts.still_waiting, counts.offered);
    assert_eq!(counts.mean_wait_s(), None);
}

#[test]
fn centre_is_rejected_when_a_number_is_out_of_bounds() {
    let good = steady(queue(50.0, 4, 240.0, 260.0), 9);
    assert_eq!(good.check(), Ok(()));
    let change = |change: &dyn Fn(&mut Centre)| {
        let mut centre = good.clone();
        change(&mut centre);
        centre.replicate(1, 0).expect_err("it is rejected")
    };
    for (error, text) in [
        (change(&|it| it.step_s = 0.0), "step: expected 1 to 86400 seconds, found 0"),
        (change(&|it| it.queues.clear()), "queues: expected 1 to 1000, found 0"),
        (
            change(&|it| it.queues[0].arrivals[1] = f64::NAN),
            "arrivals of queue 0: expected a number from 0 to 1e7, found NaN",
        ),
        (
            change(&|it| it.queues[0].handling = Times::Never),
            "handling of queue 0: expected a finite time, found inf",
        ),
        (
            change(&|it| it.groups[0].queues.push(1)),
            "group 0: expected the index of one of 1 queues, found 1",
        ),
        (
            change(&|it| it.groups[0].agents.truncate(3)),
            "agents of group 0: expected 4 steps, found 3",
        ),
        (
            change(&|it| it.queues[0].balking = 1.5),
            "balking of queue 0: expected a share from 0 to 1, found 1.5",
        ),
    ] {
        assert_eq!(CentreError::to_string(&error), text);
    }
}
