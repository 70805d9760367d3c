//! Agents to schedule for the agents that have to be there.
