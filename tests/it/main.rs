//! Tests of the program and of the daemon's use of the core. They are one binary, so that their
//! dependencies are linked once.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails where something is missing, and compares with the real clock"
)]

mod harness;

mod alertmanager;
mod architecture;
mod cli;
mod cloudevents_sdks;
mod config;
mod dashboards;
mod deployment;
mod end_to_end;
mod exposition;
mod field;
mod gateway;
mod golden;
mod history;
mod http;
mod ingest;
mod kafka_chaos;
mod kafka_clock;
mod kafka_end_to_end;
mod kafka_full_disk;
mod kafka_locked_ledger;
mod kafka_log_identity;
mod kafka_proof;
mod ledger;
mod ledger_rewind;
mod mapping;
mod page;
mod plan;
mod prometheus;
mod proxy;
mod reload;
mod rules;
mod security;
mod shipping;
mod simulate;
mod simulated_history;
mod soak;
