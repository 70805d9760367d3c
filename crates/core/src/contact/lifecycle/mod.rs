//! The life of a contact: visits, conversation and backlog, and what time brings.

pub(crate) mod conversation;
pub(crate) mod timeouts;
pub(crate) mod visit;
