//! Lists that have names, as `[planning]` has them.

use std::collections::BTreeMap;

use super::document::{Node, Value};
use super::keys::Row;
use super::rules;
use super::setting::{Item, Report, Setting, key, quoted};

/// Most names of one key, and most items of one name.
const NAMES_MAX: usize = 64;
const ITEMS_MAX: usize = 400;

impl<T: Item> Setting for BTreeMap<String, Vec<T>> {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            report.unexpected(node, row.kind.expected());
            return None;
        };
        let mut named = BTreeMap::new();
        for (name, place, list) in table.iter() {
            if named.len() == NAMES_MAX {
                let detail = format!("expected at most {NAMES_MAX} names");
                report.diagnostics.report(place, report.path, detail);
                break;
            }
            if !rules::is_short_text(name) {
                let detail = "expected a name of 1 to 256 bytes";
                report.diagnostics.report(place, report.path, detail);
                continue;
            }
            let path = format!("{}.{}", report.path, key(name));
            let Value::List(nodes) = &list.value else {
                report.diagnostics.report_unexpected(list, &path, "a list such as [\"…\", \"…\"]");
                continue;
            };
            if nodes.len() > ITEMS_MAX {
                let detail =
                    format!("expected at most {ITEMS_MAX} {}, found {}", T::PLURAL, nodes.len());
                report.diagnostics.report(&list.place, &path, detail);
                continue;
            }
            let mut items = Vec::with_capacity(nodes.len());
            for item in nodes {
                match T::parse(&item.value) {
                    Some(value) => items.push(value),
                    None => report.diagnostics.report_unexpected(item, &path, T::EXPECTED),
                }
            }
            named.insert(name.to_string(), items);
        }
        Some(named)
    }

    fn to_toml(&self) -> Option<String> {
        let named: Vec<String> = self
            .iter()
            .map(|(name, items)| {
                let items: Vec<String> = items.iter().map(|item| quoted(&item.text())).collect();
                format!("{} = [{}]", key(name), items.join(", "))
            })
            .collect();
        (!named.is_empty()).then(|| format!("{{ {} }}", named.join(", ")))
    }
}
