//! The life of one contact, sentence by sentence of docs/spec/events.md.

use std::collections::BTreeMap;

use nabiz_core::event::{
    ChannelId, EndedBy, EventPayload, LeftReason, SelfServiceOutcome, TransferKind,
};
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

use super::agents::CallChange;
use super::facts::{Cause, EndOfEntered, Fact, Waited, What};

/// The facts of contacts, and counts that are no facts.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub facts: Vec<Fact>,
    pub clock_skew: u64,
    pub contacts_started: BTreeMap<ChannelId, u64>,
    pub self_service: BTreeMap<String, [u64; 4]>,
    pub arrivals: Vec<Arrival>,
    /// The held records that were completed, in time and late.
    pub completed: u64,
    pub completed_late: u64,
    /// The positions of the held records that became orphans.
    pub orphans: Vec<i64>,
    /// Calls of agents that began or ended since the oracle last took them: agent, time, change.
    pub calls: Vec<(String, i64, CallChange)>,
}

/// A contact that started, or an outcome of its self-service.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub time: i64,
    pub channel: ChannelId,
    pub entry_point: String,
    /// `None` for the start.
    pub outcome: Option<SelfServiceOutcome>,
}

/// The record at hand.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub settings: &'a Settings,
    pub source: &'a str,
    pub position: i64,
    pub time: i64,
    pub now: i64,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    Duplicate,
    Held,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    /// By this agent, if it is known.
    Answered(Option<String>),
    /// Answered by a reply: no conversation begins.
    Replied,
    Abandoned,
    Left(LeftReason),
    Lost,
}

#[derive(Clone, Debug)]
struct Visit {
    queue: String,
    channel: ChannelId,
    start: i64,
    /// Stream time just after the `contact.queued`.
    arrival: i64,
    /// The time of the miss that was recorded while the visit waited.
    missed: Option<i64>,
    /// The source of the `contact.queued`.
    source: String,
    is_callback: bool,
}

#[derive(Clone, Debug)]
struct Held {
    queue: String,
    ending: Ending,
    time: i64,
    held_at_stream_ms: i64,
    cause: Cause,
    position: i64,
}

#[derive(Clone, Debug)]
struct Conversation {
    queue: String,
    channel: ChannelId,
    answer: i64,
    source: String,
    agent: Option<String>,
    /// The position of the record with which it began: the name of the agent's call.
    call: i64,
}

/// A `contact.ended` without a conversation. The answer may still come.
#[derive(Clone, Debug)]
struct EarlyEnd {
    time: i64,
    queue: Option<String>,
    parts: Parts,
    ended_by: Option<EndedBy>,
    cause: Cause,
    read_at_stream_ms: i64,
    /// The grace is over: a talk time has been counted.
    is_settled: bool,
    /// The end has been counted under its party.
    is_counted: bool,
}

/// A reply that has answered no visit yet.
#[derive(Clone, Debug)]
struct EarlyReply {
    time: i64,
    queue: Option<String>,
    cause: Cause,
    read_at_stream_ms: i64,
}

/// Durations of an end.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    talk: Option<u64>,
    hold: u64,
    wrap_up: u64,
}

/// A visit that ended.
#[derive(Clone, Debug)]
struct PastVisit {
    start: i64,
    end: i64,
    channel: ChannelId,
    is_answered: bool,
    /// An end or a blind transfer has ended a conversation in its queue since.
    is_over: bool,
}

/// The most conversations of a contact.
const CONVERSATIONS_MAX: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// Stream time at the last record that was neither a duplicate nor stale, or at the last loss
    /// or conversation that ended without a record of the contact.
    last_record_stream_ms: i64,
    started: Option<(i64, ChannelId)>,
    over_in_self_service: bool,
    first_reply: Option<(i64, Option<String>)>,
    visit: Option<Visit>,
    last_visit: Option<(String, ChannelId)>,
    /// The last visit that ended per queue.
    last_ends: BTreeMap<String, PastVisit>,
    /// The queue of the last visit that ended.
    last_ended: Option<String>,
    held: Option<Held>,
    /// In the order in which they were opened.
    conversations: Vec<Conversation>,
    early_end: Option<EarlyEnd>,
    early_reply: Option<EarlyReply>,
    latest_reopened: Option<i64>,
    /// The resolution since the latest reopening.
    resolved: Option<(i64, Option<String>)>,
    open_since: Option<i64>,
    /// The queue in which the issue was last seen.
    matter_queue: Option<String>,
    /// The channel of the last visit, else the channel with which the issue was opened.
    matter_channel: Option<ChannelId>,
}

/// The open visit of a contact, also where its ending is pending: queue, channel and entry.
pub type OpenVisit = (String, ChannelId, i64);

/// The part of a contact in the live gauges.
#[derive(Clone, Debug, Default)]
pub struct LiveContact {
    pub waiting: Option<(String, ChannelId, i64)>,
    pub in_service: Vec<(String, ChannelId)>,
    pub open: Option<(String, ChannelId, i64)>,
}

pub const NO_QUEUE: &str = "none";

impl Contact {
    pub fn open_visit(&self) -> Option<OpenVisit> {
        self.visit.as_ref().map(|visit| (visit.queue.clone(), visit.channel, visit.start))
    }

    fn last_queue(&self, named: Option<&str>) -> String {
        match (named, &self.last_visit) {
            (Some(queue), _) => queue.to_string(),
            (None, Some((queue, _))) => queue.clone(),
            (None, None) => NO_QUEUE.to_string(),
        }
    }

