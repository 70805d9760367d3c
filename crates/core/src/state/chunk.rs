//! The stored form of a shard: chunks, so that a checkpoint costs as much as has changed.
//!
//! A chunk has a kind and a number and is replaced as a whole. Many contacts change between two
//! checkpoints, so contacts are stored as a log: each checkpoint adds one chunk with the contacts
//! that changed. It also rewrites at least one part of the base image, in proportion to the bytes
//! that it adds to the log. When all parts are rewritten, older chunks of the log can be deleted.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::Offset;
use crate::measures::{AgentIntervalDelta, FurtherIncrements, IntervalDelta};
use crate::time::Timestamp;

/// The content of a chunk. The ledger stores the number of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ChunkKind {
    /// The header of the shard: stream time, counters, names.
    ShardHeader = 0,
    /// The contacts that changed before a checkpoint, each with at most one conversation, up to the
    /// fourth version of the ledger.
    SingleContactLog = 1,
    /// A part of the base image of such contacts, up to the fourth version of the ledger.
    SingleContactPart = 2,
    /// Identities of records within the dedup horizon.
    Ids = 3,
    /// Totals and business day of a series by position, up to the third version of the ledger.
    PositionalSeries = 4,
    /// A pane of one series, up to the second version of the ledger.
    Pane = 5,
    /// A part of the agents, each in a call or not, up to the fourth version of the ledger.
    OneCallAgents = 6,
    /// Agent time of a queue in every pane, up to the second version of the ledger.
    DenseAgentTime = 7,
    /// A part of the follow-ups.
    Followups = 8,
    /// Native histograms of a series.
    SeriesNative = 9,
    /// Native histograms of the follow-up units.
    UnitNative = 10,
    /// A pane of all series by position, up to the third version of the ledger.
    PositionalPaneSlice = 11,
    /// Agent time of a queue.
    AgentTime = 12,
    /// Totals and business day of a series.
    Series = 13,
    /// A pane of all series.
    PaneSlice = 14,
    /// The contacts that changed before a checkpoint, numbered by checkpoint.
    ContactLog = 15,
    /// A part of the base image: all contacts of a part of the table.
    ContactPart = 16,
    /// A part of the agents, without the times at which they were unpaused, as ledgers up to the
    /// eighth version can have it.
    PlainAgents = 17,
    /// Counts of records by name.
    RecordCounts = 18,
    /// A part of the agents.
    Agents = 19,
    /// The reasons of pauses.
    PauseReasons = 20,
    /// Time of a queue in pauses by reason.
    PauseTime = 21,
}

impl ChunkKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [ChunkKind; 22] = [
        ChunkKind::ShardHeader,
        ChunkKind::SingleContactLog,
        ChunkKind::SingleContactPart,
        ChunkKind::Ids,
        ChunkKind::PositionalSeries,
        ChunkKind::Pane,
        ChunkKind::OneCallAgents,
        ChunkKind::DenseAgentTime,
        ChunkKind::Followups,
        ChunkKind::SeriesNative,
        ChunkKind::UnitNative,
        ChunkKind::PositionalPaneSlice,
        ChunkKind::AgentTime,
        ChunkKind::Series,
        ChunkKind::PaneSlice,
        ChunkKind::ContactLog,
        ChunkKind::ContactPart,
        ChunkKind::PlainAgents,
        ChunkKind::RecordCounts,
        ChunkKind::Agents,
        ChunkKind::PauseReasons,
        ChunkKind::PauseTime,
    ];

    /// Returns the kind of a stored number; `None` for a number that no kind has.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// A chunk to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChunk {
    /// Kind of the content.
    pub kind: ChunkKind,
    /// Number of the chunk within its kind.
    pub number: i64,
    /// The content, encoded by postcard.
    pub bytes: Vec<u8>,
}

/// Chunks to be deleted: all numbers of a kind from `first` to `last`, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Kind of the chunks.
    pub kind: ChunkKind,
    /// Lowest number, inclusive.
    pub first: i64,
    /// Highest number, inclusive.
    pub last: i64,
}

