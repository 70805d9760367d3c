//! The HTTP side: metrics, health, the API and the live page. Everything is read-only.
//!
//! - `app`: the parts that are served, and limits; `state`: the parts that requests share
//! - `server`: accepts connections within limits, and shuts them down
//! - `routes`: paths, methods and headers; `error`: error answers
//! - `negotiation`: the choice of a format by `Accept` and `Accept-Encoding`
//! - `tls`, `auth`, `security`: TLS of the listener; bearer token and basic authentication; both
//! - `metrics`: the exposition
//! - `queues`, `status`, `degradations`: the JSON answers, built from one published state
//! - `sse`: the same numbers, pushed as server-sent events
//! - `history`, `history_source`: the interval history, streamed from the ledger
//! - `plan`: plans, made from the same ledger; `history_parameters`: what both queries share
//! - `page`: the live page and that of plans, documents without external assets

mod app;
mod auth;
mod degradations;
mod error;
mod history;
mod history_parameters;
mod history_rows;
mod history_source;
mod metrics;
mod negotiation;
mod page;
mod plan;
mod queues;
mod routes;
mod security;
mod server;
mod sse;
mod state;
mod status;
mod time;
mod tls;
mod unfinished;

pub use app::{App, Limits, RenderMetrics};
pub use auth::Authentication;
pub use history_source::HistorySource;
pub use security::{Security, SecurityError};
pub use server::{Connections, serve, serve_router, warn_if_exposed};
pub use tls::{Tls, TlsError, TlsFile};
