//! `[ledger]`.

use std::path::PathBuf;

use nabiz_core::time::Millis;

use super::diagnostics::Diagnostics;
use super::document::Table;
use super::keys::ledger as keys;
use super::section::{Fields, Section, Visitor, with_defaults};

const MINUTE: Millis = Millis::from_mins(1);
const DAY: Millis = Millis::from_hours(24);

/// `[ledger]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The file.
    pub path: PathBuf,
    /// Length of an interval of the history: whole minutes that divide a day.
    pub interval: Millis,
    /// How long the history is kept, at least a day.
    pub retention: Millis,
}

impl Default for Ledger {
    fn default() -> Self {
        with_defaults(Ledger { path: PathBuf::new(), interval: DAY, retention: DAY })
    }
}

impl Fields for Ledger {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::PATH, &mut self.path);
        visitor.field(&keys::INTERVAL, &mut self.interval);
        visitor.field(&keys::RETENTION, &mut self.retention);
    }
}

impl Ledger {
    pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Self {
        let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
        let mut ledger = Ledger::default();
        ledger.visit(&mut section);
        let interval = ledger.interval.get();
        if !interval.is_multiple_of(MINUTE.get()) || !DAY.get().is_multiple_of(interval) {
            let expected = "whole minutes that divide a day, such as 15m, 30m or 1h";
            section.report_unexpected(&keys::INTERVAL, expected);
        }
        ledger
    }
}
