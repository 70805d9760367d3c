//! What the HTTP side refused, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The credentials of a request are wrong.
    Credentials,
    /// A connection did not agree on TLS, in time or at all.
    Handshake,
    /// The operating system did not hand a connection over, as where there are no file descriptors left.
    Accept,
    /// An answer did not begin in time.
    Timeout,
    /// All places for event streams were taken.
    Streams,
    /// All places for queries of the history were taken.
    History,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Refusal; 6] = [
        Refusal::Credentials,
        Refusal::Handshake,
        Refusal::Accept,
        Refusal::Timeout,
        Refusal::Streams,
        Refusal::History,
    ];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Credentials => "credentials",
            Refusal::Handshake => "handshake",
            Refusal::Accept => "accept",
            Refusal::Timeout => "timeout",
            Refusal::Streams => "streams",
            Refusal::History => "history",
        }
    }
}

/// How often something was refused since the process began.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; Refusal::ALL.len()],
}

impl Refusals {
    /// Counts one, and gives how many there are of its reason by now.
    pub fn count(&self, refusal: Refusal) -> u64 {
        self.counts[refusal as usize].fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many there were of a reason.
    pub fn get(&self, refusal: Refusal) -> u64 {
        self.counts[refusal as usize].load(Ordering::Relaxed)
    }
}
