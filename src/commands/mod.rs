//! The subcommands, one file for each: its arguments and its `run`.

mod arguments;
mod bounded_lines;
pub(crate) mod check;
mod configuration;
pub(crate) mod demo;
pub(crate) mod failure;
pub(crate) mod gateway;
pub(crate) mod hash_secret;
pub(crate) mod history;
pub(crate) mod ledger;
pub(crate) mod logging;
pub(crate) mod map;
mod mapping;
mod memory;
mod parts;
mod pipeline;
pub(crate) mod plan;
mod reload;
pub(crate) mod replay;
mod running;
pub(crate) mod schema;
pub(crate) mod serve;
mod signals;
pub(crate) mod simulate;
