//! Kafka: consumer threads, assignment, catch-up, dead letters.
