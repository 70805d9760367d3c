use nabiz_core::measures::{ContactCounts, DurationSums, ServiceLevelCounts, VisitCounts};
use std::path::Path;

use nabiz_core::event::ChannelId;
use nabiz_core::measures::hdr_index;
use rusqlite::Connection;

use super::*;
use crate::ledger::distribution::Distribution;
use crate::ledger::schema;

const QUARTER_MS: i64 = 900_000;
const START: Timestamp = Timestamp(0);

fn ledger(folder: &Path) -> Connection {
    schema::open(&folder.join("ledger.db")).unwrap()
}

fn delta(start: Timestamp, waits_ms: &[u64]) -> IntervalDelta {
    let mut wait_answered = SparseHdrCounts::default();
    for wait_ms in waits_ms {
        wait_answered.add(&SparseHdrCounts { counts: vec![(hdr_index(*wait_ms) as u16, 1)] });
    }
    let counts = IntervalCounts {
        visits: VisitCounts { answered: waits_ms.len() as u64, ..VisitCounts::default() },
        sums: DurationSums { wait_sum_ms: waits_ms.iter().sum(), ..DurationSums::default() },
        wait_max: Millis(waits_ms.iter().max().copied().unwrap_or(0)),
        ..IntervalCounts::default()
    };
    IntervalDelta {
        start,
        queue: "fault".into(),
        channel: ChannelId::PHONE,
        target_wait: Millis(20_000),
        target_ratio: 0.8,
        counts,
        wait_answered,
        wait_abandoned: SparseHdrCounts::default(),
        handle: SparseHdrCounts::default(),
    }
}

fn store(
    connection: &mut Connection,
    deltas: &[IntervalDelta],
    agents: &[AgentIntervalDelta],
) -> DistributionErrors {
    let tx = connection.transaction().unwrap();
    let errors = DistributionErrors::default();
    add(&tx, &Channels::default(), &errors, deltas.iter(), agents.iter()).unwrap();
    tx.commit().unwrap();
    errors
}

fn stored_waits(connection: &Connection) -> (i64, Option<Distribution>) {
    let (answered, format, blob): (i64, i64, Option<Vec<u8>>) = connection
        .query_row("SELECT answered, histogram_format, wait_answered FROM intervals", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    (answered, blob.map(|blob| Codec::new().decode(format, &blob).unwrap()))
}

#[test]
fn increments_add_up_in_one_row_when_stored_in_several_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    store(&mut connection, &[delta(START, &[1_000, 5_000]), delta(START, &[7_000])], &[]);
    let newer =
        IntervalDelta { target_wait: Millis(30_000), target_ratio: 0.9, ..delta(START, &[]) };
    store(&mut connection, &[delta(START, &[2_000]), newer], &[]);
    let (answered, waits) = stored_waits(&connection);
    assert_eq!((answered, waits.map(|waits| waits.len())), (4, Some(4)));
    let row: (i64, i64, i64, f64) = connection
        .query_row(
            "SELECT wait_sum_ms, wait_max_ms, target_wait_ms, target_ratio FROM intervals",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(row, (15_000, 7_000, 30_000, 0.9));
}

#[test]
fn old_row_keeps_its_target_when_a_visit_that_entered_in_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    let target = |connection: &Connection| -> (i64, f64) {
        let select = "SELECT target_wait_ms, target_ratio FROM intervals";
        connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let mut ended = delta(START, &[]);
    ended.counts.cohort.arrived_answered = 1;
    (ended.target_wait, ended.target_ratio) = (Millis(8_000), 0.5);
    let entered = delta(START, &[1_000]);
    // In one checkpoint, and in a later one.
    store(&mut connection, &[entered, ended.clone()], &[]);
    assert_eq!(target(&connection), (20_000, 0.8));
    store(&mut connection, &[ended.clone()], &[]);
    assert_eq!(target(&connection), (20_000, 0.8));
    connection.execute("DELETE FROM intervals", []).unwrap();
    store(&mut connection, &[ended], &[]);
    assert_eq!(target(&connection), (8_000, 0.5), "no other is known");
}

#[test]
fn increments_leave_nothing_when_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    let tx = connection.transaction().unwrap();
    let errors = DistributionErrors::default();
    add(&tx, &Channels::default(), &errors, [delta(START, &[1])].iter(), [].iter()).unwrap();
    tx.rollback().unwrap();
    store(&mut connection, &[delta(START, &[1])], &[]);
    assert_eq!(stored_waits(&connection).0, 1);
}

