//! TODO

#![forbid(unsafe_code)]

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
