//! The interval history, read: rows of any step, in time order, with no more in memory than one step.
//!
//! - `step`: which stretch of time an interval is added to
//! - `row`: how intervals become one row
//! - `request`: a query in words
//! - `columns`: what is told of a row
//! - `output`: rows as CSV and JSON

mod columns;
mod output;
mod request;
mod row;
mod step;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nabiz_core::settings::Settings;
use row::{Place, Sum};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::counts;
use super::distribution::Codec;
use super::intervals::{AGENT_COLUMNS, DISTRIBUTIONS, RowName, agent_ms, row_counts};
use super::{LedgerError, schema};

pub use output::{Format, OutputError, local_time, write_rows};
pub use request::{Request, RequestError};
pub use row::HistoryRow;
pub use step::Step;

/// Distributions that could not be read for a history, since the process began.
static UNREADABLE: AtomicU64 = AtomicU64::new(0);

/// How many stored distributions could not be read for a history, since the process began; each reading counts.
pub fn distributions_unreadable() -> u64 {
    UNREADABLE.load(Ordering::Relaxed)
}

/// What is asked of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Intervals that begin at or after it, in milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// Intervals that begin before it.
    pub to_ms: i64,
    /// Length of the rows.
    pub step: Step,
    /// Queue ids, not aliases; all where empty.
    pub queues: Vec<String>,
    /// Channel words; all where empty.
    pub channels: Vec<String>,
}

/// The rows of a query, step by step and in each step by queue and channel. Steps and pairs without any interval have no
/// row. The rows of one step are of one instant, so that a writer at work is not seen half; between two steps it may write.
pub struct History {
    connection: Connection,
    settings: Arc<Settings>,
    interval_ms: i64,
    query: Query,
    /// Ids of the queues and channels asked for; `None` where all are.
    queue_ids: Option<Vec<i64>>,
    channel_ids: Option<Vec<i64>>,
    /// The first instant that has not been read.
    next_ms: i64,
    ready: VecDeque<HistoryRow>,
    names: HashMap<i64, Arc<str>>,
    codec: Codec,
    is_cancelled: Box<dyn Fn() -> bool + Send>,
    /// The topics that are read; all that ever were where none is given.
    topics: Vec<String>,
}

impl History {
    /// Opens a ledger for reading beside whoever writes it. `settings` give the zone, formulas and channels of queues;
    /// `interval_ms` is the length of its intervals.
    ///
    /// # Errors
    /// [`LedgerError`] where there is no ledger of this or an older version.
    pub fn open(
        path: &Path,
        settings: Arc<Settings>,
        interval_ms: u64,
        query: Query,
    ) -> Result<History, LedgerError> {
        let connection = schema::open_read_only(path)?;
        match schema::interval_ms(&connection)? {
            Some(stored_ms) if stored_ms != interval_ms => {
                return Err(LedgerError::OtherInterval { stored_ms, configured_ms: interval_ms });
            }
            Some(_) | None => {}
        }
        let queue_ids = ids(&connection, &query.queues)?;
        let channel_ids = ids(&connection, &query.channels)?;
        let nothing = queue_ids.as_ref().is_some_and(Vec::is_empty);
        Ok(History {
            connection,
            settings,
            interval_ms: i64::try_from(interval_ms).unwrap_or(i64::MAX),
            // Without any known name there is nothing to look for.
            next_ms: if nothing { query.to_ms } else { query.from_ms },
            query,
            queue_ids,
            channel_ids,
            ready: VecDeque::new(),
            names: HashMap::new(),
            codec: Codec::new(),
            is_cancelled: Box::new(|| false),
            topics: Vec::new(),
        })
    }

    /// Names the topics that are read now: rows wait for no other.
    pub fn of_topics(mut self, topics: Vec<String>) -> History {
        self.topics = topics;
        self
    }

    /// Ends the rows early, also within a long step, once `is_cancelled` says so.
    pub fn cancelled_by(mut self, is_cancelled: impl Fn() -> bool + Send + 'static) -> History {
        self.is_cancelled = Box::new(is_cancelled);
        self
    }

