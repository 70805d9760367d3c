//! Tests of planning against checked values, brute force and real counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails where something is missing, and its modules are a binary of their own"
)]

mod bank;
mod birth_death;
mod erlang_brute_force;
mod erlang_properties;
mod erlang_values;
mod forecast_backtest;
mod forecast_cases;
mod patience_estimates;
mod shared_agents;
mod simulated_centres;
mod simulated_chats;
mod simulated_pools;
mod weeks;
mod written_work;

/// Returns how many cases a generated test has: `NABIZ_PLANNING_CASES`, or what it says.
fn cases(few: u32) -> proptest::test_runner::Config {
    let cases = std::env::var("NABIZ_PLANNING_CASES")
        .map_or(few, |cases| cases.parse().expect("NABIZ_PLANNING_CASES"));
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}
