//! One contact at hand, with everything that its record may touch.

use crate::contact::effects::Tally;
use crate::contact::event_context::Moment;
use crate::contact::handle::Handle;
use crate::contact::model::Contact;
use crate::event::ChannelId;
use crate::ids::{NONE, QueueRef, SeriesId};
use crate::measures::{Fact, FactKind, Reach};
use crate::registry::Registry;

/// A contact and what its record may touch. The life of the contact is written as methods of this: visits in
/// `visit`, the rest in `matter`, what time brings in `dues`.
pub(crate) struct Case<'a> {
    pub(crate) contact: &'a mut Contact,
    pub(crate) handle: Handle,
    pub(crate) tally: &'a mut Tally,
    pub(crate) registry: &'a mut Registry,
    pub(crate) moment: &'a Moment,
}

impl Case<'_> {
    pub(crate) fn fact(&mut self, series: SeriesId, at_ms: i64, reach: Reach, kind: FactKind) {
        self.tally.facts.push(Fact { series, at_ms, reach, kind });
    }

    /// A fact at the time of the record.
    pub(crate) fn fact_now(&mut self, series: SeriesId, kind: FactKind) {
        self.fact(series, self.moment.at_ms, self.moment.reach, kind);
    }

    /// The series of a measure that is about the contact and not about one visit: the queue that the record names, else
    /// that of the last visit; the channel that the record names, else that of the last visit, else that of the start,
    /// else the queue's.
    pub(crate) fn contact_series(
        &mut self,
        queue: Option<QueueRef>,
        channel: Option<ChannelId>,
    ) -> SeriesId {
        let last_visit = self.contact.last_visit;
        let queue = queue.or(last_visit.map(|(queue, _)| queue)).unwrap_or(NONE);
        let channel = channel
            .or(last_visit.map(|(_, channel)| channel))
            .or(self.contact.started.map(|started| started.channel))
            .unwrap_or_else(|| self.registry.queue_settings(queue).channel);
        self.registry.series(queue, channel)
    }

    /// Time between two instants on the clock of a series' queue; a negative difference is 0 and counts as clock skew.
    pub(crate) fn clock_difference_ms(
        &mut self,
        series: SeriesId,
        from_ms: i64,
        to_ms: i64,
    ) -> u64 {
        if self.tally.difference_ms(from_ms, to_ms) == 0 {
            return 0;
        }
        self.registry.series_settings(series).clock_ms_between(from_ms, to_ms)
    }
}
