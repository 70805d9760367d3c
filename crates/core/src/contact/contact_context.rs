//! One contact, with everything that an event may touch.

use crate::contact::effects::Effects;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::Contact;
use crate::event::ChannelId;
use crate::ids::{NO_QUEUE, QueueId, SeriesId};
use crate::measures::{Fact, FactKind, WindowScope};
use crate::registry::LabelRegistry;
use crate::time::{Millis, Timestamp};

/// One contact, with everything that an event may touch. The files of `lifecycle` add the methods
/// that apply events and timeouts.
pub(crate) struct ContactContext<'a> {
    pub(super) contact: &'a mut Contact,
    pub(super) handle: Handle,
    pub(super) effects: &'a mut Effects,
    pub(super) registry: &'a mut LabelRegistry,
    pub(super) event: &'a EventContext,
}

impl ContactContext<'_> {
    /// Adds a fact.
    pub(super) fn fact(
        &mut self,
        series: SeriesId,
        time: Timestamp,
        scope: WindowScope,
        kind: FactKind,
    ) {
        self.effects.facts.push(Fact { series, event_time: time, scope, kind });
    }

    /// Adds a fact at the time of the event.
    pub(super) fn fact_now(&mut self, series: SeriesId, kind: FactKind) {
        self.fact(series, self.event.event_time, self.event.scope, kind);
    }

    /// Returns the series of a measure that is about the contact and not about one visit.
    ///
    /// Its queue is that of the event, else that of the last visit. Its channel is that of the
    /// event, else that of the last visit, else that of the start, else that of the queue.
    pub(super) fn contact_series(
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

    /// Returns the time from `from` to `to` on the clock of the series' queue. A negative
    /// difference is 0 and counts as clock skew.
    pub(super) fn clock_difference(
        &mut self,
        series: SeriesId,
        from: Timestamp,
        to: Timestamp,
    ) -> Millis {
        if self.effects.difference(from, to) == Millis::ZERO {
            return Millis::ZERO;
        }
        self.registry.series_settings(series).clock_between(from, to)
    }
}
