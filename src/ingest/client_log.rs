//! The log lines of librdkafka.

use rdkafka::config::RDKafkaLogLevel;

/// Logs a line of librdkafka at debug level. The library repeats a line with each attempt; what an
/// operator needs arrives as errors and state changes.
pub(super) fn log_client_line(level: RDKafkaLogLevel, facility: &str, line: &str) {
    tracing::debug!(target: "librdkafka", ?level, facility, "{line}");
}
