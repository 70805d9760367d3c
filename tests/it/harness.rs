//! What several modules share and what needs the library itself. All else is in the crate `nabiz-dev`.

pub mod files;
pub mod numbers;
pub mod serial;
pub mod server;
pub mod simulated;
pub mod truth;
