//! nabiz: a streaming telemetry pipeline for contact centres.

pub mod calendar;
pub mod event;
pub mod shard;
pub mod view;
