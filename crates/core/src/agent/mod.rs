//! Agents: their states, and the time that they spend in each state by queue.
//!
//! The status of an agent consists of last-writer-wins registers: the newest event time counts,
//! and at equal times the later record of the log. Changes may therefore arrive out of order.
//! Changes newer than the booked time stay in the agent's timeline. Time is booked up to stream
//! time minus `allowed_lateness`; a correction moves only time that is not booked yet. The interval
//! history has the time of each agent once over all queues too: such an agent is a *head*.

mod change;
mod head;
mod head_time;
mod lww_register;
mod model;
mod older;
mod pause_reasons;
mod queue_time;
mod reasoned_state;
mod status;
mod table;

pub(crate) use change::{AgentChange, QueueList};
pub(crate) use model::BookingContext;
pub(crate) use table::{Agents, AgentsHeader};
