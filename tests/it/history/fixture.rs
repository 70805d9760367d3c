//! A ledger that a test fills.

use std::path::PathBuf;
use std::sync::Arc;

use nabiz::config::Config;
use nabiz::ledger::history::{History, HistoryRow, Query, Step};
use nabiz::ledger::{CheckpointRequest, CommitOutcome, Lease, Ledger};
use nabiz_core::measures::{AgentIntervalDelta, IntervalCounts, IntervalDelta, SparseHdrCounts};
use nabiz_core::settings::Settings;
use nabiz_core::state::Checkpoint;
use nabiz_core::time::{Millis, TimeRange, Timestamp, WallTime};

pub const INTERVAL_MS: i64 = 900_000;
/// Rows of [`Fixture::fill_year`] in one interval.
const QUEUES_OF_YEAR: [&str; 3] = ["billing", "fault", "water-quality"];
const INTERVALS_OF_YEAR: i64 = 35_040;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Answered,
    Abandoned,
    Handled,
}

/// A fact to store.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    pub time_ms: i64,
    pub queue: &'static str,
    pub channel: &'static str,
    pub kind: Kind,
    pub duration_ms: u64,
}

/// An answer after ten seconds, for tests in which the fact itself does not matter.
pub const FACT: Fact = Fact {
    time_ms: 0,
    queue: "fault",
    channel: "phone",
    kind: Kind::Answered,
    duration_ms: 10_000,
};

pub struct Fixture {
    pub ledger: Ledger,
    pub settings: Arc<Settings>,
    pub path: PathBuf,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Creates an empty ledger, with a configuration beside it.
    pub fn new(toml: &str) -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nabiz.db");
        let toml = format!("{toml}\n[ledger]\npath = {:?}\n", path.display().to_string());

        std::fs::write(folder.path().join("nabiz.toml"), &toml).expect("written");
        let settings = Config::parse(&toml, "nabiz.toml", std::iter::empty())
            .expect("a configuration")
            .settings();
        let ledger = Ledger::open(&path, settings.channels.clone()).expect("a ledger");
        Fixture { ledger, settings: Arc::new(settings), path, folder }
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Closes the ledger, which empties its log. Returns the folder.
    pub fn close(self) -> tempfile::TempDir {
        self.folder
    }

    /// Acquires a partition.
    pub fn acquire(&mut self, partition: i32) -> Lease {
        self.ledger.acquire("calls", partition, "test").expect("taken over").lease
    }

    /// Stores a stream time for a partition.
    pub fn advance(&mut self, partition: i32, stream_time: Timestamp) {
        let lease = self.acquire(partition);
        self.store(lease, Checkpoint { stream_time: Some(stream_time), ..Checkpoint::default() });
    }

    pub fn store(&mut self, lease: Lease, checkpoint: Checkpoint) {
        let outcomes = self
            .ledger
            .store(&[CheckpointRequest::new(lease, checkpoint)], WallTime(0))
            .expect("stored");
        assert_eq!(outcomes, [CommitOutcome::Stored]);
    }

    /// Adds facts in one checkpoint, one increment each. Their partition has no stream time.
    pub fn add_facts(&mut self, facts: &[Fact]) {
        let intervals = facts.iter().map(|fact| self.delta(fact)).collect();
        let lease = self.acquire(99);
        self.store(lease, Checkpoint { intervals, ..Checkpoint::default() });
    }

    /// Adds counts of the queue `fault` in one checkpoint. Their partition has no stream time.
    pub fn add_counts(&mut self, start_ms: i64, counts: IntervalCounts) {
        let delta =
            IntervalDelta { counts, ..self.empty_delta(&Fact { time_ms: start_ms, ..FACT }) };
        let lease = self.acquire(99);
        self.store(lease, Checkpoint { intervals: vec![delta], ..Checkpoint::default() });
    }

    pub fn add_agents(&mut self, start_ms: i64, queue: &str, state_ms: [u64; 5]) {
        let lease = self.acquire(99);
        let start = Timestamp(start_ms);
        let agents = AgentIntervalDelta { start, queue: queue.into(), state_ms };
        self.store(lease, Checkpoint { agent_intervals: vec![agents], ..Checkpoint::default() });
    }

