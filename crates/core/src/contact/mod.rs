//! Life of a contact: event in, facts out. Pure: the current time is stream time, an argument.
//!
//! [`Contacts`] holds the contacts of one partition. A record first lets time act on all other contacts
//! ([`Contacts::pass_time`]), then changes its own, then time acts on its own too ([`Contacts::apply_timeouts`]). What happened
//! comes out as [`Fact`]s; the live gauges are kept here because they are about the contacts themselves.

mod arena;
mod checkpoint;
mod contact_context;
mod dirty_slots;
mod effects;
mod ending;
mod event_context;
mod handle;
mod lifecycle;
mod live;
mod model;
mod table;
mod timer_wheel;

pub(crate) use ending::Ending;
pub(crate) use event_context::EventContext;
pub(crate) use lifecycle::conversation::Handling;
pub(crate) use table::{Contacts, ContactsHeader};
