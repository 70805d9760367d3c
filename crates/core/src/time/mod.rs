//! TODO

mod duration;
mod rfc3339;

pub use duration::{format_duration, parse_duration_ms};
pub use rfc3339::parse_rfc3339_ms;
