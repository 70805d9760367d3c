//! Mappings: jq programs that turn a record of any source into events of the contract.
//!
//! A mapping is pure: no clock, no randomness, no environment, no input or output. It always ends
//! (see `inspect.rs` and `fuel.rs`), and none of its texts repeats a value of a record.

#![forbid(unsafe_code)]

mod builtins;
mod fuel;
mod inspect;
mod mapping;
mod program;
mod record;
mod run_data;
mod shipped;
#[cfg(test)]
mod tests;
mod times;
mod value;

pub use mapping::{Fault, Mapping, OUTPUTS_MAX};
pub use program::Mistake;
pub use record::{Output, OutputFault, SourceRecord};
pub use shipped::{SHIPPED, Shipped, shipped};
