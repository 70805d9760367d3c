//! Reads the intervals of a query, one step after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange, Timestamp};
use rusqlite::Connection;

use super::fill::{FilledRows, RowKey, row_key};
use super::ledger_reads::{
    EVER, Names, beginning, closed_until, first_start, ids, open_ledger, push_filter, round_up,
};
use super::local_time::local_time;
use super::query::{By, Fill, Query};
use super::request_error::RequestError;
use super::row::{HistoryRow, RowContext, RowSum, WaitTarget};
use crate::ledger::counts;
use crate::ledger::distribution::Codec;
use crate::ledger::distribution_errors::DistributionErrors;
use crate::ledger::error::LedgerError;
use crate::ledger::intervals::{DISTRIBUTIONS, DistributionRef, read_agent_time, read_counts};
use crate::ledger::schema;
use crate::ledger::tables::{AGENT_COLUMNS, HEADS};

/// The rows of a query, step by step, and within a step by queue and channel. Steps and pairs
/// without an interval have no row, unless the query asks for them by its [`Fill`].
///
/// The rows of one step come from one transaction, so that a checkpoint is seen whole or not at
/// all; the ledger may change between two steps.
pub struct History {
    connection: Connection,
    settings: Arc<Settings>,
    interval: Millis,
    query: Query,
    /// Ids of the wanted queues and channels; `None` where all are wanted.
    queue_ids: Option<Vec<i64>>,
    channel_ids: Option<Vec<i64>>,
    /// The first instant that has not been read.
    next: Timestamp,
    /// The first interval of the ledger, before which nothing is known; `None` where it was empty.
    beginning: Option<Timestamp>,
    /// The instant from which the ledger has agent time with each agent once; `None` where it does
    /// not have it.
    heads_since: Option<Timestamp>,
    /// The rows of each step of a filled history.
    filled: FilledRows,
    /// Rows of the last step that were not returned yet.
    ready: VecDeque<HistoryRow>,
    names: HashMap<i64, Arc<str>>,
    codec: Codec,
    errors: DistributionErrors,
    is_cancelled: Box<dyn Fn() -> bool + Send>,
    /// The topics that decide whether a row is open; all topics of the ledger where empty.
    topics: Vec<String>,
    has_distributions: bool,
}

impl History {
    /// Opens a ledger for reading, also while another process writes it. `settings` give the time
    /// zone, formulas and channels of queues; `interval` is the configured interval length.
    ///
    /// # Errors
    /// [`LedgerError`] where there is no ledger of this or an older version, or its intervals have
    /// another length.
    pub fn open(
        path: &Path,
        settings: Arc<Settings>,
        interval: Millis,
        query: Query,
    ) -> Result<History, LedgerError> {
        let connection = open_ledger(path, interval)?;
        let queue_ids = ids(&connection, &query.queues)?;
        let channel_ids = ids(&connection, &query.channels)?;
        let has_no_queue = queue_ids.as_ref().is_some_and(Vec::is_empty);
        let is_filled = query.fills();
        let mut history = History {
            heads_since: heads_since(&connection)?,
            settings,
            interval,
            // None of the wanted queues is in the ledger: there is nothing to read.
            next: if has_no_queue && !is_filled { query.period.end } else { query.period.start },
            beginning: beginning(&connection)?,
            connection,
            filled: FilledRows::default(),
            query,
            queue_ids,
            channel_ids,
            ready: VecDeque::new(),
            names: HashMap::new(),
            codec: Codec::new(),
            errors: DistributionErrors::default(),
            is_cancelled: Box::new(|| false),
            topics: Vec::new(),
            has_distributions: true,
        };
        if is_filled {
            history.prepare_fill()?;
        }
        Ok(history)
    }

