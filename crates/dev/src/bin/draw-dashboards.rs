//! Draws the dashboards: `draw-dashboards answers.json folder`, with the answers of
//! `grafana/draw/collect.mjs`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [answers, folder] = &arguments[..] else {
        eprintln!("usage: draw-dashboards answers.json folder");
        return ExitCode::from(2);
    };
    let folder =
        Path::new(folder).canonicalize().unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut code = ExitCode::SUCCESS;
    for (name, report) in nabiz_dev::dashboards::draw(Path::new(answers), &folder) {
        println!("{}", report["image"].as_str().unwrap_or_default());
        for fault in report["faults"].as_array().into_iter().flatten() {
            eprintln!("{name}: {fault}");
            code = ExitCode::FAILURE;
        }
    }
    code
}
