//! The pure core of nabiz: folds the events of a contact centre into counters, gauges, sliding
//! windows and an interval history.
//!
//! The core does no I/O and reads no clock. Time is an argument: a record has its event time, and
//! the caller advances stream time where a log has no more records. The same records therefore
//! always give the same numbers, in a test, in a replay and in the daemon.
//!
//! A [`Shard`](shard::Shard) is the state of one partition. It folds records, returns a
//! [`Snapshot`](snapshot::Snapshot) of its numbers, and writes what changed as a
//! [`Checkpoint`](state::Checkpoint), from which it can be restored.
//!
//! ```
//! use std::sync::Arc;
//!
//! use nabiz_core::decode::{Format, Message};
//! use nabiz_core::ids::Offset;
//! use nabiz_core::settings::Settings;
//! use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
//!
//! let settings = Arc::new(Settings::builder().build());
//! let mut shard = Shard::new(settings, [0; 16]);
//! let events = [
//!     r#"{"specversion":"1.0","id":"1","source":"/pbx","type":"contact.queued",
//!         "time":"2026-01-05T08:30:00Z","data":{"contact_id":"c","queue":"fault"}}"#,
//!     r#"{"specversion":"1.0","id":"2","source":"/pbx","type":"contact.answered",
//!         "time":"2026-01-05T08:30:12Z","data":{"contact_id":"c","queue":"fault"}}"#,
//! ];
//! for (position, event) in (0..).zip(events) {
//!     let message = Message { value: Some(event.as_bytes()), headers: &[] };
//!     let meta = RecordMeta { offset: Offset(position), timestamp: None };
//!     let outcome = shard.fold(Format::CloudEvents, &message, meta);
//!     assert_eq!(outcome, RecordOutcome::Applied);
//! }
//!
//! let snapshot = shard.snapshot();
//! let fault = snapshot.series.iter().find(|series| &*series.queue == "fault").unwrap();
//! // The wait of 12 s is within the target of 20 s.
//! assert_eq!(fault.totals.visits.answered_in_target, 1);
//! assert_eq!((fault.live.waiting, fault.live.in_service), (0, 1));
//! ```
//!
//! The rooms, from the bottom: a room imports only rooms before it in this list. ARCHITECTURE.md
//! has the exact table, and a test holds it.
//!
//! - [`time`], [`ids`]: instants, durations, keys and offsets as types; RFC 3339.
//! - [`calendar`]: business days and opening hours in a real time zone.
//! - [`event`], [`decode`]: the vocabulary of events, and one decoder for each wire format.
//! - [`settings`]: the validated configuration.
//! - [`measures`]: the table of counters, facts, histograms and formulas.
//! - [`bounded_labels`], [`registry`]: label values and queues as small integers, both bounded.
//! - [`state`]: state in chunks, their encoding, and the forms of older ledgers.
//! - [`dedup`]: the identities of records that were seen.
//! - [`window`]: panes, sliding windows and agent time.
//! - [`contact`], [`agent`], [`followup`]: the lives of contacts, agents and follow-ups, which turn
//!   events into facts.
//! - [`snapshot`]: the numbers of a shard, and their merge over partitions.
//! - [`shard`]: one partition: fold, snapshot, checkpoint and restore.

#![forbid(unsafe_code)]

pub mod agent;
pub mod bounded_labels;
pub mod calendar;
pub mod contact;
pub mod decode;
pub mod dedup;
pub mod event;
pub mod followup;
pub mod ids;
pub mod measures;
pub mod registry;
pub mod settings;
pub mod shard;
pub mod snapshot;
pub mod state;
pub mod time;
pub mod window;
