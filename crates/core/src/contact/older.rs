//! Contacts in the form of older ledgers, up to the fourth version: a contact had at most one
//! conversation, without its queue, its source and its agent.
//!
//! These types are only read; the next checkpoint writes the current form.

use serde::Deserialize;
use smallvec::smallvec;

use crate::contact::ending::Ending;
use crate::contact::event_context::{Lateness, Origin};
use crate::contact::model::{
    Contact, Conversation, EarlyEnd, EndStage, HandleParts, HeldCount, HeldEnding, Issue, Miss,
    NO_AGENT, PastVisit, Reply, Started, Talk, Visit, VisitMarks,
};
use crate::event::{ChannelId, LeftReason};
use crate::ids::{ContactKey, NO_QUEUE, Offset, QueueId, SeriesId, SourceKey};
use crate::time::{Millis, Timestamp};

/// The fields of [`Contact`] by position.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct SingleContact {
    key: ContactKey,
    last_record: Timestamp,
    started: Option<Started>,
    visit: Option<SingleVisit>,
    last_visit: Option<(QueueId, ChannelId)>,
    last_end: Option<SinglePastVisit>,
    other_ends: Vec<SinglePastVisit>,
    held: Option<Box<SingleHeldEnding>>,
    service: Option<Service>,
    early_end: Option<Box<SingleEarlyEnd>>,
    reply: Reply,
    issue: Issue,
}

/// An open visit, which always waits.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct SingleVisit {
    queue: QueueId,
    series: SeriesId,
    start: Timestamp,
    source: SourceKey,
    missed: bool,
    over_target: bool,
}

/// A visit that ended, without its channel and its answer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct SinglePastVisit {
    queue: QueueId,
    start: Timestamp,
    end: Timestamp,
}

/// A held ending, without its agent.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct SingleHeldEnding {
    queue: QueueId,
    ending: SingleEnding,
    event_time: Timestamp,
    stream_time: Timestamp,
    lateness: Lateness,
    offset: Offset,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum SingleEnding {
    Answered,
    Abandoned,
    Left(LeftReason),
    Lost,
}

/// The only conversation of a contact.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Service {
    start: Timestamp,
    series: SeriesId,
}

/// An early end, whose talk time was counted when it was read.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct SingleEarlyEnd {
    event_time: Timestamp,
    queue: Option<QueueId>,
    hold: Millis,
    wrap_up: Millis,
    lateness: Lateness,
    handled: bool,
}

impl SingleContact {
    /// Returns the conversation with what is known: its queue is that of the visit that ended with
    /// its answer, and its source and agent are unknown.
    fn conversation(&self) -> Option<Conversation> {
        let Service { start, series } = self.service?;
        let past = self.last_end.iter().chain(&self.other_ends).find(|past| past.end == start);
        let last_visit = self.last_visit.map(|(queue, _)| queue);
        let queue = past.map(|past| past.queue).or(last_visit).unwrap_or(NO_QUEUE);
        let (source, call) = (SourceKey::default(), Offset::default());
        Some(Conversation { start, queue, series, source, agent: NO_AGENT, call })
    }

    /// Returns a visit that ended. Its channel is that of the last visit; whether it was answered
    /// is known of the one whose conversation goes on.
    fn past_visit(&self, past: SinglePastVisit) -> PastVisit {
        let SinglePastVisit { queue, start, end } = past;
        let channel = self.last_visit.map_or(ChannelId::PHONE, |(_, channel)| channel);
        let is_answered = self.service.is_some_and(|service| service.start == end);
        let talk = if is_answered { Talk::Begun } else { Talk::None };
        PastVisit { queue, channel, talk, start, end }
    }
}

impl From<SingleVisit> for Visit {
    fn from(visit: SingleVisit) -> Self {
        let SingleVisit { queue, series, start, source, missed, over_target } = visit;
        let miss = if missed { Miss::RecordedAtTarget } else { Miss::NotRecorded };
        Visit { queue, series, start, source, miss, over_target, marks: VisitMarks::default() }
    }
}

impl From<SingleHeldEnding> for HeldEnding {
    fn from(held: SingleHeldEnding) -> Self {
        let SingleHeldEnding { queue, ending, event_time, stream_time, lateness, offset } = held;
        let ending = match ending {
            SingleEnding::Answered => Ending::Answered(None),
            SingleEnding::Abandoned => Ending::Abandoned,
            SingleEnding::Left(reason) => Ending::Left(reason),
            SingleEnding::Lost => Ending::Lost,
        };
        let count = HeldCount::new(lateness, Origin::Record);
        HeldEnding { queue, ending, event_time, stream_time, count, offset }
    }
}

