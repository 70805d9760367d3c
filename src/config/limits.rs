//! `[limits]`.

use nabiz_core::settings::Limits;

use super::diagnostics::Diagnostics;
use super::document::Table;
use super::keys::limits as keys;
use super::section::{Fields, Section, Visitor, with_defaults};

impl Fields for Limits {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::SERIES, &mut self.series);
        visitor.field(&keys::OPEN_CONTACTS, &mut self.open_contacts);
        visitor.field(&keys::REMEMBERED_IDS, &mut self.remembered_ids);
        visitor.field(&keys::RECORD_BYTES, &mut self.record_bytes);
    }
}

/// Reads `[limits]`. Each of the configured queues needs a series.
pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table, queues: usize) -> Limits {
    let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
    let mut limits = with_defaults(Limits::default());
    limits.visit(&mut section);
    if queues > limits.series {
        let detail = format!("{queues} queues are configured, and each needs a series");
        let path = section.path(&keys::SERIES);
        match (section.node(&keys::SERIES), document.get("queues")) {
            (Some(node), _) => section.diagnostics.report_value(node, &path, detail),
            (None, Some(queues)) => {
                let detail = format!("{}: {detail}", limits.series);
                section.diagnostics.report(&queues.place, &path, detail);
            }
            (None, None) => {}
        }
    }
    limits
}
