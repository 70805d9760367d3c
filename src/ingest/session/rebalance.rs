//! What a session does when the group revokes and assigns partitions.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nabiz_core::decode::Format;
use nabiz_core::shard::Calls;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use super::{FLUSH_TIMEOUT, POLL_TIMEOUT, STORE_TIMEOUT, Session, SessionError};
use crate::ingest::agent_calls::{AgentCalls, told_calls};
use crate::ingest::consumer_context::METADATA_TIMEOUT;
use crate::ingest::offset_search::OffsetSearch;
use crate::ingest::partition::Partition;
use crate::ingest::seek::{SeekPass, start_offset};
use crate::ingest::time_budget::TimeBudget;
use crate::ingest::worker_status::Phase;
use crate::ledger::{AcquiredPartition, LedgerError};
use crate::readmodel::ShardLabel;
use crate::record_format::RecordFormat;

/// Longest wait for all answers about where the partitions of an assignment continue. Their number
/// has no bound, and the group waits meanwhile.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);

impl Session<'_> {
    /// Stores the partitions and drops them.
    pub(super) fn on_revoked(&mut self) {
        let partitions = self.assignment.partitions.len();
        tracing::info!(worker = self.worker, partitions, "partitions revoked");
        self.shared.dead_letters.flush(FLUSH_TIMEOUT);
        self.assignment.checkpoint_all_blocking(Instant::now() + STORE_TIMEOUT);
        self.commit_stored();
        self.assignment.clear();
        self.hold_partitions();
        self.status.phase = Phase::Rebalancing;
        self.report();
    }

    /// Acquires the partitions in the ledger, restores them, and reads from their stored offsets.
    pub(super) fn on_assigned(&mut self, labels: Vec<ShardLabel>) -> Result<(), SessionError> {
        tracing::info!(worker = self.worker, partitions = labels.len(), "partitions assigned");
        let mut partitions = Vec::with_capacity(labels.len());
        for label in labels {
            self.status.missing_topics.remove(&*label.topic);
            let restored = match self.acquire(&label) {
                Some(acquired) => self.restore(label, acquired)?,
                None => None,
            };
            let Some(partition) = restored else {
                // Ingest stops. Without an answer to the group the consumer could not close.
                return Ok(self.consumer.unassign()?);
            };
            partitions.push(partition);
        }
        let budget = TimeBudget::start(METADATA_TIMEOUT, SEEK_TIMEOUT);
        let mut pass = SeekPass::new(&self.consumer, &self.shared.settings.windows, budget);
        let mut starts = TopicPartitionList::with_capacity(partitions.len());
        for partition in &mut partitions {
            // If the broker does not answer, reading starts at the stored offset, and the client
            // reports an offset out of range.
            if let Some(target) = pass.find(partition) {
                target.apply(partition);
            }
            self.assignment.stall.tick(Instant::now());
            let label = partition.label();
            let start = start_offset(partition);
            starts.add_partition_offset(&label.topic, label.partition, start)?;
        }
        self.topic_check.on_assigned(&mut self.status.missing_topics);
        self.assign(&starts)?;
        self.assignment.replace(partitions);
        self.hold_partitions();
        self.shared.log_ends.ask_all_soon();
        self.search = OffsetSearch::default();
        Ok(())
    }

    /// Acquires a partition in the ledger. Waits for the ledger as long as it takes, and reports
    /// that. Returns `None` if ingest stops.
    fn acquire(&mut self, label: &ShardLabel) -> Option<AcquiredPartition> {
        loop {
            let reply = self.shared.ledger.acquire(label.clone());
            match self.await_acquired(&reply)? {
                Ok(acquired) => {
                    self.status.ledger_wait = None;
                    return Some(acquired);
                }
                Err(error) => {
                    self.status.ledger_wait = Some(error.chain());
                    self.report();
                    thread::sleep(POLL_TIMEOUT);
                }
            }
        }
    }

    /// Waits for the reply of the ledger. Returns `None` if ingest stops.
    fn await_acquired(
        &mut self,
        reply: &Receiver<Result<AcquiredPartition, LedgerError>>,
    ) -> Option<Result<AcquiredPartition, LedgerError>> {
        loop {
            if self.shared.is_stopping() {
                return None;
            }
            self.assignment.stall.tick(Instant::now());
            match reply.recv_timeout(POLL_TIMEOUT) {
                Ok(acquired) => return Some(acquired),
                Err(RecvTimeoutError::Timeout) => {
                    let no_reply = || "it has not replied yet".to_owned();
                    self.status.ledger_wait.get_or_insert_with(no_reply);
                    self.report();
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Restores a partition. Returns `None` if ingest stops.
    fn restore(
        &mut self,
        label: ShardLabel,
        acquired: AcquiredPartition,
    ) -> Result<Option<Partition>, SessionError> {
        let Some(calls) = self.agent_calls(&label, acquired.calls) else { return Ok(None) };
        let options = &self.shared.options;
        let topic = options.topics.iter().find(|topic| topic.name == *label.topic);
        let format =
            topic.map_or(RecordFormat::Native(Format::CloudEvents), |topic| topic.format.clone());
        let (settings, hash_key) = (Arc::clone(&self.shared.settings), options.ledger.hash_key);
        let counters = Arc::clone(self.shared.status_hub.log_counters());
        Partition::restore(label.clone(), format, settings, hash_key, acquired, calls, counters)
            .map(Some)
            .map_err(|source| SessionError::State { label, source })
    }

    /// Returns whether calls drive agents. Where no state tells it, waits for the count of the
    /// partitions as long as it takes, and reports that: a guess could be another one after a
    /// restart. Returns `None` if ingest stops.
    fn agent_calls(&mut self, label: &ShardLabel, stored: Option<Calls>) -> Option<AgentCalls> {
        while !self.shared.is_stopping() {
            let counts = self.shared.status_hub.partition_counts();
            let told = told_calls(&self.shared.options.topics, &counts, label);
            if let Some(told) = told.or(stored) {
                self.status.uncounted_topic = None;
                return Some(AgentCalls::new(stored, told));
            }
            self.status.uncounted_topic = Some(Arc::clone(&label.topic));
            self.assignment.stall.tick(Instant::now());
            self.report();
            thread::sleep(POLL_TIMEOUT);
        }
        None
    }
}
