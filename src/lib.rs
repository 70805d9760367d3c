//! nabiz: a streaming telemetry pipeline for contact centres. It folds events from Kafka, partition
//! by partition, into event-time windows, live gauges and counters for Prometheus.
//!
//! [`ingest`] polls records and folds them with [`nabiz_core`], by a mapping where their
//! [`record_format`] is not its own. [`readmodel`] holds the merged
//! snapshots, [`exposition`] and [`http`] serve them, [`ledger`] stores the state, and [`plan`]
//! plans by its history. [`cli`] and
//! the commands are the program, [`config`] reads its settings, [`gateway`] writes webhooks to
//! Kafka. ARCHITECTURE.md has the map and the invariants.

#![deny(unsafe_code)]

pub mod cli;
pub mod clock;
mod commands;
pub mod config;
pub mod config_digest;
pub mod error_chain;
pub mod exposition;
pub mod gateway;
pub mod http;
pub mod ingest;
pub mod ledger;
pub mod log_limit;
pub mod plan;
pub mod readmodel;
pub mod record_format;
pub mod secret;
mod suggestion;
pub mod watched_files;
