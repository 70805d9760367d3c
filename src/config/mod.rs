//! Typed configuration, validated into domain types.
