//! What a shard remembers.

use crate::agent::{AgentChange, Agents, QueueList};
use crate::bounded_labels::Labels;
use crate::contact::{Contacts, Ending, Handling, Moment};
use crate::dedup::RememberedIds;
use crate::event::{Body, Reason, SelfServiceOutcome, Text};
use crate::followup::Followups;
use crate::ids::QueueRef;
use crate::measures::{Observation, Reach, RecordTotals, Verdict};
use crate::registry::Registry;
use crate::settings::Settings;
use crate::shard::series::{Bounds, Series};
use crate::window::{Grid, Position};

/// What a shard remembers.
pub(crate) struct State {
    /// Position after the last record.
    pub(crate) next_position: i64,
    /// Number of the last checkpoint.
    pub(crate) checkpoint: i64,
    /// Whatever may be stored is not the state of this shard: the next checkpoint holds everything.
    pub(crate) nothing_stored: bool,
    pub(crate) stream_ms: Option<i64>,
    pub(crate) position: Position,
    /// First instant after the current pane.
    pub(crate) pane_end_ms: i64,
    pub(crate) grid: Grid,
    pub(crate) lateness_ms: u64,
    pub(crate) bounds: Bounds,
    pub(crate) registry: Registry,
    pub(crate) contacts: Contacts,
    pub(crate) agents: Agents,
    pub(crate) followups: Followups,
    pub(crate) ids: RememberedIds,
    pub(crate) series: Vec<Series>,
    /// Rows of the interval history in `series`.
    pub(crate) unsaved_intervals: usize,
    pub(crate) contacts_started: Vec<u64>,
    pub(crate) self_service: Labels<[u64; SelfServiceOutcome::ALL.len()]>,
    /// By [`Registry::label_index`].
    pub(crate) observed: Vec<Option<Observation>>,
    pub(crate) records: RecordTotals,
    pub(crate) clock_skew: u64,
}

impl State {
    /// Moves stream time on to `at_ms`, if that is later.
    pub(crate) fn move_stream(&mut self, settings: &Settings, at_ms: i64) -> i64 {
        let stream_ms = self.stream_ms.map_or(at_ms, |stream_ms| stream_ms.max(at_ms));
        if self.stream_ms.is_none() || stream_ms >= self.pane_end_ms {
            self.position.pane = self.grid.pane_of(stream_ms);
            self.pane_end_ms =
                self.position.pane.saturating_add(1).saturating_mul(self.grid.pane_ms);
        }
        if self.stream_ms.is_none() || stream_ms >= self.position.today_end_ms {
            let (start_ms, end_ms) = settings.windows.business_day.around(stream_ms);
            (self.position.today_start_ms, self.position.today_end_ms) = (start_ms, end_ms);
        }
        self.stream_ms = Some(stream_ms);
        stream_ms
    }

    pub(crate) fn moment_of_time(&self, stream_ms: i64) -> Moment {
        Moment {
            stream_ms,
            at_ms: stream_ms,
            late: false,
            reach: Reach::Windows,
            windows: self.position,
            log_position: self.next_position,
            source: 0,
        }
    }

    /// Brings what is due at stream time, for all contacts but the record's own.
    pub(crate) fn pass_time(&mut self, moment: &Moment, own: Option<u128>) {
        self.contacts.pass_time(&mut self.registry, moment, own);
        self.followups.pass_time(moment.stream_ms);
        self.book();
    }

    pub(crate) fn distinct_queues(&mut self, names: &[Text<'_>]) -> QueueList {
        let mut queues = QueueList::new();
        for name in names {
            let queue = self.registry.queue(name);
            if !queues.contains(&queue) {
                queues.push(queue);
            }
        }
        queues
    }

    pub(crate) fn change_agent(
        &mut self,
        key: u128,
        moment: &Moment,
        change: AgentChange,
    ) -> Verdict {
        let times = (moment.at_ms, moment.stream_ms);
        self.agents.change(&self.registry, &self.grid, &self.position, key, times, change);
        Verdict::Applied
    }

    /// The newest observation by event time counts; at equal times the later in the log.
    pub(crate) fn observe(&mut self, queue: QueueRef, observation: Observation) {
        let index = self.registry.label_index(queue);
        if self.observed.len() <= index {
            self.observed.resize(index + 1, None);
        }
        if self.observed[index].is_none_or(|known| known.time_ms <= observation.time_ms) {
            self.observed[index] = Some(observation);
        }
    }

    pub(crate) fn change_contact(
        &mut self,
        body: &Body<'_>,
        moment: &Moment,
        key: u128,
    ) -> Verdict {
        let State { contacts, registry, contacts_started, .. } = self;
        let queue = body.queue().map(|name| registry.queue(name));
        contacts.change(registry, moment, key, |case| match (body, queue) {
            (Body::ContactStarted { channel, .. }, _) => {
                let verdict = case.started(*channel);
                if let (Verdict::Applied, Some(count)) =
                    (verdict, contacts_started.get_mut(usize::from(channel.0)))
                {
                    *count += 1;
                }
                verdict
            }
            (
                Body::SelfService { outcome: SelfServiceOutcome::ToQueue, .. }
                | Body::Alerted { .. },
                _,
            ) => Verdict::Applied,
            (Body::SelfService { .. }, _) => case.ended_in_self_service(),
            (Body::Queued { channel, .. }, Some(queue)) => case.queued(queue, *channel),
            (Body::NotAnswered { .. }, Some(queue)) => case.not_answered(queue),
            (Body::Answered { wait_ms, .. }, Some(queue)) => {
                case.ending(queue, Ending::Answered, *wait_ms)
            }
            (Body::Abandoned { wait_ms, .. }, Some(queue)) => {
                case.ending(queue, Ending::Abandoned, *wait_ms)
            }
            (Body::LeftQueue { reason, wait_ms, .. }, Some(queue)) => {
                case.ending(queue, Ending::Left(*reason), *wait_ms)
            }
            (Body::Replied { .. }, queue) => case.replied(queue),
            (Body::Transferred { .. }, queue) => case.transferred(queue),
            (Body::Ended { talk_ms, hold_ms, wrap_up_ms, .. }, queue) => case.ended(
                queue,
                Handling { talk_ms: *talk_ms, hold_ms: *hold_ms, wrap_up_ms: *wrap_up_ms },
            ),
            (Body::Resolved { .. }, queue) => case.resolved(queue),
            (Body::Reopened { .. }, queue) => case.reopened(queue),
            (Body::SurveyAnswered { channel, score, .. }, queue) => {
                case.surveyed(queue, *channel, *score)
            }
            _ => Verdict::Applied,
        })
    }

    /// Books what happened to contacts, and what became of held endings.
    pub(crate) fn book(&mut self) {
        if !self.contacts.tally.facts.is_empty() {
            while self.series.len() < self.registry.series_count() {
                self.series.push(Series::new(&self.grid, &self.position));
            }
            for fact in self.contacts.tally.facts.drain(..) {
                let series = &mut self.series[fact.series.index()];
                if series.add(fact) {
                    let info = self.registry.info(fact.series);
                    self.unsaved_intervals +=
                        series.book(info, &self.bounds, &self.grid, &self.position);
                }
            }
        }
        let settled = &mut self.contacts.tally.settled;
        self.records.applied += std::mem::take(&mut settled.applied);
        self.records.late += std::mem::take(&mut settled.late);
        let orphans = std::mem::take(&mut settled.new_orphans);
        if orphans > 0 {
            *self.records.rejected.entry(Reason::Orphan).or_default() += orphans;
        }
    }
}
