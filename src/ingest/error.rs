//! Errors of the start.

use rdkafka::error::KafkaError;

use crate::ledger::LedgerError;

/// Why ingest cannot start. An unreachable broker is not among the reasons: nabiz waits for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No topic is configured.
    #[error("kafka.topics is empty: name at least one topic")]
    NoTopic,
    /// A topic is configured twice.
    #[error("kafka.topics names {0:?} twice")]
    DuplicateTopic(String),
    /// The dead-letter topic is read too, so that dead letters would come back.
    #[error("kafka.dead_letter_topic {0:?} is one of kafka.topics: it must be another topic")]
    DeadLetterTopicIsRead(String),
    /// No worker is configured.
    #[error("kafka.workers: expected at least 1, found 0")]
    NoWorker,
    /// A client property is one that nabiz sets itself.
    #[error("kafka.client must not set {0:?}: nabiz sets it itself")]
    ReservedProperty(String),
    /// librdkafka rejects the value of a property. The message leaves the value out, because it
    /// may be a secret.
    #[error("kafka.client has a bad value for {property:?}")]
    Property {
        /// The name of the property.
        property: String,
    },
    /// librdkafka rejects the properties as a whole.
    #[error("cannot create the kafka client")]
    Client(#[source] KafkaError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The operating system cannot start a thread.
    #[error("cannot start the thread {name}")]
    Thread {
        /// The name of the thread.
        name: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl StartError {
    /// Converts an error of librdkafka without the value of a property.
    pub(super) fn from_client(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, _, property, _) => StartError::Property { property },
            other => StartError::Client(other),
        }
    }
}
