//! The life of contacts: events in, facts out. Stream time is an argument.
//!
//! [`Contacts`] holds the contacts of one partition. For each record the shard calls
//! [`Contacts::apply_timeouts_of_others`], then [`Contacts::change`] for the record's own contact,
//! then [`Contacts::apply_timeouts_of`] for that contact, so that a record which is in time is
//! applied before its contact times out. The results are [`crate::measures::Fact`]s in the
//! [`effects::Effects`]. The live gauges are kept here because they count contacts.

mod apply;
mod arena;
mod checkpoint;
mod contact_context;
mod dirty_slots;
mod effects;
mod ending;
mod event_context;
mod gauges;
mod handle;
mod lifecycle;
mod live;
mod model;
mod older;
mod open_visits;
mod rewind;
mod table;
mod timer_wheel;

pub(crate) use effects::{CallChange, CallEffect};
pub(crate) use ending::Ending;
pub(crate) use event_context::{EventContext, Lateness, Origin};
pub(crate) use lifecycle::conversation::Implied;
pub(crate) use model::HandleParts;
pub(crate) use table::{Contacts, ContactsHeader};
