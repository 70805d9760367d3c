//! The expected files.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Rewrites the expected files where it is `1`.
const UPDATE: &str = "NABIZ_UPDATE_GOLDEN";
/// Differing lines that a failure shows.
const LINES_SHOWN: usize = 12;

/// Returns whether this run rewrites the expected files.
pub(super) fn is_update() -> bool {
    std::env::var(UPDATE).is_ok_and(|value| value == "1")
}

/// Returns the path of a file in `tests/golden`.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Reads a file, unzipped where its name ends in `.gz`.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = std::fs::read(path)?;
    if path.extension() != Some(OsStr::new("gz")) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Writes a file, zipped where its name ends in `.gz`.
pub(super) fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    if path.extension() != Some(OsStr::new("gz")) {
        return std::fs::write(path, bytes).expect("written");
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zipped = encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory");
    std::fs::write(path, zipped).expect("written");
}

/// Compares a text with the file `tests/golden/expected/<name>`, or rewrites that file. An error
/// shows how they differ, and the actual text is then in the build's folder for temporary files.
fn compare(name: &str, actual: &str) -> Result<(), String> {
    let file = path("expected").join(name);
    let expected = read(&file).map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    if expected.as_deref().is_ok_and(|expected| expected == actual) {
        return Ok(());
    }
    if is_update() {
        write(&file, actual.as_bytes());
        return Ok(());
    }
    let kept =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden").join(name.trim_end_matches(".gz"));
    write(&kept, actual.as_bytes());
    let expected = expected.map_err(|error| format!("{}: {error}", file.display()))?;
    let differences = differences(&expected, actual);
    Err(format!(
        "{name} differs (- expected, + actual; all of it in {}):\n{differences}",
        kept.display()
    ))
}

/// Compares a text with its expected file.
///
/// # Panics
/// Where they differ.
pub(super) fn assert_expected(name: &str, actual: &str) {
    assert_all_expected([(name, actual)]);
}

/// Compares texts with their expected files, by name.
///
/// # Panics
/// Where any differs; the message has all differences.
pub(super) fn assert_all_expected<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let errors: Vec<String> =
        texts.into_iter().filter_map(|(name, actual)| compare(name, actual).err()).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// Returns the first lines that only one of the texts has, or, where only their order differs, the
/// first that differs.
fn differences(expected: &str, actual: &str) -> String {
    let gone = lines_without(expected, actual).map(|line| format!("- {}", shortened(line)));
    let new = lines_without(actual, expected).map(|line| format!("+ {}", shortened(line)));
    let shown: Vec<String> = gone.take(LINES_SHOWN).chain(new.take(LINES_SHOWN)).collect();
    if shown.is_empty() {
        let line = expected.lines().zip(actual.lines()).position(|(left, right)| left != right);
        return format!("the same lines in another order from line {line:?}, counted from 0");
    }
    shown.join("\n")
}

/// Returns the lines that `other` does not have, or has less often.
fn lines_without<'a>(text: &'a str, other: &'a str) -> impl Iterator<Item = &'a str> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for line in other.lines() {
        *counts.entry(line).or_default() += 1;
    }
    text.lines().filter(move |line| match counts.get_mut(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}

fn shortened(line: &str) -> String {
    line.chars().take(300).collect()
}
