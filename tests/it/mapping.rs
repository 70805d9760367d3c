//! Mappings on the command line, as an integrator uses them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The guide that walks from a sample record to a dashboard.
fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/your-own-source.md");
    fs::read_to_string(path).unwrap()
}

/// Returns the first block of code in a language after a heading.
fn block<'g>(guide: &'g str, heading: &str, language: &str) -> &'g str {
    let (_, rest) = guide.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let fence = format!("```{language}\n");
    let (_, rest) = rest.split_once(&fence).unwrap_or_else(|| panic!("no {fence}"));
    rest.split_once("```").unwrap().0
}

/// A folder with the files of one integrator.
struct Desk(TempDir);

impl Desk {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Desk(folder)
    }

    fn nabiz(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
        command.current_dir(&self.0).args(arguments).output().unwrap()
    }
}

fn printed(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn guide_prints_what_its_program_makes_of_its_sample() {
    let guide = guide();
    let desk = Desk::with(&[
        ("sample.ndjson", block(&guide, "## 1.", "json")),
        ("ours.jq", block(&guide, "## 2.", "jq")),
    ]);
    let arguments = ["map", "--mapping", "ours.jq", "--explain", "sample.ndjson"];
    let (code, explained, errors) = printed(&desk.nabiz(&arguments));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(explained, block(&guide, "## 3.", "text"));

    let (code, metrics, summary) =
        printed(&desk.nabiz(&["replay", "--mapping", "ours.jq", "sample.ndjson"]));
    assert_eq!(code, 0, "{summary}");
    for line in [
        r#"nabiz_visits_offered_total{queue="fault",channel="phone"} 2"#,
        r#"nabiz_visits_answered_total{queue="fault",channel="phone"} 1"#,
        r#"nabiz_visits_abandoned_total{queue="fault",channel="phone"} 1"#,
        r#"nabiz_wait_seconds_sum{queue="fault",channel="phone",outcome="answered"} 18"#,
        r#"nabiz_handle_seconds_sum{queue="fault",channel="phone"} 122"#,
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn events_are_printed_one_a_line_and_faults_name_their_record() {
    let program = r#".x | {type: "contact.started", id: "i", source: "s", v: .}, {type: .kind}"#;
    let records = "{\"x\":{\"kind\":\"k\"}}\n\n{\"x\":\"0555\"}\n{\"x\":{}}\n";
    let desk = Desk::with(&[("ours.jq", program), ("records", records)]);
    let output = desk.nabiz(&["map", "--mapping", "ours.jq", "records", "--strict"]);
    let (code, events, errors) = printed(&output);
    assert_eq!(code, 1);
    assert_eq!(events.lines().count(), 2, "{events}");
    let mut errors = errors.lines();
    let failed = "line 3: mapping_failed: the program raised an error: cannot index string with \
                  string";
    assert_eq!(errors.next(), Some(failed));
    assert_eq!(
        errors.next(),
        Some("line 4: mapping_output: output 1: has neither `type` nor `message`, as a text")
    );
    // The first record too: its second event has a type that is not in the vocabulary.
    assert_eq!(errors.next(), Some("nabiz: --strict: 3 rejected"));
}

#[test]
fn whole_file_is_one_record() {
    let desk =
        Desk::with(&[("ours.jq", "{message: .line}"), ("record", "{\n \"line\": \"a|b\"\n}")]);
    let output = desk.nabiz(&["map", "--mapping", "ours.jq", "--whole", "record"]);
    assert_eq!(printed(&output), (0, "a|b\n".to_owned(), String::new()));
}

#[test]
fn mistakes_name_file_line_and_column() {
    let config = "[kafka]\nbrokers = \"b:9092\"\n[[kafka.topics]]\nname = \"t\"\n\
                  format = \"mapped\"\nmapping = { file = \"ours.jq\" }\n";
    let desk = Desk::with(&[("ours.jq", "{a: 1,\n b: now}"), ("nabiz.toml", config)]);
    let expected = "nabiz: ours.jq:2:5: `now/0` is not defined: docs/guide/mappings.md lists the \
                    filters and variables of a mapping\n";
    for arguments in
        [&["check", "--config", "nabiz.toml"][..], &["map", "--mapping", "ours.jq", "nabiz.toml"]]
    {
        let (code, _, errors) = printed(&desk.nabiz(arguments));
        assert_eq!((code, errors.as_str()), (2, expected), "{arguments:?}");
    }
}

#[test]
fn configuration_names_wrong_mappings() {
    let check = |topic: &str| {
        let config =
            format!("[kafka]\nbrokers = \"b:9092\"\n[[kafka.topics]]\nname = \"t\"\n{topic}");
        printed(&Desk::with(&[("nabiz.toml", &config)]).nabiz(&["check", "--config", "nabiz.toml"]))
    };
    let (code, _, errors) = check("format = \"mapped\"\nmapping = \"genesys\"\n");
    assert_eq!(code, 2);
    assert!(errors.contains("nabiz.toml:6: kafka.topics.mapping: expected"), "{errors}");
    assert!(errors.contains("genesys_cloud"), "{errors}");
    let (code, _, errors) = check("format = \"mapped\"\n");
    assert!(code == 2 && errors.contains("`mapped` needs a `mapping`"), "{errors}");
    let (code, _, errors) = check("mapping = \"zammad\"\n");
    assert!(code == 2 && errors.contains("only a topic with format"), "{errors}");
    let (code, effective, errors) = check("format = \"mapped\"\nmapping = \"zammad\"\n");
    assert_eq!(code, 0, "{errors}");
    assert!(effective.contains("format = \"mapped\"\nmapping = \"zammad\"\n"), "{effective}");
}

#[test]
fn list_names_every_shipped_mapping_that_the_guide_names() {
    let (code, names, _) = printed(&Desk::with(&[]).nabiz(&["map", "--list"]));
    assert_eq!(code, 0);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/mappings.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("## Shipped mappings").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let listed: Vec<&str> =
        names.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let documented: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
        .collect();
    assert_eq!(listed, documented);
}
