//! TODO

mod table;

pub(crate) use table::{AgentChange, Agents, AgentsHeader, QueueList};
