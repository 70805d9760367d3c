//! Life of a contact: event in, facts out (pure).
