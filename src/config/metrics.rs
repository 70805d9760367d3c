//! `[metrics]`.

use super::diagnostics::Diagnostics;
use super::document::Table;
use super::keys::metrics as keys;
use super::section::{Fields, Section, Visitor, with_defaults};

/// `[metrics]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Contact metrics carry the label `shard`.
    pub shard_label: bool,
}

impl Fields for Metrics {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::SHARD_LABEL, &mut self.shard_label);
    }
}

impl Metrics {
    pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Self {
        let mut metrics = with_defaults(Metrics::default());
        metrics.visit(&mut Section::of_document(diagnostics, document, &keys::SECTION));
        metrics
    }
}
