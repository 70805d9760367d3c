//! nabiz: a streaming telemetry pipeline for contact centres. Events from Kafka are folded,
//! partition by partition, into event-time windows, live gauges and counters for Prometheus.
//!
//! The way of a record: [`ingest`] polls it, [`event::decode`] reads it, [`shard`] folds it with
//! the help of the life of contacts (`contact`) and of panes (`window`), [`view`] adds the shards,
//! [`exposition`] and [`http`] show the sum, and [`ledger`] keeps the state. [`commands`] are the
//! program, [`config`] its settings, [`simulate`] a contact centre to try it with. The map with its
//! invariants is in ARCHITECTURE.md.
//!
//! `event`, [`calendar`], `contact`, `window`, `shard` and `view` are pure: no I/O, no clock.

#![deny(unsafe_code)]

pub mod clock;
pub mod commands;
pub mod config;
pub mod error_chain;
pub mod exposition;
pub mod http;
pub mod ingest;
pub mod ledger;
pub mod log_limit;
pub mod readmodel;
pub mod secret;
mod suggestion;
