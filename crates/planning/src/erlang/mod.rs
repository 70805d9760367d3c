//! Waiting in a queue: Erlang B, C and A.
//!
//! [`expected`] gives all figures of a queue with a number of agents. Patience decides the formula:
//! finite is Erlang A (Palm; Garnett, Mandelbaum and Reiman, *Designing a call center with
//! impatient customers*, 2002), infinite is Erlang C, 0 is Erlang B.
//!
//! The service level is what the history counts by arrival: contacts that are **answered within T**,
//! divided by **all that are offered**, abandoned ones included.

mod blocking;
mod figures;
mod offered_wait;
mod quadrature;

pub use blocking::{MAX_AGENTS, erlang_b, erlang_c};
pub use figures::{Expected, expected};
