//! `benches/RESULTS.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Plan;

/// The results so far.
pub struct Report {
    text: String,
    path: PathBuf,
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default();
    format!("{cores} cores ({}), {} GiB", model.trim_start_matches([':', ' ', '\t']), kib >> 20)
}

impl Report {
    pub fn new(plan: &Plan) -> Report {
        let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
        let path = std::env::var_os("BENCH_RESULTS").map_or(default, PathBuf::from);
        let mut text = String::from(
            "# Results\n\nWritten by `make bench`. What is measured, and how, stands in `benches/README.md`.\n\n",
        );
        let _ = writeln!(text, "| | |\n|---|---|");
        let rows = [
            ("date", output("date", &["-u", "+%F"])),
            ("commit", output("git", &["describe", "--always", "--dirty"])),
            ("machine", machine()),
            ("system", output("uname", &["-sr"])),
            ("compiler", output("rustc", &["--version"])),
            ("broker", "Apache Kafka 4.3.1, one node on the same machine, on loopback".to_owned()),
            ("events", plan.events.to_string()),
            ("rounds", plan.rounds.to_string()),
        ];
        for (name, value) in rows {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        Report { text, path }
    }

    /// Adds a section.
    pub fn add(&mut self, section: String) {
        eprintln!("{section}");
        let _ = write!(self.text, "\n{section}");
    }

    pub fn write(&self) {
        fs::write(&self.path, &self.text)
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
    }
}

/// Returns a row of a table.
pub fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the head of a table.
pub fn head(cells: &[&str]) -> String {
    format!("| {} |\n|{}\n", cells.join(" | "), "---|".repeat(cells.len()))
}

/// Bytes in MiB.
pub fn mib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / f64::from(1 << 20))
}