    fn channel(&self, settings: &Settings, queue: &str) -> ChannelId {
        match (&self.last_visit, self.started) {
            (Some((_, channel)), _) => *channel,
            (None, Some((_, channel))) => channel,
            (None, None) => settings.queue(queue).channel,
        }
    }

    fn record(
        &self,
        context: &Context<'_>,
        books: &mut Books,
        queue: String,
        time: i64,
        what: What,
    ) {
        let channel = self.channel(context.settings, &queue);
        books.facts.push(Fact { time, cause: context.cause, queue, channel, what });
    }

    /// Ends a visit at `time` and counts its service-level event.
    #[allow(clippy::too_many_arguments)]
    fn end_visit(
        &mut self,
        settings: &Settings,
        books: &mut Books,
        visit: Visit,
        ending: Ending,
        time: i64,
        wait_ms: Option<u64>,
        cause: Cause,
        position: i64,
    ) {
        let end = time.max(visit.start);
        let wait = match wait_ms {
            Some(wait) => wait,
            None if time < visit.start => {
                books.clock_skew += 1;
                0
            }
            None => (time - visit.start) as u64,
        };
        let queue = settings.queue(&visit.queue);
        let in_target = wait <= queue.target_wait.get();
        // A negative difference does not disprove a miss.
        let stays_missed = visit.missed.is_some() && wait_ms.is_none() && time < visit.start;
        let mut push = |time: i64, what: What| {
            books.facts.push(Fact {
                time,
                cause,
                queue: visit.queue.clone(),
                channel: visit.channel,
                what,
            });
        };
        match &ending {
            Ending::Answered(_) | Ending::Replied => {
                push(end, What::Answered { wait, in_target });
            }
            Ending::Abandoned => {
                push(
                    end,
                    What::Abandoned { wait, in_target, short: wait <= queue.short_abandon.get() },
                );
            }
            Ending::Left(reason) => push(end, What::Left(*reason)),
            Ending::Lost => push(end, What::Lost),
        }
        let is_short = wait <= queue.short_abandon.get();
        push(
            visit.start,
            What::EndOfEntered(match &ending {
                Ending::Answered(_) | Ending::Replied => EndOfEntered::Answered { in_target },
                Ending::Abandoned => EndOfEntered::Abandoned { short: is_short },
                Ending::Left(_) => EndOfEntered::Left,
                Ending::Lost => EndOfEntered::Lost,
            }),
        );
        let tells_of_patience = ending != Ending::Lost && !visit.is_callback && !is_short;
        push(
            end,
            What::Waited(Waited {
                left: if matches!(ending, Ending::Left(_)) { wait } else { 0 },
                lost: if ending == Ending::Lost { wait } else { 0 },
                beyond_short: match tells_of_patience {
                    true => wait - queue.short_abandon.get(),
                    false => 0,
                },
                lost_patience: tells_of_patience && ending == Ending::Abandoned,
            }),
        );
        let revokes = in_target && ending != Ending::Lost && !stays_missed;
        if let (Some(missed_at), true) = (visit.missed, revokes) {
            // The miss leaves what it is in, however late the ending is.
            books.facts.push(Fact {
                time: missed_at,
                cause: Cause::InTime,
                queue: visit.queue.clone(),
                channel: visit.channel,
                what: What::MissRevoked,
            });
        }
        let mut push = |time: i64, what: What| {
            books.facts.push(Fact {
                time,
                cause,
                queue: visit.queue.clone(),
                channel: visit.channel,
                what,
            });
        };
        match (in_target, visit.missed) {
            (true, _)
                if matches!(ending, Ending::Answered(_) | Ending::Replied) && !stays_missed =>
            {
                push(end, What::Met);
            }
            (false, None) => {
                push(end.min(visit.start + queue.target_wait.get() as i64), What::Missed);
            }
            _ => {}
        }
        let past = PastVisit {
            start: visit.start,
            end,
            channel: visit.channel,
            is_answered: matches!(ending, Ending::Answered(_)),
            is_over: false,
        };
        self.last_ends.insert(visit.queue.clone(), past);
        self.last_ended = Some(visit.queue.clone());
        if let Ending::Answered(agent) = ending {
            let Visit { queue, channel, source, .. } = visit;
            let conversation =
                Conversation { queue, channel, answer: end, source, agent, call: position };
            self.open_conversation(settings, books, conversation);
        }
    }

    /// Opens a conversation. An early end ends it at once.
    fn open_conversation(
        &mut self,
        settings: &Settings,
        books: &mut Books,
        conversation: Conversation,
    ) {
        let answer = conversation.answer;
        if let Some(replaced) = self.take_conversation(&conversation.queue) {
            free_agent(books, &replaced, answer);
        }
        if self.conversations.len() == CONVERSATIONS_MAX {
            let first = self.conversations.remove(0);
            free_agent(books, &first, answer);
        }
        if let Some(agent) = &conversation.agent {
            let max_service =
                settings.queue(&conversation.queue).max_service_on(conversation.channel);
            let change = CallChange::Started {
                queue: conversation.queue.clone(),
                call: conversation.call,
                until: answer + max_service.get() as i64,
            };
            books.calls.push((agent.clone(), answer, change));
        }
        let is_of_visit = self.pending().is_some();
        let early = self.early_end.take_if(|early| {
            !is_of_visit
                && early.time >= answer
                && early.queue.as_ref().is_none_or(|queue| *queue == conversation.queue)
        });
        match early {
            Some(early) => {
                if !(early.is_settled && early.parts.talk.is_some()) {
                    handle(books, &conversation, early.time, early.parts, early.cause);
                }
                let place = (conversation.queue.clone(), conversation.channel);
                count_early_end(books, &early, place);
                self.finish(books, &conversation, early.time);
            }
            None => self.conversations.push(conversation),
        }
    }

