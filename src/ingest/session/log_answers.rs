//! What the broker watch learns from a session, and what the session does with its answers.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use super::{Session, SessionError};
use crate::ingest::agent_calls::told_calls;
use crate::ingest::dead_letters::DeadLetter;
use crate::ingest::log_ends::LogFinding;
use crate::ingest::partition::Partition;
use crate::ingest::partition::moves::Skip;
use crate::ingest::partition_counts::ClientCounts;
use crate::ingest::topic_check::QUERY_TIMEOUT;
use crate::ingest::worker_status::Connection;

/// Time between two looks at the number of partitions.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// Tells the broker watch which partitions this worker holds, and how far it has read.
    pub(super) fn hold_partitions(&self) {
        let phase = self.status.phase;
        let held = self.assignment.partitions.iter().map(|partition| partition.held(phase));
        self.shared.log_ends.hold(self.worker, held.collect());
    }

    /// Takes no earlier answer about the end of a log for a proof, because the error does not name
    /// its partition, and asks again. An error that a known standstill explains is about that
    /// partition alone: the client repeats it for as long as the partition stands still.
    pub(super) fn distrust_log_ends(&mut self) {
        let partitions = &mut self.assignment.partitions;
        if partitions.iter().any(Partition::explains_errors) {
            return;
        }
        partitions.iter_mut().for_each(Partition::on_client_error);
        self.shared.log_ends.ask_soon();
    }

    /// Applies the answers about the ends of the logs, if there are new ones.
    pub(super) fn take_log_answers(&mut self) -> Result<(), SessionError> {
        let round = self.shared.log_ends.round();
        if round == self.log_round {
            return Ok(());
        }
        self.log_round = round;
        let mut has_skipped = false;
        for partition in &mut self.assignment.partitions {
            if let Some(told) = self.shared.log_ends.topic_id(&partition.label().topic) {
                partition.on_topic_id(&told);
            }
            let answer = self.shared.log_ends.answer(partition.label());
            let Some((answer, LogFinding { standstill, skip })) = answer else { continue };
            partition.on_log_answer(answer, standstill);
            match skip.map(|skipped| partition.skip_batch(skipped)) {
                None | Some(Skip::Elsewhere) => {}
                Some(Skip::ReadBefore) => has_skipped = true,
                Some(Skip::Lost(skipped)) => {
                    self.shared.status_hub.count_offsets_skipped(skipped.offsets());
                    let letter = DeadLetter::undecodable(partition.label(), &skipped);
                    self.shared.dead_letters.send(letter, partition.skip_letters());
                    has_skipped = true;
                }
            }
        }
        if has_skipped {
            self.assign_positions()?;
            self.hold_partitions();
        }
        Ok(())
    }

    /// Tells the partitions what follows from the counts of the broker watch, and fetches the
    /// metadata of all topics when the broker watch has counted other partitions: the
    /// client then makes the group assign the new ones. By itself it looks every five minutes.
    pub(super) fn notice_partitions(&mut self) {
        if self.counted_at.elapsed() < COUNT_INTERVAL
            || self.status.connection != Connection::Up
            || !self.status.phase.is_assigned()
        {
            return;
        }
        self.counted_at = Instant::now();
        let counts = self.shared.status_hub.partition_counts();
        for partition in &mut self.assignment.partitions {
            if let Some(told) = told_calls(&self.shared.options.topics, &counts, partition.label())
            {
                partition.tell_calls(told);
            }
        }
        let counts = counts.without(&self.status.missing_topics);
        if !self.client_counts.is_due(&counts, self.counted_at) {
            return;
        }
        let agrees = match self.consumer.fetch_metadata(None, QUERY_TIMEOUT) {
            Ok(metadata) => {
                let topics = metadata.topics();
                let found = |topic: &str| {
                    let found = topics.iter().find(|found| found.name() == topic);
                    found.map(|found| found.partitions().len())
                };
                // Another broker than that of the broker watch may not know the partitions yet.
                counts.agree_with(found)
            }
            Err(error) => {
                tracing::debug!(worker = self.worker, %error, "metadata request failed");
                false
            }
        };
        self.client_counts = if agrees {
            ClientCounts::Agreeing(counts)
        } else {
            ClientCounts::Differing(counts, Instant::now())
        };
    }
}
