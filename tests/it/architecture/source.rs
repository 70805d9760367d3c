//! The source files of the tree, and which of them use which.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;

/// One file uses another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from_room: String,
    pub to_room: String,
    pub from: String,
    pub to: String,
}

/// The modules that were read.
pub struct Tree {
    pub files: usize,
    pub arrows: BTreeSet<Arrow>,
    rooms: BTreeSet<String>,
}

impl Tree {
    /// Reads the daemon and the other crates of the product below `root`.
    pub fn read(root: &Path) -> Tree {
        let mut crates: HashMap<&str, Crate> = HashMap::new();
        for (name, folder) in [
            ("nabiz", "src"),
            ("nabiz_core", "crates/core/src"),
            ("nabiz_mapping", "crates/mapping/src"),
            ("nabiz_planning", "crates/planning/src"),
            ("nabiz_simulator", "crates/simulator/src"),
        ] {
            crates.insert(name, Crate::read(root, folder));
        }
        let mut arrows = BTreeSet::new();
        let mut rooms = BTreeSet::new();
        let mut files = 0;
        for (name, own) in &crates {
            for (module, file) in &own.modules {
                files += 1;
                let from_room = room(name, module);
                rooms.insert(from_room.clone());
                for (krate, path) in file.paths(name, module) {
                    let Some(target) = crates.get(krate.as_str()) else { continue };
                    let Some(to) = target.defining(&path) else { continue };
                    let to_file = &target.modules[&to].name;
                    if *to_file == file.name {
                        continue;
                    }
                    arrows.insert(Arrow {
                        from_room: from_room.clone(),
                        to_room: room(&krate, &to),
                        from: file.name.clone(),
                        to: to_file.clone(),
                    });
                }
            }
        }
        assert!(files > 150, "only {files} files were found");
        Tree { files, arrows, rooms }
    }

    pub fn rooms(&self) -> BTreeSet<&str> {
        self.rooms.iter().map(String::as_str).collect()
    }
}

/// Returns the room of a module: its first segment, or the crate for a module at the top.
fn room(krate: &str, module: &[String]) -> String {
    match (krate, module.first()) {
        ("nabiz_mapping", _) => "mapping".to_string(),
        ("nabiz_planning", _) => "planning".to_string(),
        ("nabiz_simulator", _) => "simulator".to_string(),
        ("nabiz_core", Some(first)) => format!("core::{first}"),
        ("nabiz_core", None) => "core".to_string(),
        (_, Some(first)) => first.clone(),
        (_, None) => "lib".to_string(),
    }
}

/// The modules of a crate, by path.
struct Crate {
    modules: BTreeMap<Vec<String>, File>,
}

impl Crate {
    fn read(root: &Path, folder: &str) -> Crate {
        let mut modules = BTreeMap::new();
        let mut pending = vec![root.join(folder)];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let below = name.strip_prefix(&format!("{folder}/")).unwrap();
            let Some(below) = below.strip_suffix(".rs") else { continue };
            let mut module: Vec<String> = below.split('/').map(str::to_string).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            modules.insert(module, File::read(&path, name));
        }
        let tests: Vec<Vec<String>> = modules
            .iter()
            .flat_map(|(module, file)| {
                file.test_modules.iter().map(|child| [module.clone(), vec![child.clone()]].concat())
            })
            .collect();
        modules.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        Crate { modules }
    }

    /// Returns the module that defines what a path leads to; re-exports are followed.
    fn defining(&self, path: &[String]) -> Option<Vec<String>> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let module = (0..=path.len())
                .rev()
                .map(|len| &path[..len])
                .find_map(|prefix| self.modules.contains_key(prefix).then(|| prefix.to_vec()))?;
            let Some(item) = path.get(module.len()) else { return Some(module) };
            match self.modules[&module].exports.get(item) {
                Some(target) if *target != path => {
                    path = resolve(target, &module, "").1;
                }
                _ => return Some(module),
            }
        }
        None
    }
}

/// One source file.
struct File {
    name: String,
    /// Code without comments, strings and test modules.
    code: String,
    /// Names that `pub use` brings in, with the path behind each.
    exports: HashMap<String, Vec<String>>,
    /// Modules that exist only for tests.
    test_modules: Vec<String>,
}

impl File {
    fn read(path: &Path, name: String) -> File {
        let code = without_comments(&fs::read_to_string(path).unwrap());
        let mut test_modules = Vec::new();
        let code = without_tests(&code, &mut test_modules);
        let mut exports = HashMap::new();
        for (is_public, path) in uses(&code) {
            if is_public && let Some(last) = path.last() {
                exports.insert(last.clone(), path);
            }
        }
        File { name, code, exports, test_modules }
    }

    /// Returns every path of the code that leads to a crate of the tree, with that crate's name.
    fn paths(&self, krate: &str, module: &[String]) -> BTreeSet<(String, Vec<String>)> {
        let mut paths = BTreeSet::new();
        for (_, path) in uses(&self.code) {
            paths.insert(resolve(&path, module, krate));
        }
        // Paths in the code itself: `crate::a::b`, `super::a`, `nabiz_core::a::B`.
        let words = |text: &str| -> Vec<String> {
            let end = text
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                .unwrap_or(text.len());
            text[..end].split("::").filter(|word| !word.is_empty()).map(str::to_string).collect()
        };
        let code = without_uses(&self.code);
        let inline = inline_modules(&code);
        for start in [
            "crate::",
            "super::",
            "nabiz_core::",
            "nabiz_mapping::",
            "nabiz_planning::",
            "nabiz_simulator::",
            "nabiz::",
        ] {
            for (at, _) in code.match_indices(start) {
                // `pub(in crate::a)` limits visibility and uses nothing.
                if code[..at].ends_with("(in ") {
                    continue;
                }
                let before = code[..at].chars().next_back();
                if before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':')) {
                    let depth = inline.iter().filter(|module| module.contains(&at)).count();
                    let path = out_of_inline(words(&code[at..]), depth);
                    paths.insert(resolve(&path, module, krate));
                }
            }
        }
        paths
    }
}

