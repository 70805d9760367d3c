//! The further tables of the interval history, written: adds increments to the rows of their
//! intervals.

use nabiz_core::event::Channels;
use nabiz_core::measures::FurtherIncrements;
use nabiz_core::time::Timestamp;
use rusqlite::{Statement, Transaction, params_from_iter};

use super::counts::{self, COUNT_MAX};
use super::error::LedgerError;
use super::names::Names;
use super::tables::{ARRIVALS, HEADS, PAUSES, SCORES, Table, UNITS};

/// Adds increments to their intervals, within the transaction of a checkpoint. No number exceeds
/// the bound of a stored number.
///
/// # Errors
/// Returns [`LedgerError`]; the caller must then roll the transaction back.
pub(super) fn add<'d>(
    tx: &Transaction<'_>,
    channels: &Channels,
    increments: impl Iterator<Item = &'d FurtherIncrements>,
) -> Result<(), LedgerError> {
    // A row to which several partitions add is written once.
    let mut sum = FurtherIncrements::default();
    increments.for_each(|more| sum.add(more.clone()));
    if sum.is_empty() {
        return Ok(());
    }
    let FurtherIncrements { arrivals, units, scores, pauses, heads } = sum;
    let mut names = Names::new(tx)?;

    let mut rows = Rows::new(tx, ARRIVALS)?;
    for ((start, channel, entry_point), counts) in arrivals {
        let labels = [names.id(channels.name(channel))?, names.id(&entry_point)?];
        rows.add(start, &labels, counts.iter().map(|(_, count)| count))?;
    }
    let mut rows = Rows::new(tx, UNITS)?;
    for ((start, unit), counts) in units {
        rows.add(start, &[names.id(&unit)?], counts.iter().map(|(_, count)| count))?;
    }
    let mut rows = Rows::new(tx, SCORES)?;
    for ((start, queue, channel, score), count) in scores {
        let labels = [names.id(&queue)?, names.id(channels.name(channel))?, i64::from(score)];
        rows.add(start, &labels, [count].into_iter())?;
    }
    let mut rows = Rows::new(tx, PAUSES)?;
    for ((start, reason), paused_ms) in pauses {
        rows.add(start, &[names.id(&reason)?], [paused_ms].into_iter())?;
    }
    let mut rows = Rows::new(tx, HEADS)?;
    for (start, state_ms) in heads {
        rows.add(start, &[], state_ms.into_iter())?;
    }
    Ok(())
}

/// Adds to the rows of one table.
struct Rows<'tx> {
    upsert: Statement<'tx>,
}

impl<'tx> Rows<'tx> {
    fn new(tx: &'tx Transaction<'_>, table: Table) -> rusqlite::Result<Self> {
        let Table { name, labels, numbers } = table;
        let columns: Vec<&str> =
            ["start_ms"].into_iter().chain(labels.iter().chain(numbers).copied()).collect();
        let sums: Vec<String> = numbers
            .iter()
            .map(|number| format!("{number} = min({number} + excluded.{number}, {COUNT_MAX})"))
            .collect();
        let upsert = tx.prepare(&format!(
            "INSERT INTO {name} ({}) VALUES ({}) ON CONFLICT DO UPDATE SET {}",
            columns.join(", "),
            vec!["?"; columns.len()].join(", "),
            sums.join(", ")
        ))?;
        Ok(Rows { upsert })
    }

    fn add(
        &mut self,
        start: Timestamp,
        labels: &[i64],
        numbers: impl Iterator<Item = u64>,
    ) -> rusqlite::Result<()> {
        let values = [start.get()].into_iter().chain(labels.iter().copied());
        let values = values.chain(numbers.map(counts::to_stored));
        self.upsert.execute(params_from_iter(values))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use nabiz_core::event::ChannelId;
    use nabiz_core::time::Millis;
    use rusqlite::Connection;

    use nabiz_core::measures::{ArrivalCounts, UnitCounts};

    use super::*;
    use crate::ledger::schema;
    use crate::ledger::tables::HISTORY_TABLES;
    use crate::ledger::{Ledger, intervals, plan_rewind};

    const TABLES: [Table; 5] = [ARRIVALS, UNITS, SCORES, PAUSES, HEADS];
    const DAY: Millis = Millis::from_hours(24);

    fn open(folder: &Path) -> Connection {
        schema::open(&folder.join("nabiz.db")).unwrap()
    }

    fn increments(start: Timestamp, count: u64) -> FurtherIncrements {
        let contacts = ArrivalCounts { contacts: count, ..ArrivalCounts::default() };
        let units = UnitCounts { opened: count, timed: count, ..UnitCounts::default() };
        FurtherIncrements {
            arrivals: BTreeMap::from([((start, ChannelId::PHONE, "main".into()), contacts)]),
            units: BTreeMap::from([((start, "north".into()), units)]),
            scores: BTreeMap::from([((start, "fault".into(), ChannelId::PHONE, 5), count)]),
            pauses: BTreeMap::from([((start, "lunch".into()), count)]),
            heads: BTreeMap::from([(start, [0, 0, 0, count, 0])]),
        }
    }

    fn store(connection: &mut Connection, increments: &[FurtherIncrements]) {
        let tx = connection.transaction().unwrap();
        add(&tx, &Channels::default(), increments.iter()).unwrap();
        tx.commit().unwrap();
    }

    /// Returns the sums of the numbers of each table.
    fn sums(connection: &Connection) -> Vec<Vec<i64>> {
        let sums = TABLES.map(|table| {
            let sums: Vec<String> =
                table.numbers.iter().map(|number| format!("coalesce(sum({number}), 0)")).collect();
            let select = format!("SELECT {} FROM {}", sums.join(", "), table.name);
            let read = |row: &rusqlite::Row<'_>| {
                (0..table.numbers.len()).map(|column| row.get(column)).collect()
            };
            connection.query_row(&select, [], read).unwrap()
        });
        sums.to_vec()
    }