    fn take_conversation(&mut self, queue: &str) -> Option<Conversation> {
        let index = self.conversations.iter().position(|one| one.queue == queue)?;
        Some(self.conversations.remove(index))
    }

    /// Notes that an end has ended a conversation, and frees its agent.
    fn finish(&mut self, books: &mut Books, conversation: &Conversation, time: i64) {
        free_agent(books, conversation, time);
        if let Some(past) = self.last_ends.get_mut(&conversation.queue) {
            past.is_over = true;
        }
    }

    /// Ends all conversations for which `is_gone` holds, without a handle time.
    fn drop_conversations(
        &mut self,
        books: &mut Books,
        time: i64,
        is_gone: impl Fn(&Conversation) -> bool,
    ) {
        let (gone, kept) =
            std::mem::take(&mut self.conversations).into_iter().partition(|one| is_gone(one));
        self.conversations = kept;
        let gone: Vec<Conversation> = gone;
        gone.iter().for_each(|one| free_agent(books, one, time));
    }

    /// Returns the end that is the pending ending of the open visit.
    fn pending(&self) -> Option<&EarlyEnd> {
        let visit = self.visit.as_ref()?;
        self.early_end.as_ref().filter(|early| {
            !early.is_settled
                && visit.start <= early.time
                && early.queue.as_ref().is_none_or(|queue| *queue == visit.queue)
        })
    }

    /// Ends the open visit as its pending ending implies.
    fn end_as_implied(&mut self, settings: &Settings, books: &mut Books, position: i64) {
        if self.pending().is_none() {
            return;
        }
        let (Some(early), Some(visit)) = (self.early_end.take(), self.visit.take()) else {
            return;
        };
        let Parts { talk, hold, wrap_up } = early.parts;
        let (queue, cause, time) = (visit.queue.clone(), early.cause, early.time);
        count_early_end(books, &early, (visit.queue.clone(), visit.channel));
        if talk.is_some_and(|talk| talk > 0) || early.ended_by == Some(EndedBy::Agent) {
            let answer = implied_end(&early, &visit);
            let ending = Ending::Answered(None);
            self.end_visit(settings, books, visit, ending, answer, None, cause, position);
            if let Some(conversation) = self.take_conversation(&queue) {
                if talk.is_some() {
                    let parts = Parts { talk, hold, wrap_up };
                    handle(books, &conversation, time, parts, cause);
                }
                self.finish(books, &conversation, time);
            }
        } else {
            let ending = match early.ended_by {
                Some(EndedBy::System) => Ending::Left(LeftReason::Closed),
                _ => Ending::Abandoned,
            };
            self.end_visit(settings, books, visit, ending, time, None, cause, position);
        }
    }

    /// Returns whether the contact is in a queue since a later time than that.
    fn is_in_queue_since_after(&self, time: i64) -> bool {
        self.visit.as_ref().is_some_and(|visit| visit.start > time)
    }

    fn leave_for_another_queue(&mut self, context: &Context<'_>, books: &mut Books) {
        if self.is_in_queue_since_after(context.time) {
            return;
        }
        if self.pending().is_some_and(|early| early.time <= context.time) {
            self.end_as_implied(context.settings, books, context.position);
        }
        if let Some(visit) = self.visit.take() {
            let ending = Ending::Left(LeftReason::Transfer);
            self.end_visit(
                context.settings,
                books,
                visit,
                ending,
                context.time,
                None,
                context.cause,
                context.position,
            );
        }
    }

    /// Opens a visit, which the caller stores or ends.
    fn enter(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: &str,
        channel: Option<ChannelId>,
        start: i64,
    ) -> Visit {
        let channel = channel
            .or(self.started.map(|(_, channel)| channel))
            .unwrap_or(context.settings.queue(queue).channel);
        books.facts.push(Fact {
            time: start,
            cause: context.cause,
            queue: queue.to_string(),
            channel,
            what: What::Offered,
        });
        // An open visit is later than this one, which is over.
        if self.visit.is_none() {
            self.last_visit = Some((queue.to_string(), channel));
            self.matter_queue = Some(queue.to_string());
            self.matter_channel = Some(channel);
        }
        Visit {
            queue: queue.to_string(),
            channel,
            start,
            arrival: context.now,
            missed: None,
            source: context.source.to_string(),
            is_callback: false,
        }
    }