/// Makes a path absolute: the name of the crate, and the segments below it.
fn resolve(path: &[String], module: &[String], krate: &str) -> (String, Vec<String>) {
    let mut base = module.to_vec();
    let mut rest = path;
    match rest.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            rest = &rest[1..];
        }
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|first| first == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        Some(
            name
            @ ("nabiz" | "nabiz_core" | "nabiz_mapping" | "nabiz_planning" | "nabiz_simulator"),
        ) => {
            return (name.to_string(), rest[1..].to_vec());
        }
        // A module beside this file's items, or an external crate: the caller checks which.
        _ => {}
    }
    base.extend_from_slice(rest);
    (krate.to_string(), base)
}

/// Returns the code without its `use` declarations.
fn without_uses(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = rest[line..at].trim();
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end + 1);
        if before.is_empty() || before.starts_with("pub") {
            out.push_str(&rest[..line]);
            rest = &rest[end..];
        } else {
            out.push_str(&rest[..at + 4]);
            rest = &rest[at + 4..];
        }
    }
    out + rest
}

/// Returns each path of the `use` declarations, and whether the declaration is public.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let inline = inline_modules(code);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = code[line..at].trim();
        let is_public = before.starts_with("pub");
        if !(before.is_empty() || is_public) {
            continue;
        }
        let Some(end) = code[at..].find(';') else { continue };
        let mut leaves = Vec::new();
        split(&code[at + 4..at + end], &[], &mut leaves);
        let depth = inline.iter().filter(|module| module.contains(&at)).count();
        found.extend(leaves.into_iter().map(|path| (is_public, out_of_inline(path, depth))));
    }
    found
}

/// Returns where each inline module (`mod name { … }`) begins and ends.
fn inline_modules(code: &str) -> Vec<Range<usize>> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("mod ") {
        let rest = &code[at + 4..];
        let name = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if name > 0 && rest[name..].starts_with(" {") {
            let open = at + 4 + name + 1;
            modules.push(open..open + closing(&code[open..]));
        }
    }
    modules
}

/// Returns the length of a text from its first letter, a brace, to the brace that closes it.
fn closing(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Makes a path in an inline module one of its file: there the first `super` is the file itself.
fn out_of_inline(mut path: Vec<String>, depth: usize) -> Vec<String> {
    for _ in 0..depth {
        if path.first().is_some_and(|first| first == "super") {
            path.remove(0);
        }
    }
    path
}

/// Splits `a::{b, c::d}` into its paths.
fn split(text: &str, prefix: &[String], leaves: &mut Vec<Vec<String>>) {
    let text = text.trim();
    let (head, group) = match text.split_once('{') {
        Some((head, group)) => (head, Some(group.trim_end().trim_end_matches('}'))),
        None => (text.split(" as ").next().unwrap_or(text), None),
    };
    let mut path = prefix.to_vec();
    let segments = head.split("::").map(str::trim);
    path.extend(segments.filter(|word| !word.is_empty() && *word != "*").map(str::to_string));
    let Some(group) = group else {
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        leaves.push(path);
        return;
    };
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                split(&group[start..at], &path, leaves);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        split(&group[start..], &path, leaves);
    }
}

/// Removes comments and the content of strings.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '/' if letters.peek() == Some(&'/') => {
                letters.by_ref().find(|letter| *letter == '\n');
                code.push('\n');
            }
            '"' => {
                code.push_str("\"\"");
                while let Some(letter) = letters.next() {
                    match letter {
                        '\\' => {
                            letters.next();
                        }
                        '"' => break,
                        _ => {}
                    }
                }
            }
            // A character literal of a quote or brace would start a string or end a module.
            '\'' => {
                let rest: String = letters.clone().take(3).collect();
                let len = match rest.as_bytes() {
                    [b'\\', _, b'\''] => 3,
                    [_, b'\'', ..] => 2,
                    _ => 0,
                };
                code.push('\'');
                letters.by_ref().take(len).for_each(drop);
            }
            _ => code.push(letter),
        }
    }
    code
}

/// Takes test modules out; those in files of their own are added to `in_files`.
fn without_tests(code: &str, in_files: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        rest = &rest[at + "#[cfg(test)]".len()..];
        let item = rest.trim_start();
        let (brace, semicolon) = (item.find('{'), item.find(';'));
        let skipped = rest.len() - item.len();
        match (brace, semicolon) {
            (brace, Some(end))
                if brace.is_none_or(|brace| {
                    end < brace || item.starts_with("use") || item.starts_with("pub(crate) use")
                }) =>
            {
                if let Some(name) = item[..end].strip_prefix("mod ") {
                    in_files.push(name.trim().to_string());
                }
                rest = &rest[skipped + end + 1..];
            }
            (Some(brace), _) => {
                rest = &rest[skipped + brace + closing(&item[brace..])..];
            }
            _ => {}
        }
    }
    out.push_str(rest);
    out
}
