//! Typed configuration, validated into domain types.

pub mod duration;
