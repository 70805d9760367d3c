//! `[channels]`.

use nabiz_core::event::Channels;

use super::diagnostics::Diagnostics;
use super::document::Table;
use super::keys::channels as keys;
use super::section::{Fields, Section, Visitor};

/// The value of a channel label past a limit.
const OTHER: &str = "other";

/// The channels in addition to those of the contract.
#[derive(Default)]
pub(super) struct AddedChannels {
    names: Vec<String>,
}

impl Fields for AddedChannels {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::NAMES, &mut self.names);
    }
}

impl AddedChannels {
    /// Returns the channels that are not of the contract.
    pub(super) fn of(channels: &Channels) -> Self {
        let names = channels.names().skip(Channels::BUILT_IN.len()).map(str::to_string).collect();
        AddedChannels { names }
    }
}

/// Reads `[channels]`.
pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Channels {
    let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
    // Reports a wrong list and wrong items.
    AddedChannels::default().visit(&mut section);
    let path = section.path(&keys::NAMES);
    let mut names: Vec<String> = Vec::new();
    for (name, node) in section.items(&keys::NAMES).into_iter().take(Channels::ADDED_MAX) {
        let detail = if Channels::BUILT_IN.contains(&name.as_str()) {
            "is a channel already"
        } else if name == OTHER {
            "is reserved: in the metrics it stands for the channels past a limit"
        } else if names.contains(&name) {
            "listed twice"
        } else {
            names.push(name);
            continue;
        };
        section.diagnostics.report_value(node, &path, detail);
    }
    Channels::with_added(&names)
}