    /// Reads the queues and channels of the period.
    fn prepare_fill(&mut self) -> Result<(), LedgerError> {
        let tx = self.connection.transaction()?;
        let mut names = Names { tx: &tx, known: &mut self.names };
        let mut seen = Vec::new();
        let period = [self.query.period.start.get(), self.query.period.end.get()];
        let mut pairs = "SELECT DISTINCT queue, channel FROM intervals
                         WHERE start_ms >= ?1 AND start_ms < ?2"
            .to_string();
        push_filter(&mut pairs, "queue", self.queue_ids.as_deref());
        push_filter(&mut pairs, "channel", self.channel_ids.as_deref());
        let mut select = tx.prepare(&pairs)?;
        let mut rows = select.query(period)?;
        while let Some(row) = rows.next()? {
            seen.push((names.get(row.get(0)?)?, names.get(row.get(1)?)?));
        }
        let mut agents = "SELECT DISTINCT queue FROM agent_intervals
                          WHERE start_ms >= ?1 AND start_ms < ?2"
            .to_string();
        push_filter(&mut agents, "queue", self.queue_ids.as_deref());
        let mut select = tx.prepare(&agents)?;
        let mut rows = select.query(period)?;
        while let Some(row) = rows.next()? {
            let queue = names.get(row.get(0)?)?;
            let channel = self.settings.channels.name(self.settings.queue(&queue).channel);
            seen.push((queue, channel.into()));
        }
        self.filled = FilledRows::new(&self.settings, &self.query, seen.into_iter());
        Ok(())
    }

    /// Returns the settings by which the history is read.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the query.
    pub(super) fn query(&self) -> &Query {
        &self.query
    }

    /// Returns the queues that a row of a filled history is over.
    pub(super) fn queues_of(&self, row: &HistoryRow) -> &[Arc<str>] {
        self.filled.queues_of(&(row.queue.clone(), row.channel.clone()))
    }

    /// Returns the connection to the ledger.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the time of which the history is complete: from the first interval of the ledger to
    /// the instant before which all rows are closed. `None` where there is no such time.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`]
    pub fn known(&mut self) -> Result<Option<TimeRange>, LedgerError> {
        let tx = self.connection.transaction()?;
        let beginning = beginning(&tx)?;
        let end = closed_until(&tx, &self.settings, &self.topics)?;
        let known = beginning.zip(end).map(|(start, end)| TimeRange { start, end });
        Ok(known.filter(|known| known.start < known.end))
    }

    /// Returns why the period is not known from its beginning to its end; `None` where it is.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`]
    pub fn unknown_part(&mut self) -> Result<Option<RequestError>, LedgerError> {
        let (known, period) = (self.known()?, self.query.period);
        let zone = self.settings.windows.business_day.zone();
        let detail = match known {
            None => "expected a period that is known, and nothing is known yet".to_string(),
            Some(known) if known.start <= period.start && period.end <= known.end => {
                return Ok(None);
            }
            Some(known) => format!(
                "expected a period that is known, which is from {} to {}",
                local_time(known.start, zone),
                local_time(known.end, zone)
            ),
        };
        let is_early = known.is_some_and(|known| period.start < known.start);
        Ok(Some(RequestError { parameter: if is_early { "from" } else { "to" }, detail }))
    }

    /// Leaves the distributions out: rows have no quantiles, and are read faster.
    #[must_use]
    pub fn without_distributions(mut self) -> History {
        self.has_distributions = false;
        self
    }

    /// Names the topics that are read now: a row is closed once these have been read past it.
    #[must_use]
    pub fn of_topics(mut self, topics: Vec<String>) -> History {
        self.topics = topics;
        self
    }

    /// Counts unreadable distributions in `errors`.
    #[must_use]
    pub fn counting_errors_in(mut self, errors: DistributionErrors) -> History {
        self.errors = errors;
        self
    }

    /// Ends the rows early, also within a long step, once `is_cancelled` returns true.
    #[must_use]
    pub fn cancelled_by(mut self, is_cancelled: impl Fn() -> bool + Send + 'static) -> History {
        self.is_cancelled = Box::new(is_cancelled);
        self
    }

