//! The shipped mappings on recorded stories. `tests/data/<mapping>/` has, line by line:
//!
//! - `records.ndjson`: `{"value": …}` as the source sends it, or `{"text": "…"}`; `key`, `headers`
//!   and `timestamp` where they matter. Numbers, names and texts of people are `private`;
//! - `events.ndjson`: the outputs that the record of the same line becomes, as an array of events
//!   or texts of lines, or the text of the fault;
//! - `story.ndjson`: the same story as a hand-written log of CloudEvents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where something is missing"
)]

mod fixtures;
mod mutations;
mod stories;
mod story_files;
