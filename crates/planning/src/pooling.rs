//! Bounds for queues that share agents: apart and pooled.
