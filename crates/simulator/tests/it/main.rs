//! Tests of the simulator through its public interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails where something is missing, and its modules are a binary of their own"
)]

mod centre;
mod history_truth;
mod reader;
mod simulation;
