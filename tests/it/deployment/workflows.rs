//! `.github/` and `rust-toolchain.toml`: the workflows against a strict schema, and against the
//! Makefile, the scripts and the toolchain that they name. No workflow is run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::{assert_pinned, root, text, yaml};

const WORKFLOWS: &str = ".github/workflows";
const FORMS: &str = ".github/ISSUE_TEMPLATE";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workflow {
    name: String,
    on: BTreeMap<String, Option<Value>>,
    permissions: BTreeMap<String, String>,
    concurrency: Concurrency,
    env: BTreeMap<String, String>,
    defaults: Option<BTreeMap<String, BTreeMap<String, String>>>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Concurrency {
    group: String,
    #[serde(rename = "cancel-in-progress")]
    _cancel_in_progress: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Job {
    runs_on: Option<String>,
    container: Option<String>,
    timeout_minutes: Option<u32>,
    needs: Option<OneOrMore>,
    permissions: Option<BTreeMap<String, String>>,
    uses: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "name")]
    _name: Option<String>,
    uses: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
    run: Option<String>,
    #[serde(rename = "shell")]
    _shell: Option<String>,
    #[serde(rename = "env", default)]
    _env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    description: String,
    labels: Vec<String>,
    body: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    r#type: String,
    id: Option<String>,
    attributes: Attributes,
    #[serde(default)]
    validations: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    label: Option<String>,
    value: Option<String>,
    options: Option<Vec<String>>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "placeholder")]
    _placeholder: Option<String>,
    #[serde(rename = "render")]
    _render: Option<String>,
    #[serde(rename = "multiple")]
    _multiple: Option<bool>,
}

/// Paths of the YAML files in a folder, from the root of the tree.
fn yaml_files(folder: &str) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yml"))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} has no workflows or forms");
    found
}

fn workflows() -> Vec<(String, Workflow)> {
    yaml_files(WORKFLOWS).into_iter().map(|path| (path.clone(), yaml(&path))).collect()
}

/// Applies a check to the commands of each step.
fn for_each_run(check: impl Fn(&str, &str)) {
    for (path, workflow) in workflows() {
        for (name, job) in &workflow.jobs {
            for run in job.steps.iter().filter_map(|step| step.run.as_deref()) {
                check(&format!("{path}: {name}"), run);
            }
        }
    }
}

/// Returns the version of the toolchain in rust-toolchain.toml.
fn toolchain() -> String {
    let file: toml::Table = text("rust-toolchain.toml").parse().expect("TOML");
    file["toolchain"]["channel"].as_str().expect("a channel").to_owned()
}

fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[test]
fn workflow_jobs_are_complete_and_need_only_each_other() {
    for (path, workflow) in workflows() {
        assert!(!workflow.name.is_empty() && !workflow.on.is_empty(), "{path}");
        assert!(
            workflow.concurrency.group.contains("github.ref"),
            "{path}: one run at a time per branch"
        );
        assert_eq!(workflow.env["CARGO_INCREMENTAL"], "0", "{path}");
        let shell = workflow.defaults.as_ref().map(|defaults| defaults["run"]["shell"].as_str());
        assert_eq!(shell, Some("bash"), "{path}: a container's default shell is sh");
        for (name, job) in &workflow.jobs {
            let place = format!("{path}: {name}");
            let needs = match &job.needs {
                None => &[][..],
                Some(OneOrMore::One(one)) => std::slice::from_ref(one),
                Some(OneOrMore::More(more)) => more,
            };
            for needed in needs {
                assert!(
                    needed != name && workflow.jobs.contains_key(needed),
                    "{place} needs {needed}"
                );
            }
            if job.uses.is_some() {
                assert!(
                    job.steps.is_empty() && job.runs_on.is_none(),
                    "{place} has steps and uses"
                );
                continue;
            }
            assert!(!job.steps.is_empty(), "{place} has no steps");
            let runner = job.runs_on.as_deref().unwrap_or_else(|| panic!("{place} has no runner"));
            assert!(!runner.ends_with("latest"), "{place}: {runner} changes without a commit");
            assert!(
                job.timeout_minutes.is_some_and(|minutes| minutes <= 120),
                "{place} has no time limit"
            );
            for step in &job.steps {
                assert!(step.uses.is_some() != step.run.is_some(), "{place}: a step uses or runs");
            }
        }
    }
}

