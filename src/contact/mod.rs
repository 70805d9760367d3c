//! Life of a contact: event in, facts out. Pure: the current time is stream time, an argument.
//!
//! [`Contacts`] holds the contacts of one partition. A record first lets time act on all other contacts
//! ([`Contacts::pass_time`]), then changes its own, then time acts on its own too ([`Contacts::settle`]). What happened
//! comes out as [`Fact`]s; the live gauges are kept here because they are about the contacts themselves.

mod agents;
mod case;
mod dues;
mod facts;
mod followups;
mod live;
mod matter;
mod parts;
mod remembered;
mod ring;
mod slots;
mod state;
mod store;
mod table;
mod timers;
mod visit;

pub(crate) use agents::{AgentChange, Agents, AgentsCore, QueueList};
pub(crate) use case::Moment;
pub(crate) use facts::{Fact, FactKind, Verdict};
pub(crate) use followups::{Followups, FollowupsCore};
pub(crate) use matter::Handling;
pub(crate) use remembered::{IdHasher, RememberedIds};
pub(crate) use table::{Contacts, ContactsCore};
pub(crate) use visit::Ending;