    /// Reads the next step that has an interval; false at the end of the period.
    fn read_step(&mut self) -> Result<bool, LedgerError> {
        let to_ms = self.query.to_ms;
        let tx = self.connection.transaction()?;
        let Some(first_ms) = first_start(&tx, self.next_ms, to_ms)? else {
            return Ok(false);
        };
        let around = self.query.step.around(first_ms, &self.settings.windows.business_day);
        let (step_start_ms, step_end_ms) = around.unwrap_or((self.query.from_ms, to_ms));
        let (start_ms, end_ms) = (step_start_ms.max(self.query.from_ms), step_end_ms.min(to_ms));
        // The period may end within an interval, which then belongs to it as a whole.
        let last_end_ms = end_ms
            .saturating_add(self.interval_ms - 1)
            .div_euclid(self.interval_ms)
            .saturating_mul(self.interval_ms);
        let mut step = StepSums {
            tx: &tx,
            settings: &self.settings,
            names: &mut self.names,
            codec: &mut self.codec,
            is_cancelled: &*self.is_cancelled,
            queue_ids: self.queue_ids.as_deref(),
            channel_ids: self.channel_ids.as_deref(),
            channels: &self.query.channels,
            sums: BTreeMap::new(),
        };
        step.add_intervals(first_ms, end_ms)?;
        step.add_agents(first_ms, end_ms)?;
        let sums = step.sums;
        let open = closed_until(&tx, &self.settings, &self.topics)?
            .is_none_or(|closed_ms| last_end_ms > closed_ms);
        for ((queue, channel), sum) in sums {
            let queue_settings = self.settings.queue(&queue);
            let has_agents = self.settings.channels.name(queue_settings.channel) == &*channel;
            let place =
                Place { start_ms, end_ms, open, formula: queue_settings.formula, has_agents };
            self.ready.push_back(sum.into_row(queue, channel, place));
        }
        self.next_ms = end_ms.max(first_ms.saturating_add(1));
        Ok(true)
    }
}

impl Iterator for History {
    type Item = Result<HistoryRow, LedgerError>;

    /// The next row. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if (self.is_cancelled)() {
                return None;
            }
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            if self.next_ms >= self.query.to_ms {
                return None;
            }
            match self.read_step() {
                Ok(true) => {}
                Ok(false) => {
                    self.next_ms = self.query.to_ms;
                    return None;
                }
                Err(error) => {
                    self.next_ms = self.query.to_ms;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The ids of names, those that the ledger knows; `None` where no name is asked for.
fn ids(connection: &Connection, names: &[String]) -> Result<Option<Vec<i64>>, LedgerError> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut select = connection.prepare("SELECT id FROM names WHERE name = ?1")?;
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.extend(select.query_row([name], |row| row.get::<_, i64>(0)).optional()?);
    }
    Ok(Some(ids))
}

/// The first start of an interval in [from, to).
fn first_start(tx: &Transaction<'_>, from_ms: i64, to_ms: i64) -> Result<Option<i64>, LedgerError> {
    let sql = "SELECT min(start_ms) FROM (
                   SELECT min(start_ms) AS start_ms FROM intervals WHERE start_ms >= ?1 AND start_ms < ?2
                   UNION ALL SELECT min(start_ms) FROM agent_intervals WHERE start_ms >= ?1 AND start_ms < ?2)";
    Ok(tx.query_row(sql, [from_ms, to_ms], |row| row.get(0))?)
}

/// The instant before which the history is whole, apart from events that come later than is allowed for; `None` where
/// nothing is. A partition that was never stored may still hold events of any time; one that was stored without a record
/// has none so far. Only the topics that are read count, where they are given: one that is read no more stands still for ever.
fn closed_until(
    tx: &Transaction<'_>,
    settings: &Settings,
    topics: &[String],
) -> Result<Option<i64>, LedgerError> {
    let sql = "SELECT topic, next_offset IS NOT NULL, stream_ms FROM partitions";
    let mut select = tx.prepare(sql)?;
    let mut rows = select.query([])?;
    let (mut never_stored, mut stream_ms) = (0, None);
    while let Some(row) = rows.next()? {
        let (topic, is_stored, of_partition): (String, bool, Option<i64>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        if topics.is_empty() || topics.contains(&topic) {
            never_stored += i32::from(!is_stored);
            stream_ms = match (stream_ms, of_partition) {
                (Some(a), Some(b)) => Some(i64::min(a, b)),
                (a, b) => a.or(b),
            };
        }
    }
    let windows = &settings.windows;
    // What waits for a start, or for being judged, is placed by its own time too.
    let allowed_ms =
        windows.allowed_lateness.max(windows.reorder_grace).max(windows.miss_grace).get();
    Ok(stream_ms
        .filter(|_| never_stored == 0)
        .map(|stream_ms| stream_ms.saturating_sub_unsigned(allowed_ms)))
}

/// One step while it is read.
struct StepSums<'a> {
    tx: &'a Transaction<'a>,
    settings: &'a Settings,
    names: &'a mut HashMap<i64, Arc<str>>,
    codec: &'a mut Codec,
    is_cancelled: &'a dyn Fn() -> bool,
    queue_ids: Option<&'a [i64]>,
    channel_ids: Option<&'a [i64]>,
    channels: &'a [String],
    /// By queue and channel.
    sums: BTreeMap<(Arc<str>, Arc<str>), Sum>,
}

