//! Planning of a contact centre: a forecast of what arrives, and the agents that it needs.
//!
//! The crate is pure. It does no I/O, reads no clock, and knows no other crate of nabiz. Times are
//! seconds, counts are numbers of contacts, both as `f64`, because a forecast has fractions.
//! What is not known is `None` or an error, never 0.
//!
//! The two halves do not use each other:
//!
//! - **staffing**: [`demand`], [`erlang`], [`staffing`], [`patience`], [`shrinkage`],
//!   [`concurrency`], [`backlog`] and [`pooling`];
//! - **forecast**: [`day`], [`forecast`], [`trend`], [`intraday`] and [`accuracy`].

#![forbid(unsafe_code)]

pub mod accuracy;
pub mod backlog;
pub mod concurrency;
mod counts;
pub mod day;
pub mod demand;
pub mod erlang;
pub mod forecast;
pub mod input;
pub mod intraday;
mod level;
mod linear;
pub mod patience;
pub mod pooling;
mod profile;
mod search;
pub mod shrinkage;
mod special;
pub mod staffing;
pub mod trend;
