//! TODO

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::fn_params_excessive_bools)]

pub mod agent;
pub mod bounded_labels;
pub mod calendar;
pub mod contact;
pub mod decode;
pub mod dedup;
pub mod event;
pub mod followup;
pub mod ids;
pub mod measures;
pub mod registry;
pub mod settings;
pub mod shard;
pub mod snapshot;
pub mod state;
pub mod time;
pub mod window;