impl From<SingleContact> for Contact {
    fn from(stored: SingleContact) -> Self {
        let conversation = stored.conversation();
        let early_end = stored.early_end.as_deref().map(|end| {
            // A counted talk time must not count again with the answer.
            let talk = end.handled.then_some(Millis::ZERO);
            let parts = HandleParts { talk, hold: end.hold, wrap_up: end.wrap_up };
            let SingleEarlyEnd { event_time, queue, lateness, .. } = *end;
            let (stream_time, ended_by, stage) = (stored.last_record, None, EndStage::Settled);
            Box::new(EarlyEnd { event_time, stream_time, queue, parts, ended_by, lateness, stage })
        });
        let last_end = stored.last_end.map(|past| stored.past_visit(past));
        let other_ends = stored.other_ends.iter().map(|past| stored.past_visit(*past)).collect();
        let held = stored.held.as_deref().map(|held| Box::new((*held).into()));
        Contact {
            started: stored.started,
            visit: stored.visit.map(Visit::from),
            last_visit: stored.last_visit,
            last_end,
            other_ends,
            held,
            conversations: conversation.map_or_else(Default::default, |one| smallvec![one]),
            early_end,
            reply: stored.reply,
            issue: stored.issue,
            ..Contact::new(stored.key, stored.last_record)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::contact::effects::{CallChange, CallEffect};
    use crate::contact::event_context::EventContext;
    use crate::contact::lifecycle::conversation::Implied;
    use crate::contact::table::Contacts;
    use crate::ids::{AgentKey, IdHasher};
    use crate::measures::{ApplyOutcome, FactKind, WindowScope};
    use crate::registry::LabelRegistry;
    use crate::settings::Settings;
    use crate::state::{ChunkKind, StateChunk, append, read};
    use crate::time::TimeRange;

    const BILLING: QueueId = QueueId(3);
    const FAULT: QueueId = QueueId(4);

    /// A contact that was answered in `fault` at 50 and then abandoned `billing`.
    fn stored() -> SingleContact {
        let past = |queue, start, end| SinglePastVisit {
            queue,
            start: Timestamp(start),
            end: Timestamp(end),
        };
        SingleContact {
            key: ContactKey(7),
            last_record: Timestamp(90),
            started: None,
            visit: None,
            last_visit: Some((BILLING, ChannelId::CHAT)),
            last_end: Some(past(BILLING, 60, 90)),
            other_ends: vec![past(FAULT, 20, 50)],
            held: None,
            service: Some(Service { start: Timestamp(50), series: SeriesId(2) }),
            early_end: None,
            reply: Reply::Done,
            issue: Issue::None,
        }
    }

    /// Returns the contact that is read from the stored bytes.
    fn restored(stored: &SingleContact) -> Contact {
        let bytes = append(Vec::new(), stored);
        let chunk = StateChunk { kind: ChunkKind::SingleContactLog, number: 1, bytes };
        read::<SingleContact>(&chunk).unwrap().into()
    }

    #[test]
    fn conversation_has_the_queue_of_the_visit_that_its_answer_ended() {
        let contact = restored(&stored());
        let [conversation] = contact.conversations.as_slice() else {
            panic!("{:?}", contact.conversations)
        };
        assert_eq!((conversation.queue, conversation.start), (FAULT, Timestamp(50)));
        assert_eq!((conversation.series, conversation.agent), (SeriesId(2), NO_AGENT));
        let talk = |queue| contact.past_visit(queue).map(|past| past.talk);
        assert_eq!(talk(FAULT), Some(Talk::Begun));
        assert_eq!(talk(BILLING), Some(Talk::None));
        assert_eq!((contact.key, contact.last_record), (ContactKey(7), Timestamp(90)));
    }

    #[test]
    fn early_end_counts_its_handle_time_once_when_it_had_a_talk_time() {
        for (handled, talk) in [(true, Some(Millis::ZERO)), (false, None)] {
            let end = SingleEarlyEnd {
                event_time: Timestamp(80),
                queue: Some(FAULT),
                hold: Millis(3),
                wrap_up: Millis(4),
                lateness: Lateness::Late,
                handled,
            };
            let contact = restored(&SingleContact { early_end: Some(Box::new(end)), ..stored() });
            let end = contact.early_end.unwrap();
            assert!(end.is_settled());
            assert_eq!((end.parts.talk, end.parts.hold), (talk, Millis(3)));
        }
    }

    fn event() -> EventContext {
        EventContext {
            stream_time: Timestamp(900),
            event_time: Timestamp(900),
            lateness: Lateness::InTime,
            scope: WindowScope::Windows,
            today: TimeRange { start: Timestamp(0), end: Timestamp(86_400_000) },
            offset: Offset(7),
            source: SourceKey::default(),
            origin: Origin::Record,
        }
    }

    #[test]
    fn older_visit_tells_nothing_of_patience_because_it_can_be_a_callback() {
        let settings = Arc::new(Settings::builder().build());
        let mut contacts = Contacts::new(&settings.windows, usize::MAX);
        let mut registry = LabelRegistry::new(settings, IdHasher::new([0; 16]));
        let queue = registry.queue("fault");
        let series = registry.series(queue, ChannelId::PHONE);
        let (start, source) = (Timestamp(500), SourceKey::default());
        let (missed, over_target) = (false, false);
        let visit = SingleVisit { queue, series, start, source, missed, over_target };
        let contact = SingleContact { visit: Some(visit), service: None, ..stored() };
        let bytes = append(Vec::new(), &(0_u32, Some((1_u32, contact))));
        let chunk = StateChunk { kind: ChunkKind::SingleContactLog, number: 1, bytes };
        contacts.restore(&[&chunk], &mut registry, &event()).unwrap();
        let outcome = contacts.change(&mut registry, &event(), ContactKey(7), |contact| {
            contact.ending(queue, None, Ending::Abandoned, None)
        });
        assert_eq!(outcome, ApplyOutcome::Applied);
        let ended = contacts.effects.facts.iter().find_map(|fact| match fact.kind {
            FactKind::VisitEnded(end) => Some(end),
            _ => None,
        });
        assert_eq!(ended.map(|end| (end.wait, end.waits_on_line)), Some((Millis(400), false)));
    }

    #[test]
    fn end_frees_the_agent_that_it_names_when_the_conversation_knows_none() {
        let settings = Arc::new(Settings::builder().build());
        let mut contacts = Contacts::new(&settings.windows, usize::MAX);
        let mut registry = LabelRegistry::new(settings, IdHasher::new([0; 16]));
        let queue = registry.queue("fault");
        let series = registry.series(queue, ChannelId::PHONE);
        let contact = SingleContact {
            last_end: Some(SinglePastVisit { queue, start: Timestamp(20), end: Timestamp(50) }),
            other_ends: Vec::new(),
            service: Some(Service { start: Timestamp(50), series }),
            ..stored()
        };
        let bytes = append(Vec::new(), &(0_u32, Some((1_u32, contact))));
        let chunk = StateChunk { kind: ChunkKind::SingleContactLog, number: 1, bytes };
        let event = event();
        contacts.restore(&[&chunk], &mut registry, &event).unwrap();
        let agent = Some(AgentKey(9));
        let implied = Implied { agent, wait: Millis(30), is_negative: false };
        let outcome = contacts.change(&mut registry, &event, ContactKey(7), |contact| {
            contact.ended(Some(queue), HandleParts::default(), None, Some(implied))
        });
        assert_eq!(outcome, ApplyOutcome::Applied);
        let [CallEffect { agent, event_time, change: CallChange::Ended { .. } }] =
            contacts.effects.calls.as_slice()
        else {
            panic!("{:?}", contacts.effects.calls)
        };
        assert_eq!((*agent, *event_time), (AgentKey(9), Timestamp(900)));
    }

    #[test]
    fn held_answer_has_no_agent() {
        let held = SingleHeldEnding {
            queue: BILLING,
            ending: SingleEnding::Answered,
            event_time: Timestamp(80),
            stream_time: Timestamp(90),
            lateness: Lateness::InTime,
            offset: Offset(5),
        };
        let contact = restored(&SingleContact { held: Some(Box::new(held)), ..stored() });
        let held = contact.held.unwrap();
        assert_eq!((held.ending, held.offset), (Ending::Answered(None), Offset(5)));
    }
}
