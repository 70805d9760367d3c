//! The gateway: webhooks over HTTP become records in Kafka.
//!
//! A thin producer. A request is answered 200 only after Kafka has acknowledged all its records on
//! all in-sync replicas. There is no queue: a request that Kafka cannot take in time is answered
//! 503, and the source has to send it again. No content of a request reaches a log or an answer.
//!
//! - `options`: the paths with their secrets, from the configuration
//! - `signature`: whether a request comes from its source; `form`: forms
//! - `body`: the records in a body; `record`: a record, and its key
//! - `rate`: the limit of requests a second
//! - `producer`: writes records; `watch`: whether the brokers answer
//! - `route`: one request, from its head to its answer; `routes`: the routers of both listeners
//! - `server`: the listeners

mod body;
mod form;
mod options;
mod producer;
mod rate;
mod record;
mod route;
mod routes;
mod server;
mod signature;
mod watch;

pub use options::{Options, OptionsError};
pub use server::{ServeError, serve};
