//! Kafka: consumers, assignment, catch-up, checkpoints, dead letters.
//!
//! A worker is a thread with its own consumer in the group. It owns the shards of its partitions
//! and folds records itself: there is no channel between poll and fold. A few times a second it
//! reports snapshots to the status hub, and one publishing thread adds them up for the readers.
//!
//! The ends of the logs come from librdkafka's statistics, once a second, and are proven by the
//! answers of the brokers to a thread of their own: a question would block the poll loop.
//!
//! - `supervisor`: starts and stops all threads; `shared` is what they have in common
//! - `worker`, `session`: the life of a consumer and its poll loop, with its rebalances, its seeks
//!   and the answers about its logs; `seek`, `offset_search`: where reading continues, and how long
//!   the loop waits to learn it (`time_budget`)
//! - `consumer_context`, `consumer_stats`: callbacks and statistics of the client
//! - `assignment`, `partition`, `offset_tracker`, `last_record`: what a worker owns, how far it has
//!   read, and whether a log still is the one that was read; below `partition`: its moves when the
//!   log is another one, its checkpoints, and its condition
//! - `known_topic`, `topic_ids`: the same by the id of the topic, and how a broker is asked for it
//! - `broker_watch`, by a client of its own: what the topics have (`partition_counts`), where the
//!   logs end (`log_ends`), and the ids of the topics
//! - `standstill_watch`: why a partition stands still (`probe`, `standstill`); `undecodable`: where
//!   reading continues after a batch
//! - `agent_calls`: whether calls drive agents in a partition
//! - `ledger_handle`: the thread that owns the ledger; `dead_letters`: the dead-letter topic
//! - `status_hub`, `worker_status`, `log_counters`, `readiness`, `degraded`, `publisher`: from
//!   reports to the published state

mod agent_calls;
mod assignment;
mod broker_watch;
mod client_log;
mod clock_effects;
mod clock_faults;
mod consumer_context;
mod consumer_stats;
mod dead_letters;
mod degraded;
mod earlier_run;
mod error;
mod headers;
mod host_clock;
mod known_topic;
mod last_record;
mod ledger_handle;
mod log_counters;
mod log_ends;
mod offset_search;
mod offset_tracker;
mod options;
mod partition;
mod partition_counts;
mod probe;
mod publisher;
mod readiness;
mod record_clock;
mod seek;
mod session;
mod shared;
mod source_votes;
mod stall;
mod standstill;
mod standstill_watch;
mod status_hub;
mod supervisor;
mod threads;
mod time_budget;
mod topic_check;
mod topic_ids;
mod undecodable;
mod unstored;
mod worker;
mod worker_status;

pub use earlier_run::EarlierRun;
pub use error::StartError;
pub use options::{LedgerOptions, Options, Topic, check_client_property, files_of_client};
pub use supervisor::Ingest;
