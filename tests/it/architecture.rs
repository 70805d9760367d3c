//! Holds the structure of the code to ARCHITECTURE.md: the rooms and the allowed arrows between
//! them, and no circle between files.
//!
//! A room is a folder or file directly below `src/` of the daemon, or below `crates/core/src/`
//! (`core::…`). The test reads paths as text: `use` declarations, re-exports and paths in code,
//! without comments, strings and test modules.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Arrow, Tree};

/// The heading of the table in ARCHITECTURE.md.
const HEADING: &str = "## Rooms and allowed arrows";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the table: each room with the rooms that it may use.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text.split_once(HEADING).expect("ARCHITECTURE.md has the heading").1;
    let section = section.split("\n## ").next().unwrap_or(section);
    let rooms = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_string).collect()
    };
    let mut table = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split('|');
        let (names, uses) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        for name in rooms(names) {
            assert!(table.insert(name.clone(), rooms(uses)).is_none(), "{name} stands twice");
        }
    }
    table
}

fn tree() -> Tree {
    Tree::read(root())
}

/// Returns a circle among arrows, if there is one, as the places along it.
fn circle<'a>(arrows: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Vec<&'a str>> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows.filter(|(from, to)| from != to) {
        uses.entry(from).or_default().insert(to);
        uses.entry(to).or_default();
    }
    // A place that uses none of the remaining places cannot be on a circle, so it is removed.
    loop {
        let leaves: Vec<&str> =
            uses.iter().filter(|(_, to)| to.is_empty()).map(|(from, _)| *from).collect();
        if leaves.is_empty() {
            break;
        }
        for leaf in leaves {
            uses.remove(leaf);
            uses.values_mut().for_each(|to| {
                to.remove(leaf);
            });
        }
    }
    // Each remaining place uses another remaining place, so a walk along them reaches a place
    // twice.
    let mut path = vec![*uses.keys().next()?];
    loop {
        let next = *uses[path[path.len() - 1]].first()?;
        if let Some(start) = path.iter().position(|place| *place == next) {
            return Some(path.split_off(start));
        }
        path.push(next);
    }
}

#[test]
fn rooms_use_only_the_rooms_that_the_table_allows() {
    let allowed = allowed();
    let tree = tree();
    let rooms: BTreeSet<&str> = tree.rooms();
    let named: BTreeSet<&str> = allowed.keys().map(String::as_str).collect();
    assert_eq!(rooms, named, "rooms of the tree on the left, rooms of the table on the right");
    let wrong: Vec<&Arrow> = tree
        .arrows
        .iter()
        .filter(|arrow| arrow.from_room != arrow.to_room)
        .filter(|arrow| !allowed[&arrow.from_room].contains(&arrow.to_room))
        .collect();
    println!(
        "{} arrows between {} rooms, {} not allowed",
        tree.arrows.len(),
        rooms.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "arrows that the table does not have: {wrong:#?}");
}

#[test]
fn table_of_arrows_has_no_circle_and_no_arrow_that_nothing_uses() {
    let allowed = allowed();
    let arrows =
        allowed.iter().flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())));
    assert_eq!(circle(arrows), None, "rooms in a circle");
    let tree = tree();
    let used: BTreeSet<(&str, &str)> =
        tree.arrows.iter().map(|arrow| (&*arrow.from_room, &*arrow.to_room)).collect();
    for (from, rooms) in &allowed {
        for to in rooms {
            assert!(used.contains(&(from, to)), "{from} -> {to} is allowed and nothing uses it");
        }
    }
}

#[test]
fn files_use_each_other_without_circles() {
    let tree = tree();
    let arrows = || tree.arrows.iter().map(|arrow| (&*arrow.from, &*arrow.to));
    println!("{} files, {} arrows between files", tree.files, arrows().count());
    assert_eq!(circle(arrows()), None, "files in a circle");
}

#[test]
fn circle_is_found_where_there_is_one() {
    assert_eq!(circle([("a", "b"), ("b", "c")].into_iter()), None);
    assert_eq!(
        circle([("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")].into_iter()),
        Some(vec!["a", "b", "c"])
    );
}
