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
//!
//! ```
//! use nabiz_planning::demand::Demand;
//! use nabiz_planning::shrinkage::Shrinkage;
//! use nabiz_planning::staffing::{Goal, staff};
//!
//! // 100 calls in half an hour, 240 s each, from callers who wait 260 s on average.
//! let demand = Demand::new(100.0, 1800.0, 240.0)?.with_patience(260.0)?;
//! // 80 % of all calls are to be answered within 20 s.
//! let staffing = staff(&demand, &Goal::new(0.80, 20.0)?)?;
//! assert_eq!(staffing.agents, 16);
//! assert!((staffing.expected.unwrap().service_level - 0.816_776).abs() < 1e-6);
//! assert!((staffing.one_fewer.unwrap().service_level - 0.736_801).abs() < 1e-6);
//! assert_eq!(Shrinkage::new(0.32)?.scheduled(16), 24);
//! # Ok::<(), nabiz_planning::staffing::StaffingError>(())
//! ```

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
