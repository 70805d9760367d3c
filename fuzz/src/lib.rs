//! What the targets share. A target fails where the code panics, loops, or breaks a check below.

use std::sync::{Arc, LazyLock};

use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
use nabiz_core::time::Millis;

/// The key of the hashes. Fixed, so that a crash is found again.
pub const KEY: [u8; 16] = [7; 16];

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| Arc::new(Settings::builder().build()));

/// Returns the settings of every shard. They keep no interval history: there an agent that stays in
/// one state for a thousand years costs an entry for each quarter of an hour, and every input with
/// a wrong year would end in a timeout.
pub fn settings() -> Arc<Settings> {
    Arc::clone(&SETTINGS)
}

/// Returns a shard without records.
pub fn new_shard() -> Shard {
    Shard::new(settings(), KEY)
}

/// Separates the headers of a record from each other and from its value.
const UNIT_SEPARATOR: u8 = 0x1f;

/// Returns the headers and the value of a line. Parts before the last unit separator are headers,
/// `name=value`; an empty line is a tombstone.
fn record_of(line: &[u8]) -> (Vec<(&str, &[u8])>, Option<&[u8]>) {
    let mut parts: Vec<&[u8]> = line.split(|byte| *byte == UNIT_SEPARATOR).collect();
    let value = parts.pop().filter(|value| !value.is_empty());
    let headers = parts.into_iter().filter_map(|part| {
        let (name, value) = part.split_at(part.iter().position(|byte| *byte == b'=')?);
        Some((std::str::from_utf8(name).ok()?, value.strip_prefix(b"=")?))
    });
    (headers.collect(), value)
}

/// Folds the lines of a log.
///
/// # Panics
/// Where a record is rejected without saying why.
pub fn fold_lines(shard: &mut Shard, format: Format, log: &[u8]) {
    for (position, line) in (0..).zip(log.split(|byte| *byte == b'\n')) {
        let (headers, value) = record_of(line);
        let message = Message { value, headers: &headers };
        let outcome =
            shard.fold(format, &message, RecordMeta { offset: Offset(position), timestamp: None });
        if let RecordOutcome::Rejected(rejection) = outcome {
            assert!(!rejection.detail.is_empty(), "rejected without a detail: {rejection}");
        }
    }
}

/// Folds the lines of a log, then stores and restores the shard, and checks that the restored one
/// shows the same at once and a day later.
///
/// # Panics
/// Where it does not.
pub fn assert_survives_a_restart(format: Format, log: &[u8]) {
    const DAY: Millis = Millis::from_hours(24);
    let mut shard = new_shard();
    fold_lines(&mut shard, format, log);
    let stored = shard.checkpoint();
    let restored = Shard::restore(settings(), KEY, &stored.chunks);
    let mut restored =
        restored.unwrap_or_else(|error| panic!("an own checkpoint is refused: {error}"));
    assert_eq!(restored.snapshot(), shard.snapshot(), "after a restart");
    if let Some(now) = shard.stream_time() {
        let later = now.saturating_add(DAY);
        shard.advance(later);
        restored.advance(later);
        assert_eq!(restored.snapshot(), shard.snapshot(), "a day after a restart");
    }
}