#[test]
fn workflow_tokens_write_only_where_a_job_says_so() {
    for (path, workflow) in workflows() {
        let read_only: Vec<_> = workflow.permissions.iter().collect();
        assert_eq!(read_only, [(&"contents".to_owned(), &"read".to_owned())], "{path}");
        for (name, job) in &workflow.jobs {
            let writes = job.permissions.iter().flatten().any(|(_, access)| access == "write");
            let expected =
                path.ends_with("release.yml") && matches!(name.as_str(), "image" | "publish");
            assert_eq!(writes, expected, "{path}: {name}");
            for step in &job.steps {
                let checks_out =
                    step.uses.as_deref().is_some_and(|uses| uses.starts_with("actions/checkout@"));
                let keeps = step.with.get("persist-credentials") != Some(&Value::Bool(false));
                assert!(!(checks_out && keeps), "{path}: {name}: the checkout keeps the token");
            }
        }
    }
}

#[test]
fn workflow_actions_are_pinned_to_a_commit_and_name_its_version() {
    let mut seen = 0;
    for (path, workflow) in workflows() {
        let jobs = workflow.jobs.values();
        let uses = jobs.flat_map(|job| {
            job.uses.iter().chain(job.steps.iter().filter_map(|step| step.uses.as_ref()))
        });
        for action in uses {
            seen += 1;
            if let Some(local) = action.strip_prefix("./") {
                assert!(root().join(local).is_file(), "{path}: {action} is not there");
                continue;
            }
            let (name, reference) =
                action.split_once('@').unwrap_or_else(|| panic!("{path}: {action} has no version"));
            assert!(
                name.contains('/') && is_commit(reference),
                "{path}: {action} is not pinned to a commit"
            );
            let line = format!("uses: {action} # v");
            assert!(
                text(&path).contains(&line),
                "{path}: {action} does not name its version in a comment"
            );
        }
    }
    assert!(seen > 0);
}

#[test]
fn workflow_steps_run_targets_and_scripts_that_exist() {
    let makefile = text("Makefile");
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(':').map(|(target, _)| target))
        .collect();
    let words = |run: &str| run.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for_each_run(|place, run| {
        for line in run.lines() {
            if let [program, target, ..] = &words(line)[..]
                && program == "make"
            {
                assert!(
                    targets.contains(target.as_str()),
                    "{place}: the Makefile has no target {target}"
                );
            }
        }
        for word in words(run) {
            if ["scripts/", "deploy/"].iter().any(|folder| word.starts_with(folder)) {
                assert!(root().join(&word).is_file(), "{place}: {word} is not there");
            }
        }
    });
    let ci: Workflow = yaml(&format!("{WORKFLOWS}/ci.yml"));
    let runs: String =
        ci.jobs.values().flat_map(|job| &job.steps).filter_map(|step| step.run.clone()).collect();
    for target in ["lint", "test", "deny", "links", "shellcheck"] {
        assert!(runs.contains(&format!("make {target}")), "no job runs make {target}");
    }
}

