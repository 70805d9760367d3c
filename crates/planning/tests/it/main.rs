//! Tests of planning against checked values, brute force and real counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails where something is missing, and its modules are a binary of their own"
)]

mod erlang_values;
mod simulated_centres;
