//! The values of a program: JSON, with bounds on depth and size.
//!
//! Our own type instead of `jaq_json::Val`, because only here fuel can be taken and depth be
//! bounded (ADR 0027).

mod arithmetic;
pub(crate) mod fault_note;
mod filter_value;
mod json;
mod model;
mod order;

pub(crate) use filter_value::wrong_type;
pub(crate) use model::Value;
