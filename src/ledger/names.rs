//! Names of the interval history, such as queue ids and channels, which its rows have as numbers.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Statement, Transaction};

/// Ids of names. Remembered within one transaction only: a rollback undoes new ids.
pub(super) struct Names<'tx> {
    known: HashMap<String, i64>,
    select: Statement<'tx>,
    insert: Statement<'tx>,
}

impl<'tx> Names<'tx> {
    pub(super) fn new(tx: &'tx Transaction<'_>) -> rusqlite::Result<Self> {
        Ok(Names {
            known: HashMap::new(),
            select: tx.prepare("SELECT id FROM names WHERE name = ?1")?,
            insert: tx.prepare("INSERT INTO names (name) VALUES (?1)")?,
        })
    }

    /// Returns the id of a name, which is added where it has none.
    pub(super) fn id(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let id = match self.select.query_row([name], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self.insert.insert([name])?,
        };
        self.known.insert(name.to_string(), id);
        Ok(id)
    }
}
