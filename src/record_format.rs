//! How the records of a topic are read: in a format of nabiz, or by a mapping.

use std::fmt;
use std::sync::Arc;

use nabiz_core::decode::{Format, Message, reads_headers};
use nabiz_core::event::{Reason, Rejection};
use nabiz_core::shard::{Ceiling, FoldResult, RecordMeta, Shard, Witness};
use nabiz_mapping::{Fault, Mapping, Output, SourceRecord};

/// How the records of a topic are read.
#[derive(Clone)]
pub enum RecordFormat {
    /// In a format of nabiz.
    Native(Format),
    /// By a mapping, which turns each record into events.
    Mapped(Arc<Mapping>),
}

impl fmt::Debug for RecordFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordFormat::Native(format) => write!(f, "{}", format.as_str()),
            RecordFormat::Mapped(mapping) => write!(f, "mapped by {}", mapping.name()),
        }
    }
}

/// Compares the way of reading; two compilations of a mapping are different.
impl PartialEq for RecordFormat {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (RecordFormat::Native(one), RecordFormat::Native(other)) => one == other,
            (RecordFormat::Mapped(one), RecordFormat::Mapped(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for RecordFormat {}

/// A record before it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRecord<'m> {
    /// The topic, or the name of the file.
    pub(crate) topic: &'m str,
    pub(crate) key: Option<&'m [u8]>,
    pub(crate) message: Message<'m>,
}

impl RecordFormat {
    /// Returns the hash of the program of a mapping.
    pub(crate) fn program_hash(&self) -> Option<[u8; 32]> {
        match self {
            RecordFormat::Native(_) => None,
            RecordFormat::Mapped(mapping) => Some(mapping.program_hash()),
        }
    }

    /// Returns whether reading a record needs its headers, which cost a copy.
    pub(crate) fn reads_headers(&self) -> bool {
        match self {
            RecordFormat::Native(format) => reads_headers(*format),
            RecordFormat::Mapped(_) => true,
        }
    }

    /// Folds one record.
    pub(crate) fn fold<'m>(
        &self,
        shard: &mut Shard,
        record: &RawRecord<'m>,
        meta: RecordMeta,
        ceiling: Option<Ceiling>,
    ) -> FoldResult<'m> {
        match self {
            RecordFormat::Native(format) => {
                shard.fold_by_clock(*format, &record.message, meta, ceiling)
            }
            RecordFormat::Mapped(mapping) => fold_mapped(mapping, shard, record, meta, ceiling),
        }
    }
}

fn fold_mapped(
    mapping: &Mapping,
    shard: &mut Shard,
    record: &RawRecord<'_>,
    meta: RecordMeta,
    ceiling: Option<Ceiling>,
) -> FoldResult<'static> {
    let outputs = match map(mapping, shard.record_bytes_max(), record, meta) {
        Ok(outputs) => outputs,
        Err(rejection) => {
            return FoldResult { outcome: shard.reject(rejection, meta), witness: None };
        }
    };
    let messages: Vec<_> = outputs.iter().map(message).collect();
    let FoldResult { outcome, witness } = shard.fold_mapped(&messages, meta, ceiling);
    let owned = |Witness { source, standing }| Witness {
        source: std::borrow::Cow::Owned(String::from(source)),
        standing,
    };
    FoldResult { outcome, witness: witness.map(owned) }
}

/// Returns an output as a message of its format.
pub(crate) fn message(output: &Output) -> (Format, Message<'_>) {
    let format = match output {
        Output::Event(_) => Format::CloudEvents,
        Output::Line(_) => Format::AsteriskQueueLog,
    };
    (format, Message { value: Some(output.text().as_bytes()), headers: &[] })
}

/// Makes the events of a record; none of a tombstone.
///
/// # Errors
/// The rejection of the record.
pub(crate) fn map(
    mapping: &Mapping,
    record_bytes_max: usize,
    record: &RawRecord<'_>,
    meta: RecordMeta,
) -> Result<Vec<Output>, Rejection> {
    let Some(value) = record.message.value else { return Ok(Vec::new()) };
    if value.len() > record_bytes_max {
        let detail = format!("larger than limits.record_bytes, {record_bytes_max} bytes");
        return Err(Rejection::new(Reason::TooLarge, detail));
    }
    let source = SourceRecord {
        value,
        key: record.key,
        headers: record.message.headers,
        timestamp: meta.timestamp.map(|timestamp| timestamp.get()),
        topic: record.topic,
    };
    mapping.apply(&source).map_err(|fault| {
        let reason = match fault {
            Fault::Json => Reason::NotJson,
            Fault::Program { .. } | Fault::OutOfFuel => Reason::MappingFailed,
            Fault::TooManyOutputs | Fault::Output(_) => Reason::MappingOutput,
        };
        Rejection::new(reason, fault.to_string())
    })
}