    /// Returns an increment without counts for the interval, queue and channel of a fact.
    fn empty_delta(&self, fact: &Fact) -> IntervalDelta {
        IntervalDelta {
            start: Timestamp(fact.time_ms.div_euclid(INTERVAL_MS) * INTERVAL_MS),
            queue: fact.queue.into(),
            channel: self.settings.channels.id(fact.channel).expect("a channel"),
            target_wait: Millis(20_000),
            target_ratio: 0.8,
            counts: IntervalCounts::default(),
            wait_answered: SparseHdrCounts::default(),
            wait_abandoned: SparseHdrCounts::default(),
            handle: SparseHdrCounts::default(),
        }
    }

    fn delta(&self, fact: &Fact) -> IntervalDelta {
        let mut delta = self.empty_delta(fact);
        let (ms, counts) = (fact.duration_ms, &mut delta.counts);
        match fact.kind {
            Kind::Answered => {
                counts.visits.answered = 1;
                counts.sums.wait_sum_ms = ms;
                counts.wait_max = Millis(ms);
                delta.wait_answered.increment(ms);
            }
            Kind::Abandoned => {
                counts.visits.abandoned = 1;
                counts.sums.abandon_wait_sum_ms = ms;
                delta.wait_abandoned.increment(ms);
            }
            Kind::Handled => {
                counts.sums.handled = 1;
                counts.sums.handle_sum_ms = ms;
                delta.handle.increment(ms);
            }
        }
        delta
    }

    pub fn history(&self, query: Query) -> History {
        History::open(&self.path, self.settings.clone(), Millis(INTERVAL_MS as u64), query)
            .expect("a history")
    }

    pub fn rows(&self, query: Query) -> Vec<HistoryRow> {
        self.history(query).collect::<Result<_, _>>().expect("rows")
    }

    pub fn sql(&self, statement: &str) {
        rusqlite::Connection::open(&self.path)
            .expect("opened")
            .execute_batch(statement)
            .expect("done");
    }

    /// Adds a year of intervals of three queues, each with one answer. Returns its bounds.
    pub fn fill_year(&mut self) -> (i64, i64) {
        let from_ms = ms("2025-01-01T00:00:00+03:00");
        let facts = QUEUES_OF_YEAR.map(|queue| Fact { time_ms: from_ms, queue, ..FACT });
        self.add_facts(&facts);
        let connection = rusqlite::Connection::open(&self.path).expect("opened");
        let columns: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info('intervals') WHERE name <> 'start_ms'")
            .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
            .expect("columns");
        let columns = columns.join(", ");
        self.sql(&format!(
            "WITH RECURSIVE later (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM later
                 WHERE number < {INTERVALS_OF_YEAR} - 1)
             INSERT INTO intervals (start_ms, {columns})
             SELECT start_ms + number * {INTERVAL_MS}, {columns}
             FROM later, (SELECT * FROM intervals)"
        ));
        (from_ms, from_ms + INTERVALS_OF_YEAR * INTERVAL_MS)
    }
}

pub fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

/// Returns a query for all queues and channels.
pub fn query(from_ms: i64, to_ms: i64, step: Step) -> Query {
    let period = TimeRange { start: Timestamp(from_ms), end: Timestamp(to_ms) };
    Query::new(period, step)
}

/// Returns the value at a quantile by nearest rank.
pub fn exact(values: &[u64], quantile: f64) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (quantile * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

/// Parses the records of a CSV text by RFC 4180. Written by hand, so that the test does not rely on
/// the crate that wrote them.
pub fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (quoted, c) {
            (true, '"') if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => record.push(std::mem::take(&mut field)),
            (false, '\r') => {
                assert_eq!(characters.next(), Some('\n'));
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            (_, other) => field.push(other),
        }
    }
    assert!(!quoted && field.is_empty() && record.is_empty(), "the last record does not end");
    records
}
