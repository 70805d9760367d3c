//! librdkafka's statistics about brokers and partitions, once a second.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use nabiz_core::ids::Offset;
use serde::Deserialize;

/// One report of librdkafka, with only the fields that are used.
#[derive(Debug, Deserialize)]
struct Statistics<'a> {
    #[serde(borrow)]
    brokers: HashMap<Cow<'a, str>, Broker<'a>>,
    #[serde(borrow)]
    topics: HashMap<Cow<'a, str>, Topic<'a>>,
}

#[derive(Debug, Deserialize)]
struct Broker<'a> {
    nodeid: i32,
    #[serde(borrow)]
    state: Cow<'a, str>,
    /// Microseconds since the last answer; negative before the first one.
    rxidle: i64,
}

impl Broker<'_> {
    fn is_up(&self) -> bool {
        self.state == "UP"
    }
}

#[derive(Debug, Deserialize)]
struct Topic<'a> {
    #[serde(borrow)]
    partitions: HashMap<Cow<'a, str>, Partition<'a>>,
}

#[derive(Debug, Deserialize)]
struct Partition<'a> {
    partition: i32,
    #[serde(borrow)]
    fetch_state: Cow<'a, str>,
    /// The broker that the client fetches from.
    broker: i32,
    fetchq_cnt: i64,
    next_offset: i64,
    eof_offset: i64,
    hi_offset: i64,
    ls_offset: i64,
}

/// Which records of transactions are read; decides which offset is the end of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Up to the last stable offset.
    #[default]
    ReadCommitted,
    /// Up to the high watermark.
    ReadUncommitted,
}

/// Whether the client fetches a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchState {
    /// It fetches, or will.
    Running,
    /// It fetches, but the last answer of the leader about this partition was an error.
    Refused,
    /// It has stopped, and does not start by itself.
    Stopped,
}

/// The client's state of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionStats {
    pub topic: String,
    pub partition: i32,
    /// The offset up to which records are handed over, as the leader last reported it: the last
    /// stable offset, or the high watermark if uncommitted records are read.
    pub end: Option<Offset>,
    /// The high watermark, as fetched from a leader that has answered recently.
    pub high_watermark: Option<Offset>,
    /// The end, if everything before it has been handed over and its leader has answered recently.
    pub drained_to: Option<Offset>,
    pub fetch: FetchState,
}

/// The offsets that a leader sends with an error. The client stores them as they are; before the
/// first answer it has another number.
const ERROR_OFFSET: i64 = -1;

/// The part of a report that a worker uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConsumerStats {
    /// Whether any broker is connected.
    pub is_connected: bool,
    pub partitions: Vec<PartitionStats>,
}

