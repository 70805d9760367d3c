//! The producer: writes the records of one request, and waits for their acknowledgement.

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::time::Duration;
use tokio::sync::oneshot;

use super::record::Record;

/// Reports each delivery to the request that waits for it.
struct Deliveries;

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(target: "librdkafka", ?level, facility, "{line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "producer error");
    }
}

type Waiter = oneshot::Sender<Result<(), KafkaError>>;

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Waiter>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiter: Box<Waiter>) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        // The request may have timed out.
        let _ = waiter.send(result);
    }
}

/// The reason for which the records of a request are not all written.
#[derive(Debug)]
pub(super) enum ProduceError {
    /// A record is larger than the client or the broker takes.
    TooLarge,
    /// Too many records wait for an acknowledgement.
    Full,
    /// Kafka has not acknowledged a record.
    NotAcknowledged(KafkaError),
}

impl From<KafkaError> for ProduceError {
    fn from(error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
                ProduceError::TooLarge
            }
            Some(RDKafkaErrorCode::QueueFull) => ProduceError::Full,
            _ => ProduceError::NotAcknowledged(error),
        }
    }
}

/// The producer of all paths.
pub(super) struct Producer {
    inner: ThreadedProducer<Deliveries>,
}

impl Producer {
    /// Creates the producer. It connects in the background.
    pub(super) fn new(config: &ClientConfig) -> KafkaResult<Self> {
        Ok(Producer { inner: config.create_with_context(Deliveries)? })
    }

    /// Writes records, each with the headers, and waits until all in-sync replicas have them.
    ///
    /// After an error some of the records may be written: the source sends the request again, and
    /// nabiz drops what it has seen by its id.
    pub(super) async fn write(
        &self,
        topic: &str,
        records: &[Record],
        headers: &[(String, String)],
    ) -> Result<(), ProduceError> {
        let mut waiting = Vec::with_capacity(records.len());
        for record in records {
            let (waiter, delivery) = oneshot::channel();
            let mut message =
                BaseRecord::<[u8], [u8], Box<Waiter>>::with_opaque_to(topic, Box::new(waiter))
                    .payload(&record.value);
            message.key = record.key.as_deref().map(str::as_bytes);
            if !headers.is_empty() {
                message.headers = Some(kafka_headers(headers));
            }
            self.inner.send(message).map_err(|(error, _)| ProduceError::from(error))?;
            waiting.push(delivery);
        }
        for delivery in waiting {
            match delivery.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(error.into()),
                // The producer was dropped, which happens only at the end.
                Err(_) => return Err(KafkaError::Canceled.into()),
            }
        }
        Ok(())
    }

    /// Asks the brokers for a topic.
    ///
    /// # Errors
    /// Returns the reason for which the topic cannot be written.
    pub(super) fn look_up(&self, topic: &str, within: Duration) -> Result<(), String> {
        let metadata = self
            .inner
            .client()
            .fetch_metadata(Some(topic), within)
            .map_err(|error| error.to_string())?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.and_then(|found| found.error()) {
            None => Ok(()),
            Some(error) => {
                Err(format!("topic {topic:?}: {}", KafkaError::MetadataFetch(error.into())))
            }
        }
    }

    /// Waits until no record waits for an acknowledgement, for at most `within`.
    pub(super) fn flush(&self, within: Duration) {
        if let Err(error) = self.inner.flush(within) {
            tracing::warn!(%error, "some records were not acknowledged");
        }
    }
}

fn kafka_headers(headers: &[(String, String)]) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), |all, (name, value)| {
        all.insert(Header { key: name, value: Some(value) })
    })
}
