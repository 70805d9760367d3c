//! Bounds for shared agents against simulated centres: a pool has the service level that its one
//! queue predicts, and agents with some of the skills lie between apart and pooled.

use nabiz_planning::demand::Demand;
use nabiz_planning::pooling::{Pooling, pool};
use nabiz_planning::staffing::Goal;
use nabiz_simulator::centre::{Centre, CentreQueue, Group, Outcome, Times};

/// Half hours of a day, and days: enough for a standard error below 0.7 points.
const STEPS: usize = 24;
const DAYS: u64 = 25;
const TARGET_S: f64 = 20.0;

/// A queue: calls in half an hour, mean handle time, mean patience.
type Queue = (f64, f64, f64);

fn pooling(queues: &[Queue]) -> Pooling {
    let goal = Goal::new(0.8, TARGET_S).unwrap();
    let demand = |&(calls, handle, patience): &Queue| {
        Demand::new(calls, 1_800.0, handle).unwrap().with_patience(patience).unwrap()
    };
    let queues: Vec<_> = queues.iter().map(|queue| (demand(queue), goal)).collect();
    pool(&queues).unwrap()
}

fn simulated(queues: &[Queue], groups: &[(&[usize], u32)]) -> Outcome {
    let queue = |&(calls, handle, patience): &Queue| {
        let mut queue = CentreQueue::new(vec![calls; STEPS], Times::Exponential { mean_s: handle })
            .with_patience(Times::Exponential { mean_s: patience });
        queue.target_s = TARGET_S;
        queue
    };
    let group = |(queues, agents): &(&[usize], u32)| Group {
        queues: queues.to_vec(),
        agents: vec![*agents; STEPS],
    };
    let centre = Centre {
        step_s: 1_800.0,
        warm_up_s: 7_200.0,
        queues: queues.iter().map(queue).collect(),
        groups: groups.iter().map(group).collect(),
    };
    centre.simulate(11, DAYS).unwrap()
}

fn levels(outcome: &Outcome) -> Vec<f64> {
    let level = |queue: &nabiz_simulator::centre::QueueOutcome| queue.total.service_level();
    outcome.queues.iter().map(|queue| level(queue).unwrap().value).collect()
}

#[test]
fn pool_has_the_service_level_that_one_queue_of_the_sum_predicts() {
    let cases: [&[Queue]; 3] = [
        &[(50.0, 240.0, 260.0), (100.0, 240.0, 260.0)],
        // Twice the handle time, half the patience.
        &[(100.0, 180.0, 300.0), (60.0, 360.0, 150.0)],
        &[(15.0, 200.0, 120.0), (25.0, 300.0, 400.0), (40.0, 150.0, 250.0)],
    ];
    for queues in cases {
        let pooling = pooling(queues);
        let everybody: Vec<usize> = (0..queues.len()).collect();
        let found = levels(&simulated(queues, &[(&everybody, pooling.pooled_agents)]));
        let predicted = pooling.pooled[0].unwrap().service_level;
        println!(
            "{} apart, {} pooled: predicted {predicted:.4}, simulated {found:.4?}",
            pooling.apart_agents, pooling.pooled_agents
        );
        assert!(pooling.pooled_agents < pooling.apart_agents);
        let calls: f64 = queues.iter().map(|queue| queue.0).sum();
        let mean: f64 =
            queues.iter().zip(&found).map(|(queue, level)| queue.0 / calls * level).sum();
        assert!((mean - predicted).abs() < 0.02, "{mean}, predicted {predicted}");
        // Callers of all queues wait alike; those with less patience are served a little less.
        assert!(found.iter().all(|level| (level - predicted).abs() < 0.035), "{found:?}");
    }
}

#[test]
fn agents_with_some_of_the_skills_are_between_apart_and_pooled() {
    let queues = [(50.0, 240.0, 260.0), (50.0, 240.0, 260.0)];
    let pooling = pooling(&queues);
    assert_eq!((pooling.apart_agents, pooling.pooled_agents), (18, 16));
    let lowest = |groups: &[(&[usize], u32)]| {
        let levels = levels(&simulated(&queues, groups));
        levels.into_iter().fold(1.0, f64::min)
    };
    // 16 agents: apart, half of them with both skills, all of them with both skills.
    let apart = lowest(&[(&[0], 8), (&[1], 8)]);
    let some = lowest(&[(&[0], 4), (&[1], 4), (&[0, 1], 8)]);
    let pooled = lowest(&[(&[0, 1], 16)]);
    println!("apart {apart:.4}, some {some:.4}, pooled {pooled:.4}");
    assert!(apart < 0.75 && pooled > 0.8, "{apart} {pooled}");
    assert!(apart + 0.02 < some && some < pooled + 0.01, "{apart} {some} {pooled}");
}
