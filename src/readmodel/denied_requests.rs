//! Counts of the requests and connections that the HTTP side did not serve.
//!
//! They lie below `http`, which counts, and `exposition`, which publishes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a request or connection was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenialReason {
    /// The credentials of a request are wrong.
    Credentials,
    /// A TLS handshake failed or timed out.
    Handshake,
    /// The operating system did not accept a connection, for example without file descriptors.
    Accept,
    /// A connection without a request made room for another one at the limit of connections.
    Connections,
    /// An answer did not begin in time.
    Timeout,
    /// The limit of open event streams was reached.
    Streams,
    /// The limit of concurrent history queries was reached.
    History,
}

impl DenialReason {
    /// Every reason.
    pub const ALL: [DenialReason; 7] = [
        DenialReason::Credentials,
        DenialReason::Handshake,
        DenialReason::Accept,
        DenialReason::Connections,
        DenialReason::Timeout,
        DenialReason::Streams,
        DenialReason::History,
    ];

    /// Returns the value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            DenialReason::Credentials => "credentials",
            DenialReason::Handshake => "handshake",
            DenialReason::Accept => "accept",
            DenialReason::Connections => "connections",
            DenialReason::Timeout => "timeout",
            DenialReason::Streams => "streams",
            DenialReason::History => "history",
        }
    }
}

/// The number of denials by reason since the process started.
#[derive(Debug, Default)]
pub struct DeniedRequests {
    counts: [AtomicU64; DenialReason::ALL.len()],
}

impl DeniedRequests {
    /// Counts one denial.
    pub fn count(&self, reason: DenialReason) {
        self.counts[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many denials had this reason.
    pub fn get(&self, reason: DenialReason) -> u64 {
        self.counts[reason as usize].load(Ordering::Relaxed)
    }
}
