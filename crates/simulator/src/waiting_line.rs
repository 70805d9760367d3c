//! The line of visits that wait in one queue.

use std::collections::VecDeque;

use crate::contacts::ContactRef;

/// A visit in the line of a queue. Outdated once the contact is offered or the visit is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuedVisit {
    pub(crate) contact: ContactRef,
    pub(crate) visit: u32,
    pub(crate) offer: u32,
    pub(crate) entered_ms: i64,
}

/// The line of one queue.
#[derive(Debug, Default)]
pub(crate) struct WaitingLine {
    /// Visits in the order of their starts. Removal is lazy: an outdated visit is dropped when it
    /// reaches the front.
    pub(crate) visits: VecDeque<QueuedVisit>,
    /// Open visits, ringing ones included.
    pub(crate) waiting: u64,
}
