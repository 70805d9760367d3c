//! The content of a ledger as text: one text for each kind of stored thing, so that a change of one
//! does not hide in another.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A piece up to this size is shown whole, else as its SHA-256.
const SHOWN_BYTES: usize = 48;

/// A series (kind 13) without any number: its lists have lengths, so that not all bytes are 0.
const EMPTY_SERIES: &str = "db4f191200f0ac464d52849cfe9a369879297f0fdb38c3bf6c3c6a1b6e19cff4";

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn open(ledger: &Path) -> Connection {
    let connection =
        Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("the ledger");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout");
    connection
}

/// Returns the next offsets of the partitions as stored.
pub(super) fn offsets(ledger: &Path) -> BTreeMap<(String, i32), i64> {
    let connection = open(ledger);
    let mut select = connection
        .prepare(
            "SELECT topic, partition, next_offset FROM partitions WHERE next_offset IS NOT NULL",
        )
        .expect("the partitions");
    let rows =
        select.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Returns the number of checkpoints of each partition.
pub(super) fn checkpoints(ledger: &Path) -> Vec<i64> {
    let connection = open(ledger);
    let mut select = connection
        .prepare("SELECT checkpoint FROM partitions ORDER BY topic, partition")
        .expect("partitions");
    let rows = select.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a number")).collect()
}

/// Agent time of a queue (kind 12).
#[derive(Deserialize, Serialize)]
struct AgentTime {
    total_ms: [u64; 5],
    panes: Vec<(i64, [u64; 5], [i32; 5])>,
    filling: [i64; 5],
    today_ms: [u64; 5],
    today_start_ms: i64,
}

/// Returns the bytes of a piece as text.
fn piece_as_text(kind: i64, bytes: &[u8]) -> String {
    match kind {
        // Units and entry points are in the order of a hash table with a random key.
        0 | 10 => {
            let mut sorted = bytes.to_vec();
            sorted.sort_unstable();
            format!("{} bytes, in ascending order sha256:{}", bytes.len(), sha256(&sorted))
        }
        // A publication books the time of agents up to its instant, which cuts a stretch into more
        // panes. The sums of the panes are compared with the windows of the exposition, after a
        // restart.
        12 => {
            let time = postcard::take_from_bytes::<AgentTime>(bytes).ok().filter(|(time, rest)| {
                let written = postcard::to_stdvec(time).expect("memory");
                rest.is_empty()
                    && written == bytes
                    && time.panes.is_sorted_by(|one, next| one.0 < next.0)
            });
            let Some((AgentTime { total_ms, today_ms, today_start_ms, .. }, _)) = time else {
                return format!("another form, {} bytes sha256:{}", bytes.len(), sha256(bytes));
            };
            format!("total {total_ms:?} today {today_ms:?} since {today_start_ms}")
        }
        _ if bytes.len() <= SHOWN_BYTES => format!("{} bytes {}", bytes.len(), hex(bytes)),
        _ => format!("{} bytes sha256:{}", bytes.len(), sha256(bytes)),
    }
}

/// Returns the stored pieces: for each kind a line for each piece, with its partition, number and
/// bytes.
fn pieces(ledger: &Path) -> BTreeMap<i64, String> {
    let connection = open(ledger);
    let mut select = connection
        .prepare(
            "SELECT kind, topic, partition, number, bytes FROM pieces JOIN partitions ON partition_id = id
             ORDER BY kind, topic, partition, number",
        )
        .expect("the pieces");
    let mut rows = select.query([]).expect("rows");
    let mut kinds: BTreeMap<i64, String> = BTreeMap::new();
    while let Some(row) = rows.next().expect("a row") {
        let kind = row.get(0).expect("a kind");
        let (topic, partition, number): (String, i32, i64) = (
            row.get(1).expect("a topic"),
            row.get(2).expect("a partition"),
            row.get(3).expect("a number"),
        );
        let bytes: Vec<u8> = row.get(4).expect("bytes");
        // Whether a queue without any number is stored depends on whether it was published before.
        let is_empty = bytes.iter().all(|byte| *byte == 0) || sha256(&bytes) == EMPTY_SERIES;
        if !is_empty {
            let line = format!("{topic}/{partition} {number} {}\n", piece_as_text(kind, &bytes));
            kinds.entry(kind).or_default().push_str(&line);
        }
    }
    kinds
}

/// Returns the rows of a statement as text: names of columns and values.
fn rows_as_text(connection: &Connection, statement: &str) -> String {
    let mut select = connection.prepare(statement).expect("a statement");
    let names: Vec<String> = select.column_names().map(str::to_owned).collect();
    let mut rows = select.query([]).expect("rows");
    let mut out = format!("{}\n", names.join(" "));
    while let Some(row) = rows.next().expect("a row") {
        let values = (0..names.len()).map(|column| match row.get_ref(column).expect("a value") {
            ValueRef::Null => "null".to_owned(),
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Real(value) => format!("{value:?}"),
            ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
            ValueRef::Blob(value) => format!("x{}", hex(value)),
        });
        let values: Vec<String> = values.collect();
        out.push_str(&format!("{}\n", values.join(" ")));
    }
    out
}

/// Returns the other tables, by name, without the owner, wall time and takeovers of a partition,
/// which depend on the run.
fn tables(ledger: &Path) -> BTreeMap<&'static str, String> {
    const NAMED: &str = "SELECT q.name AS queue_name, c.name AS channel_name, i.* FROM intervals i
         JOIN names q ON q.id = i.queue JOIN names c ON c.id = i.channel ORDER BY i.start_ms, q.name, c.name";
    const AGENTS: &str = "SELECT q.name AS queue_name, a.* FROM agent_intervals a
         JOIN names q ON q.id = a.queue ORDER BY a.start_ms, q.name";
    const ARRIVALS: &str = "SELECT c.name AS channel_name, e.name AS entry_point_name, a.*
         FROM arrival_intervals a JOIN names c ON c.id = a.channel JOIN names e ON e.id = a.entry_point
         ORDER BY a.start_ms, c.name, e.name";
    const UNITS: &str = "SELECT n.name AS unit_name, u.* FROM unit_intervals u
         JOIN names n ON n.id = u.unit ORDER BY u.start_ms, n.name";
    const SCORES: &str = "SELECT q.name AS queue_name, c.name AS channel_name, s.*
         FROM score_intervals s JOIN names q ON q.id = s.queue JOIN names c ON c.id = s.channel
         ORDER BY s.start_ms, q.name, c.name, s.score";
    const PAUSES: &str = "SELECT r.name AS reason_name, p.* FROM pause_intervals p
         JOIN names r ON r.id = p.reason ORDER BY p.start_ms, r.name";
    let connection = open(ledger);
    [
        (
            "columns",
            "SELECT t.name AS table_name, c.* FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' ORDER BY t.name, c.cid",
        ),
        ("version", "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"),
        (
            "partitions",
            "SELECT id, topic, partition, next_offset, stream_ms, advance_ms, checkpoint, missed, record_ms
             FROM partitions ORDER BY id",
        ),
        ("names", "SELECT * FROM names ORDER BY id"),
        ("facts", "SELECT * FROM facts ORDER BY name"),
        ("intervals", NAMED),
        ("agent_intervals", AGENTS),
        ("arrival_intervals", ARRIVALS),
        ("unit_intervals", UNITS),
        ("score_intervals", SCORES),
        ("pause_intervals", PAUSES),
        ("head_intervals", "SELECT * FROM head_intervals ORDER BY start_ms"),
    ]
    .into_iter()
    .map(|(name, statement)| (name, rows_as_text(&connection, statement)))
    .collect()
}

/// Returns the whole content of a ledger, by the name of the expected file.
pub(super) fn texts(ledger: &Path) -> BTreeMap<String, String> {
    let pieces = pieces(ledger);
    let kinds: String = pieces.keys().map(|kind| format!("{kind}\n")).collect();
    let pieces = pieces
        .into_iter()
        .map(|(kind, lines)| (format!("stored/pieces_kind_{kind:02}.txt"), lines));
    let tables = tables(ledger).into_iter().map(|(table, rows)| {
        let zipped = if table == "intervals" { ".gz" } else { "" };
        (format!("stored/table_{table}.txt{zipped}"), rows)
    });
    pieces.chain(tables).chain([("stored/piece_kinds.txt".to_owned(), kinds)]).collect()
}
