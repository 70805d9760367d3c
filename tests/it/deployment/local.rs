//! `deploy/local/`: what is tried in compressed time is what is shipped.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{root, text};
use nabiz_dev::tool;

const FACTOR: u64 = 60;
const COMPRESSED: [&str; 4] = [
    "deploy/prometheus/nabiz.rules.yml",
    "deploy/prometheus/nabiz.alerts.yml",
    "deploy/prometheus/prometheus.yml",
    "deploy/alertmanager/alertmanager.yml",
];
/// Keys whose values are durations.
const KEYS: [&str; 10] = [
    "for",
    "keep_firing_for",
    "interval",
    "scrape_interval",
    "scrape_timeout",
    "evaluation_interval",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "resolve_timeout",
];

fn run(script: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(root().join("deploy/local").join(script))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .expect("perl runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).expect("text"))
    } else {
        Err(error)
    }
}

/// Milliseconds of a duration of Prometheus, such as `1h30m`.
fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        total += number
            * match &rest[digits..unit] {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 604_800_000,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (!text.is_empty()).then_some(total)
}

/// Returns a line with a mark where its durations are, and the durations.
fn durations(line: &str) -> (String, Vec<u64>) {
    if let Some((key, value)) = line.trim_start().trim_start_matches("- ").split_once(": ")
        && KEYS.contains(&key)
        && let Some(ms) = duration_ms(value)
    {
        return (line.replace(value, "*"), vec![ms]);
    }
    let mut found = Vec::new();
    let mut mark = |text: &str| match duration_ms(text) {
        Some(ms) => {
            found.push(ms);
            "*".to_owned()
        }
        None => text.to_owned(),
    };
    let mut marked = String::new();
    let mut rest = line;
    while let Some((at, opening)) = [("[", "["), ("offset ", "offset ")]
        .iter()
        .filter_map(|(key, text)| Some((rest.find(key)?, *text)))
        .min()
    {
        let (before, after) = rest.split_at(at + opening.len());
        marked.push_str(before);
        let end = after.find(['[', ']', ' ', ')', '`']).unwrap_or(after.len());
        let parts: Vec<String> = after[..end].split(':').map(&mut mark).collect();
        marked.push_str(&parts.join(":"));
        rest = &after[end..];
    }
    marked.push_str(rest);
    (marked, found)
}

#[test]
fn compress_divides_every_duration_and_nothing_else() {
    let mut divided = 0;
    for path in COMPRESSED {
        let compressed = run("compress", &[&FACTOR.to_string(), path])
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let shipped = text(path);
        assert_eq!(shipped.lines().count(), compressed.lines().count(), "{path}");
        for (before, after) in shipped.lines().zip(compressed.lines()) {
            let ((text, all_ms), (compressed, all_compressed_ms)) =
                (durations(before), durations(after));
            assert_eq!(text, compressed, "{path}: something else was changed");
            let expected_ms: Vec<u64> = all_ms.iter().map(|ms| ms / FACTOR).collect();
            assert_eq!(all_compressed_ms, expected_ms, "{path}: {before}");
            divided += all_ms.len();
        }
        assert_eq!(
            run("compress", &["1", path]).as_deref().map(durations_of),
            Ok(durations_of(&shipped))
        );
    }
    assert!(divided > 120, "only {divided} durations");
    let ours = |line: &str| durations(line).1;
    assert_eq!(ours("  x:increase30m[30d:1h] offset 1w)"), [2_592_000_000, 3_600_000, 604_800_000]);
    assert_eq!(ours("        for: 1h30m"), [5_400_000]);
    assert_eq!(ours("  description: over the last 30 minutes for 5m"), [] as [u64; 0]);
}

fn durations_of(text: &str) -> Vec<u64> {
    text.lines().flat_map(|line| durations(line).1).collect()
}

#[test]
fn compress_rejects_a_duration_that_cannot_be_divided() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, "for: 100ms\n").expect("a file");
    let file = file.display().to_string();
    let error =
        run("compress", &["60", &file]).expect_err("100 ms are not 60 times whole milliseconds");
    assert!(error.contains("100ms cannot be divided by 60"), "{error}");
    assert!(run("compress", &["0", &file]).is_err_and(|error| error.starts_with("usage")));
}

/// The programs' own checks of the compressed files.
#[test]
#[ignore = "needs promtool and amtool (make test)"]
fn prometheus_and_alertmanager_accept_the_compressed_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(Path::new(path).file_name().expect("a name"));
        std::fs::write(&path, text).expect("a file");
        path
    };
    let check = |tool: &str, words: &[&str], file: &Path| {
        let output = Command::new(tool).args(words).arg(file).output().expect("it runs");
        let said = [&output.stdout[..], &output.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{tool}: {}", said.concat());
    };
    let factor = FACTOR.to_string();
    for path in &COMPRESSED[..2] {
        write(path, &run("compress", &[&factor, path]).expect("it is compressed"));
    }
    let prometheus = write(
        "prometheus.yml",
        &run("compress", &[&factor, COMPRESSED[2]]).expect("it is compressed"),
    );
    check(tool(&["promtool"]), &["check", "config"], &prometheus);
    let routes = run("alertmanager", &[&factor, "http://127.0.0.1:9/"]).expect("it is made");
    let file = write("alertmanager.yml", &routes);
    check(tool(&["amtool"]), &["check-config"], &file);
    // No other receiver gets a notification, at any hour, and each route still has its receiver.
    assert!(
        !routes.contains("email_configs") && !routes.contains("_time_intervals: ["),
        "{routes}"
    );
    let shipped = text("deploy/alertmanager/alertmanager.yml");
    let receivers = |text: &str| {
        let (_, receivers) = text.split_once("\nreceivers:\n").expect("receivers");
        receivers
            .lines()
            .filter(|line| line.starts_with("  - name: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(receivers(&routes), receivers(&shipped));
    assert_eq!(routes.matches("url: \"http://127.0.0.1:9/\"").count(), receivers(&shipped).len());
}
