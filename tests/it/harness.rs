//! Helpers that several modules share and that need the library itself. All others are in the crate
//! `nabiz-dev`.

pub mod callers;
pub mod fake_clock;
pub mod files;
pub mod numbers;
pub mod serial;
pub mod server;
pub mod simulated;
pub mod truth;
