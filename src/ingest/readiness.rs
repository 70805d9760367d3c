//! Why the pipeline is not ready. Pure.

use super::worker_status::{Connection, Phase, WorkerReport, WorkerStatus};
use crate::readmodel::{Aggregation, PartitionHealth};

/// The inputs of readiness.
pub(super) struct Readiness<'a> {
    pub workers: &'a [WorkerReport],
    pub partitions: &'a [PartitionHealth],
    pub aggregation: Aggregation,
    /// The pipeline was ready before.
    pub was_ready: bool,
}

impl Readiness<'_> {
    /// Returns why the numbers are withheld; `None` if they are served.
    ///
    /// A broker that becomes unreachable later is no reason: the numbers stay true, and their age
    /// is published.
    pub(super) fn not_ready_because(&self) -> Option<String> {
        self.worker_reason().or_else(|| self.partition_reason())
    }

    fn worker_reason(&self) -> Option<String> {
        if let Some(why) = self.statuses().find_map(|status| status.ledger_wait.as_ref()) {
            return Some(format!("waiting for the ledger: {why}"));
        }
        if let Some(missing) = self.statuses().find_map(|status| status.missing_topics.first()) {
            return Some(format!("topic {missing:?} does not exist"));
        }
        let reason = if self.workers.iter().any(|worker| worker.fenced_at.is_some()) {
            "another instance has acquired partitions, waiting for a new assignment"
        } else if self.joining().any(|status| status.connection != Connection::Up) {
            "no kafka broker can be reached"
        } else if self.joining().next().is_some() {
            "waiting for the consumer group to assign partitions"
        } else if self.aggregation == Aggregation::Summed
            && self.statuses().any(|status| !status.phase.is_assigned())
        {
            // A sum over some of the partitions would be less than the one before.
            "the consumer group is rebalancing"
        } else {
            return None;
        };
        Some(reason.to_owned())
    }

    fn statuses(&self) -> impl Iterator<Item = &WorkerStatus> {
        self.workers.iter().map(|worker| &worker.status)
    }

    fn joining(&self) -> impl Iterator<Item = &WorkerStatus> {
        self.statuses().filter(|status| status.phase == Phase::Joining)
    }

    fn partition_reason(&self) -> Option<String> {
        let behind: Vec<&PartitionHealth> =
            self.partitions.iter().filter(|partition| !partition.caught_up).collect();
        if behind.is_empty() {
            let waiting: u64 =
                self.partitions.iter().map(|partition| partition.dead_letters_waiting).sum();
            return (!self.was_ready && waiting > 0)
                .then(|| format!("{waiting} dead letters are being written"));
        }
        let records = behind.iter().map(|partition| {
            let (position, target) = (partition.position, partition.catch_up_to);
            target.unwrap_or_default().0.saturating_sub(position.unwrap_or_default().0).max(0)
        });
        Some(format!(
            "catching up: {} of {} partitions, {} records to go",
            behind.len(),
            self.partitions.len(),
            records.fold(0, i64::saturating_add)
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use nabiz_core::ids::Offset;

    use super::*;

    fn worker(phase: Phase, connection: Connection) -> WorkerReport {
        let mut report = WorkerReport::initial(Instant::now());
        report.status = WorkerStatus { phase, connection, ..WorkerStatus::default() };
        report
    }

    fn reason(
        workers: &[WorkerReport],
        partitions: &[PartitionHealth],
        aggregation: Aggregation,
    ) -> Option<String> {
        Readiness { workers, partitions, aggregation, was_ready: false }.not_ready_because()
    }

    fn behind() -> PartitionHealth {
        PartitionHealth {
            position: Some(Offset(10)),
            catch_up_to: Some(Offset(30)),
            ..PartitionHealth::default()
        }
    }

    #[test]
    fn reason_names_the_broker_when_a_joining_worker_has_none() {
        for connection in [Connection::Unknown, Connection::Down] {
            let workers = [worker(Phase::Joining, connection)];
            let reason = reason(&workers, &[], Aggregation::Summed);
            assert_eq!(reason.as_deref(), Some("no kafka broker can be reached"));
        }
    }

    #[test]
    fn reason_is_absent_when_the_broker_is_lost_after_catching_up() {
        let caught_up = PartitionHealth { caught_up: true, ..behind() };
        let workers = [worker(Phase::Reading, Connection::Down)];
        assert_eq!(reason(&workers, &[caught_up], Aggregation::Summed), None);
    }

    #[test]
    fn rebalancing_withholds_sums_only() {
        let workers = [worker(Phase::Rebalancing, Connection::Up)];
        let summed = reason(&workers, &[], Aggregation::Summed);
        assert_eq!(summed.as_deref(), Some("the consumer group is rebalancing"));
        assert_eq!(reason(&workers, &[], Aggregation::PerShard), None);
    }

    #[test]
    fn reason_counts_the_records_to_go() {
        let workers = [worker(Phase::Reading, Connection::Up)];
        let caught_up = PartitionHealth { caught_up: true, ..behind() };
        let reason = reason(&workers, &[behind(), caught_up], Aggregation::Summed);
        assert_eq!(reason.as_deref(), Some("catching up: 1 of 2 partitions, 20 records to go"));
    }

    #[test]
    fn recreated_consumer_counts_as_rebalancing() {
        let mut report = worker(Phase::Reading, Connection::Up);
        report.update(worker(Phase::Joining, Connection::Unknown));
        assert_eq!(report.status.phase, Phase::Rebalancing);
        report.update(worker(Phase::Joining, Connection::Unknown));
        assert_eq!(report.status.phase, Phase::Rebalancing);

        let mut report = worker(Phase::Joining, Connection::Up);
        report.update(worker(Phase::Joining, Connection::Unknown));
        assert_eq!(report.status.phase, Phase::Joining);
    }
}
