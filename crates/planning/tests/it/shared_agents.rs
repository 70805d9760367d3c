//! Agents who serve several contacts at once, and queues that share agents.

use nabiz_planning::concurrency::Concurrency;
use nabiz_planning::demand::Demand;
use nabiz_planning::erlang::expected;
use nabiz_planning::pooling::pool;
use nabiz_planning::staffing::{Goal, StaffingError, staff};

fn calls(calls: f64, handle: f64) -> Demand {
    Demand::new(calls, 1800.0, handle).unwrap().with_patience(260.0).unwrap()
}

fn goal() -> Goal {
    Goal::new(0.8, 20.0).unwrap()
}

#[test]
fn agents_with_several_chats_are_as_many_servers() {
    let three = Concurrency::new(3, 0.0).unwrap();
    let chats = calls(100.0, 600.0).with_concurrency(three).unwrap();
    let alone = calls(100.0, 600.0);
    for agents in [10, 13, 14] {
        let (chat, call) = (
            expected(&chats, agents, 20.0).unwrap().unwrap(),
            expected(&alone, 3 * agents, 20.0).unwrap().unwrap(),
        );
        assert_eq!(chat.agents, agents);
        assert_eq!(chat.service_level, call.service_level);
        assert_eq!(chat.occupancy, call.occupancy);
    }
    let (chat, call) = (staff(&chats, &goal()).unwrap(), staff(&alone, &goal()).unwrap());
    assert_eq!(chat.agents, call.agents.div_ceil(3));
    assert!(chat.one_fewer.unwrap().service_level < 0.8);
}

#[test]
fn slowdown_takes_the_gain_of_concurrency_away() {
    let agents = |slowdown| {
        let concurrency = Concurrency::new(4, slowdown).unwrap();
        staff(&calls(200.0, 300.0).with_concurrency(concurrency).unwrap(), &goal()).unwrap().agents
    };
    let alone = staff(&calls(200.0, 300.0), &goal()).unwrap().agents;
    let by_slowdown: Vec<u32> = [0.0, 0.25, 0.5, 0.75, 1.0].map(agents).to_vec();
    println!("alone {alone}, with four chats {by_slowdown:?}");
    assert!(by_slowdown.is_sorted() && by_slowdown[0] < alone / 3);
    // Parallel chats that only divide attention need at least the agents of the load.
    assert!(by_slowdown[4] >= 31);
    let half = Concurrency::new(3, 0.5).unwrap();
    assert_eq!((half.stretch(), half.gain(), half.handle_seconds(100.0)), (2.0, 1.5, 200.0));
    assert!(Concurrency::new(0, 0.0).is_err() && Concurrency::new(2, 1.1).is_err());
}

#[test]
fn pool_of_like_queues_is_one_queue_of_the_sum() {
    let queues = [(calls(50.0, 240.0), goal()), (calls(100.0, 240.0), goal())];
    let pooling = pool(&queues).unwrap();
    let sum = staff(&calls(150.0, 240.0), &goal()).unwrap();
    // The table of checked values has 9, 16 and 23.
    assert_eq!((pooling.apart_agents, pooling.pooled_agents), (25, 23));
    let level = pooling.pooled[0].unwrap().service_level;
    assert!((level - sum.expected.unwrap().service_level).abs() < 1e-12);
}

#[test]
fn pool_reaches_the_goal_of_every_queue() {
    let strict = Goal::new(0.95, 5.0).unwrap();
    let queues = [(calls(60.0, 400.0), strict), (calls(100.0, 180.0), goal())];
    let pooling = pool(&queues).unwrap();
    let [hard, lax] = [0, 1].map(|queue| pooling.pooled[queue].unwrap().service_level);
    assert!(lax >= 0.8 && hard >= 0.95, "{pooling:?}");
    assert!(pooling.pooled_agents < pooling.apart_agents);
    let one_fewer = expected(
        &Demand::pooled(&[queues[0].0, queues[1].0]).unwrap(),
        pooling.pooled_agents - 1,
        5.0,
    );
    assert!(one_fewer.unwrap().unwrap().service_level < 0.95);
}

#[test]
fn pooled_demand_has_the_mean_handle_time_and_the_mean_rate_of_abandonment() {
    let hasty = Demand::new(30.0, 1800.0, 100.0).unwrap().with_patience(100.0).unwrap();
    let endless = Demand::new(10.0, 1800.0, 300.0).unwrap();
    let pooled = Demand::pooled(&[hasty, endless]).unwrap();
    let close = |actual: f64, wanted: f64| assert!((actual / wanted - 1.0).abs() < 1e-12);
    close(pooled.handle_seconds(), 150.0);
    close(pooled.patience_seconds(), 400.0 / 3.0);
    close(pooled.erlangs(), hasty.erlangs() + endless.erlangs());
    assert_eq!(Demand::pooled(&[endless, endless]).unwrap().patience_seconds(), f64::INFINITY);
}

#[test]
fn queues_that_cannot_be_pooled_are_errors() {
    let two = Concurrency::new(2, 0.0).unwrap();
    let chats = calls(10.0, 300.0).with_concurrency(two).unwrap();
    let error = pool(&[(calls(10.0, 300.0), goal()), (chats, goal())]).unwrap_err();
    assert!(matches!(error, StaffingError::Input(_)), "{error}");
    assert!(pool(&[]).is_err());
    // Queues in which nothing arrives need nobody.
    let pooling = pool(&[(calls(0.0, 300.0), goal()), (calls(0.0, 100.0), goal())]).unwrap();
    assert_eq!((pooling.apart_agents, pooling.pooled_agents, pooling.pooled[0]), (0, 0, None));
}
