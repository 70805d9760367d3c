//! The synthetic contact centre.
