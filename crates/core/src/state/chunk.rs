//! The state of a shard in chunks, so that storing it costs what changed and not what exists.
//!
//! A chunk has a kind and a number and is replaced as a whole. Contacts, of which many change between two checkpoints,
//! are stored as a log: each checkpoint adds one chunk with the contacts that changed, and rewrites about half as many
//! bytes of the complete picture, but at least one part, so that older chunks of the log can go.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::measures::{AgentIntervalDelta, IntervalDelta};

/// What a chunk holds; the number stored in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ChunkKind {
    /// What is small: stream time, counters, names.
    ShardHeader = 0,
    /// Contacts that changed, by checkpoint.
    ContactLog = 1,
    /// All contacts of a part of the table.
    ContactPart = 2,
    /// Remembered ids, in chunks.
    Ids = 3,
    /// Totals and business day of a series by position, up to the third version of the ledger.
    PositionalSeries = 4,
    /// A pane of a series, as it was stored up to the second version of the ledger.
    Pane = 5,
    /// A part of the agents.
    Agents = 6,
    /// Agent time of a queue, as it was stored up to the second version of the ledger.
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
}

impl ChunkKind {
    /// Every kind.
    pub const ALL: [ChunkKind; 15] = [
        ChunkKind::ShardHeader,
        ChunkKind::ContactLog,
        ChunkKind::ContactPart,
        ChunkKind::Ids,
        ChunkKind::PositionalSeries,
        ChunkKind::Pane,
        ChunkKind::Agents,
        ChunkKind::DenseAgentTime,
        ChunkKind::Followups,
        ChunkKind::SeriesNative,
        ChunkKind::UnitNative,
        ChunkKind::PositionalPaneSlice,
        ChunkKind::AgentTime,
        ChunkKind::Series,
        ChunkKind::PaneSlice,
    ];

    /// The kind of a stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// A chunk to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChunk {
    /// What it holds.
    pub kind: ChunkKind,
    /// Which of its kind.
    pub number: i64,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Pieces to be deleted: all numbers of a kind from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Their kind.
    pub kind: ChunkKind,
    /// Lowest number.
    pub first: i64,
    /// Highest number.
    pub last: i64,
}

/// What a shard wants stored, in one transaction: first the deletions, then the chunks, and the increments of the
/// interval history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// WindowCursor after the last record in it.
    pub next_offset: i64,
    /// Stream time in it.
    pub stream_ms: Option<i64>,
    /// What is out of date.
    pub deletions: Vec<Deletion>,
    /// What is new.
    pub chunks: Vec<StateChunk>,
    /// To be added to the interval history.
    pub intervals: Vec<IntervalDelta>,
    /// To be added to the agent time of the interval history.
    pub agent_intervals: Vec<AgentIntervalDelta>,
}

/// How much of the state a checkpoint contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckpointExtent {
    /// What changed since the last checkpoint.
    Changes,
    /// Everything, because the ledger does not hold this state.
    Everything,
}

impl Checkpoint {
    pub(crate) fn delete(&mut self, kind: ChunkKind, first: i64, last: i64) {
        self.deletions.push(Deletion { kind, first, last });
    }

    pub(crate) fn put_bytes(&mut self, kind: ChunkKind, number: i64, bytes: Vec<u8>) {
        self.chunks.push(StateChunk { kind, number, bytes });
    }

    pub(crate) fn put(&mut self, kind: ChunkKind, number: i64, value: &impl Serialize) {
        self.put_bytes(kind, number, append(Vec::new(), value));
    }
}

/// Appends a value to bytes.
pub(crate) fn append(bytes: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    match postcard::to_extend(value, bytes) {
        Ok(bytes) => bytes,
        // Growing a vector cannot fail, and no stored type has a length that is not known.
        Err(error) => unreachable!("a known type can be written: {error}"),
    }
}

/// Why a stored shard cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A chunk is not what it should be.
    #[error("the stored chunk {number} of {kind:?} cannot be read: {error}")]
    Unreadable {
        /// Kind of the chunk.
        kind: ChunkKind,
        /// Its number.
        number: i64,
        /// What was wrong.
        error: postcard::Error,
    },
    /// A chunk that is always there is not.
    #[error("the stored state has no chunk of {0:?}")]
    Missing(ChunkKind),
    /// A chunk refers to something that no other chunk holds.
    #[error("the stored chunk {number} of {kind:?} does not fit the others")]
    Inconsistent {
        /// Kind of the chunk.
        kind: ChunkKind,
        /// Its number.
        number: i64,
    },
    /// Channels may be added to the configuration, at the end, but not taken out.
    #[error(
        "the stored state knows channels {stored:?}, the configuration {configured:?}: keep them in this order and add new ones after them"
    )]
    OtherChannels {
        /// As stored.
        stored: Vec<String>,
        /// As configured now.
        configured: Vec<String>,
    },
}

/// Reads one value from the front of bytes.
pub(crate) fn take<T: DeserializeOwned>(
    chunk: &StateChunk,
    bytes: &mut &[u8],
) -> Result<T, RestoreError> {
    let (kind, number) = (chunk.kind, chunk.number);
    let (value, rest) = postcard::take_from_bytes(bytes)
        .map_err(|error| RestoreError::Unreadable { kind, number, error })?;
    *bytes = rest;
    Ok(value)
}

/// Reads a chunk that holds one value.
pub(crate) fn read<T: DeserializeOwned>(chunk: &StateChunk) -> Result<T, RestoreError> {
    take(chunk, &mut chunk.bytes.as_slice())
}
