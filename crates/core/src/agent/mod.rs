//! TODO

mod table;

pub(crate) use table::{AgentChange, Agents, AgentsCore, QueueList};