    /// Reads the next step that has a row. Returns false at the end of the period.
    fn read_step(&mut self) -> Result<bool, LedgerError> {
        let (period, interval) = (self.query.period, self.interval);
        let tx = self.connection.transaction()?;
        let closed_until = closed_until(&tx, &self.settings, &self.topics)?;
        let step_of = |first| {
            let around = self.query.step.around(first, &self.settings.windows.business_day);
            let step = around.unwrap_or(period);
            // Nothing is known from before the ledger, so the row does not begin there.
            let known = self.beginning.map_or(period.start, |from| from.max(period.start));
            let range = TimeRange {
                start: step.start.max(known.min(first)),
                end: step.end.min(period.end),
            };
            // The period may end within an interval, which then belongs to it as a whole.
            let last_interval_end = round_up(range.end, interval);
            let is_open = closed_until.is_none_or(|closed_until| last_interval_end > closed_until);
            (range, last_interval_end, is_open)
        };
        let beginning = self.beginning.map(|beginning| beginning.max(self.next));
        let filled = beginning
            .filter(|first| self.query.fills() && *first < period.end)
            .filter(|first| !step_of(*first).2);
        let rest = TimeRange { start: self.next, end: period.end };
        let Some(first) = (match filled {
            Some(first) => Some(first),
            None => first_start(&tx, rest)?,
        }) else {
            return Ok(false);
        };
        let (range, last_interval_end, is_open) = step_of(first);
        let mut sums = StepSums {
            names: Names { tx: &tx, known: &mut self.names },
            settings: &self.settings,
            codec: &mut self.codec,
            errors: &self.errors,
            is_cancelled: &*self.is_cancelled,
            queue_ids: self.queue_ids.as_deref(),
            channel_ids: self.channel_ids.as_deref(),
            query: &self.query,
            has_distributions: self.has_distributions,
            sums: BTreeMap::new(),
        };
        let unread = TimeRange { start: first, end: range.end };
        sums.add_intervals(unread)?;
        // Agent time of the queues of a selection would count an agent of two of them twice.
        let has_heads = self.query.by == By::All
            && self.query.queues.is_empty()
            && self.query.channels.is_empty()
            && self.heads_since.is_some_and(|since| since <= range.start);
        match self.query.by {
            By::QueueAndChannel | By::Queue => sums.add_agents(unread)?,
            By::All if has_heads => sums.add_heads(unread)?,
            By::Channel | By::All => {}
        }
        let mut sums = sums.sums;
        if filled.is_some() {
            // A profile is over all steps, and leaves out those that are never open at its end.
            let only_open = self.query.fill == Fill::Open && !self.query.is_profile;
            let wanted: BTreeSet<&RowKey> =
                self.filled.in_step(&self.settings, range, only_open).collect();
            // Agents are somewhere around the clock: their time alone is nothing that happened.
            sums.retain(|key, sum| wanted.contains(key) || !only_open || !sum.is_quiet());
            for key in wanted {
                sums.entry(key.clone()).or_default();
            }
        }
        for ((queue, channel), sum) in sums {
            let (formula, has_agents) = match self.query.by {
                By::Channel | By::All => (sum.formula(), has_heads),
                by => {
                    let of_queue = self.settings.queue(&queue);
                    let configured = self.settings.channels.name(of_queue.channel);
                    let has_agents = match by {
                        By::Queue => self.query.wants_channel(configured),
                        _ => configured == &*channel,
                    };
                    (Some(of_queue.formula), has_agents)
                }
            };
            let context = RowContext {
                range,
                open: is_open,
                formula,
                mixes_queues: self.query.by.mixes_queues(),
                has_agents,
                last_interval_end,
                closed_until,
            };
            self.ready.push_back(sum.into_row(queue, channel, context));
        }
        self.next = range.end.max(first.saturating_add(Millis(1)));
        Ok(true)
    }
}

impl Iterator for History {
    type Item = Result<HistoryRow, LedgerError>;

