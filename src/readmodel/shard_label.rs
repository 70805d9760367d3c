//! The name of a shard.

use std::fmt;
use std::sync::Arc;

/// The partition of a shard. Its text, `topic/partition`, is the value of the label `shard`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardLabel {
    /// The Kafka topic.
    pub topic: Arc<str>,
    /// The partition of the topic.
    pub partition: i32,
}

impl fmt::Display for ShardLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}
