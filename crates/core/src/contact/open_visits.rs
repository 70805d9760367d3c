//! Contacts with an open visit or a conversation, by the source that opened the visit.

use std::collections::HashMap;

use crate::contact::handle::Handle;
use crate::ids::{BuildHashedKey, SourceKey};

/// Contacts with an open visit or a conversation, by source, with lazy deletion.
///
/// `source.restarted` ends the visits and conversations of one source, and must not look at every
/// contact for that. An entry stays when its visit or conversation ends. Stale entries are dropped
/// when all entries have doubled since the last time, so that the cost per visit is constant and
/// the number of contacts bounds the memory.
#[derive(Debug, Default)]
pub(super) struct OpenVisits {
    by_source: HashMap<SourceKey, Vec<Handle>, BuildHashedKey>,
    /// Entries of all sources.
    len: usize,
    /// Entries that the last [`Self::retain`] kept.
    kept: usize,
}

impl OpenVisits {
    /// Adds a contact with a visit or a conversation of the source.
    pub(super) fn push(&mut self, source: SourceKey, handle: Handle) {
        self.by_source.entry(source).or_default().push(handle);
        self.len += 1;
    }

    /// Removes the entries of a source and returns them in order of slots, each once. Some may be
    /// stale.
    pub(super) fn take(&mut self, source: SourceKey) -> Vec<Handle> {
        let mut handles = self.by_source.remove(&source).unwrap_or_default();
        self.len -= handles.len();
        handles.sort_unstable();
        handles.dedup();
        handles
    }

    /// Returns whether [`Self::retain`] is due.
    pub(super) fn is_bloated(&self) -> bool {
        const SLACK: usize = 1024;
        self.len > self.kept * 2 + SLACK
    }

    /// Drops stale entries, and repeated ones.
    pub(super) fn retain(&mut self, is_open: impl Fn(SourceKey, Handle) -> bool) {
        self.len = 0;
        self.by_source.retain(|source, handles| {
            handles.retain(|handle| is_open(*source, *handle));
            // A contact may have entered several queues at the same source.
            handles.sort_unstable();
            handles.dedup();
            handles.shrink_to(handles.len() * 2);
            self.len += handles.len();
            !handles.is_empty()
        });
        self.kept = self.len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_bounded_when_visits_end_all_the_time() {
        let mut visits = OpenVisits::default();
        for number in 0..20_000_u32 {
            visits.push(SourceKey(u128::from(number % 700)), Handle::of_test(number));
            let is_open = |_, handle: Handle| handle.slot + 50 > number;
            if visits.is_bloated() {
                visits.retain(is_open);
                assert!(visits.len <= 50);
            }
            assert!(visits.len <= 1125 && visits.by_source.len() <= visits.len);
        }
    }

    #[test]
    fn take_returns_contacts_once_in_order_of_slots() {
        let mut visits = OpenVisits::default();
        let source = SourceKey(1);
        for slot in [5, 2, 5, 9] {
            visits.push(source, Handle::of_test(slot));
        }
        visits.push(SourceKey(2), Handle::of_test(3));
        assert_eq!(visits.take(source), [2, 5, 9].map(Handle::of_test));
        assert_eq!(visits.take(source), []);
        assert_eq!(visits.len, 1);
    }
}
