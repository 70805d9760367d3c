//! Holds docs/guide/configuration.md, `nabiz check` and the defaults of the core to the table of
//! keys. `NABIZ_UPDATE_DOCS=1` rewrites the tables of the page.

use std::path::{Path, PathBuf};

use nabiz_core::settings::Settings;
use nabiz_core::time::{DURATION_MAX, Millis, format_duration};

use super::configuration::Config;
use super::document::{Place, Value, value_of_variable};
use super::keys::{self, Fallback, Kind, OnReload, Row, SectionKeys};
use super::setting::quoted;

/// Returns the sections with a table in the page. Those of `queues` are those of `queue_defaults`
/// too.
fn tables() -> Vec<&'static SectionKeys> {
    let sections = keys::SECTIONS.iter().map(|(_, section)| *section);
    let sections = sections.filter(|section| section.name != keys::queue_defaults::SECTION.name);
    sections.chain([&keys::topic::SECTION, &keys::gateway_path::SECTION]).collect()
}

/// Returns a default as TOML.
fn toml(row: &Row, text: &str) -> String {
    match value_of_variable(text, row.kind, &Place::Line(0)) {
        Ok(Value::Text(text)) => quoted(&text),
        Ok(Value::List(items)) => {
            let items: Vec<String> = items.iter().map(|item| item.value.display()).collect();
            format!("[{}]", items.join(", "))
        }
        Ok(value) => value.display(),
        Err(error) => panic!("{}: {error}", row.name),
    }
}

fn fallback_text(row: &Row) -> String {
    match row.fallback {
        Fallback::Value(text) => format!("`{}`", toml(row, text)),
        Fallback::Nothing(words) | Fallback::From(words) => words.to_string(),
    }
}

fn allowed_text(row: &Row) -> String {
    if let Some(allowed) = row.allowed {
        return allowed.to_string();
    }
    match row.kind {
        Kind::Text(_) => "text".to_string(),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Ratio => "a ratio".to_string(),
        Kind::Duration { min: Millis::ZERO, max: DURATION_MAX } => "a duration".to_string(),
        Kind::Duration { min, max: DURATION_MAX } => format!("{} or more", format_duration(min)),
        Kind::Duration { min, max } => {
            format!("{} to {}", format_duration(min), format_duration(max))
        }
        Kind::Flag => "`true`, `false`".to_string(),
        Kind::Word(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::List { .. } | Kind::Toml => "see below".to_string(),
    }
}

/// Returns what makes another value take effect.
fn changed_by(row: &Row) -> &'static str {
    match row.on_reload {
        OnReload::Http | OnReload::Ingest => "reload",
        OnReload::Refused => "restart",
    }
}

fn markdown(section: &SectionKeys) -> String {
    let mut out =
        "| key | meaning | default | allowed | changed by |\n|---|---|---|---|---|\n".to_string();
    for row in section.rows {
        out.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            row.name,
            row.meaning,
            fallback_text(row),
            allowed_text(row),
            changed_by(row)
        ));
    }
    out
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/configuration.md")
}

/// Returns the page with the table of a section in its place.
fn with_table(page: &str, section: &SectionKeys) -> String {
    let begin = format!("<!-- keys of {}: generated, see src/config/keys.rs -->\n", section.name);
    let end = "<!-- end of keys -->";
    let (before, rest) =
        page.split_once(&begin).unwrap_or_else(|| panic!("the page has no line {begin}"));
    let (_, after) =
        rest.split_once(end).unwrap_or_else(|| panic!("the page has no {end} after {begin}"));
    format!("{before}{begin}\n{}\n{end}{after}", markdown(section))
}

#[test]
fn documentation_has_the_rows_of_the_table() {
    let written = std::fs::read_to_string(page()).expect("the page");
    let expected =
        tables().into_iter().fold(written.clone(), |page, section| with_table(&page, section));
    if std::env::var_os("NABIZ_UPDATE_DOCS").is_some() {
        std::fs::write(page(), &expected).expect("the page is written");
        return;
    }
    for (written, expected) in written.lines().zip(expected.lines()) {
        assert_eq!(written, expected, "NABIZ_UPDATE_DOCS=1 rewrites docs/guide/configuration.md");
    }
    assert_eq!(written.lines().count(), expected.lines().count());
}

#[test]
fn defaults_equal_those_of_the_core() {
    let core = Settings::builder().build();
    assert_eq!(format!("{:?}", Config::defaults().settings()), format!("{core:?}"));
}

#[test]
fn check_prints_the_default_of_the_table_for_every_key() {
    let toml_text = "[kafka]\n[[kafka.topics]]\nname = 'calls'\n[queues.fault]\n[gateway]\n\
                     [[gateway.paths]]\npath = '/x'\ntopic = 'x'\ncheck = 'token'\n\
                     secret = { env = 'X' }\n";
    let config = Config::parse(toml_text, "nabiz.toml", std::iter::empty()).expect("right");
    let printed = config.to_toml();
    for (section, keys) in keys::SECTIONS.iter().copied().chain([
        ("kafka.topics", &keys::topic::SECTION),
        ("gateway.paths", &keys::gateway_path::SECTION),
    ]) {
        let printed = printed
            .split("\n\n")
            .find(|part| {
                let name = part.trim_start_matches('[').split([']', '.']).next();
                part.starts_with(&format!("[{section}]"))
                    || part.starts_with(&format!("[[{section}]]"))
                    || (section == "queues" && name == Some("queues"))
            })
            .unwrap_or_else(|| panic!("{printed}\nhas no [{section}]"));
        for row in keys.rows {
            let expected = match row.fallback {
                Fallback::Value(text) => format!("\n{} = {}", row.name, toml(row, text)),
                Fallback::Nothing(words) => format!("\n# {}: {words}", row.name),
                Fallback::From(_) => format!("\n{} = \"", row.name),
            };
            let has_own_section = matches!(row.name, "topics" | "client" | "paths");
            let is_set = row.name == "secret";
            assert!(
                has_own_section || is_set || printed.contains(&expected),
                "{printed}\nhas no{expected}"
            );
        }
    }
}
