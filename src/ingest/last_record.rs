//! The last record that was read, and whether a log still has it. Pure.
//!
//! A topic can be deleted and made anew while nobody reads. If the new log is at least as long, its
//! offsets do not show it. So reading resumes one record early: with the last record that was read,
//! which is compared and not folded again.

use nabiz_core::ids::{Offset, RecordDigest};
use nabiz_core::time::WallTime;

use crate::ledger::RecordFingerprint;

/// A buffer that a large record has left larger than this is freed at the next checkpoint.
const BUFFER_BYTES: usize = 64 << 10;

/// What identifies a record of a log.
#[derive(Clone, Copy)]
pub(super) struct RecordParts<'m> {
    pub offset: Offset,
    pub timestamp: Option<WallTime>,
    pub key: Option<&'m [u8]>,
    pub value: Option<&'m [u8]>,
}

/// The last record that was read. A copy is cheaper than a hash of every record; the copy is hashed
/// when a checkpoint needs it.
#[derive(Default)]
pub(super) struct LastRecord {
    fingerprint: Option<RecordFingerprint>,
    copied: Option<Copied>,
    /// The key and the value of the copied record.
    bytes: Vec<u8>,
}

struct Copied {
    offset: Offset,
    timestamp: Option<WallTime>,
    key_bytes: Option<usize>,
    has_value: bool,
}

impl LastRecord {
    pub(super) fn from_stored(fingerprint: Option<RecordFingerprint>) -> Self {
        LastRecord { fingerprint, ..LastRecord::default() }
    }

    /// Records that a record was read.
    pub(super) fn read(&mut self, record: &RecordParts<'_>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(record.key.unwrap_or_default());
        self.bytes.extend_from_slice(record.value.unwrap_or_default());
        self.copied = Some(Copied {
            offset: record.offset,
            timestamp: record.timestamp,
            key_bytes: record.key.map(<[u8]>::len),
            has_value: record.value.is_some(),
        });
    }

    /// Returns the fingerprint of the last record; `None` if none is known.
    pub(super) fn fingerprint(&mut self, hash_key: &[u8; 16]) -> Option<RecordFingerprint> {
        if let Some(copied) = self.copied.take() {
            let (key, value) = self.bytes.split_at(copied.key_bytes.unwrap_or(0));
            let key = copied.key_bytes.map(|_| key);
            let value = copied.has_value.then_some(value);
            self.fingerprint = Some(RecordFingerprint {
                offset: copied.offset,
                timestamp: copied.timestamp,
                digest: RecordDigest::new(hash_key, key, value),
            });
            self.bytes.clear();
            self.bytes.shrink_to(BUFFER_BYTES);
        }
        self.fingerprint
    }
}

/// Whether the log is known to be the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogIdentity {
    /// It is, or what can be told of it has been told.
    Known,
    /// It is: the last record was found. Records from there to the position were left out before,
    /// and are again, such as those of an aborted transaction. `passed` is the last one of them.
    Found { passed: Offset },
    /// The last record is read again and compared.
    Awaiting(RecordFingerprint),
    /// There is no record to compare. Nothing is folded until the session has asked for the id of
    /// the topic.
    Gone,
    /// It is another one. Nothing is folded until the session has found where reading continues.
    Other,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record of another log must not be folded"]
pub(super) enum Verdict {
    Fold,
    /// It was folded before, or will be read again.
    Pass,
}

impl LogIdentity {
    /// Returns the identity of a log before it is read from `position`.
    pub(super) fn at_start(position: Option<Offset>, last: Option<RecordFingerprint>) -> Self {
        match (position, last) {
            (None | Some(Offset(0)), _) => LogIdentity::Known,
            (Some(position), Some(last)) if last.offset < position => LogIdentity::Awaiting(last),
            (Some(_), _) => LogIdentity::Gone,
        }
    }

    /// Returns the offset of the record that is awaited.
    pub(super) fn awaited(self) -> Option<Offset> {
        match self {
            LogIdentity::Awaiting(last) => Some(last.offset),
            _ => None,
        }
    }

