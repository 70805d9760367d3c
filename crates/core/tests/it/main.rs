//! Tests of the core alone: they need no Kafka, no SQLite and no process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test fails where something is missing, and its modules are a binary of their own"
)]

mod oracle;

mod apart_cases;
mod channel_cases;
mod consistent_stories;
mod contract_cases;
mod conversation_cases;
mod core_oracle;
mod decode_fuzz;
mod far_ahead;
mod field;
mod further_cases;
mod history_cases;
mod mapped;
mod older_record_cases;
mod pending_cases;
mod restore;
mod rewind;
