//! A section of the document, and the pairing of its keys with the fields of a struct.

use super::diagnostics::Diagnostics;
use super::document::{self, Node, Place, Table, Value, unknown_key};
use super::keys::{Fallback, Key, Row, SectionKeys};
use super::setting::{Item, Report, Setting};

/// A struct whose fields hold the values of a section.
pub(super) trait Fields {
    /// Calls the visitor with each key and the field of its value.
    fn visit(&mut self, visitor: &mut impl Visitor);
}

/// An operation on each key of a section and its field: to read it, or to print it.
pub(super) trait Visitor {
    fn field<T: Setting>(&mut self, key: &Key<T>, value: &mut T);
}

/// Sets each field to the default of its key. Fields of other keys stay as they are.
pub(super) fn with_defaults<F: Fields>(mut fields: F) -> F {
    fields.visit(&mut Defaults);
    fields
}

struct Defaults;

impl Visitor for Defaults {
    fn field<T: Setting>(&mut self, key: &Key<T>, value: &mut T) {
        if let Some(default) = default_of(key) {
            *value = default;
        }
    }
}

/// Returns the default of a key; `None` where it has none, or the table has a wrong one. A test
/// holds that the table has no wrong one.
pub(super) fn default_of<T: Setting>(key: &Key<T>) -> Option<T> {
    let Fallback::Value(text) = key.row.fallback else { return None };
    let place = Place::Line(0);
    let value = document::value_of_variable(text, key.row.kind, &place).ok()?;
    let mut diagnostics = Diagnostics::new("", Vec::new());
    let mut report = Report { diagnostics: &mut diagnostics, path: key.row.name };
    T::read(&key.row, &Node { value, place }, &mut report)
}

/// One table of the document. All its keys are known, or reported.
pub(super) struct Section<'p, 'd> {
    pub(super) diagnostics: &'p mut Diagnostics,
    table: Option<&'d Table>,
    path: String,
}

impl<'p, 'd> Section<'p, 'd> {
    /// Returns the section with this name of a document. If it is absent, it has no keys.
    pub(super) fn of_document(
        diagnostics: &'p mut Diagnostics,
        document: &'d Table,
        keys: &SectionKeys,
    ) -> Self {
        match document.get(keys.name) {
            Some(node) => Self::of_node(diagnostics, node, keys.name, keys),
            None => Section { diagnostics, table: None, path: keys.name.to_string() },
        }
    }

    /// Returns the section in `node`. `path` names it in messages.
    pub(super) fn of_node(
        diagnostics: &'p mut Diagnostics,
        node: &'d Node,
        path: &str,
        keys: &SectionKeys,
    ) -> Self {
        let path = path.to_string();
        let Value::Table(table) = &node.value else {
            diagnostics.report_unexpected(node, &path, "a table");
            return Section { diagnostics, table: None, path };
        };
        for (key, place, _) in table.iter() {
            if keys.row(key).is_none() {
                diagnostics.report(place, &path, unknown_key(keys, key));
            }
        }
        Section { diagnostics, table: Some(table), path }
    }

    /// Returns the written value of a key.
    pub(super) fn node<T>(&self, key: &Key<T>) -> Option<&'d Node> {
        self.table.and_then(|table| table.get(key.row.name))
    }

    /// Returns the key with its section, for messages.
    pub(super) fn path<T>(&self, key: &Key<T>) -> String {
        format!("{}.{}", self.path, key.row.name)
    }

    /// Reports that the written value of a key is not among the allowed ones.
    pub(super) fn report_unexpected<T>(&mut self, key: &Key<T>, expected: &str) {
        if let Some(node) = self.node(key) {
            let path = self.path(key);
            self.diagnostics.report_unexpected(node, &path, expected);
        }
    }

    /// Reports an error of the written value of a key.
    pub(super) fn report_value<T>(&mut self, key: &Key<T>, detail: &str) {
        if let Some(node) = self.node(key) {
            let path = self.path(key);
            self.diagnostics.report_value(node, &path, detail);
        }
    }

    /// Reports an error of the written value of a key that is too long to display.
    pub(super) fn report_detail<T>(&mut self, key: &Key<T>, detail: &str) {
        if let Some(node) = self.node(key) {
            let path = self.path(key);
            self.diagnostics.report(&node.place, &path, detail);
        }
    }

    /// Returns the allowed items of a written list with their places.
    pub(super) fn items<T: Item>(&self, key: &Key<Vec<T>>) -> Vec<(T, &'d Node)> {
        let Some(Value::List(items)) = self.node(key).map(|node| &node.value) else {
            return Vec::new();
        };
        items.iter().filter_map(|node| T::parse(&node.value).map(|item| (item, node))).collect()
    }
}

/// Reads each key that is written. Where a value is wrong, the field stays as it is.
impl Visitor for Section<'_, '_> {
    fn field<T: Setting>(&mut self, key: &Key<T>, value: &mut T) {
        let Some(node) = self.node(key) else { return };
        let path = self.path(key);
        let mut report = Report { diagnostics: self.diagnostics, path: &path };
        if let Some(read) = T::read(&key.row, node, &mut report) {
            *value = read;
        }
    }
}

/// The lines of a section in `nabiz check`, by the names of the keys.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<(&'static str, String)>,
}

impl Lines {
    /// Returns the lines of the fields.
    pub(super) fn of(fields: &mut impl Fields) -> Self {
        let mut lines = Lines::default();
        fields.visit(&mut lines);
        lines
    }

    /// Replaces the line of a key by a comment.
    pub(super) fn comment<T>(&mut self, key: &Key<T>, words: &str) {
        self.set(&key.row, comment_line(&key.row, words));
    }

    /// Returns the lines in the order of the table.
    pub(super) fn in_order<'a>(&'a self, keys: &SectionKeys) -> impl Iterator<Item = &'a str> {
        keys.rows.iter().filter_map(|row| {
            self.lines.iter().find(|(name, _)| *name == row.name).map(|(_, line)| line.as_str())
        })
    }

    fn set(&mut self, row: &Row, line: String) {
        self.lines.retain(|(name, _)| *name != row.name);
        self.lines.push((row.name, line));
    }
}

impl Visitor for Lines {
    fn field<T: Setting>(&mut self, key: &Key<T>, value: &mut T) {
        let row = &key.row;
        let line = match (value.to_toml(), row.fallback) {
            (Some(toml), _) => format!("{} = {toml}", row.name),
            (None, Fallback::Nothing(words) | Fallback::From(words)) => comment_line(row, words),
            (None, Fallback::Value(_)) => comment_line(row, "none"),
        };
        self.set(row, line);
    }
}

fn comment_line(row: &Row, words: &str) -> String {
    format!("# {}: {words}", row.name)
}
