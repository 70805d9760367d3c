//! The dashboards as files: panels, variables, annotations, and the expressions in them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One dashboard.
pub struct Dashboard {
    /// Name of the file, without its ending.
    pub name: String,
    /// The content of the file.
    pub json: Value,
}

/// How a dashboard uses the answer to an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Points over time.
    Graph,
    /// One number, or rows of a table, at the end of the period.
    Instant,
    /// Values to choose from, or marks in the graphs.
    Aside,
}

/// One PromQL expression, as it is written in a dashboard.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Dashboard, panel and query, for messages.
    pub place: String,
    /// With Grafana's variables in it.
    pub text: String,
    /// How the dashboard uses its answer.
    pub used: Use,
}

/// Returns the root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every dashboard, by name.
pub fn all() -> Vec<Dashboard> {
    let folder = root().join("grafana/dashboards");
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("a dashboard");
        let json = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Dashboard { name, json }
    };
    files.iter().map(read).collect()
}

/// Returns the elements of an array; none where there is no array.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns the text of a value; empty where it is not a text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Dashboard {
    /// Returns the panels, without headings.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json["panels"]).iter().filter(|panel| panel["type"] != "row")
    }

    /// Returns the variables.
    pub fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"])
    }

    /// Returns every PromQL expression: of the panels, the variables and the annotations.
    pub fn expressions(&self) -> Vec<Expression> {
        let mut found = Vec::new();
        for panel in self.panels() {
            for target in list(&panel["targets"]).iter().filter(|target| target["expr"].is_string())
            {
                found.push(Expression {
                    place: format!(
                        "{}: {}: {}",
                        self.name,
                        text(&panel["title"]),
                        text(&target["refId"])
                    ),
                    text: text(&target["expr"]).to_owned(),
                    used: if target["instant"] == true { Use::Instant } else { Use::Graph },
                });
            }
        }
        for variable in self.variables() {
            if let Some(expression) = expression_of_variable(text(&variable["query"]["query"])) {
                let place = format!("{}: variable {}", self.name, text(&variable["name"]));
                found.push(Expression { place, text: expression.to_owned(), used: Use::Aside });
            }
        }
        for annotation in list(&self.json["annotations"]["list"]) {
            let place = format!("{}: annotation {}", self.name, text(&annotation["name"]));
            found.push(Expression {
                place,
                text: text(&annotation["target"]["expr"]).to_owned(),
                used: Use::Aside,
            });
        }
        found
    }
}

/// Returns the expression in `label_values(expression, label)` and `query_result(expression)`.
fn expression_of_variable(query: &str) -> Option<&str> {
    let of_labels = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", "));
    let of_result = || query.strip_prefix("query_result(").and_then(|rest| rest.strip_suffix(')'));
    of_labels.map(|(expression, _)| expression).or_else(of_result)
}

/// Names that the recording rules make.
pub fn recorded_names() -> Vec<String> {
    let rules = std::fs::read_to_string(rules_file()).expect("the recording rules");
    let name =
        |line: &str| Some(line.trim().strip_prefix("- record: ")?.trim_matches('"').to_owned());
    let names: Vec<String> = rules.lines().filter_map(name).collect();
    assert!(
        !names.is_empty(),
        "the recording rules are written in another way than this test reads"
    );
    names
}

/// Returns the path of the recording rules.
pub fn rules_file() -> PathBuf {
    root().join("deploy/prometheus/nabiz.rules.yml")
}
