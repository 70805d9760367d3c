//! One contact at hand, with everything that its record may touch.

use super::facts::{Fact, FactKind};
use super::state::Contact;
use super::table::{Handle, Tally};
use crate::event::ChannelId;
use crate::shard::{NONE, QueueRef, Registry, SeriesId};
use crate::window::{Position, Reach};

/// The record at hand, and the time around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Stream time, with this record.
    pub(crate) stream_ms: i64,
    /// Event time of the record; stream time where time itself is the cause.
    pub(crate) at_ms: i64,
    /// The record is older than every window.
    pub(crate) late: bool,
    /// The windows that the record's facts may enter.
    pub(crate) reach: Reach,
    /// The panes and the business day at stream time.
    pub(crate) windows: Position,
    /// Where the record stands in its log.
    pub(crate) log_position: i64,
    /// Hash of the record's source.
    pub(crate) source: u128,
}

impl Moment {
    /// The windows that a record of that time may enter. A late one enters no window but the business day.
    pub(crate) fn reach_of(&self, at_ms: i64, late: bool) -> Reach {
        match late {
            false => Reach::Windows,
            true if self.windows.in_today(at_ms) => Reach::Today,
            true => Reach::Nothing,
        }
    }
}

/// A contact and what its record may touch. The life of the contact is written as methods of this: visits in
/// `visit`, the rest in `matter`, what time brings in `dues`.
pub(crate) struct Case<'a> {
    pub(super) contact: &'a mut Contact,
    pub(super) handle: Handle,
    pub(super) tally: &'a mut Tally,
    pub(super) registry: &'a mut Registry,
    pub(super) moment: &'a Moment,
}

impl Case<'_> {
    pub(super) fn fact(&mut self, series: SeriesId, at_ms: i64, reach: Reach, kind: FactKind) {
        self.tally.facts.push(Fact { series, at_ms, reach, kind });
    }

    /// A fact at the time of the record.
    pub(super) fn fact_now(&mut self, series: SeriesId, kind: FactKind) {
        self.fact(series, self.moment.at_ms, self.moment.reach, kind);
    }

    /// The series of a measure that is about the contact and not about one visit: the queue that the record names, else
    /// that of the last visit; the channel that the record names, else that of the last visit, else that of the start,
    /// else the queue's.
    pub(super) fn contact_series(&mut self, queue: Option<QueueRef>, channel: Option<ChannelId>) -> SeriesId {
        let last_visit = self.contact.last_visit;
        let queue = queue.or(last_visit.map(|(queue, _)| queue)).unwrap_or(NONE);
        let channel = channel
            .or(last_visit.map(|(_, channel)| channel))
            .or(self.contact.started.map(|started| started.channel))
            .unwrap_or_else(|| self.registry.queue_settings(queue).channel);
        self.registry.series(queue, channel)
    }

    /// Time between two instants on the clock of a series' queue; a negative difference is 0 and counts as clock skew.
    pub(super) fn clock_difference_ms(&mut self, series: SeriesId, from_ms: i64, to_ms: i64) -> u64 {
        if self.tally.difference_ms(from_ms, to_ms) == 0 {
            return 0;
        }
        self.registry.series_settings(series).clock_ms_between(from_ms, to_ms)
    }
}
