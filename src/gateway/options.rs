//! The options of the gateway, from the configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderName;
use rdkafka::ClientConfig;

use super::rate::RateLimit;
use super::route::Route;
use super::signature::Verifier;
use crate::config::{Gateway, GatewayPath, Kafka, WebhookCheck};
use crate::http::{Tls, TlsError};
use crate::readmodel::GatewayCounts;

/// Room for keys, headers and the batch around a record.
const RECORD_OVERHEAD: usize = 64 * 1024;
/// librdkafka's default of `message.max.bytes`.
const MESSAGE_BYTES: usize = 1_000_000;
/// Kilobytes of records that wait for an acknowledgement. More are answered 503.
const WAITING_KBYTES: &str = "65536";

/// The options of the gateway. Not `Debug`, because client properties may be secrets.
pub struct Options {
    /// Address of the listener for webhooks.
    pub listen: SocketAddr,
    /// Address of the listener for health and metrics.
    pub metrics_listen: SocketAddr,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) max_in_flight: usize,
    pub(super) timeout: Duration,
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) counts: Arc<GatewayCounts>,
    pub(super) client: ClientConfig,
}

/// The reason for which the gateway cannot use its configuration. Shows no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A secret cannot be read.
    #[error("gateway.paths: secret of {path}: {reason}")]
    Secret {
        /// The path.
        path: String,
        /// The reason, with the file or variable.
        reason: String,
    },
    /// A key is missing that the configuration requires.
    #[error("gateway.paths: {path}: {key} is missing")]
    Missing {
        /// The path.
        path: String,
        /// The key.
        key: &'static str,
    },
    /// The certificate cannot be used.
    #[error("gateway.tls_certificate, gateway.tls_key")]
    Tls(#[source] TlsError),
}

impl Options {
    /// Reads the secrets and the certificate that the configuration names.
    ///
    /// # Errors
    /// Returns the first mistake.
    pub fn load(kafka: &Kafka, gateway: &Gateway) -> Result<Self, OptionsError> {
        let tls = match &gateway.tls {
            None => None,
            Some(files) => {
                let tls = Tls::load(&files.certificate, &files.key).map_err(OptionsError::Tls)?;
                Some(Arc::new(tls))
            }
        };
        let paths = gateway.paths.iter().map(|path| path.path.as_str());
        let counts = Arc::new(GatewayCounts::new(paths));
        let mut routes = BTreeMap::new();
        for (index, path) in gateway.paths.iter().enumerate() {
            routes.insert(path.path.clone(), route(index, path, gateway)?);
        }
        Ok(Options {
            listen: gateway.listen,
            metrics_listen: gateway.metrics_listen,
            tls,
            max_in_flight: gateway.max_in_flight,
            timeout: Duration::from_millis(gateway.timeout.get()),
            routes,
            counts,
            client: client(kafka, gateway),
        })
    }
}

fn route(index: usize, path: &GatewayPath, gateway: &Gateway) -> Result<Route, OptionsError> {
    let missing = |key| OptionsError::Missing { path: path.path.clone(), key };
    let source = path.secret.as_ref().ok_or_else(|| missing("secret"))?;
    let secrets =
        source.read().map_err(|reason| OptionsError::Secret { path: path.path.clone(), reason })?;
    let verifier = |secret: String| {
        Ok(match path.check {
            WebhookCheck::Twilio => {
                let public_url = gateway.public_url.clone().ok_or_else(|| missing("public_url"))?;
                Verifier::Twilio { secret, public_url }
            }
            WebhookCheck::Chatwoot => Verifier::Chatwoot { secret },
            WebhookCheck::Zammad => Verifier::Zammad { secret },
            WebhookCheck::Basic => {
                Verifier::basic(path.user.as_deref().ok_or_else(|| missing("user"))?, &secret)
            }
            WebhookCheck::Token => Verifier::token(&secret),
        })
    };
    let verifiers: Vec<Verifier> = secrets.into_iter().map(verifier).collect::<Result<_, _>>()?;
    let own = verifiers.first().map_or(&[][..], |verifier| verifier.delivery_headers());
    let own = own.iter().map(|name| name.to_string());
    let headers = own.chain(path.headers.iter().cloned());
    // A name that the configuration has accepted is one of HTTP.
    let headers = headers.filter_map(|name| Some((HeaderName::try_from(&name).ok()?, name)));
    Ok(Route {
        index,
        topic: path.topic.clone(),
        key: path.key.clone(),
        verifiers,
        headers: headers.collect(),
        max_body_bytes: gateway.max_body_bytes,
        rate: RateLimit::new(path.requests_per_second, Instant::now()),
    })
}

/// Returns the properties of the producer.
fn client(kafka: &Kafka, gateway: &Gateway) -> ClientConfig {
    let mut config = ClientConfig::new();
    let message_bytes = gateway.max_body_bytes.saturating_add(RECORD_OVERHEAD).max(MESSAGE_BYTES);
    config
        .set("client.id", "nabiz-gateway")
        .set("linger.ms", "2")
        // That of the Java clients, so that a contact has one partition whoever writes.
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", message_bytes.to_string())
        .set("queue.buffering.max.kbytes", WAITING_KBYTES)
        // After a restart of the brokers the next request should not wait for 10 seconds.
        .set("reconnect.backoff.max.ms", "1000");
    for (property, value) in &kafka.client {
        config.set(property, value);
    }
    config
        .set("bootstrap.servers", &kafka.brokers)
        .set("acks", "all")
        // A repeated request must not overtake the next one of its partition.
        .set("max.in.flight.requests.per.connection", "1")
        .set("message.timeout.ms", gateway.timeout.get().to_string());
    config
}
