//! nabiz: a streaming telemetry pipeline for contact centres.

pub mod calendar;
pub mod commands;
pub mod config;
pub mod contact;
pub mod event;
pub mod exposition;
pub mod http;
pub mod ingest;
pub mod ledger;
pub mod shard;
pub mod simulate;
pub mod view;
pub mod window;
