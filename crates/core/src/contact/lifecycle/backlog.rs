//! The backlog: start of a contact, first response, and its issue until the resolution.

use crate::contact::contact_context::ContactContext;
use crate::contact::model::{Counted, Issue, OpenIssue, Reply, Started};
use crate::event::ChannelId;
use crate::ids::{QueueId, SeriesId};
use crate::measures::{ApplyOutcome, FactKind};
use crate::time::Timestamp;

impl ContactContext<'_> {
    /// Applies `contact.started`. A reply or resolution that came before the start counts now.
    pub(crate) fn started(&mut self, channel: ChannelId) -> ApplyOutcome {
        if self.contact.started.is_some() {
            return ApplyOutcome::Duplicate;
        }
        let start = self.event.event_time;
        self.contact.started = Some(Started { time: start, channel });
        if let Reply::BeforeStart { event_time, queue } = self.contact.reply {
            self.contact.reply = Reply::Done;
            let series = self.contact_series(queue, None);
            let duration = self.clock_difference(series, start, event_time);
            self.fact_before_start(series, event_time, FactKind::FirstResponse { duration });
        }
        match self.contact.issue {
            Issue::None => {
                // An issue that is not counted creates no series.
                let series = (!channel.is_immediate()).then(|| self.contact_series(None, None));
                self.open_issue(series);
            }
            Issue::ResolvedBeforeStart { event_time, queue } => {
                self.contact.issue = Issue::Resolved;
                let series = self.contact_series(queue, None);
                let duration = self.clock_difference(series, start, event_time);
                self.fact_before_start(series, event_time, FactKind::Resolution { duration });
            }
            Issue::Open(_) | Issue::Resolved => {}
        }
        ApplyOutcome::Applied
    }

    /// Adds a fact that happened before the start, at its own time.
    fn fact_before_start(&mut self, series: SeriesId, event_time: Timestamp, kind: FactKind) {
        let scope = self.event.scope_of(event_time, self.event.lateness);
        self.fact(series, event_time, scope, kind);
    }

    /// Applies `contact.replied`: the first reply is the first response, and a reply answers an
    /// open visit.
    pub(crate) fn replied(&mut self, queue: Option<QueueId>) -> ApplyOutcome {
        if self.contact.reply == Reply::None {
            let event_time = self.event.event_time;
            match self.contact.started {
                Some(started) => {
                    self.contact.reply = Reply::Done;
                    let series = self.contact_series(queue, None);
                    let duration = self.clock_difference(series, started.time, event_time);
                    self.fact_now(series, FactKind::FirstResponse { duration });
                }
                None => self.contact.reply = Reply::BeforeStart { event_time, queue },
            }
        }
        self.answer_by_reply(queue);
        ApplyOutcome::Applied
    }

    /// Applies `contact.resolved`.
    pub(crate) fn resolved(&mut self, queue: Option<QueueId>) -> ApplyOutcome {
        let event_time = self.event.event_time;
        match self.contact.issue {
            Issue::Open(issue) => {
                self.close_issue();
                self.contact.issue = Issue::Resolved;
                let series = self.contact_series(queue, None);
                let duration = self.clock_difference(series, issue.since, event_time);
                self.fact_now(series, FactKind::Resolution { duration });
            }
            Issue::None => self.contact.issue = Issue::ResolvedBeforeStart { event_time, queue },
            Issue::ResolvedBeforeStart { .. } | Issue::Resolved => {}
        }
        ApplyOutcome::Applied
    }

    /// Applies `contact.reopened`: a new resolution clock starts. The channel of the event counts
    /// where neither a visit nor the start of the contact is known.
    pub(crate) fn reopened(
        &mut self,
        queue: Option<QueueId>,
        channel: Option<ChannelId>,
    ) -> ApplyOutcome {
        let is_known = self.contact.last_visit.is_some() || self.contact.started.is_some();
        let series = self.contact_series(queue, channel.filter(|_| !is_known));
        self.fact_now(series, FactKind::Reopened);
        self.close_issue();
        let is_counted = !self.registry.info(series).channel.is_immediate();
        self.open_issue(is_counted.then_some(series));
        ApplyOutcome::Applied
    }

    /// Opens the issue at the time of the event; without a series it is not counted.
    fn open_issue(&mut self, series: Option<SeriesId>) {
        let since = self.event.event_time;
        self.contact.issue = Issue::Open(OpenIssue { since, counted: None });
        if let Some(series) = series {
            self.count_issue(series, since);
        }
    }

    /// Counts the open issue in the gauges of a series.
    fn count_issue(&mut self, series: SeriesId, since: Timestamp) {
        let target_resolution = self.registry.info(series).target_resolution;
        let due = self.registry.series_settings(series).clock_due(since, target_resolution);
        let counted = Counted { series, due: due.unwrap_or(Timestamp::MAX), overdue: false };
        self.contact.issue = Issue::Open(OpenIssue { since, counted: Some(counted) });
        let live = self.effects.live(series);
        live.open += 1;
        live.oldest_open.push(since, self.handle);
        if live.oldest_open.is_bloated(live.open) {
            self.effects.bloated = Some(series);
        }
    }

    /// Closes an issue that counts as open, and takes it out of the gauges.
    pub(in crate::contact) fn close_issue(&mut self) {
        if let Issue::Open(OpenIssue { counted: Some(counted), .. }) = self.contact.issue {
            let live = self.effects.live(counted.series);
            live.open -= 1;
            live.overdue -= u64::from(counted.overdue);
            self.contact.issue = Issue::None;
        }
    }

    /// Moves an issue that counts as open to the series of a new visit.
    pub(super) fn move_open_issue(&mut self, series: SeriesId) {
        if let Issue::Open(OpenIssue { since, counted: Some(counted) }) = self.contact.issue
            && counted.series != series
        {
            self.close_issue();
            self.count_issue(series, since);
        }
    }
}