    fn queued(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: &str,
        channel: Option<ChannelId>,
        is_callback: bool,
    ) -> Outcome {
        let time = context.time;
        let is_open = self.visit.as_ref().is_some_and(|visit| visit.queue == queue);
        if is_open && self.pending().is_some_and(|early| early.time < time) {
            self.end_as_implied(context.settings, books, context.position);
        }
        if let Some(past) = self.last_ends.get(queue)
            && (time < past.end || (time == past.start && time == past.end))
        {
            return Outcome::Duplicate;
        }
        if self.visit.as_ref().is_some_and(|visit| visit.queue == queue) {
            return Outcome::Duplicate;
        }
        let completes =
            self.held.as_ref().is_some_and(|held| held.queue == queue && time <= held.time);
        if self.is_in_queue_since_after(time) && !completes {
            return Outcome::Duplicate;
        }
        self.leave_for_another_queue(context, books);
        let mut visit = self.enter(context, books, queue, channel, time);
        visit.is_callback = is_callback;
        if is_callback {
            let (queue, channel, cause) = (visit.queue.clone(), visit.channel, context.cause);
            books.facts.push(Fact { time, cause, queue, channel, what: What::Callback });
        }
        match self.held.take() {
            Some(held) if held.queue == queue && time <= held.time => {
                self.end_visit(
                    context.settings,
                    books,
                    visit,
                    held.ending,
                    held.time,
                    None,
                    held.cause,
                    context.position,
                );
                match held.cause {
                    Cause::InTime => books.completed += 1,
                    Cause::Late(_) => books.completed_late += 1,
                }
            }
            held => {
                self.held = held;
                self.visit = Some(visit);
                self.answer_by_early_reply(context, books);
            }
        }
        Outcome::Applied
    }

    fn ending(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: &str,
        channel: Option<ChannelId>,
        ending: Ending,
        wait_ms: Option<u64>,
    ) -> Outcome {
        let time = context.time;
        if self.visit.as_ref().is_some_and(|visit| visit.queue == queue) {
            let is_answer = matches!(ending, Ending::Answered(_));
            if self.pending().is_some() && !is_answer {
                let place = self.visit.as_ref().map(|visit| (visit.queue.clone(), visit.channel));
                if let (Some(early), Some(place)) = (self.early_end.take(), place) {
                    count_early_end(books, &early, place);
                }
            }
        }
        if let Some(visit) = self.visit.take_if(|visit| visit.queue == queue) {
            self.end_visit(
                context.settings,
                books,
                visit,
                ending,
                time,
                wait_ms,
                context.cause,
                context.position,
            );
            return Outcome::Applied;
        }
        self.ending_without_visit(context, books, queue, channel, ending, wait_ms)
    }

    /// Applies an ending that does not end an open visit of its queue.
    fn ending_without_visit(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: &str,
        channel: Option<ChannelId>,
        ending: Ending,
        wait_ms: Option<u64>,
    ) -> Outcome {
        let time = context.time;
        let in_service = self.conversations.iter().any(|one| one.queue == queue);
        if matches!(ending, Ending::Answered(_)) && in_service {
            return Outcome::Duplicate;
        }
        let start = time - wait_ms.unwrap_or(0) as i64;
        if let Some(past) = self.last_ends.get(queue)
            && (start < past.end || (start == past.start && time == past.end))
        {
            return Outcome::Duplicate;
        }
        if wait_ms.is_none() && self.held.is_some() {
            return Outcome::Duplicate;
        }
        self.leave_for_another_queue(context, books);
        if wait_ms.is_some() {
            let visit = self.enter(context, books, queue, channel, start);
            self.end_visit(
                context.settings,
                books,
                visit,
                ending,
                time,
                wait_ms,
                context.cause,
                context.position,
            );
            Outcome::Applied
        } else {
            self.held = Some(Held {
                queue: queue.to_string(),
                ending,
                time,
                held_at_stream_ms: context.now,
                cause: context.cause,
                position: context.position,
            });
            Outcome::Held
        }
    }

    /// Applies a reply to the open visit, or remembers it.
    fn reply(&mut self, context: &Context<'_>, books: &mut Books, queue: Option<String>) {
        let time = context.time;
        let may_answer = self.visit.as_ref().is_some_and(|visit| {
            visit.start <= time && queue.as_ref().is_none_or(|queue| *queue == visit.queue)
        });
        if may_answer && self.pending().is_none_or(|early| time <= early.time) {
            let visit = self.visit.take().expect("an open visit");
            let Context { settings, cause, position, .. } = *context;
            self.end_visit(settings, books, visit, Ending::Replied, time, None, cause, position);
            return;
        }
        let grace = context.settings.windows.reorder_grace.get() as i64;
        let is_kept = self.early_reply.as_ref().is_some_and(|known| {
            context.now <= known.read_at_stream_ms + grace && known.time <= time
        });
        if !is_kept {
            self.early_reply = Some(EarlyReply {
                time,
                queue,
                cause: context.cause,
                read_at_stream_ms: context.now,
            });
        }
    }

    /// Answers a visit that has just opened by a reply that was read before.
    fn answer_by_early_reply(&mut self, context: &Context<'_>, books: &mut Books) {
        let grace = context.settings.windows.reorder_grace.get() as i64;
        let (Some(reply), Some(visit)) = (self.early_reply.clone(), self.visit.clone()) else {
            return;
        };
        if context.now <= reply.read_at_stream_ms + grace
            && visit.start <= reply.time
            && reply.queue.as_ref().is_none_or(|queue| *queue == visit.queue)
            && self.pending().is_none_or(|early| reply.time <= early.time)
        {
            self.early_reply = None;
            self.visit = None;
            let (settings, position) = (context.settings, context.position);
            let (time, cause) = (reply.time, reply.cause);
            self.end_visit(settings, books, visit, Ending::Replied, time, None, cause, position);
        }
    }

