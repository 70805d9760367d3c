//! Why a partition stands still, as a person reads it.

use nabiz_core::ids::Offset;

use crate::readmodel::{Degradation, ShardLabel};

/// Why a broker did not tell the high watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AskError {
    /// It refuses, for this reason.
    Refused(String),
    /// There was no usable answer.
    NoAnswer(String),
}

/// Why a partition stands still although it is owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standstill {
    /// The batch with the next record cannot be decoded, for this reason of the client.
    Undecodable { why: String },
    /// The broker refuses to read, for this reason.
    Refused { why: String },
    /// The log has more records, but the client receives none of them.
    Unread,
    /// An open transaction holds back the records from its first one on.
    HeldBack,
    /// No broker has told the high watermark for too long.
    Unproven { why: String },
}

impl From<AskError> for Standstill {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(why) => Standstill::Refused { why },
            AskError::NoAnswer(why) => Standstill::Unproven { why },
        }
    }
}

impl Standstill {
    /// Returns the degradation of a partition that stands still at `offset`.
    pub(super) fn degradation(&self, label: &ShardLabel, offset: Option<Offset>) -> Degradation {
        let (cause, remedy) = match self {
            Standstill::Undecodable { why } => (
                format!("the batch with the next record cannot be decoded ({why})"),
                "if it is a large batch, raise \"receive.message.max.bytes\" in [kafka.client]; to \
                 pass over what cannot be decoded, set on_undecodable = \"skip\" in [kafka]",
            ),
            Standstill::Refused { why } => (
                format!("the broker refuses to read ({why})"),
                "grant the user of nabiz the rights DESCRIBE and READ on the topic",
            ),
            Standstill::Unread => (
                "the log has more records, but the client receives none of them".to_owned(),
                "look at the leader of the partition, and at the log of the client \
                 (NABIZ_LOG=librdkafka=debug)",
            ),
            Standstill::HeldBack => (
                "an open transaction holds back the records from here on".to_owned(),
                "end it at its producer, or abort it (kafka-transactions.sh find-hanging, then \
                 abort)",
            ),
            Standstill::Unproven { why } => (
                format!("no broker tells the end of the log ({why})"),
                "look at the leader of the partition, the network and the credentials",
            ),
        };
        Degradation {
            label: Some(label.clone()),
            offset,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degradation_names_partition_offset_cause_and_remedy() {
        let label = ShardLabel { topic: "calls".into(), partition: 2 };
        let why = "Broker: Topic authorization failed".to_owned();
        let refused = Standstill::from(AskError::Refused(why));
        let text = refused.degradation(&label, Some(Offset(7))).to_string();
        assert_eq!(
            text,
            "calls/2 at offset 7: the broker refuses to read (Broker: Topic authorization \
             failed); grant the user of nabiz the rights DESCRIBE and READ on the topic"
        );
    }
}