#[test]
fn toolchain_is_the_same_in_every_file_that_names_one() {
    let toolchain = toolchain();
    assert_pinned(&format!("rust:{toolchain}"));
    let cargo: toml::Table = text("Cargo.toml").parse().expect("TOML");
    let in_workspace = cargo.get("workspace").and_then(|workspace| workspace.get("package"));
    let minimum = [cargo.get("package"), in_workspace]
        .into_iter()
        .flatten()
        .find_map(|package| package.get("rust-version").and_then(toml::Value::as_str));
    assert_eq!(Some(toolchain.rsplit_once('.').expect("three numbers").0), minimum, "rust-version");
    let image = format!("rust:{toolchain}-");
    assert!(text("deploy/Dockerfile").contains(&format!("FROM {image}")), "deploy/Dockerfile");
    let mut seen = 0;
    for (path, workflow) in workflows() {
        for (name, container) in
            workflow.jobs.iter().filter_map(|(name, job)| Some((name, job.container.as_ref()?)))
        {
            assert_pinned(container);
            assert!(
                !container.starts_with("rust:") || container.starts_with(&image),
                "{path}: {name}: {container}"
            );
            seen += usize::from(container.starts_with(&image));
        }
    }
    assert!(seen > 0, "no job builds with {toolchain}");
}

#[test]
fn issue_forms_have_known_fields_with_ids_and_labels() {
    for path in yaml_files(FORMS).into_iter().filter(|path| !path.ends_with("/config.yml")) {
        let form: Form = yaml(&path);
        assert!(
            !form.name.is_empty() && !form.description.is_empty() && !form.labels.is_empty(),
            "{path}"
        );
        let mut ids = BTreeSet::new();
        for field in &form.body {
            let attributes = &field.attributes;
            if field.r#type == "markdown" {
                assert!(attributes.value.is_some() && field.id.is_none(), "{path}");
                continue;
            }
            let id = field
                .id
                .as_deref()
                .unwrap_or_else(|| panic!("{path}: a {} without id", field.r#type));
            assert!(ids.insert(id), "{path}: {id} is there twice");
            assert!(attributes.label.is_some(), "{path}: {id} has no label");
            assert!(field.validations.keys().all(|key| key == "required"), "{path}: {id}");
            match field.r#type.as_str() {
                "input" | "textarea" => assert!(attributes.options.is_none(), "{path}: {id}"),
                "dropdown" => assert!(
                    attributes.options.as_ref().is_some_and(|options| options.len() > 1),
                    "{path}"
                ),
                other => panic!("{path}: {id}: {other} is not a type of field"),
            }
        }
        assert!(!ids.is_empty(), "{path} asks for nothing");
    }
}

/// Creates a separate tree with the files that `scripts/check-release` reads.
fn release_tree(changelog: &str) -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    let copied = [
        "scripts/check-release",
        "Cargo.toml",
        "deploy/kubernetes/kustomization.yaml",
        "deploy/compose/docker-compose.yml",
    ];
    for path in copied {
        let target: PathBuf = tree.path().join(path);
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder is made");
        std::fs::copy(root().join(path), target).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    std::fs::write(tree.path().join("CHANGELOG.md"), changelog).expect("the changelog is written");
    tree
}

#[test]
fn release_check_wants_one_version_everywhere_and_a_day() {
    let version = env!("CARGO_PKG_VERSION");
    let check = |changelog: &str, tag: &str| {
        let tree = release_tree(changelog);
        let script = tree.path().join("scripts/check-release");
        std::process::Command::new(script).arg(tag).output().expect("check-release starts")
    };
    let dated = format!(
        "# Changelog\n\n## {version} - 2026-12-01\n\n- One.\n\n## 0.0.1 - 2025-12-01\n\n- Old.\n"
    );
    let right = check(&dated, &format!("v{version}"));
    assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
    assert_eq!(String::from_utf8_lossy(&right.stdout).trim(), "- One.");

    let undated = dated.replace("2026-12-01", "unreleased");
    let wrong = check(&undated, &format!("v{version}"));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("CHANGELOG.md"));
    let other = check(&dated, "v99.0.0");
    assert_eq!(other.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&other.stderr).into_owned();
    for file in ["Cargo.toml", "kustomization.yaml", "docker-compose.yml", "CHANGELOG.md"] {
        assert!(errors.contains(file), "{errors}");
    }
    assert_eq!(check(&dated, "latest").status.code(), Some(2));
}