    /// Returns the milliseconds on the queue's clock; an end before its start gives 0 and counts as
    /// clock skew.
    fn clock_ms(settings: &Settings, books: &mut Books, queue: &str, from: i64, to: i64) -> u64 {
        if to < from {
            books.clock_skew += 1;
            return 0;
        }
        settings.queue(queue).clock_between(Timestamp(from), Timestamp(to)).get()
    }

    fn observe_first_response(&self, context: &Context<'_>, books: &mut Books) {
        if self.over_in_self_service {
            return;
        }
        if let (Some((started, _)), Some((replied, named))) = (self.started, &self.first_reply) {
            let queue = self.last_queue(named.as_deref());
            let ms = Self::clock_ms(context.settings, books, &queue, started, *replied);
            let in_target = ms <= context.settings.queue(&queue).target_first_response.get();
            self.record(context, books, queue, *replied, What::FirstResponse { ms, in_target });
        }
    }

    fn observe_resolution(&self, context: &Context<'_>, books: &mut Books, since: i64) {
        if let Some((resolved, named)) = &self.resolved {
            let queue = self.last_queue(named.as_deref());
            let ms = Self::clock_ms(context.settings, books, &queue, since, *resolved);
            let in_target = ms <= context.settings.queue(&queue).target_resolution.get();
            self.record(context, books, queue, *resolved, What::Resolution { ms, in_target });
        }
    }

    fn start(&mut self, context: &Context<'_>, books: &mut Books, channel: ChannelId) -> Outcome {
        if self.started.is_some() {
            return Outcome::Duplicate;
        }
        self.started = Some((context.time, channel));
        *books.contacts_started.entry(channel).or_default() += 1;
        if self.over_in_self_service {
            return Outcome::Applied;
        }
        self.observe_first_response(context, books);
        if self.latest_reopened.is_some() {
            return Outcome::Applied;
        }
        if self.resolved.is_some() {
            self.observe_resolution(context, books, context.time);
        } else if !channel.is_immediate() {
            self.open_since = Some(context.time);
            self.matter_channel.get_or_insert(channel);
        }
        Outcome::Applied
    }

    /// Applies `contact.ended`. `implied` is the agent and the wait of a queue_log line, and
    /// whether the wait was negative.
    fn end(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: Option<&str>,
        implied: Option<(Option<String>, u64, bool)>,
        parts: Parts,
        ended_by: Option<EndedBy>,
    ) -> Outcome {
        let time = context.time;
        let concerned: Vec<String> = match queue {
            Some(queue) => {
                let of_queue = self.conversations.iter().filter(|one| one.queue == queue);
                of_queue.map(|one| one.queue.clone()).collect()
            }
            None => {
                let by_then = self.conversations.iter().filter(|one| one.answer <= time);
                let mut queues: Vec<String> = by_then.map(|one| one.queue.clone()).collect();
                if queues.is_empty() {
                    let first = self.conversations.iter().min_by_key(|one| one.answer);
                    queues.extend(first.map(|one| one.queue.clone()));
                }
                queues
            }
        };
        if !concerned.is_empty() {
            let mut ended: Vec<Conversation> =
                concerned.iter().filter_map(|queue| self.take_conversation(queue)).collect();
            // A stable sort: of two with the same answer, the later opened is the newest.
            ended.sort_by_key(|one| one.answer);
            let newest = ended.len() - 1;
            let place = (ended[newest].queue.clone(), ended[newest].channel);
            count_end(books, ended_by, time, context.cause, place);
            for (index, conversation) in ended.iter().enumerate() {
                let parts = if index == newest { parts } else { Parts::default() };
                handle(books, conversation, time, parts, context.cause);
                self.finish(books, conversation, time);
            }
            let visit = self.visit.as_ref().filter(|visit| visit.start <= time);
            if let (None, None, Some(visit)) = (queue, self.pending(), visit) {
                let queue = visit.queue.clone();
                self.settle_early_end(context.settings, books, context.position);
                self.early_end = Some(EarlyEnd {
                    time,
                    queue: Some(queue),
                    parts: Parts::default(),
                    ended_by: ended_by.filter(|by| *by != EndedBy::Agent),
                    cause: context.cause,
                    read_at_stream_ms: context.now,
                    is_settled: false,
                    is_counted: true,
                });
            }
            return Outcome::Applied;
        }
        let visit = self
            .visit
            .as_ref()
            .filter(|visit| queue.is_none_or(|queue| visit.queue == queue) && visit.start <= time);
        let visit_start = visit.map(|visit| visit.start);
        if visit_start.is_none()
            && let Some(ended) = queue.map(str::to_string).or(self.last_ended.clone())
            && let Some(past) = self.last_ends.get_mut(&ended)
            && (past.is_answered || past.is_over)
        {
            if past.is_over {
                return Outcome::Duplicate;
            }
            past.is_over = true;
            let place = (ended.clone(), past.channel);
            count_end(books, ended_by, time, context.cause, place);
            if let Some(talk) = parts.talk {
                books.facts.push(Fact {
                    time,
                    cause: context.cause,
                    queue: ended,
                    channel: past.channel,
                    what: What::Handled { ms: talk + parts.hold + parts.wrap_up },
                });
            }
            return Outcome::Applied;
        }
        if let (Some((agent, wait, is_negative)), Some(queue)) = (implied, queue) {
            books.clock_skew += u64::from(is_negative);
            let answer = Context {
                time: time - (parts.talk.unwrap_or(0) + parts.hold + parts.wrap_up) as i64,
                ..context.clone()
            };
            let ending = Ending::Answered(agent);
            let answered = match visit_start {
                Some(_) => self.ending(&answer, books, queue, None, ending, Some(wait)),
                // An open visit of the queue, if there is one, is later than the line.
                None => self.ending_without_visit(&answer, books, queue, None, ending, Some(wait)),
            };
            if answered == Outcome::Applied
                && let Some(conversation) = self.take_conversation(queue)
            {
                let place = (conversation.queue.clone(), conversation.channel);
                count_end(books, ended_by, time, context.cause, place);
                if parts.talk.is_some() {
                    handle(books, &conversation, time, parts, context.cause);
                }
                self.finish(books, &conversation, time);
            }
            return answered;
        }
        if let Some(kept) = &self.early_end {
            let is_same_queue = kept.queue.as_deref() == queue;
            let may_be_same = is_same_queue || kept.queue.is_none() || queue.is_none();
            let is_older = visit_start.is_some_and(|start| kept.time < start);
            if !kept.is_settled && may_be_same && !is_older {
                return Outcome::Duplicate;
            }
        }
        self.settle_early_end(context.settings, books, context.position);
        self.early_end = Some(EarlyEnd {
            time,
            queue: queue.map(str::to_string),
            parts,
            ended_by,
            cause: context.cause,
            read_at_stream_ms: context.now,
            is_settled: false,
            is_counted: false,
        });
        Outcome::Applied
    }

