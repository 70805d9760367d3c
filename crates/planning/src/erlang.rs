//! Waiting in a queue: Erlang B, C and A.