#[test]
fn agent_time_adds_up_across_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    let agent =
        AgentIntervalDelta { start: START, queue: "fault".into(), state_ms: [1, 2, 3, 4, 5] };
    store(&mut connection, &[], &[agent.clone(), agent.clone()]);
    store(&mut connection, &[], &[agent]);
    let sql = format!("SELECT {} FROM agent_intervals", AGENT_COLUMNS.join(", "));
    let stored = connection.query_row(&sql, [], |row| read_agent_time(row, 0)).unwrap();
    assert_eq!(stored, [3, 6, 9, 12, 15].map(Millis));
}

#[test]
fn distribution_is_replaced_and_counts_stay_when_it_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    store(&mut connection, &[delta(START, &[1_000, 5_000])], &[]);
    connection.execute("UPDATE intervals SET wait_answered = x'00112233'", []).unwrap();
    let errors = store(&mut connection, &[delta(START, &[7_000])], &[]);
    let (answered, waits) = stored_waits(&connection);
    assert_eq!((answered, waits.map(|waits| waits.len())), (3, Some(1)));
    assert_eq!((errors.replaced(), errors.left_out()), (1, 0));
}

#[test]
fn retention_deletes_one_day_at_a_time_and_nothing_newer() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    let deltas: Vec<_> =
        (0..5 * 96).map(|quarter| delta(Timestamp(quarter * QUARTER_MS), &[1])).collect();
    let agent = AgentIntervalDelta { start: START, queue: "fault".into(), state_ms: [1; 5] };
    store(&mut connection, &deltas, &[agent]);
    let tx = connection.transaction().unwrap();
    let before_ms = 250 * QUARTER_MS;
    let mut deleted = Vec::new();
    while let Some(rows) =
        Some(delete_before(&tx, Timestamp(before_ms)).unwrap()).filter(|rows| *rows > 0)
    {
        deleted.push(rows);
    }
    assert_eq!(deleted, [97, 96, 58]);
    tx.commit().unwrap();
    let left: (i64, i64) = connection
        .query_row("SELECT min(start_ms), count(*) FROM intervals", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(left, (before_ms, 5 * 96 - 250));
}

/// Returns the misses and the revoked misses of the only row.
fn stored_misses(connection: &Connection) -> (i64, i64) {
    let sql = "SELECT service_level_missed, service_level_revoked FROM intervals";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn misses(missed: u64, service_level_revoked: u64) -> IntervalDelta {
    let counts = IntervalCounts {
        service_level: ServiceLevelCounts { missed, ..ServiceLevelCounts::default() },
        contacts: ContactCounts { service_level_revoked, ..ContactCounts::default() },
        ..IntervalCounts::default()
    };
    IntervalDelta { counts, ..delta(START, &[]) }
}

#[test]
fn row_loses_the_misses_that_a_later_increment_revokes() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    store(&mut connection, &[misses(3, 1)], &[]);
    assert_eq!(stored_misses(&connection), (2, 1));
    // Of two partitions, one revokes a miss and one adds a miss.
    store(&mut connection, &[misses(0, 2), misses(1, 0)], &[]);
    assert_eq!(stored_misses(&connection), (1, 3));
}

#[test]
fn row_never_has_fewer_than_no_misses_when_retention_took_the_missed_interval() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    store(&mut connection, &[misses(0, 1)], &[]);
    assert_eq!(stored_misses(&connection), (0, 1));
}

#[test]
fn column_that_an_older_ledger_lacks_is_read_as_zero() {
    let folder = tempfile::tempdir().unwrap();
    let connection = ledger(folder.path());
    let known: Vec<_> = counts::names().into_iter().chain([counts::COUNTED_SINCE]).collect();
    assert_eq!(counts::selected(&connection).unwrap(), known);
    let older = "DROP VIEW history_intervals;
                 ALTER TABLE intervals DROP COLUMN service_level_revoked";
    connection.execute_batch(older).unwrap();
    let selected = counts::selected(&connection).unwrap();
    let absent: Vec<&str> = counts::names()
        .into_iter()
        .zip(&selected)
        .filter(|(_, select)| **select == "0")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(absent, ["service_level_revoked"]);
}

#[test]
fn row_keeps_the_version_in_which_it_began_when_increments_follow() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = ledger(folder.path());
    store(&mut connection, &[delta(START, &[1_000])], &[]);
    connection.execute("UPDATE intervals SET counted_since = 14", []).unwrap();
    let next = Timestamp(QUARTER_MS);
    store(&mut connection, &[delta(START, &[2_000]), delta(next, &[3_000])], &[]);
    let mut select =
        connection.prepare("SELECT counted_since FROM intervals ORDER BY start_ms").unwrap();
    let versions: Vec<i64> =
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(versions, [14, schema::SCHEMA_VERSION]);
}
