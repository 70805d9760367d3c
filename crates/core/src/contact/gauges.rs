//! The live gauges of a series, read at stream time.

use crate::contact::arena::ContactArena;
use crate::contact::handle::Handle;
use crate::contact::model::{Contact, Counted, Issue, OpenIssue};
use crate::contact::table::Contacts;
use crate::ids::{SeriesId, SourceKey};
use crate::measures::Live;
use crate::registry::LabelRegistry;
use crate::time::{Millis, Timestamp};

impl Contacts {
    /// Returns the live gauges of a series.
    pub(crate) fn live(
        &mut self,
        registry: &LabelRegistry,
        series: SeriesId,
        stream_time: Timestamp,
    ) -> Live {
        let slots = &self.slots;
        let live = self.effects.live(series);
        let waiting_since =
            live.oldest_waiting.oldest(|since, handle| is_waiting(slots, series, since, handle));
        let open_since =
            live.oldest_open.oldest(|since, handle| is_open(slots, series, since, handle));
        let settings = registry.series_settings(series);
        let clock_age = |since: Option<Timestamp>| match since {
            Some(since) => settings.clock_between(since, stream_time),
            None => Millis::ZERO,
        };
        Live {
            waiting: live.waiting,
            waiting_over_target: live.over_target,
            longest_wait: waiting_since.map_or(Millis::ZERO, |since| stream_time.since(since)),
            oldest_waiting: clock_age(waiting_since),
            in_service: live.in_service,
            open: live.open,
            open_overdue: live.overdue,
            oldest_open: clock_age(open_since),
        }
    }

    /// Drops stale entries from the lists that hold too many of them.
    pub(super) fn drop_stale_entries(&mut self) {
        let slots = &self.slots;
        if let Some(series) = self.effects.bloated.take() {
            let live = self.effects.live(series);
            live.oldest_waiting.retain(|since, handle| is_waiting(slots, series, since, handle));
            live.oldest_open.retain(|since, handle| is_open(slots, series, since, handle));
        }
        let open_visits = &mut self.effects.open_visits;
        if open_visits.is_bloated() {
            open_visits.retain(|source, handle| is_open_of_source(slots, source, handle));
        }
    }
}

/// Returns the contact of a handle, or `None` if it was removed.
fn contact(slots: &ContactArena, handle: Handle) -> Option<&Contact> {
    match slots.contact(handle.slot) {
        Some((generation, contact)) if *generation == handle.generation => Some(contact),
        _ => None,
    }
}

fn is_open_of_source(slots: &ContactArena, source: SourceKey, handle: Handle) -> bool {
    contact(slots, handle).is_some_and(|contact| {
        contact.visit.is_some_and(|visit| visit.source == source)
            || contact.conversations.iter().any(|conversation| conversation.source == source)
    })
}

fn is_waiting(slots: &ContactArena, series: SeriesId, since: Timestamp, handle: Handle) -> bool {
    contact(slots, handle).and_then(|contact| contact.visit).is_some_and(|visit| {
        visit.series == series && visit.start == since && !visit.marks.is_pending
    })
}

fn is_open(slots: &ContactArena, series: SeriesId, since: Timestamp, handle: Handle) -> bool {
    match contact(slots, handle).map(|contact| contact.issue) {
        Some(Issue::Open(OpenIssue { since: opened, counted: Some(counted) })) => {
            let Counted { series: counted_in, .. } = counted;
            counted_in == series && opened == since
        }
        _ => false,
    }
}
