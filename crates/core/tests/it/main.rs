//! Tests of the core alone: they need no Kafka, no SQLite and no process.

mod oracle;

mod contract_cases;
mod core_oracle;
mod decode_fuzz;
mod restore;
