//! Agents with several chats against a simulation of them, chat by chat: exact where parallel chats
//! do not slow each other, on the safe side where they do.

use std::collections::VecDeque;

use nabiz_planning::concurrency::Concurrency;
use nabiz_planning::demand::Demand;
use nabiz_planning::staffing::{Goal, staff};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TARGET_S: f64 = 30.0;
const HANDLE_S: f64 = 420.0;
const PATIENCE_S: f64 = 240.0;

/// Simulates chats, each for the agent with the fewest, and returns the share of those that came
/// that was answered in time.
fn service_level(chats_per_second: f64, agents: u32, concurrency: Concurrency, chats: u64) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let most = concurrency.contacts_per_agent() as usize;
    // How fast an agent with some number of chats finishes one of them.
    let finishes: Vec<f64> = (0..=most as u32)
        .map(|at_once| match at_once {
            0 => 0.0,
            _ => {
                let share = (concurrency.stretch() - 1.0) / (most as f64 - 1.0);
                let busy = Concurrency::new(at_once, share).unwrap();
                f64::from(at_once) / busy.handle_seconds(HANDLE_S)
            }
        })
        .collect();
    let mut load = vec![0_usize; agents as usize];
    let mut waiting: VecDeque<f64> = VecDeque::new();
    let (mut now, mut came, mut in_time) = (0.0, 0_u64, 0_u64);
    while came < chats {
        let serving: f64 = load.iter().map(|at_once| finishes[*at_once]).sum();
        let leaving = waiting.len() as f64 / PATIENCE_S;
        let all = chats_per_second + serving + leaving;
        now -= (1.0 - random.random::<f64>()).ln() / all;
        let mut pick = random.random::<f64>() * all;
        if pick < chats_per_second {
            came += 1;
            let least = (0..load.len()).min_by_key(|agent| load[*agent]).unwrap();
            if load[least] < most {
                load[least] += 1;
                in_time += 1;
            } else {
                waiting.push_back(now);
            }
            continue;
        }
        pick -= chats_per_second;
        if pick < leaving {
            waiting.remove((pick * PATIENCE_S) as usize);
            continue;
        }
        pick -= leaving;
        for at_once in &mut load {
            pick -= finishes[*at_once];
            if pick < 0.0 {
                match waiting.pop_front() {
                    Some(since) => in_time += u64::from(now - since <= TARGET_S),
                    None => *at_once -= 1,
                }
                break;
            }
        }
    }
    in_time as f64 / came as f64
}

#[test]
fn chats_are_answered_as_predicted_or_sooner_when_they_slow_each_other() {
    for (slowdown, at_once) in [(0.0, 3), (0.0, 5), (0.3, 3), (0.7, 4)] {
        let concurrency = Concurrency::new(at_once, slowdown).unwrap();
        let demand = Demand::new(120.0, 1_800.0, HANDLE_S)
            .and_then(|demand| demand.with_patience(PATIENCE_S))
            .and_then(|demand| demand.with_concurrency(concurrency))
            .unwrap();
        let staffing = staff(&demand, &Goal::new(0.8, TARGET_S).unwrap()).unwrap();
        let predicted = staffing.expected.unwrap().service_level;
        let found =
            service_level(demand.contacts_per_second(), staffing.agents, concurrency, 40_000);
        println!(
            "{at_once} chats, slowdown {slowdown}: {} agents, predicted {predicted:.4}, \
             simulated {found:.4}",
            staffing.agents
        );
        if slowdown == 0.0 {
            assert!((found - predicted).abs() < 0.015, "{found}, predicted {predicted}");
        } else {
            assert!(found > predicted, "{found}, predicted {predicted}");
        }
    }
}