    /// Ends the visit of a pending ending. Without one, counts the talk time of an early end whose
    /// answer did not come in time.
    fn settle_early_end(&mut self, settings: &Settings, books: &mut Books, position: i64) {
        self.end_as_implied(settings, books, position);
        let Some(mut early) = self.early_end.take() else { return };
        if let (false, Some(talk)) = (early.is_settled, early.parts.talk) {
            let queue = self.last_queue(early.queue.as_deref());
            let channel = self.channel(settings, &queue);
            let what = What::Handled { ms: talk + early.parts.hold + early.parts.wrap_up };
            books.facts.push(Fact { time: early.time, cause: early.cause, queue, channel, what });
        }
        let queue = self.last_queue(early.queue.as_deref());
        let channel = self.channel(settings, &queue);
        count_early_end(books, &early, (queue, channel));
        early.is_counted = true;
        early.is_settled = true;
        self.early_end = Some(early);
    }

    /// Settles an end whose grace is over, before a record of the contact.
    pub fn settle_end_before_record(&mut self, context: &Context<'_>, books: &mut Books) {
        let grace = context.settings.windows.reorder_grace.get() as i64;
        let is_over = |early: &EarlyEnd| context.now > early.read_at_stream_ms + grace;
        if self.early_end.as_ref().is_some_and(is_over) {
            self.settle_early_end(context.settings, books, context.position);
        }
    }

