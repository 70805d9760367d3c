//! Agents for written channels: by backlog, arrivals and due time.