impl ConsumerStats {
    /// Reads a report. Only a leader that has answered within `leader_timeout` can say that a log
    /// is drained.
    pub(super) fn parse(
        json: &[u8],
        leader_timeout: Duration,
        isolation: Isolation,
    ) -> serde_json::Result<ConsumerStats> {
        let statistics: Statistics<'_> = serde_json::from_slice(json)?;
        let timeout_us = i64::try_from(leader_timeout.as_micros()).unwrap_or(i64::MAX);
        let answering: Vec<i32> = statistics
            .brokers
            .values()
            .filter(|broker| broker.is_up() && (0..=timeout_us).contains(&broker.rxidle))
            .map(|broker| broker.nodeid)
            .collect();
        // librdkafka has negative numbers for unknown offsets.
        let known = |offset: i64| (offset >= 0).then_some(Offset(offset));
        let mut partitions = Vec::new();
        for (topic, of_topic) in &statistics.topics {
            // The entry with the number -1 collects records that have no partition yet.
            for partition in of_topic.partitions.values().filter(|one| one.partition >= 0) {
                let end = match isolation {
                    Isolation::ReadCommitted => partition.ls_offset,
                    Isolation::ReadUncommitted => partition.hi_offset,
                };
                // In any other state the offsets may be those of an earlier assignment.
                let is_answering =
                    partition.fetch_state == "active" && answering.contains(&partition.broker);
                // The client sets its mark of the end once for each end, and keeps it when the log
                // grows and nothing can be fetched: the end must still be there.
                let is_drained = is_answering
                    && partition.fetchq_cnt == 0
                    && partition.eof_offset == partition.next_offset
                    && partition.eof_offset == end;
                let high_watermark = is_answering.then_some(partition.hi_offset).and_then(known);
                partitions.push(PartitionStats {
                    topic: topic.to_string(),
                    partition: partition.partition,
                    end: known(end),
                    high_watermark,
                    drained_to: is_drained.then_some(partition.eof_offset).and_then(known),
                    fetch: match &*partition.fetch_state {
                        "none" => FetchState::Stopped,
                        "active" if partition.hi_offset == ERROR_OFFSET => FetchState::Refused,
                        _ => FetchState::Running,
                    },
                });
            }
        }
        let is_connected = statistics.brokers.values().any(Broker::is_up);
        Ok(ConsumerStats { is_connected, partitions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(broker: &str, partition: &str) -> ConsumerStats {
        let json = format!(
            r#"{{"name":"nabiz#consumer-1",
                "brokers":{{
                  "b:1/1":{{"nodeid":1,{broker}}},
                  "b:1/bootstrap":{{"nodeid":-1,"state":"INIT","rxidle":-1}}}},
                "topics":{{"calls":{{"topic":"calls","age":1,"partitions":{{
                  "0":{{"partition":0,"broker":1,{partition}}},
                  "-1":{{"partition":-1,"broker":-1,"fetch_state":"none","fetchq_cnt":0,
                         "next_offset":0,"eof_offset":-1001,"hi_offset":-1001,
                         "ls_offset":-1001}}}}}}}}}}"#
        );
        let timeout = Duration::from_secs(2);
        ConsumerStats::parse(json.as_bytes(), timeout, Isolation::ReadCommitted).unwrap()
    }

    fn partition(
        fetch_state: &str,
        [fetchq_cnt, next_offset, eof_offset, hi_offset, ls_offset]: [i64; 5],
    ) -> String {
        format!(
            r#""fetch_state":"{fetch_state}","fetchq_cnt":{fetchq_cnt},"next_offset":{next_offset},
               "eof_offset":{eof_offset},"hi_offset":{hi_offset},"ls_offset":{ls_offset}"#
        )
    }

    const UP: &str = r#""state":"UP","rxidle":400000"#;
    const AT_END: [i64; 5] = [0, 7, 7, 9, 7];

    #[test]
    fn partition_is_drained_when_all_up_to_its_end_was_handed_over() {
        let drained = report(UP, &partition("active", AT_END));
        assert!(drained.is_connected);
        let expected = PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(Offset(7)),
            high_watermark: Some(Offset(9)),
            drained_to: Some(Offset(7)),
            fetch: FetchState::Running,
        };
        assert_eq!(drained.partitions, [expected], "partition -1 is left out");

        for (fetch_state, offsets) in [
            ("offset-query", [0, 7, 7, 7, 7]),
            ("active", [1, 7, 7, 7, 7]),
            ("active", [0, 8, 7, 9, 9]),
            ("active", [0, -1001, -1001, -1001, -1001]),
            // The log has grown, and a batch of it cannot be decoded.
            ("active", [0, 7, 7, 9, 9]),
            // The leader refuses to answer.
            ("active", [0, 7, 7, -1, -1]),
        ] {
            let stats = report(UP, &partition(fetch_state, offsets));
            assert_eq!(stats.partitions[0].drained_to, None, "{fetch_state} {offsets:?}");
        }
    }

    #[test]
    fn partition_is_not_drained_when_its_leader_is_silent() {
        let at_end = partition("active", AT_END);
        for broker in [
            r#""state":"DOWN","rxidle":400000"#,
            r#""state":"UP","rxidle":2000001"#,
            r#""state":"UP","rxidle":-1"#,
        ] {
            assert_eq!(report(broker, &at_end).partitions[0].drained_to, None, "{broker}");
        }
        assert!(!report(r#""state":"DOWN","rxidle":400000"#, &at_end).is_connected);
    }

    #[test]
    fn fetch_is_refused_when_the_leader_answers_with_an_error() {
        let stats = report(UP, &partition("active", [0, 7, 7, -1, -1]));
        let refused = &stats.partitions[0];
        assert_eq!((refused.fetch, refused.high_watermark), (FetchState::Refused, None));
        let unknown = report(UP, &partition("active", [0, 7, -1001, -1001, -1001]));
        assert_eq!(unknown.partitions[0].fetch, FetchState::Running);
    }

    #[test]
    fn partition_has_stopped_when_the_client_fetches_nothing() {
        let stats = report(UP, &partition("none", AT_END));
        assert_eq!(stats.partitions[0].fetch, FetchState::Stopped);
    }
}
