//! nabiz: a streaming telemetry pipeline for contact centres. Kafka in, event-time windows in memory, Prometheus
//! metrics, an API and a live page out.
//!
//! The way of one event: [`ingest`] polls it; a [`shard`] decodes it ([`event`]), lets it act on its contact
//! ([`contact`]) and books what happened ([`window`]); the [`view`] adds the shards; [`exposition`] and [`http`] show
//! the view.
//!
//! | room | holds |
//! |---|---|
//! | [`commands`] | one file per subcommand, and the running pipeline that `serve` and `demo` share |
//! | [`config`] | typed configuration, validated into domain types; unknown keys are errors |
//! | [`event`] | the event vocabulary; `decode` has one file per wire format |
//! | [`calendar`] | opening hours, holidays, business days, in real time zones |
//! | [`contact`] | life of a contact: event in, facts out |
//! | [`window`] | panes and sliding windows |
//! | [`shard`] | one partition: decode, contact, window; storable in pieces |
//! | [`view`] | the merged read model, and the formulas |
//! | [`ledger`] | the durable store; no command uses it yet |
//! | [`ingest`] | Kafka: consumer threads, assignment, catch-up, dead letters |
//! | [`exposition`] | the metric catalogue, the collectors, the text format |
//! | [`http`] | metrics, health, API, event stream, the page |
//! | [`simulate`] | the synthetic contact centre, and the truth about it |
//!
//! The core ([`event`], [`calendar`], [`contact`], [`window`], [`shard`], [`view`]) does no input or output, reads no
//! clock, and knows neither Kafka nor Prometheus nor tokio. Time comes in as an argument, so a test, a replay and the
//! Kafka reader get the same numbers from the same records. `ARCHITECTURE.md` has the reasons.

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
