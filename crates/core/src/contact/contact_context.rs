//! One contact at hand, with everything that its record may touch.

use crate::contact::effects::Effects;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::Contact;
use crate::event::ChannelId;
use crate::ids::{NO_QUEUE, QueueId, SeriesId};
use crate::measures::{Fact, FactKind, WindowScope};
use crate::registry::LabelRegistry;
use crate::time::Timestamp;

/// A contact and what its record may touch. The life of the contact is written as methods of this: visits in
/// `visit`, the rest in `issue`, what time brings in `dues`.
pub(crate) struct ContactContext<'a> {
    pub(crate) contact: &'a mut Contact,
    pub(crate) handle: Handle,
    pub(crate) effects: &'a mut Effects,
    pub(crate) registry: &'a mut LabelRegistry,
    pub(crate) context: &'a EventContext,
}

impl ContactContext<'_> {
    pub(crate) fn fact(
        &mut self,
        series: SeriesId,
        at_ms: i64,
        scope: WindowScope,
        kind: FactKind,
    ) {
        self.effects.facts.push(Fact { series, at_ms, scope, kind });
    }

    /// A fact at the time of the record.
    pub(crate) fn fact_now(&mut self, series: SeriesId, kind: FactKind) {
        self.fact(series, self.context.at_ms, self.context.scope, kind);
    }

    /// The series of a measure that is about the contact and not about one visit: the queue that the record names, else
    /// that of the last visit; the channel that the record names, else that of the last visit, else that of the start,
    /// else the queue's.
    pub(crate) fn contact_series(
        &mut self,
        queue: Option<QueueId>,
        channel: Option<ChannelId>,
    ) -> SeriesId {
        let last_visit = self.contact.last_visit;
        let queue = queue.or(last_visit.map(|(queue, _)| queue)).unwrap_or(NO_QUEUE);
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
        if self.effects.difference_ms(from_ms, to_ms) == 0 {
            return 0;
        }
        self.registry
            .series_settings(series)
            .clock_between(Timestamp(from_ms), Timestamp(to_ms))
            .get()
    }
}
