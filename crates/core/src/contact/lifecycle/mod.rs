//! The life of a contact: visits, conversations, the backlog, and timeouts.

pub(crate) mod backlog;
pub(crate) mod conversation;
pub(crate) mod others;
pub(crate) mod pending;
pub(crate) mod timeouts;
pub(crate) mod visit;