impl StepSums<'_> {
    fn add_intervals(&mut self, from_ms: i64, to_ms: i64) -> Result<(), LedgerError> {
        let tx = self.tx;
        let counted = counts::names();
        let mut sql = format!(
            "SELECT start_ms, queue, channel, target_wait_ms, target_ratio, {}, histogram_format, {}
             FROM intervals WHERE start_ms >= ?1 AND start_ms < ?2",
            counted.join(", "),
            DISTRIBUTIONS.join(", ")
        );
        push_filter(&mut sql, "queue", self.queue_ids);
        push_filter(&mut sql, "channel", self.channel_ids);
        sql.push_str(" ORDER BY start_ms");
        let mut select = tx.prepare(&sql)?;
        let mut rows = select.query([from_ms, to_ms])?;
        const COUNTS_AT: usize = 5;
        let format_at = COUNTS_AT + counted.len();
        while let Some(row) = rows.next()? {
            if (self.is_cancelled)() {
                return Ok(());
            }
            let start_ms: i64 = row.get(0)?;
            let queue = self.name(row.get(1)?)?;
            let channel = self.name(row.get(2)?)?;
            let counts = row_counts(row, COUNTS_AT)?;
            let format: i64 = row.get(format_at)?;
            let sum = self.sums.entry((queue.clone(), channel)).or_default();
            sum.add_counts(start_ms, counts::read(row.get(3)?), row.get(4)?, &counts);
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
                        let error =
                            RowName { start_ms, queue: &queue, distribution }.corrupt(detail);
                        // The first says what is wrong; a broken disk would say it of every row.
                        if UNREADABLE.fetch_add(1, Ordering::Relaxed) == 0 {
                            tracing::error!(%error, "stored distribution left out of the history");
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Agent time goes to the row of the queue's configured channel, so that a sum over channels counts it once.
    fn add_agents(&mut self, from_ms: i64, to_ms: i64) -> Result<(), LedgerError> {
        let tx = self.tx;
        let mut sql = format!(
            "SELECT queue, {} FROM agent_intervals WHERE start_ms >= ?1 AND start_ms < ?2",
            AGENT_COLUMNS.join(", ")
        );
        push_filter(&mut sql, "queue", self.queue_ids);
        let mut select = tx.prepare(&sql)?;
        let mut rows = select.query([from_ms, to_ms])?;
        while let Some(row) = rows.next()? {
            let queue = self.name(row.get(0)?)?;
            let channel = self.settings.channels.name(self.settings.queue(&queue).channel);
            if !self.channels.is_empty() && !self.channels.iter().any(|asked| asked == channel) {
                continue;
            }
            self.sums.entry((queue, channel.into())).or_default().add_agents(agent_ms(row, 1)?);
        }
        Ok(())
    }

    fn name(&mut self, id: i64) -> Result<Arc<str>, LedgerError> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let name: Option<String> = self
            .tx
            .query_row("SELECT name FROM names WHERE id = ?1", [id], |row| row.get(0))
            .optional()?;
        let missing =
            || LedgerError::Corrupt { what: "names", detail: format!("no name has the id {id}") };
        let name: Arc<str> = name.ok_or_else(missing)?.into();
        self.names.insert(id, name.clone());
        Ok(name)
    }
}

/// Restricts a statement to ids.
fn push_filter(sql: &mut String, column: &str, ids: Option<&[i64]>) {
    if let Some(ids) = ids {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        sql.push_str(&format!(" AND {column} IN ({})", ids.join(", ")));
    }
}
