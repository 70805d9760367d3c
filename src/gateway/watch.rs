//! Watches whether the brokers answer and know the topics.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::producer::Producer;
use crate::readmodel::GatewayCounts;

/// The time between two questions.
const INTERVAL: Duration = Duration::from_secs(5);
/// The time for an answer.
const WITHIN: Duration = Duration::from_secs(3);

/// The last answer of the brokers.
#[derive(Debug)]
pub(super) struct Reachability {
    /// The reason for which records cannot be written; `None` if they can.
    reason: Mutex<Option<String>>,
    counts: Arc<GatewayCounts>,
}

impl Reachability {
    pub(super) fn new(counts: Arc<GatewayCounts>) -> Self {
        Reachability { reason: Mutex::new(Some("Kafka has not answered yet".into())), counts }
    }

    /// Returns the reason for which records cannot be written; `None` if they can.
    pub(super) fn reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores an answer, and logs it if it is another one.
    fn set(&self, reason: Option<String>) {
        self.counts.set_reachable(reason.is_none());
        let mut known = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == reason {
            return;
        }
        match &reason {
            None => tracing::info!("Kafka answers and knows every topic"),
            Some(reason) => tracing::warn!(reason, "records cannot be written"),
        }
        *known = reason;
    }
}

/// Asks the brokers for the topics again and again. Never returns.
pub(super) async fn watch(
    producer: Arc<Producer>,
    topics: BTreeSet<String>,
    reachability: Arc<Reachability>,
) {
    loop {
        let (producer, topics) = (Arc::clone(&producer), topics.clone());
        // The question blocks its thread.
        let asked = tokio::task::spawn_blocking(move || {
            topics.iter().find_map(|topic| producer.look_up(topic, WITHIN).err())
        });
        if let Ok(reason) = asked.await {
            reachability.set(reason);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
