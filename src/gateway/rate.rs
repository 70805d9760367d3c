//! The limit of requests a second.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A token bucket that holds the requests of one second.
#[derive(Debug)]
pub(super) struct RateLimit {
    per_second: f64,
    state: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl RateLimit {
    pub(super) fn new(per_second: usize, now: Instant) -> Self {
        let per_second = per_second as f64;
        RateLimit { per_second, state: Mutex::new(Bucket { tokens: per_second, filled_at: now }) }
    }

    /// Takes a request at `now`. Returns whether it is within the limit.
    #[must_use]
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut bucket = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.per_second).min(self.per_second);
        bucket.filled_at = now;
        let is_within = bucket.tokens >= 1.0;
        if is_within {
            bucket.tokens -= 1.0;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn limit_lets_a_second_of_requests_through_and_then_refills() {
        let start = Instant::now();
        let limit = RateLimit::new(4, start);
        let taken = |now| (0..10).filter(|_| limit.take(now)).count();
        assert_eq!(taken(start), 4);
        assert_eq!(taken(start + Duration::from_millis(500)), 2);
        assert_eq!(taken(start + Duration::from_secs(60)), 4);
    }
}
