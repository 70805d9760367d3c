//! Why the numbers are withheld. Pure.

use super::partition_counts::PartitionCounts;
use super::worker_status::{Connection, Phase, WorkerReport, WorkerStatus};
use crate::readmodel::{Aggregation, PartitionHealth};

/// The inputs of readiness.
pub(super) struct Readiness<'a> {
    pub workers: &'a [WorkerReport],
    /// The partitions that the workers own, each once.
    pub partitions: &'a [PartitionHealth],
    pub counts: &'a PartitionCounts,
    pub aggregation: Aggregation,
    /// The pipeline was ready before.
    pub was_ready: bool,
}

impl Readiness<'_> {
    /// Returns why the numbers are withheld; `None` if they are served.
    ///
    /// A broker that becomes unreachable later is no reason while the client keeps its partitions:
    /// the numbers stay true, and their age is published. After its session timeout the client
    /// gives them up, because the group may have assigned them to another instance.
    pub(super) fn withheld_because(&self) -> Option<String> {
        self.worker_reason().or_else(|| self.part_reason()).or_else(|| self.partition_reason())
    }

    fn worker_reason(&self) -> Option<String> {
        if let Some(why) = self.statuses().find_map(|status| status.ledger_wait.as_ref()) {
            return Some(format!("waiting for the ledger: {why}"));
        }
        if let Some(topic) = self.statuses().find_map(|status| status.uncounted_topic.as_deref()) {
            return Some(uncounted(topic));
        }
        if let Some(missing) = self.statuses().find_map(|status| status.missing_topics.first()) {
            if self.statuses().any(|status| status.denied_topics.contains(missing)) {
                return Some(format!(
                    "the broker refuses to describe topic {missing:?}: grant the user of nabiz the \
                     rights DESCRIBE and READ on it"
                ));
            }
            return Some(format!("topic {missing:?} does not exist"));
        }
        // A series of each partition is served as long as one worker has partitions.
        let are_lost = match self.aggregation {
            Aggregation::Summed => self.statuses().any(WorkerStatus::is_lost),
            Aggregation::PerShard => self.statuses().all(WorkerStatus::is_lost),
        };
        let reason = if self.workers.iter().any(|worker| worker.fenced_at.is_some()) {
            "another instance has acquired partitions, waiting for a new assignment"
        } else if self.joining().any(|status| status.connection != Connection::Up) {
            "no kafka broker can be reached"
        } else if are_lost {
            "no kafka broker can be reached, and the session with the consumer group is over"
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

    /// Returns why a sum over the owned partitions could lack a part. With a series for each
    /// partition, the others are series of other instances.
    fn part_reason(&self) -> Option<String> {
        match self.aggregation {
            Aggregation::PerShard => return None,
            Aggregation::Summed => {}
        }
        if let Some(topic) = self.counts.unknown() {
            return Some(uncounted(topic));
        }
        let total = self.counts.total();
        let held = self.partitions.iter().filter(|partition| self.counts.has(&partition.label));
        let held = held.count();
        (held < total).then(|| format!("holds {held} of {total} partitions"))
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
        // Without an answer to a fetch the first end is unknown; the broker tells the last one.
        let records = behind.iter().map(|partition| {
            let target = partition.catch_up_to.or(partition.end)?;
            Some(target.0.saturating_sub(partition.position.unwrap_or_default().0).max(0))
        });
        let records: Option<Vec<i64>> = records.collect();
        let to_go = match records {
            Some(records) => records.into_iter().fold(0, i64::saturating_add).to_string(),
            None => "an unknown number of".to_owned(),
        };
        let mut reason = format!(
            "catching up: {} of {} partitions, {to_go} records to go",
            behind.len(),
            self.partitions.len(),
        );
        for standstill in behind.iter().flat_map(|partition| &partition.degraded) {
            reason.push_str(&format!("; {standstill}"));
        }
        Some(reason)
    }
}

fn uncounted(topic: &str) -> String {
    format!("the number of partitions of topic {topic:?} is not known yet")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use nabiz_core::ids::Offset;

    use super::*;
    use crate::readmodel::{Degradation, ShardLabel};

    /// Returns partitions of two topics that are caught up.
    fn caught_up(labels: &[(&str, i32)]) -> Vec<PartitionHealth> {
        let caught_up = |(topic, partition): &(&str, i32)| PartitionHealth {
            label: label(topic, *partition),
            caught_up: true,
            ..PartitionHealth::default()
        };
        labels.iter().map(caught_up).collect()
    }

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
        let mut counts = PartitionCounts::of_topics(["calls"]);
        counts.set("calls", i32::try_from(partitions.len()).unwrap());
        reason_of(workers, partitions, &counts, aggregation)
    }

    fn reason_of(
        workers: &[WorkerReport],
        partitions: &[PartitionHealth],
        counts: &PartitionCounts,
        aggregation: Aggregation,
    ) -> Option<String> {
        Readiness { workers, partitions, counts, aggregation, was_ready: false }.withheld_because()
    }

    fn label(topic: &str, partition: i32) -> ShardLabel {
        ShardLabel { topic: topic.into(), partition }
    }

    fn behind() -> PartitionHealth {
        PartitionHealth {
            label: label("calls", 0),
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
    fn reason_names_the_broker_when_it_is_lost_for_longer_than_the_session() {
        let gave_up = worker(Phase::Rebalancing, Connection::Down);
        let reads = worker(Phase::Reading, Connection::Down);
        let over =
            "no kafka broker can be reached, and the session with the consumer group is over";
        let both = [gave_up.clone(), reads];
        assert_eq!(reason(&both, &[], Aggregation::Summed).as_deref(), Some(over));
        assert_eq!(reason(&both, &[], Aggregation::PerShard), None);
        let none = [gave_up.clone(), gave_up];
        assert_eq!(reason(&none, &[], Aggregation::Summed).as_deref(), Some(over));
        assert_eq!(reason(&none, &[], Aggregation::PerShard).as_deref(), Some(over));
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
        let caught_up = PartitionHealth { label: label("calls", 1), caught_up: true, ..behind() };
        let reason = reason(&workers, &[behind(), caught_up], Aggregation::Summed);
        assert_eq!(reason.as_deref(), Some("catching up: 1 of 2 partitions, 20 records to go"));
    }

    #[test]
    fn sum_over_a_part_of_the_partitions_is_withheld() {
        let workers = [worker(Phase::Reading, Connection::Up)];
        let mut counts = PartitionCounts::of_topics(["calls", "mails"]);
        counts.set("calls", 4);
        counts.set("mails", 1);
        let reason = |partitions: &[PartitionHealth], aggregation| {
            reason_of(&workers, partitions, &counts, aggregation)
        };
        let part = caught_up(&[("calls", 0), ("calls", 3)]);
        let summed = reason(&part, Aggregation::Summed);
        assert_eq!(summed.as_deref(), Some("holds 2 of 5 partitions"));
        assert_eq!(reason(&part, Aggregation::PerShard), None);
        let none = reason(&[], Aggregation::Summed);
        assert_eq!(none.as_deref(), Some("holds 0 of 5 partitions"));

        let all = [("calls", 0), ("calls", 1), ("calls", 2), ("calls", 3), ("mails", 0)];
        assert_eq!(reason(&caught_up(&all), Aggregation::Summed), None);
        // A partition that the topic does not have stands for no other one.
        let other = [("calls", 0), ("calls", 1), ("calls", 2), ("calls", 4), ("mails", 0)];
        let summed = reason(&caught_up(&other), Aggregation::Summed);
        assert_eq!(summed.as_deref(), Some("holds 4 of 5 partitions"));
    }

    #[test]
    fn part_comes_before_catching_up_in_the_reason() {
        let workers = [worker(Phase::Reading, Connection::Up)];
        let mut counts = PartitionCounts::of_topics(["calls"]);
        counts.set("calls", 2);
        let summed = reason_of(&workers, &[behind()], &counts, Aggregation::Summed);
        assert_eq!(summed.as_deref(), Some("holds 1 of 2 partitions"));
    }

    #[test]
    fn sum_is_withheld_when_a_topic_is_not_counted_yet() {
        let workers = [worker(Phase::Reading, Connection::Up)];
        let mut counts = PartitionCounts::of_topics(["calls", "mails"]);
        counts.set("calls", 1);
        let held = caught_up(&[("calls", 0), ("mails", 0)]);
        let summed = reason_of(&workers, &held, &counts, Aggregation::Summed);
        let expected = "the number of partitions of topic \"mails\" is not known yet";
        assert_eq!(summed.as_deref(), Some(expected));
        assert_eq!(reason_of(&workers, &held, &counts, Aggregation::PerShard), None);
    }

    #[test]
    fn numbers_are_withheld_when_a_partition_waits_for_the_count_of_its_topic() {
        let mut waiting = worker(Phase::Joining, Connection::Up);
        waiting.status.uncounted_topic = Some("calls".into());
        for aggregation in [Aggregation::Summed, Aggregation::PerShard] {
            let told = reason(&[waiting.clone()], &[], aggregation);
            let expected = "the number of partitions of topic \"calls\" is not known yet";
            assert_eq!(told.as_deref(), Some(expected));
        }
    }

    #[test]
    fn new_partition_withholds_the_sum_until_it_is_read() {
        let workers = [worker(Phase::Reading, Connection::Up)];
        let mut counts = PartitionCounts::of_topics(["calls"]);
        counts.set("calls", 1);
        let mut held = caught_up(&[("calls", 0)]);
        let reason = |held: &[PartitionHealth], counts: &PartitionCounts| {
            reason_of(&workers, held, counts, Aggregation::Summed)
        };
        assert_eq!(reason(&held, &counts), None);
        counts.set("calls", 2);
        assert_eq!(reason(&held, &counts).as_deref(), Some("holds 1 of 2 partitions"));
        held.push(PartitionHealth { label: label("calls", 1), ..behind() });
        let catching_up = "catching up: 1 of 2 partitions, 20 records to go";
        assert_eq!(reason(&held, &counts).as_deref(), Some(catching_up));
        held[1].caught_up = true;
        assert_eq!(reason(&held, &counts), None);
    }

    #[test]
    fn reason_names_the_right_when_a_topic_may_not_be_described() {
        let mut denied = worker(Phase::Joining, Connection::Up);
        denied.status.missing_topics.insert("calls".to_owned());
        let told = reason(&[denied.clone()], &[], Aggregation::Summed);
        assert_eq!(told.as_deref(), Some("topic \"calls\" does not exist"));
        denied.status.denied_topics.insert("calls".to_owned());
        let told = reason(&[denied], &[], Aggregation::Summed).unwrap_or_default();
        assert!(
            told.starts_with("the broker refuses to describe topic \"calls\": grant"),
            "{told}"
        );
    }

    #[test]
    fn reason_names_place_cause_and_remedy_when_a_partition_stands_still() {
        let workers = [worker(Phase::Reading, Connection::Up)];
        let stuck = PartitionHealth {
            catch_up_to: None,
            end: Some(Offset(25)),
            degraded: vec![Degradation {
                label: Some(ShardLabel { topic: "calls".into(), partition: 1 }),
                offset: Some(Offset(10)),
                cause: "no right".into(),
                remedy: "grant it".into(),
            }],
            ..behind()
        };
        let expected = "catching up: 1 of 1 partitions, 15 records to go; \
                        calls/1 at offset 10: no right; grant it";
        assert_eq!(reason(&workers, &[stuck], Aggregation::Summed).as_deref(), Some(expected));
        let unknown = PartitionHealth { catch_up_to: None, end: None, ..behind() };
        let expected = "catching up: 1 of 1 partitions, an unknown number of records to go";
        assert_eq!(reason(&workers, &[unknown], Aggregation::Summed).as_deref(), Some(expected));
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
