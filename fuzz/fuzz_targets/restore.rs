//! Stored state with damaged bytes: it is refused with an error, or what it gives can be used.
//!
//! The input edits the checkpoint of a real log. Each edit is the index of a chunk, an offset in
//! its bytes, how many bytes to replace, and the bytes to put there with their number in front.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nabiz_core::decode::Format;
use nabiz_core::shard::Shard;
use nabiz_core::state::StateChunk;
use nabiz_core::time::Millis;
use nabiz_fuzz::{KEY, fold_lines, new_shard, settings};

static STORED: LazyLock<Vec<StateChunk>> = LazyLock::new(|| {
    let mut shard = new_shard();
    let logs = [
        (Format::CloudEvents, &include_bytes!("../../tests/data/cloudevents")[..]),
        (Format::AsteriskQueueLog, include_bytes!("../../tests/data/queue_log")),
    ];
    for (format, log) in logs {
        fold_lines(&mut shard, format, log);
    }
    shard.checkpoint().chunks
});

fuzz_target!(|edits: &[u8]| {
    let mut chunks = STORED.clone();
    let mut rest = edits;
    while let [chunk, offset_high, offset_low, replaced, count, tail @ ..] = rest {
        let (inserted, tail) = tail.split_at(tail.len().min(usize::from(*count)));
        rest = tail;
        let index = usize::from(*chunk) % chunks.len();
        let bytes = &mut chunks[index].bytes;
        let start = usize::from(u16::from_be_bytes([*offset_high, *offset_low])).min(bytes.len());
        let end = (start + usize::from(*replaced)).min(bytes.len());
        bytes.splice(start..end, inserted.iter().copied());
    }
    if let Ok(mut shard) = Shard::restore(settings(), KEY, &chunks) {
        shard.snapshot();
        if let Some(now) = shard.stream_time() {
            shard.advance(now.saturating_add(Millis::from_mins(1)));
        }
        shard.checkpoint();
    }
});
