//! Connections that have not finished a request head. At the limit of connections the oldest of
//! them make room, so that silent clients keep nobody out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;

#[derive(Default)]
struct Waiting {
    next: u64,
    /// How to close each connection, by the order in which they began to wait.
    close: BTreeMap<u64, Arc<Notify>>,
}

/// The connections whose next request has not arrived, the oldest first.
#[derive(Default)]
pub(super) struct Unfinished(Mutex<Waiting>);

impl Unfinished {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a new connection, which waits for its first request.
    pub(super) fn enter(self: &Arc<Self>) -> Arc<Place> {
        let place =
            Place { unfinished: Arc::clone(self), close: Arc::default(), number: Mutex::new(None) };
        place.wait();
        Arc::new(place)
    }

    /// Asks the oldest connection to close. Returns whether there is one.
    #[must_use]
    pub(super) fn close_oldest(&self) -> bool {
        let Some((_, close)) = self.lock().close.pop_first() else { return false };
        close.notify_one();
        true
    }
}

/// The place of one connection among those that wait; it leaves when dropped.
pub(super) struct Place {
    unfinished: Arc<Unfinished>,
    close: Arc<Notify>,
    /// The number under which it waits; `None` while it answers a request.
    number: Mutex<Option<u64>>,
}

impl Place {
    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next request, behind all connections that wait already.
    fn wait(&self) {
        let mut number = self.number();
        let mut waiting = self.unfinished.lock();
        let next = waiting.next;
        waiting.next += 1;
        waiting.close.insert(next, Arc::clone(&self.close));
        *number = Some(next);
    }

    fn leave(&self) {
        if let Some(number) = self.number().take() {
            self.unfinished.lock().close.remove(&number);
        }
    }

    /// Records that a request has arrived. The connection waits again once the answer is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Answering {
        self.leave();
        Answering(Arc::clone(self))
    }

    /// Resolves when the connection must make room.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A request that is being answered.
pub(super) struct Answering(Arc<Place>);

impl Answering {
    /// Returns the body of the answer. The request is over when the body is dropped.
    pub(super) fn body(self, body: Body) -> AnswerBody {
        AnswerBody { body, _answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// The body of an answer.
pub(super) struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a connection was asked to close.
    fn is_closed(place: &Place) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(place.closed()).as_mut().poll(&mut context).is_ready()
    }

    #[test]
    fn oldest_waiting_connection_is_closed_first() {
        let unfinished = Arc::new(Unfinished::default());
        let (first, second) = (unfinished.enter(), unfinished.enter());
        assert!(unfinished.close_oldest());
        assert!(is_closed(&first) && !is_closed(&second));
        drop(first);
        assert!(unfinished.close_oldest());
        assert!(is_closed(&second));
        assert!(!unfinished.close_oldest(), "none is left");
    }

    #[test]
    fn connection_that_answers_is_not_closed_and_waits_behind_the_others_afterwards() {
        let unfinished = Arc::new(Unfinished::default());
        let (first, second) = (unfinished.enter(), unfinished.enter());
        let body = first.begin().body(Body::empty());
        drop(body);
        assert!(unfinished.close_oldest());
        assert!(is_closed(&second) && !is_closed(&first));

        let answering = first.begin();
        assert!(!unfinished.close_oldest(), "the only connection answers a request");
        drop(answering);
        assert!(unfinished.close_oldest());
    }

    #[test]
    fn connection_that_ended_makes_no_room() {
        let unfinished = Arc::new(Unfinished::default());
        drop(unfinished.enter());
        assert!(!unfinished.close_oldest());
    }
}
