//! Typed configuration, validated into domain types.
//!
//! A configuration is a TOML file with environment variables over it. Unknown keys are errors, and
//! all errors are reported at once, each with its line. Every key has a default except
//! `kafka.brokers` and `kafka.topics`, which only reading from Kafka needs.
//!
//! - `keys`: the table of all keys, with the `rules` of their texts
//! - `document`: the tree of values with their lines, from TOML and the environment
//! - `setting`: how a value of each type is read and printed
//! - `section`: pairs each key with the field of its value, to read or to print it
//! - `kafka`, `channels`, `windows`, `limits`, `queues`, `metrics`, `http`, `ledger`, `planning`,
//!   `gateway`: the sections, with the checks that concern several keys
//! - `mapped`: the format of a topic, and its mapping
//! - `webhook`, `webhook_setting`: the values of a path of the gateway; `value_file`: values in
//!   files
//! - `plan_step`, `planning_setting`: the values of `planning`
//! - `configuration`: all sections together; `print`: as `nabiz check` prints them
//! - `effective`: compares two configurations key by key
//! - `diagnostics`: collects all errors

mod channels;
mod configuration;
mod diagnostics;
mod document;
mod effective;
mod error;
mod gateway;
mod http;
mod kafka;
mod keys;
mod ledger;
mod limits;
mod mapped;
mod mapping_setting;
mod metrics;
mod on_undecodable;
mod plan_step;
mod planning;
mod planning_setting;
mod print;
mod queues;
#[cfg(test)]
mod reference;
mod rules;
mod section;
mod setting;
mod value_file;
mod webhook;
mod webhook_setting;
mod windows;

pub use configuration::{Config, environment, load};
pub use effective::KeyChange;
pub use error::{ConfigError, Diagnostic};
pub use gateway::{Gateway, GatewayPath};
pub use http::{Http, TlsFiles};
pub use kafka::{Kafka, PropertyCheck, PropertyError, Topic};
pub use keys::OnReload;
pub(crate) use keys::client_owned;
pub use ledger::Ledger;
pub use mapped::{MappingProgram, TopicFormat};
pub use metrics::Metrics;
pub use on_undecodable::OnUndecodable;
pub use plan_step::PlanStep;
pub use planning::{Planning, QueuePlanning};
pub use queues::{Queue, QueueKeys};
pub use webhook::{RecordKey, SecretSource, WebhookCheck};
pub use windows::Windows;