    /// Applies a record to its contact. On [`Outcome::Duplicate`] nothing has changed.
    pub fn apply(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        body: &EventPayload<'_>,
    ) -> Outcome {
        let resolve = |queue: &str| context.settings.resolve(queue).to_string();
        let outcome = match body {
            EventPayload::ContactStarted { channel, entry_point, .. } => {
                let outcome = self.start(context, books, *channel);
                if outcome == Outcome::Applied {
                    books.arrivals.push(Arrival {
                        time: context.time,
                        channel: *channel,
                        entry_point: entry_label(entry_point.as_deref()),
                        outcome: None,
                    });
                }
                outcome
            }
            EventPayload::SelfService { outcome, entry_point, .. } => {
                let entry_point = entry_label(entry_point.as_deref());
                let of_start = self.started.map(|(_, channel)| channel);
                let of_visit = self.last_visit.as_ref().map(|(_, channel)| *channel);
                let channel =
                    of_start.or(of_visit).unwrap_or(context.settings.queue_defaults.channel);
                books.arrivals.push(Arrival {
                    time: context.time,
                    channel,
                    entry_point: entry_point.clone(),
                    outcome: Some(*outcome),
                });
                books.self_service.entry(entry_point).or_default()[outcome.index()] += 1;
                if *outcome != SelfServiceOutcome::ToQueue {
                    self.over_in_self_service = true;
                    self.drop_conversations(books, context.time, |_| true);
                    self.open_since = None;
                    self.latest_reopened = None;
                }
                Outcome::Applied
            }
            EventPayload::Queued { queue, channel, is_callback, .. } => {
                self.queued(context, books, &resolve(queue), *channel, *is_callback)
            }
            EventPayload::Alerted { .. } => Outcome::Applied,
            EventPayload::NotAnswered { queue, .. } => {
                self.record(context, books, resolve(queue), context.time, What::NotAnswered);
                Outcome::Applied
            }
            EventPayload::Answered { queue, channel, agent, wait, .. } => self.ending(
                context,
                books,
                &resolve(queue),
                *channel,
                Ending::Answered(agent.as_ref().map(|agent| agent.to_string())),
                wait.map(Millis::get),
            ),
            EventPayload::Abandoned { queue, channel, wait, .. } => self.ending(
                context,
                books,
                &resolve(queue),
                *channel,
                Ending::Abandoned,
                wait.map(Millis::get),
            ),
            EventPayload::LeftQueue { queue, channel, reason, wait, .. } => self.ending(
                context,
                books,
                &resolve(queue),
                *channel,
                Ending::Left(*reason),
                wait.map(Millis::get),
            ),
            EventPayload::Replied { queue, .. } => {
                let queue = queue.as_deref().map(resolve);
                if self.first_reply.is_none() {
                    self.first_reply = Some((context.time, queue.clone()));
                    self.observe_first_response(context, books);
                }
                self.reply(context, books, queue);
                Outcome::Applied
            }
            EventPayload::Transferred { from_queue, kind, .. } => {
                let named = from_queue.as_deref().map(resolve);
                let queue = self.last_queue(named.as_deref());
                self.record(context, books, queue, context.time, What::Transferred);
                let newest = || self.conversations.iter().max_by_key(|one| one.answer);
                let from = named.or_else(|| newest().map(|one| one.queue.clone()));
                if *kind == Some(TransferKind::Blind)
                    && let Some(conversation) = from.and_then(|from| self.take_conversation(&from))
                {
                    let parts = Parts::default();
                    handle(books, &conversation, context.time, parts, context.cause);
                    self.finish(books, &conversation, context.time);
                }
                Outcome::Applied
            }
            EventPayload::Ended { queue, talk, hold, wrap_up, ended_by, implied, .. } => {
                let queue = queue.as_deref().map(resolve);
                let [talk, hold, wrap_up] =
                    [*talk, *hold, *wrap_up].map(|part| part.map(Millis::get));
                let (hold, wrap_up) = (hold.unwrap_or(0), wrap_up.unwrap_or(0));
                let implied = implied.as_ref().map(|implied| {
                    let agent = implied.agent.as_ref().map(|agent| agent.to_string());
                    (agent, implied.wait.get(), implied.is_negative)
                });
                let parts = Parts { talk, hold, wrap_up };
                self.end(context, books, queue.as_deref(), implied, parts, *ended_by)
            }
            EventPayload::Resolved { queue, .. } => {
                if self.resolved.is_none() {
                    self.resolved = Some((context.time, queue.as_deref().map(resolve)));
                    self.open_since = None;
                    let started =
                        self.started.map(|(time, _)| time).filter(|_| !self.over_in_self_service);
                    if let Some(since) = self.latest_reopened.or(started) {
                        self.observe_resolution(context, books, since);
                    }
                }
                Outcome::Applied
            }
            EventPayload::Reopened { queue, channel: given, .. } => {
                let named = queue.as_deref().map(resolve);
                let queue = self.last_queue(named.as_deref());
                let channel = match (given, &self.last_visit, self.started) {
                    (Some(given), None, None) => *given,
                    _ => self.channel(context.settings, &queue),
                };
                books.facts.push(Fact {
                    time: context.time,
                    cause: context.cause,
                    queue: queue.clone(),
                    channel,
                    what: What::Reopened,
                });
                self.latest_reopened = Some(context.time);
                self.resolved = None;
                self.matter_queue = Some(queue);
                self.open_since = (!channel.is_immediate()).then_some(context.time);
                self.matter_channel = Some(channel);
                Outcome::Applied
            }
            EventPayload::SurveyAnswered { score, queue, channel, .. } => {
                let queue = self.last_queue(queue.as_deref().map(resolve).as_deref());
                let channel = channel.unwrap_or(self.channel(context.settings, &queue));
                let what = What::Survey { score: *score };
                books.facts.push(Fact {
                    time: context.time,
                    cause: context.cause,
                    queue,
                    channel,
                    what,
                });
                Outcome::Applied
            }
            other => panic!("not an event of a contact: {other:?}"),
        };
        if outcome != Outcome::Duplicate {
            self.last_record_stream_ms = context.now;
        }
        outcome
    }

    /// Applies `source.restarted`: an open visit of that source is lost, and its conversations end.
    pub fn source_restarted(&mut self, context: &Context<'_>, books: &mut Books) {
        let stands = self.pending().is_some_and(|early| early.time <= context.time);
        if let Some(visit) = self.visit.take_if(|visit| visit.source == context.source && !stands) {
            self.last_record_stream_ms = context.now;
            self.end_visit(
                context.settings,
                books,
                visit,
                Ending::Lost,
                context.time,
                None,
                context.cause,
                context.position,
            );
        }
        if self.conversations.iter().any(|one| one.source == context.source) {
            self.last_record_stream_ms = context.now;
        }
        self.drop_conversations(books, context.time, |one| one.source == context.source);
    }