    /// Returns the next row. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if (self.is_cancelled)() {
                return None;
            }
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            if self.next >= self.query.period.end {
                return None;
            }
            match self.read_step() {
                Ok(true) => {}
                Ok(false) => {
                    self.next = self.query.period.end;
                    return None;
                }
                Err(error) => {
                    self.next = self.query.period.end;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Adds up one step.
struct StepSums<'a> {
    names: Names<'a>,
    settings: &'a Settings,
    codec: &'a mut Codec,
    errors: &'a DistributionErrors,
    is_cancelled: &'a dyn Fn() -> bool,
    queue_ids: Option<&'a [i64]>,
    channel_ids: Option<&'a [i64]>,
    query: &'a Query,
    has_distributions: bool,
    sums: BTreeMap<RowKey, RowSum>,
}

impl StepSums<'_> {
    fn add_intervals(&mut self, range: TimeRange) -> Result<(), LedgerError> {
        let tx = self.names.tx;
        let count_columns = counts::selected(tx)?;
        let mut sql = format!(
            "SELECT start_ms, queue, channel, target_wait_ms, target_ratio, {}, histogram_format, {}
             FROM intervals WHERE start_ms >= ?1 AND start_ms < ?2",
            count_columns.join(", "),
            DISTRIBUTIONS.join(", ")
        );
        push_filter(&mut sql, "queue", self.queue_ids);
        push_filter(&mut sql, "channel", self.channel_ids);
        sql.push_str(" ORDER BY start_ms");
        let mut select = tx.prepare(&sql)?;
        let mut rows = select.query([range.start.get(), range.end.get()])?;
        const COUNTS_AT: usize = 5;
        // The last of the columns is the version since which the row was counted.
        let format_at = COUNTS_AT + count_columns.len();
        let since_at = format_at - 1;
        while let Some(row) = rows.next()? {
            if (self.is_cancelled)() {
                return Ok(());
            }
            let start = Timestamp(row.get(0)?);
            let queue = self.names.get(row.get(1)?)?;
            let channel = self.names.get(row.get(2)?)?;
            let target_wait = Millis(counts::from_stored(row.get(3)?));
            let interval_counts = read_counts(row, COUNTS_AT)?;
            let format: i64 = row.get(format_at)?;
            let key = row_key(self.query.by, queue.clone(), channel.clone());
            let sum = self.sums.entry(key).or_default();
            sum.add_counts(
                (start, &channel),
                WaitTarget { wait: target_wait, ratio: row.get(4)? },
                self.settings.queue(&queue).formula,
                &interval_counts,
                row.get::<_, i64>(since_at)? >= counts::COHORT_SINCE,
            );
            if !self.has_distributions {
                continue;
            }
            for (index, distribution) in DISTRIBUTIONS.into_iter().enumerate() {
                let Some(blob) = row
                    .get_ref(format_at + 1 + index)?
                    .as_blob_or_null()
                    .map_err(rusqlite::Error::from)?
                else {
                    continue;
                };
                match self.codec.decode(format, blob) {
                    Ok(more) => sum.add_distribution(index, &more),
                    Err(detail) => {
                        let at = DistributionRef { start, queue: &queue, distribution };
                        let error = at.corrupt(detail);
                        // Only the first is logged: a broken disk would fill the log.
                        if self.errors.count_left_out() {
                            tracing::error!(%error, "unreadable distribution left out");
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds agent time to the row of the queue's configured channel, so that a sum over channels
    /// counts it once.
    fn add_agents(&mut self, range: TimeRange) -> Result<(), LedgerError> {
        let tx = self.names.tx;
        let mut sql = format!(
            "SELECT queue, {} FROM agent_intervals WHERE start_ms >= ?1 AND start_ms < ?2",
            AGENT_COLUMNS.join(", ")
        );
        push_filter(&mut sql, "queue", self.queue_ids);
        let mut select = tx.prepare(&sql)?;
        let mut rows = select.query([range.start.get(), range.end.get()])?;
        while let Some(row) = rows.next()? {
            let queue = self.names.get(row.get(0)?)?;
            let channel = self.settings.channels.name(self.settings.queue(&queue).channel);
            if !self.query.wants_channel(channel) {
                continue;
            }
            let key = row_key(self.query.by, queue, channel.into());
            let sum = self.sums.entry(key).or_default();
            sum.add_agents(read_agent_time(row, 1)?);
        }
        Ok(())
    }

    /// Adds the time of all agents, each once, to the row over everything.
    fn add_heads(&mut self, range: TimeRange) -> Result<(), LedgerError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE start_ms >= ?1 AND start_ms < ?2",
            AGENT_COLUMNS.join(", "),
            HEADS.name
        );
        let mut select = self.names.tx.prepare(&sql)?;
        let mut rows = select.query([range.start.get(), range.end.get()])?;
        while let Some(row) = rows.next()? {
            let sum = self.sums.entry(RowKey::default()).or_default();
            sum.add_agents(read_agent_time(row, 0)?);
        }
        Ok(())
    }
}

/// Returns the instant from which the ledger has agent time with each agent once.
fn heads_since(connection: &Connection) -> Result<Option<Timestamp>, LedgerError> {
    if !connection.table_exists(None, HEADS.name)? {
        return Ok(None);
    }
    Ok(Some(schema::further_since(connection)?.unwrap_or(EVER.start)))
}
