//! The life of one contact, sentence by sentence of docs/spec/events.md.

use std::collections::BTreeMap;

use nabiz_core::event::{ChannelId, EventPayload, LeftReason, SelfServiceOutcome};
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

use super::facts::{Cause, Fact, What};

/// The facts of contacts, and counts that are no facts.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub facts: Vec<Fact>,
    pub clock_skew: u64,
    pub contacts_started: BTreeMap<ChannelId, u64>,
    pub self_service: BTreeMap<String, [u64; 4]>,
    /// The held records that were completed, in time and late.
    pub completed: u64,
    pub completed_late: u64,
    /// The positions of the held records that became orphans.
    pub orphans: Vec<i64>,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Answered,
    Abandoned,
    Left(LeftReason),
    Lost,
}

#[derive(Clone, Debug)]
struct Visit {
    queue: String,
    channel: ChannelId,
    start: i64,
    missed: bool,
    /// The source of the `contact.queued`.
    source: String,
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
struct Service {
    queue: String,
    channel: ChannelId,
    answer: i64,
}

/// A `contact.ended` that was read while the contact was not in service. The answer may still come.
#[derive(Clone, Debug)]
struct EarlyEnd {
    time: i64,
    queue: Option<String>,
    /// Hold and wrap-up, where the handle time still depends on the answer.
    open_handle: Option<(u64, u64)>,
    cause: Cause,
}

#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// Stream time at the last record that was neither a duplicate nor stale.
    last_record_stream_ms: i64,
    started: Option<(i64, ChannelId)>,
    over_in_self_service: bool,
    first_reply: Option<(i64, Option<String>)>,
    visit: Option<Visit>,
    last_visit: Option<(String, ChannelId)>,
    /// Start and end of the last visit per queue.
    last_ends: BTreeMap<String, (i64, i64)>,
    held: Option<Held>,
    service: Option<Service>,
    early_end: Option<EarlyEnd>,
    latest_reopened: Option<i64>,
    /// The resolution since the latest reopening.
    resolved: Option<(i64, Option<String>)>,
    open_since: Option<i64>,
    /// The queue in which the issue was last seen.
    matter_queue: Option<String>,
    /// The channel of the last visit, else the channel with which the issue was opened.
    matter_channel: Option<ChannelId>,
}

/// The part of a contact in the live gauges.
#[derive(Clone, Debug, Default)]
pub struct LiveContact {
    pub waiting: Option<(String, ChannelId, i64)>,
    pub in_service: Option<(String, ChannelId)>,
    pub open: Option<(String, ChannelId, i64)>,
}

pub const NO_QUEUE: &str = "none";

