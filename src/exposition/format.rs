//! The forms in which the metrics are served.

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Prometheus text 0.0.4, with classic histograms only.
    Text,
    /// Delimited protobuf, with classic and native histograms.
    Protobuf,
}

impl MetricsFormat {
    /// Returns the value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            MetricsFormat::Text => "text/plain; version=0.0.4; charset=utf-8",
            MetricsFormat::Protobuf => {
                "application/vnd.google.protobuf; \
                 proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// Whether a body is compressed, in the words of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCoding {
    /// Not compressed.
    Identity,
    /// Compressed by gzip.
    Gzip,
}