/// The changes of a shard that the ledger stores in one transaction: first the deletions, then the
/// chunks, and the increments of the interval history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Offset after the last record that the checkpoint contains.
    pub next_offset: Offset,
    /// Stream time; `None` before the first record.
    pub stream_time: Option<Timestamp>,
    /// Stored chunks that are out of date.
    pub deletions: Vec<Deletion>,
    /// Chunks to be written.
    pub chunks: Vec<StateChunk>,
    /// Increments of the interval history.
    pub intervals: Vec<IntervalDelta>,
    /// Increments of the agent time in the interval history.
    pub agent_intervals: Vec<AgentIntervalDelta>,
    /// Increments of the further tables of the interval history.
    pub further: FurtherIncrements,
}

/// How much of the state a checkpoint contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckpointExtent {
    /// The changes since the last checkpoint.
    Changes,
    /// The whole state, because the ledger does not hold it.
    Everything,
}

impl Checkpoint {
    /// Deletes the stored chunks of a kind from number `first` to `last`, both inclusive.
    pub(crate) fn delete(&mut self, kind: ChunkKind, first: i64, last: i64) {
        self.deletions.push(Deletion { kind, first, last });
    }

    /// Adds a chunk whose content is already encoded.
    pub(crate) fn put_bytes(&mut self, kind: ChunkKind, number: i64, bytes: Vec<u8>) {
        self.chunks.push(StateChunk { kind, number, bytes });
    }

    /// Encodes a value as the only content of a chunk.
    pub(crate) fn put(&mut self, kind: ChunkKind, number: i64, value: &impl Serialize) {
        self.put_bytes(kind, number, append(Vec::new(), value));
    }
}

/// Encodes a value at the end of `bytes`.
pub(crate) fn append(bytes: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    match postcard::to_extend(value, bytes) {
        Ok(bytes) => bytes,
        // A vector can always grow, and every stored type knows its length before it is encoded.
        Err(error) => unreachable!("a known type can be written: {error}"),
    }
}

/// The reason why a stored shard cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The bytes of a chunk do not decode.
    #[error("the stored chunk {number} of {kind:?} cannot be read")]
    Unreadable {
        /// Kind of the chunk.
        kind: ChunkKind,
        /// Its number.
        number: i64,
        /// Error of the decoder.
        source: postcard::Error,
    },
    /// A chunk that every stored shard has is absent.
    #[error("the stored state has no chunk of {0:?}")]
    Missing(ChunkKind),
    /// A chunk refers to data that no other chunk holds.
    #[error("the stored chunk {number} of {kind:?} does not fit the others")]
    Inconsistent {
        /// Kind of the chunk.
        kind: ChunkKind,
        /// Its number.
        number: i64,
    },
    /// The configuration does not begin with the stored channels. It may add channels only after
    /// them, because the state refers to a channel by its position.
    #[error(
        "the stored state knows channels {stored:?}, the configuration {configured:?}: keep them in this order and add new ones after them"
    )]
    OtherChannels {
        /// Channels in the stored state.
        stored: Vec<String>,
        /// Channels in the configuration.
        configured: Vec<String>,
    },
}

/// Reads one value from the front of `bytes` and moves `bytes` past it. An error names `chunk`.
pub(crate) fn take<T: DeserializeOwned>(
    chunk: &StateChunk,
    bytes: &mut &[u8],
) -> Result<T, RestoreError> {
    let (kind, number) = (chunk.kind, chunk.number);
    let (value, rest) = postcard::take_from_bytes(bytes)
        .map_err(|source| RestoreError::Unreadable { kind, number, source })?;
    *bytes = rest;
    Ok(value)
}

/// Reads a chunk that holds one value.
pub(crate) fn read<T: DeserializeOwned>(chunk: &StateChunk) -> Result<T, RestoreError> {
    take(chunk, &mut chunk.bytes.as_slice())
}