    /// Applies the timeouts that are due. Returns true where the contact is then forgotten.
    pub fn apply_timeouts(&mut self, settings: &Settings, books: &mut Books, now: i64) -> bool {
        let grace = settings.windows.reorder_grace.get() as i64;
        if self.early_end.as_ref().is_some_and(|early| now > early.read_at_stream_ms + grace) {
            self.settle_early_end(settings, books, 0);
        }
        let pending = self.pending().cloned();
        if let Some(visit) = &mut self.visit {
            let queue = settings.queue(&visit.queue);
            let lost_at = visit.start + queue.max_wait_on(visit.channel).get() as i64;
            let target_at = visit.start + queue.target_wait.get() as i64;
            let stands = pending.as_ref().is_some_and(|early| early.time <= lost_at);
            let implied = pending.as_ref().map_or(i64::MAX, |early| implied_end(early, visit));
            // A start that arrived after `limit` waits for its ending.
            let arrival = visit.arrival;
            let may_be_judged = |limit: i64| arrival <= limit || now > arrival + grace;
            if now > lost_at && may_be_judged(lost_at) && !stands {
                let visit = visit.clone();
                self.visit = None;
                // The memory of a loss begins at the loss.
                self.last_record_stream_ms = self.last_record_stream_ms.max(lost_at);
                self.end_visit(
                    settings,
                    books,
                    visit,
                    Ending::Lost,
                    lost_at,
                    None,
                    Cause::InTime,
                    0,
                );
            } else if visit.missed.is_none()
                && now >= target_at + settings.windows.miss_grace.get() as i64
                && may_be_judged(target_at)
                && target_at < implied
                && target_at < lost_at
            {
                visit.missed = Some(target_at);
                books.facts.push(Fact {
                    time: target_at,
                    cause: Cause::InTime,
                    queue: visit.queue.clone(),
                    channel: visit.channel,
                    what: What::Missed,
                });
            }
        }
        if let Some(held) = self.held.take_if(|held| {
            now > held.held_at_stream_ms + settings.windows.reorder_grace.get() as i64
        }) {
            books.orphans.push(held.position);
        }
        let (gone, kept): (Vec<Conversation>, Vec<Conversation>) =
            std::mem::take(&mut self.conversations)
                .into_iter()
                .partition(|one| now > one.longest(settings));
        self.conversations = kept;
        for one in gone {
            self.last_record_stream_ms = self.last_record_stream_ms.max(one.longest(settings));
            free_agent(books, &one, one.longest(settings));
        }
        let waits_for_reply = self.first_reply.is_none()
            && !self.over_in_self_service
            && self.resolved.is_none()
            && self.started.is_some_and(|(_, channel)| !channel.is_immediate());
        self.visit.is_none()
            && self.held.is_none()
            && self.conversations.is_empty()
            && self.early_end.as_ref().is_none_or(|early| early.is_settled)
            && self.open_since.is_none()
            && !waits_for_reply
            && now > self.last_record_stream_ms + settings.windows.dedup_horizon.get() as i64
    }

    /// Applies the end of a replay.
    pub fn reject_held(&mut self, settings: &Settings, books: &mut Books) {
        self.settle_early_end(settings, books, 0);
        if let Some(held) = self.held.take() {
            books.orphans.push(held.position);
        }
    }

    pub fn holds(&self) -> bool {
        self.held.is_some()
    }

    pub fn live(&self, settings: &Settings) -> LiveContact {
        LiveContact {
            waiting: self
                .visit
                .as_ref()
                .filter(|_| self.pending().is_none())
                .map(|visit| (visit.queue.clone(), visit.channel, visit.start)),
            in_service: (self.conversations.iter())
                .map(|one| (one.queue.clone(), one.channel))
                .collect(),
            open: self.open_since.map(|since| {
                let queue = self.last_queue(self.matter_queue.as_deref());
                let channel = self.matter_channel.unwrap_or(self.channel(settings, &queue));
                (queue, channel, since)
            }),
        }
    }
}

impl Conversation {
    /// Returns the last instant at which it can go on.
    fn longest(&self, settings: &Settings) -> i64 {
        self.answer + settings.queue(&self.queue).max_service_on(self.channel).get() as i64
    }
}

/// Ends the call of a conversation's agent, but not before the answer.
fn free_agent(books: &mut Books, conversation: &Conversation, time: i64) {
    if let Some(agent) = &conversation.agent {
        let change = CallChange::Ended { call: conversation.call };
        books.calls.push((agent.clone(), time.max(conversation.answer), change));
    }
}

/// Counts the handle time of a conversation that ends at `time`.
fn handle(books: &mut Books, conversation: &Conversation, time: i64, parts: Parts, cause: Cause) {
    let talk = parts.talk.unwrap_or_else(|| {
        let talk = time - conversation.answer - parts.hold as i64;
        books.clock_skew += u64::from(talk < 0);
        talk.max(0) as u64
    });
    books.facts.push(Fact {
        time,
        cause,
        queue: conversation.queue.clone(),
        channel: conversation.channel,
        what: What::Handled { ms: talk + parts.hold + parts.wrap_up },
    });
}

/// Counts an end in a queue and channel, if it tells the party.
fn count_end(
    books: &mut Books,
    ended_by: Option<EndedBy>,
    time: i64,
    cause: Cause,
    (queue, channel): (String, ChannelId),
) {
    if let Some(by) = ended_by {
        books.facts.push(Fact { time, cause, queue, channel, what: What::Ended { by } });
    }
}

/// Counts an early end, unless that is done.
fn count_early_end(books: &mut Books, early: &EarlyEnd, place: (String, ChannelId)) {
    if !early.is_counted {
        count_end(books, early.ended_by, early.time, early.cause, place);
    }
}

/// Returns when the visit ends as implied by an end.
fn implied_end(early: &EarlyEnd, visit: &Visit) -> i64 {
    let Parts { talk, hold, wrap_up } = early.parts;
    if talk.is_some_and(|talk| talk > 0) || early.ended_by == Some(EndedBy::Agent) {
        let served = talk.unwrap_or(0) + hold + wrap_up;
        (early.time - served as i64).max(visit.start)
    } else {
        early.time
    }
}

/// Returns the label of an entry point that is no longer than a name may be.
fn entry_label(entry_point: Option<&str>) -> String {
    let name = entry_point.map(|text| text.split(['?', '#']).next().unwrap_or_default());
    name.unwrap_or("unknown").to_string()
}