    fn rows(connection: &Connection) -> Vec<i64> {
        let count = |table| format!("SELECT count(*) FROM {table}");
        let counts = TABLES
            .map(|table| connection.query_row(&count(table.name), [], |row| row.get(0)).unwrap());
        counts.to_vec()
    }

    #[test]
    fn increments_add_up_in_one_row_and_stop_at_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(folder.path());
        let start = Timestamp(900_000);
        store(&mut connection, &[increments(start, 2), increments(start, 3)]);
        store(&mut connection, &[increments(start, 4)]);
        let expected = |count: i64| {
            vec![
                vec![count, 0, 0, 0, 0],
                vec![count, 0, count, 0],
                vec![count],
                vec![count],
                vec![0, 0, 0, count, 0],
            ]
        };
        assert_eq!(sums(&connection), expected(9));
        assert_eq!(rows(&connection), [1; 5]);
        store(&mut connection, &[increments(start, u64::MAX)]);
        assert_eq!(sums(&connection), expected(COUNT_MAX as i64));
    }

    #[test]
    fn scores_and_reasons_have_rows_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(folder.path());
        let start = Timestamp(0);
        let mut more = FurtherIncrements::default();
        more.scores.insert((start, "fault".into(), ChannelId::PHONE, 1), 7);
        more.pauses.insert((start, "meal".into()), 8);
        store(&mut connection, &[increments(start, 2), more]);
        let read = |select: &str| -> Vec<(String, i64)> {
            let mut select = connection.prepare(select).unwrap();
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let scores = read("SELECT CAST(score AS TEXT), count FROM score_intervals");
        assert_eq!(scores, [("1".to_string(), 7), ("5".to_string(), 2)]);
        let pauses = read(
            "SELECT name, paused_ms FROM pause_intervals JOIN names ON id = reason ORDER BY name",
        );
        assert_eq!(pauses, [("lunch".to_string(), 2), ("meal".to_string(), 8)]);
    }

    #[test]
    fn retention_deletes_from_every_table_one_day_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(folder.path());
        let days = [0, 1, 2].map(|day| Timestamp(0).saturating_add(Millis(DAY.get() * day)));
        store(&mut connection, &days.map(|start| increments(start, 1)));
        let delete = |connection: &mut Connection| {
            let tx = connection.transaction().unwrap();
            let deleted = intervals::delete_before(&tx, days[2]).unwrap();
            tx.commit().unwrap();
            deleted
        };
        assert_eq!(delete(&mut connection), 5);
        assert_eq!(rows(&connection), [2; 5]);
        assert_eq!(delete(&mut connection), 5);
        assert_eq!(delete(&mut connection), 0, "what begins at the end stays");
        assert_eq!(rows(&connection), [1; 5]);
    }

    #[test]
    fn rewind_deletes_from_every_table_what_begins_at_the_instant_or_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nabiz.db");
        let mut connection = open(folder.path());
        let to = Timestamp(900_000);
        store(&mut connection, &[increments(Timestamp(0), 1), increments(to, 1)]);
        assert_eq!(plan_rewind(&path, to).unwrap().history_rows, 5);
        let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
        assert_eq!(ledger.delete_history_from(to).unwrap(), 5);
        assert_eq!(rows(&connection), [1; 5]);
    }

    #[test]
    fn older_ledger_knows_since_when_its_new_tables_are_whole() {
        let new = tempfile::tempdir().unwrap();
        let connection = open(new.path());
        assert_eq!(schema::further_since(&connection).unwrap(), None, "whole from the beginning");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nabiz.db");
        let connection = schema::create(&path, schema::FURTHER_VERSION - 1);
        let partitions = "
            INSERT INTO partitions (topic, partition, generation, owner, stream_ms, advance_ms)
            VALUES ('calls', 0, 1, 'a', 5000, NULL), ('calls', 1, 1, 'a', 4000, 7000),
                ('calls', 2, 1, 'a', NULL, NULL);";
        connection.execute_batch(partitions).unwrap();
        drop(connection);
        assert_eq!(plan_rewind(&path, Timestamp(6_000)).unwrap().history_rows, 0, "not migrated");
        let connection = open(folder.path());
        assert_eq!(schema::further_since(&connection).unwrap(), Some(Timestamp(7_000)));
        for table in HISTORY_TABLES {
            assert!(connection.table_exists(None, table).unwrap(), "{table}");
        }
        // The time of the second partition was in the future.
        let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
        ledger.delete_history_from(Timestamp(8_000)).unwrap();
        assert_eq!(schema::further_since(&connection).unwrap(), Some(Timestamp(7_000)));
        ledger.delete_history_from(Timestamp(6_000)).unwrap();
        assert_eq!(schema::further_since(&connection).unwrap(), Some(Timestamp(6_000)));
    }
}