impl Contact {
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
        let mut push = |time: i64, what: What| {
            books.facts.push(Fact {
                time,
                cause,
                queue: visit.queue.clone(),
                channel: visit.channel,
                what,
            });
        };
        match ending {
            Ending::Answered => push(end, What::Answered { wait, in_target }),
            Ending::Abandoned => {
                push(
                    end,
                    What::Abandoned { wait, in_target, short: wait <= queue.short_abandon.get() },
                );
            }
            Ending::Left(reason) => push(end, What::Left(reason)),
            Ending::Lost => push(end, What::Lost),
        }
        if !visit.missed {
            if !in_target {
                push(end.min(visit.start + queue.target_wait.get() as i64), What::Missed);
            } else if ending == Ending::Answered {
                push(end, What::Met);
            }
        }
        if ending == Ending::Answered {
            match self.early_end.take_if(|early| early.time >= end) {
                // Answered and already ended: an earlier conversation is dropped without a new one.
                Some(early) => {
                    self.service = None;
                    self.handle_early_end(books, early, end, &visit);
                }
                None => {
                    self.service = Some(Service {
                        queue: visit.queue.clone(),
                        channel: visit.channel,
                        answer: end,
                    });
                }
            }
        }
        self.last_ends.insert(visit.queue, (visit.start, end));
    }

    fn handle_early_end(&mut self, books: &mut Books, early: EarlyEnd, answer: i64, visit: &Visit) {
        if let Some((hold, wrap_up)) = early.open_handle {
            let talk = early.time - answer - hold as i64;
            if talk < 0 {
                books.clock_skew += 1;
            }
            books.facts.push(Fact {
                time: early.time,
                cause: early.cause,
                queue: early.queue.unwrap_or_else(|| visit.queue.clone()),
                channel: visit.channel,
                what: What::Handled { ms: talk.max(0) as u64 + hold + wrap_up },
            });
        }
    }

    fn leave_for_another_queue(&mut self, context: &Context<'_>, books: &mut Books) {
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
        self.last_visit = Some((queue.to_string(), channel));
        self.matter_queue = Some(queue.to_string());
        self.matter_channel = Some(channel);
        Visit {
            queue: queue.to_string(),
            channel,
            start,
            missed: false,
            source: context.source.to_string(),
        }
    }

    fn queued(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: &str,
        channel: Option<ChannelId>,
    ) -> Outcome {
        let time = context.time;
        if let Some(&(start, end)) = self.last_ends.get(queue)
            && (time < end || (time == start && time == end))
        {
            return Outcome::Duplicate;
        }
        if self.visit.as_ref().is_some_and(|visit| visit.queue == queue) {
            return Outcome::Duplicate;
        }
        self.leave_for_another_queue(context, books);
        let visit = self.enter(context, books, queue, channel, time);
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
                );
                match held.cause {
                    Cause::InTime => books.completed += 1,
                    Cause::Late(_) => books.completed_late += 1,
                }
            }
            held => {
                self.held = held;
                self.visit = Some(visit);
            }
        }
        Outcome::Applied
    }

    fn ending(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: &str,
        ending: Ending,
        wait_ms: Option<u64>,
    ) -> Outcome {
        let time = context.time;
        if let Some(visit) = self.visit.take_if(|visit| visit.queue == queue) {
            self.end_visit(context.settings, books, visit, ending, time, wait_ms, context.cause);
            return Outcome::Applied;
        }
        let start = time - wait_ms.unwrap_or(0) as i64;
        if let Some((known_start, known_end)) = self.last_ends.get(queue).copied()
            && (start < known_end || (start == known_start && time == known_end))
        {
            return Outcome::Duplicate;
        }
        if wait_ms.is_none() && self.held.is_some() {
            return Outcome::Duplicate;
        }
        self.leave_for_another_queue(context, books);
        if wait_ms.is_some() {
            let visit = self.enter(context, books, queue, None, start);
            self.end_visit(context.settings, books, visit, ending, time, wait_ms, context.cause);
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
            self.record(context, books, queue, *replied, What::FirstResponse { ms });
        }
    }

    fn observe_resolution(&self, context: &Context<'_>, books: &mut Books, since: i64) {
        if let Some((resolved, named)) = &self.resolved {
            let queue = self.last_queue(named.as_deref());
            let ms = Self::clock_ms(context.settings, books, &queue, since, *resolved);
            self.record(context, books, queue, *resolved, What::Resolution { ms });
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

    fn end(
        &mut self,
        context: &Context<'_>,
        books: &mut Books,
        queue: Option<&str>,
        talk_ms: Option<u64>,
        hold_ms: Option<u64>,
        wrap_up_ms: Option<u64>,
    ) {
        let service = self.service.take();
        let (hold, wrap_up) = (hold_ms.unwrap_or(0), wrap_up_ms.unwrap_or(0));
        if service.is_none() {
            self.early_end = Some(EarlyEnd {
                time: context.time,
                queue: queue.map(str::to_string),
                open_handle: talk_ms.is_none().then_some((hold, wrap_up)),
                cause: context.cause,
            });
        }
        let talk = match (talk_ms, service) {
            (Some(talk), _) => talk,
            (None, Some(service)) => {
                let talk = context.time - service.answer - hold as i64;
                if talk < 0 {
                    books.clock_skew += 1;
                }
                talk.max(0) as u64
            }
            (None, None) => return,
        };
        let what = What::Handled { ms: talk + hold + wrap_up };
        self.record(context, books, self.last_queue(queue), context.time, what);
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
            EventPayload::ContactStarted { channel, .. } => self.start(context, books, *channel),
            EventPayload::SelfService { outcome, entry_point, .. } => {
                let entry_point = entry_point.as_deref().unwrap_or("unknown").to_string();
                books.self_service.entry(entry_point).or_default()[outcome.index()] += 1;
                if *outcome != SelfServiceOutcome::ToQueue {
                    self.over_in_self_service = true;
                    self.service = None;
                    self.open_since = None;
                    self.latest_reopened = None;
                }
                Outcome::Applied
            }
            EventPayload::Queued { queue, channel, .. } => {
                self.queued(context, books, &resolve(queue), *channel)
            }
            EventPayload::Alerted { .. } => Outcome::Applied,
            EventPayload::NotAnswered { queue, .. } => {
                self.record(context, books, resolve(queue), context.time, What::NotAnswered);
                Outcome::Applied
            }
            EventPayload::Answered { queue, wait, .. } => self.ending(
                context,
                books,
                &resolve(queue),
                Ending::Answered,
                wait.map(Millis::get),
            ),
            EventPayload::Abandoned { queue, wait, .. } => self.ending(
                context,
                books,
                &resolve(queue),
                Ending::Abandoned,
                wait.map(Millis::get),
            ),
            EventPayload::LeftQueue { queue, reason, wait, .. } => self.ending(
                context,
                books,
                &resolve(queue),
                Ending::Left(*reason),
                wait.map(Millis::get),
            ),
            EventPayload::Replied { queue, .. } => {
                if self.first_reply.is_none() {
                    self.first_reply = Some((context.time, queue.as_deref().map(resolve)));
                    self.observe_first_response(context, books);
                }
                Outcome::Applied
            }
            EventPayload::Transferred { from_queue, .. } => {
                let queue = self.last_queue(from_queue.as_deref().map(resolve).as_deref());
                self.record(context, books, queue, context.time, What::Transferred);
                Outcome::Applied
            }
            EventPayload::Ended { queue, talk, hold, wrap_up, .. } => {
                let queue = queue.as_deref().map(resolve);
                let [talk, hold, wrap_up] =
                    [*talk, *hold, *wrap_up].map(|part| part.map(Millis::get));
                self.end(context, books, queue.as_deref(), talk, hold, wrap_up);
                Outcome::Applied
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
            EventPayload::Reopened { queue, .. } => {
                let named = queue.as_deref().map(resolve);
                let queue = self.last_queue(named.as_deref());
                let channel = self.channel(context.settings, &queue);
                self.record(context, books, queue.clone(), context.time, What::Reopened);
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

    /// Applies `source.restarted`: an open visit of that source is lost.
    pub fn source_restarted(&mut self, context: &Context<'_>, books: &mut Books) {
        if let Some(visit) = self.visit.take_if(|visit| visit.source == context.source) {
            self.last_record_stream_ms = context.now;
            self.end_visit(
                context.settings,
                books,
                visit,
                Ending::Lost,
                context.time,
                None,
                context.cause,
            );
        }
    }

    /// Applies the timeouts that are due. Returns true where the contact is then forgotten.
    pub fn apply_timeouts(&mut self, settings: &Settings, books: &mut Books, now: i64) -> bool {
        if let Some(visit) = &mut self.visit {
            let queue = settings.queue(&visit.queue);
            let lost_at = visit.start + queue.max_wait_on(visit.channel).get() as i64;
            let target_at = visit.start + queue.target_wait.get() as i64;
            if now > lost_at {
                let visit = visit.clone();
                self.visit = None;
                // The memory of a loss begins at the loss.
                self.last_record_stream_ms = self.last_record_stream_ms.max(lost_at);
                self.end_visit(settings, books, visit, Ending::Lost, lost_at, None, Cause::InTime);
            } else if !visit.missed && now >= target_at + settings.windows.miss_grace.get() as i64 {
                visit.missed = true;
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
        self.service.take_if(|service| {
            now > service.answer
                + settings.queue(&service.queue).max_service_on(service.channel).get() as i64
        });
        let waits_for_reply = self.first_reply.is_none()
            && !self.over_in_self_service
            && self.resolved.is_none()
            && self.started.is_some_and(|(_, channel)| !channel.is_immediate());
        self.visit.is_none()
            && self.held.is_none()
            && self.service.is_none()
            && self.open_since.is_none()
            && !waits_for_reply
            && now > self.last_record_stream_ms + settings.windows.dedup_horizon.get() as i64
    }

    pub fn reject_held(&mut self, books: &mut Books) {
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
                .map(|visit| (visit.queue.clone(), visit.channel, visit.start)),
            in_service: self
                .service
                .as_ref()
                .map(|service| (service.queue.clone(), service.channel)),
            open: self.open_since.map(|since| {
                let queue = self.last_queue(self.matter_queue.as_deref());
                let channel = self.matter_channel.unwrap_or(self.channel(settings, &queue));
                (queue, channel, since)
            }),
        }
    }
}