    /// Returns whether nothing has shown yet whether the log is the one that was read.
    pub(super) fn is_open(self) -> bool {
        matches!(self, LogIdentity::Awaiting(_) | LogIdentity::Gone)
    }

    /// Returns whether the session must find out where reading continues.
    pub(super) fn needs_search(self) -> bool {
        matches!(self, LogIdentity::Gone | LogIdentity::Other)
    }

    /// Records that the log has no record left before its end.
    pub(super) fn on_end(&mut self) {
        if matches!(self, LogIdentity::Awaiting(_)) {
            *self = LogIdentity::Gone;
        }
    }

    /// Returns whether something has shown that the log is the one that was read.
    pub(super) fn is_known(self) -> bool {
        matches!(self, LogIdentity::Known | LogIdentity::Found { .. })
    }

    /// Judges the next record of a log that is read from `position`.
    pub(super) fn judge(
        &mut self,
        position: Option<Offset>,
        record: &RecordParts<'_>,
        hash_key: &[u8; 16],
    ) -> Verdict {
        match *self {
            LogIdentity::Known => Verdict::Fold,
            LogIdentity::Gone | LogIdentity::Other => Verdict::Pass,
            LogIdentity::Awaiting(last) if record.offset == last.offset => {
                let is_same = last.timestamp == record.timestamp
                    && last.digest == RecordDigest::new(hash_key, record.key, record.value);
                *self = if is_same {
                    LogIdentity::Found { passed: last.offset }
                } else {
                    LogIdentity::Other
                };
                Verdict::Pass
            }
            // With another `isolation.level` the client hands over what it left out before. It is
            // before the position, so it must not look like a log that went back.
            LogIdentity::Found { passed }
                if record.offset > passed && position.is_some_and(|next| record.offset < next) =>
            {
                *self = LogIdentity::Found { passed: record.offset };
                Verdict::Pass
            }
            LogIdentity::Found { .. } => {
                *self = LogIdentity::Known;
                Verdict::Fold
            }
            // Between the last record and the position there was none.
            LogIdentity::Awaiting(_) if position.is_some_and(|next| record.offset < next) => {
                *self = LogIdentity::Other;
                Verdict::Pass
            }
            LogIdentity::Awaiting(_) => {
                *self = LogIdentity::Gone;
                Verdict::Pass
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH_KEY: [u8; 16] = [3; 16];

    fn record(offset: i64, value: &'static str) -> RecordParts<'static> {
        RecordParts {
            offset: Offset(offset),
            timestamp: Some(WallTime(1_000)),
            key: Some(b"a"),
            value: Some(value.as_bytes()),
        }
    }

    fn fingerprint(record: &RecordParts<'_>) -> RecordFingerprint {
        let mut last = LastRecord::default();
        last.read(record);
        last.fingerprint(&HASH_KEY).unwrap()
    }

    /// Judges a record of a log that was read up to position 40, with record 34 as the last one.
    fn judged(next: &RecordParts<'_>) -> (Verdict, LogIdentity) {
        let last = fingerprint(&record(34, "last"));
        let mut identity = LogIdentity::at_start(Some(Offset(40)), Some(last));
        assert_eq!(identity.awaited(), Some(Offset(34)));
        let verdict = identity.judge(Some(Offset(40)), next, &HASH_KEY);
        (verdict, identity)
    }

    #[test]
    fn log_is_known_when_it_has_the_last_record() {
        let found = LogIdentity::Found { passed: Offset(34) };
        assert_eq!(judged(&record(34, "last")), (Verdict::Pass, found));
    }

    #[test]
    fn record_before_the_position_is_passed_over_when_it_follows_the_last_record() {
        let (_, mut identity) = judged(&record(34, "last"));
        let mut verdict = |offset| {
            let verdict = identity.judge(Some(Offset(40)), &record(offset, "aborted"), &HASH_KEY);
            (verdict, identity)
        };
        let passed = |offset| (Verdict::Pass, LogIdentity::Found { passed: Offset(offset) });
        assert_eq!(verdict(36), passed(36));
        assert_eq!(verdict(39), passed(39));
        assert_eq!(verdict(40), (Verdict::Fold, LogIdentity::Known));
        // From here on the log went back, which the position shows.
        assert_eq!(verdict(37), (Verdict::Fold, LogIdentity::Known));
    }

    #[test]
    fn log_went_back_when_a_record_comes_twice_after_the_last_one() {
        let (_, mut identity) = judged(&record(34, "last"));
        let again = identity.judge(Some(Offset(40)), &record(34, "last"), &HASH_KEY);
        assert_eq!((again, identity), (Verdict::Fold, LogIdentity::Known));
    }

    #[test]
    fn log_is_another_when_a_record_stands_where_it_did_not() {
        let other = (Verdict::Pass, LogIdentity::Other);
        assert_eq!(judged(&record(34, "other")), other);
        let later = RecordParts { timestamp: Some(WallTime(2_000)), ..record(34, "last") };
        assert_eq!(judged(&later), other);
        let keyless = RecordParts { key: None, ..record(34, "last") };
        assert_eq!(judged(&keyless), other);
        assert_eq!(judged(&record(36, "last")), other, "there was none before position 40");
    }

    #[test]
    fn record_is_passed_over_when_the_last_record_is_gone() {
        let gone = (Verdict::Pass, LogIdentity::Gone);
        assert_eq!(judged(&record(40, "next")), gone);
        assert_eq!(judged(&record(77, "next")), gone);
        let mut identity = LogIdentity::Gone;
        let verdict = identity.judge(Some(Offset(40)), &record(40, "next"), &HASH_KEY);
        assert_eq!((verdict, identity), gone, "until the session has asked");
    }

    #[test]
    fn log_is_known_at_its_start_and_open_without_a_record() {
        assert_eq!(LogIdentity::at_start(None, None), LogIdentity::Known);
        assert_eq!(LogIdentity::at_start(Some(Offset(0)), None), LogIdentity::Known);
        let mut identity = LogIdentity::at_start(Some(Offset(7)), None);
        assert_eq!(identity, LogIdentity::Gone);
        assert!(identity.needs_search());
        let last = fingerprint(&record(34, "last"));
        identity = LogIdentity::at_start(Some(Offset(40)), Some(last));
        assert!(!identity.needs_search());
        identity.on_end();
        assert_eq!(identity, LogIdentity::Gone, "the log ends, and the record did not come");
        identity = LogIdentity::Known;
        identity.on_end();
        assert_eq!(identity, LogIdentity::Known);
    }

    #[test]
    fn record_is_passed_over_until_another_log_is_searched() {
        let mut identity = LogIdentity::Other;
        let verdict = identity.judge(Some(Offset(40)), &record(40, "next"), &HASH_KEY);
        assert_eq!((verdict, identity), (Verdict::Pass, LogIdentity::Other));
        assert!(identity.needs_search());
    }

    #[test]
    fn fingerprint_is_that_of_the_newest_record() {
        let mut last = LastRecord::default();
        assert_eq!(last.fingerprint(&HASH_KEY), None);
        last.read(&record(1, "one"));
        last.read(&record(2, "two"));
        let found = last.fingerprint(&HASH_KEY);
        assert_eq!(found, Some(fingerprint(&record(2, "two"))));
        assert_eq!(last.fingerprint(&HASH_KEY), found, "without another record it stays");
    }

    #[test]
    fn buffer_is_freed_when_a_record_was_large() {
        let mut last = LastRecord::default();
        let large = vec![b'x'; 1 << 20];
        last.read(&RecordParts { value: Some(&large), ..record(1, "") });
        assert!(last.bytes.capacity() >= 1 << 20);
        assert!(last.fingerprint(&HASH_KEY).is_some());
        assert!(last.bytes.capacity() <= BUFFER_BYTES);
    }
}
