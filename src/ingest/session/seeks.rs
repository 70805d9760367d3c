//! From which offsets a session reads: after a rebalance, after a search for another offset, and
//! when the last records are compared once more.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use super::{Session, SessionError};
use crate::ingest::offset_search::SearchScope;
use crate::ingest::seek::{SeekPass, SeekTarget, start_offset};
use crate::ingest::time_budget::TimeBudget;
use crate::ingest::worker_status::Phase;

/// Longest wait for one answer in a search. The broker answers a connection in order, so that a
/// fetch that waits for records comes first.
const SEARCH_ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for all answers of a search. Long enough for four answers, each behind such a
/// fetch, and shorter than the time after which a process counts as suspended.
const SEARCH_TIMEOUT: Duration = Duration::from_millis(2_500);

impl Session<'_> {
    /// Reads and compares the last records of a topic, or of all topics, once more: their logs may
    /// have been replaced meanwhile.
    pub(super) fn recheck_logs(&mut self, topic: Option<&str>) -> Result<(), SessionError> {
        if !self.status.phase.is_assigned() {
            return Ok(());
        }
        let mut is_any = false;
        for partition in &mut self.assignment.partitions {
            if topic.is_none_or(|topic| *partition.label().topic == *topic) {
                partition.recheck();
                is_any |= partition.read_from() != partition.position();
            }
        }
        if is_any { self.assign_positions() } else { Ok(()) }
    }

    /// Moves the partitions in `scope` whose logs do not have the next record, and continues to
    /// read. Tries again later if a broker does not answer.
    pub(super) fn search_offsets(&mut self, scope: SearchScope) -> Result<(), SessionError> {
        let budget = TimeBudget::start(SEARCH_ANSWER_TIMEOUT, SEARCH_TIMEOUT);
        let mut pass = SeekPass::new(&self.consumer, &self.shared.settings.windows, budget);
        let mut targets = Vec::with_capacity(self.assignment.partitions.len());
        for partition in &self.assignment.partitions {
            targets.push(if scope.includes(partition.identity()) {
                pass.find(partition)
            } else {
                Some(SeekTarget::Position)
            });
            self.assignment.stall.tick(Instant::now());
        }
        let is_answered = targets.iter().all(Option::is_some);
        self.search.on_searched(scope, is_answered, Instant::now());
        let moves = |target: &Option<SeekTarget>| {
            target.is_some_and(|target| target != SeekTarget::Position)
        };
        if !targets.iter().any(moves) {
            return Ok(());
        }
        for (partition, target) in self.assignment.partitions.iter_mut().zip(targets) {
            if let Some(target) = target {
                target.apply(partition);
            }
        }
        self.assign_positions()
    }

    /// Reads every partition from where it continues.
    pub(super) fn assign_positions(&mut self) -> Result<(), SessionError> {
        let partitions = &self.assignment.partitions;
        let mut positions = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let label = partition.label();
            let position = start_offset(partition);
            positions.add_partition_offset(&label.topic, label.partition, position)?;
        }
        // Records that were fetched and not yet polled are fetched again.
        self.assign(&positions)?;
        self.ignore_log_end();
        self.search.on_restarted(Instant::now());
        Ok(())
    }

    /// Reads these partitions from these offsets, none of them paused.
    pub(super) fn assign(&mut self, offsets: &TopicPartitionList) -> Result<(), SessionError> {
        // In librdkafka a pause outlasts an assignment. `resume` fails for partitions that the
        // client has not loaded yet; these are not paused.
        let _ = self.consumer.resume(offsets);
        self.consumer.assign(offsets)?;
        self.status.phase = Phase::Reading;
        Ok(())
    }
}
