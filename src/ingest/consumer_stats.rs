//! What the client library tells about brokers and partitions, once a second.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

/// One report of the client library. Only what is needed is decoded.
#[derive(Debug, Deserialize)]
pub(super) struct Statistics<'a> {
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
    /// Microseconds since it last sent anything; negative before that.
    rxidle: i64,
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
    /// The broker it is fetched from.
    broker: i32,
    fetchq_cnt: i64,
    next_offset: i64,
    eof_offset: i64,
    hi_offset: i64,
    ls_offset: i64,
}

/// What is known of the log behind one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionStats {
    pub topic: String,
    pub partition: i32,
    /// End of the log, as its leader last said.
    pub end: Option<i64>,
    /// The offset at which the leader said that there is no more, where all before it has been handed over and the
    /// leader is in touch.
    pub drained_to: Option<i64>,
    /// The client fetches nothing and will not by itself.
    pub stopped: bool,
}

/// What the worker makes of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConsumerStats {
    /// Whether any broker is connected.
    pub connected: bool,
    pub logs: Vec<PartitionStats>,
}

impl ConsumerStats {
    /// Reads a report. A leader is in touch where it is up and has answered within `in_touch_us`.
    pub(super) fn parse(
        json: &[u8],
        in_touch_us: i64,
        reads_uncommitted: bool,
    ) -> serde_json::Result<ConsumerStats> {
        let statistics: Statistics<'_> = serde_json::from_slice(json)?;
        let up = |broker: &&Broker<'_>| broker.state == "UP";
        let in_touch: Vec<i32> = statistics
            .brokers
            .values()
            .filter(up)
            .filter(|broker| (0..=in_touch_us).contains(&broker.rxidle))
            .map(|broker| broker.nodeid)
            .collect();
        let known = |offset: i64| (offset >= 0).then_some(offset);
        let mut logs = Vec::new();
        for (topic, partitions) in &statistics.topics {
            for partition in
                partitions.partitions.values().filter(|partition| partition.partition >= 0)
            {
                // In any other state the offsets may be those of an earlier assignment.
                let drained = partition.fetch_state == "active"
                    && partition.fetchq_cnt == 0
                    && partition.eof_offset == partition.next_offset
                    && in_touch.contains(&partition.broker);
                logs.push(PartitionStats {
                    topic: topic.to_string(),
                    partition: partition.partition,
                    end: known(if reads_uncommitted {
                        partition.hi_offset
                    } else {
                        partition.ls_offset
                    }),
                    drained_to: drained.then_some(partition.eof_offset).and_then(known),
                    stopped: partition.fetch_state == "none",
                });
            }
        }
        Ok(ConsumerStats { connected: statistics.brokers.values().any(|broker| up(&broker)), logs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(broker: &str, partition: &str) -> ConsumerStats {
        let json = format!(
            r#"{{"name":"nabiz#consumer-1","brokers":{{"b:1/1":{{"nodeid":1,{broker}}},"b:1/bootstrap":{{"nodeid":-1,"state":"INIT","rxidle":-1}}}},
               "topics":{{"calls":{{"topic":"calls","age":1,"partitions":{{"0":{{"partition":0,"broker":1,{partition}}},
               "-1":{{"partition":-1,"broker":-1,"fetch_state":"none","fetchq_cnt":0,"next_offset":0,"eof_offset":-1001,"hi_offset":-1001,"ls_offset":-1001}}}}}}}}}}"#
        );
        ConsumerStats::parse(json.as_bytes(), 2_000_000, false).unwrap()
    }

    const UP: &str = r#""state":"UP","rxidle":400000"#;
    const AT_END: &str = r#""fetch_state":"active","fetchq_cnt":0,"next_offset":7,"eof_offset":7,"hi_offset":9,"ls_offset":7"#;

    #[test]
    fn a_drained_partition_is_told_apart_from_one_that_is_not() {
        let drained = report(UP, AT_END);
        assert!(drained.connected);
        let expected = PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(7),
            drained_to: Some(7),
            stopped: false,
        };
        assert_eq!(drained.logs, [expected], "the unassigned partition -1 is left out");

        for not_drained in [
            r#""fetch_state":"offset-query","fetchq_cnt":0,"next_offset":7,"eof_offset":7,"hi_offset":7,"ls_offset":7"#,
            r#""fetch_state":"active","fetchq_cnt":1,"next_offset":7,"eof_offset":7,"hi_offset":7,"ls_offset":7"#,
            r#""fetch_state":"active","fetchq_cnt":0,"next_offset":8,"eof_offset":7,"hi_offset":9,"ls_offset":9"#,
            r#""fetch_state":"active","fetchq_cnt":0,"next_offset":-1001,"eof_offset":-1001,"hi_offset":-1001,"ls_offset":-1001"#,
        ] {
            assert_eq!(report(UP, not_drained).logs[0].drained_to, None, "{not_drained}");
        }
    }

    #[test]
    fn the_word_of_a_leader_out_of_touch_does_not_count() {
        for broker in [
            r#""state":"DOWN","rxidle":400000"#,
            r#""state":"UP","rxidle":2000001"#,
            r#""state":"UP","rxidle":-1"#,
        ] {
            assert_eq!(report(broker, AT_END).logs[0].drained_to, None, "{broker}");
        }
        assert!(!report(r#""state":"DOWN","rxidle":400000"#, AT_END).connected);
    }
}
