//! Errors of our forecast beside those of simple rules and of other libraries: benches/README.md.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "the weeks are those of the tests, which stop where something is missing"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nabiz_planning::accuracy::{poisson_floor_of, wape};
use nabiz_planning::forecast::{Day, ForecastOptions, Forecaster, TargetDay};

#[path = "../tests/it/bank.rs"]
mod bank;
#[path = "../tests/it/weeks.rs"]
mod weeks;

use weeks::{Queue, STEPS};

const PEERS: [&str; 2] = ["augurs", "statsforecast"];
/// Means of the busiest half hour of the simulated queues.
const PEAKS: [f64; 1] = [50.0];
const LIKE_DAYS: [i64; 2] = [2, 8];
/// Weeks that are forecast for each simulated column.
const SEEDS: u64 = 2;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A week to forecast.
struct Task {
    past: Vec<Day>,
    week: Vec<Day>,
    /// True means of the steps, where they are known.
    truth: Option<Vec<f64>>,
}

/// A forecast of the steps of a week, and of its days where a model forecasts these apart.
struct Forecast {
    name: String,
    steps: Vec<f64>,
    days: Vec<f64>,
}

/// Errors of one model: a cell for each column.
struct Row {
    name: String,
    cells: Vec<Option<f64>>,
}

fn main() -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut notes = Vec::new();
    let mut peers = Vec::new();
    for name in PEERS {
        match build(&root, name) {
            Ok(version) => {
                notes.push(version);
                peers.push(name);
            }
            Err(reason) => notes.push(format!("{name} did not take part: {reason}")),
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let days = bank::days();
    let (past, week) = days.split_at(14);
    let bank = Task { past: past.to_vec(), week: week.to_vec(), truth: None };
    for forecast in forecasts(&root, &peers, &bank)? {
        let cells = vec![Some(bank.error_of_steps(&forecast)), Some(bank.error_of_days(&forecast))];
        rows.push(Row { name: forecast.name, cells });
    }
    for peak in PEAKS {
        for weeks in LIKE_DAYS {
            eprintln!("simulated weeks: {peak} calls in the busiest half hour, {weeks} weeks");
            simulate(&root, &peers, &mut rows, Queue::steady(peak), weeks)?;
        }
    }
    println!("{}", report(&rows, &notes)?);
    Ok(())
}

/// Adds the column of a simulated queue: WAPE over its floor.
fn simulate(
    root: &Path,
    peers: &[&str],
    rows: &mut [Row],
    queue: Queue,
    weeks: i64,
) -> Outcome<()> {
    let mut missed: Vec<Option<f64>> = vec![Some(0.0); rows.len()];
    let mut floor = 0.0;
    for seed in 0..SEEDS {
        let task = Task::simulated(queue, weeks, seed);
        let means = task.truth.clone().unwrap_or_default();
        let came: f64 = task.counts().iter().sum();
        floor += poisson_floor_of(means.iter().copied()).unwrap_or(0.0) * means.iter().sum::<f64>();
        let forecasts = forecasts(root, peers, &task)?;
        for (row, missed) in rows.iter().zip(&mut missed) {
            let forecast = forecasts.iter().find(|forecast| forecast.name == row.name);
            let error = forecast.map(|forecast| task.error_of_steps(forecast) * came);
            *missed = missed.zip(error).map(|(sum, error)| sum + error);
        }
    }
    for (row, missed) in rows.iter_mut().zip(missed) {
        row.cells.push(missed.map(|missed| missed / floor));
    }
    Ok(())
}

impl Task {
    fn simulated(queue: Queue, weeks: i64, seed: u64) -> Self {
        let days = queue.draw(weeks + 1, seed);
        let (past, week) = days.split_at(days.len() - 7);
        let steps = |day: &Day| (0..STEPS).map(move |step| (day.date, step)).collect::<Vec<_>>();
        let truth = week.iter().flat_map(steps).map(|(date, step)| queue.mean(date, step));
        let truth = Some(truth.collect());
        Self { past: past.to_vec(), week: week.to_vec(), truth }
    }

    fn counts(&self) -> Vec<f64> {
        counts(&self.week)
    }

    fn error_of_steps(&self, forecast: &Forecast) -> f64 {
        wape(self.counts().into_iter().zip(forecast.steps.iter().copied())).unwrap_or(f64::NAN)
    }

    fn error_of_days(&self, forecast: &Forecast) -> f64 {
        let days = by_day(&self.counts());
        wape(days.into_iter().zip(forecast.days.iter().copied())).unwrap_or(f64::NAN)
    }
}

fn counts(days: &[Day]) -> Vec<f64> {
    days.iter().flat_map(|day| &day.steps).copied().flatten().collect()
}

fn by_day(steps: &[f64]) -> Vec<f64> {
    steps.chunks(STEPS).map(|day| day.iter().sum()).collect()
}

/// Returns the forecasts of a week by ours, the simple rules, and the peers.
fn forecasts(root: &Path, peers: &[&str], task: &Task) -> Outcome<Vec<Forecast>> {
    let forecaster = Forecaster::learn(&task.past, ForecastOptions::default())?;
    let mut steps = Vec::new();
    for day in &task.week {
        let forecast = forecaster.day(&TargetDay { date: day.date, class: day.class.clone() })?;
        steps.extend(forecast.steps.iter().flatten().map(|step| step.mean));
    }
    let past = counts(&task.past);
    let week = 7 * STEPS;
    let weeks: Vec<&[f64]> = past.chunks(week).collect();
    let last = weeks.last().map(|week| week.to_vec()).unwrap_or_default();
    let sum_of = |step: usize| weeks.iter().filter_map(|week| week.get(step)).sum::<f64>();
    let mean = (0..week).map(|step| sum_of(step) / weeks.len() as f64).collect();
    let mut forecasts: Vec<Forecast> =
        [("nabiz", steps), ("last week", last), ("mean of the weeks before", mean)]
            .into_iter()
            .map(|(name, steps): (&str, Vec<f64>)| Forecast {
                name: name.into(),
                days: by_day(&steps),
                steps,
            })
            .collect();
    for peer in peers {
        let days = ask(root, peer, &[7, 7], &by_day(&past))?;
        for (model, steps) in ask(root, peer, &[week, STEPS, week], &past)? {
            // A model of days is named by its own season.
            let of_days = model.replace("season 48", "season 7");
            let own = days.iter().find(|(name, _)| *name == of_days);
            let days = own.map_or_else(|| by_day(&steps), |(_, days)| days.clone());
            forecasts.push(Forecast { name: format!("{peer}: {model}"), steps, days });
        }
    }
    Ok(forecasts)
}

/// Runs a peer on a series. `header` is the horizon and the seasons, all in steps.
fn ask(
    root: &Path,
    peer: &str,
    header: &[usize],
    series: &[f64],
) -> Outcome<Vec<(String, Vec<f64>)>> {
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let mut input = header.join(" ");
    for count in series {
        write!(input, "\n{count}")?;
    }
    input.push('\n');
    let mut child = Command::new(peer_file(root, peer, "run"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // The peer reads all before it writes, so that neither waits for the other.
    child.stdin.take().ok_or("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{peer}: {}", output.status).into());
    }
    let mut models = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let mut fields = line.split('\t');
        let name = fields.next().ok_or("a model without a name")?.to_owned();
        let values = fields.nth(1).ok_or("a model without values")?;
        let values = values.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        models.push((name, values));
    }
    Ok(models)
}

fn peer_file(root: &Path, peer: &str, file: &str) -> PathBuf {
    root.join("benches/peers").join(peer).join(file)
}

/// Builds a peer; returns its version line, or why it cannot be built.
fn build(root: &Path, peer: &str) -> Result<String, String> {
    let output =
        Command::new(peer_file(root, peer, "build")).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr).lines().last().unwrap_or("no reason given").to_owned()),
    }
}

fn report(rows: &[Row], notes: &[String]) -> Outcome<String> {
    let mut text = String::new();
    for note in notes {
        writeln!(text, "- {note}")?;
    }
    text.push_str("\n| model | bank, half hours | bank, days |");
    for peak in PEAKS {
        for weeks in LIKE_DAYS {
            write!(text, " {peak} calls, {weeks} weeks |")?;
        }
    }
    let columns = 3 + PEAKS.len() * LIKE_DAYS.len();
    writeln!(text, "\n|---|{}", "--:|".repeat(columns - 1))?;
    for row in rows {
        write!(text, "| {} |", row.name)?;
        for (column, cell) in row.cells.iter().enumerate() {
            match cell {
                Some(error) if column < 2 => write!(text, " {:.1} % |", 100.0 * error)?,
                Some(ratio) => write!(text, " {ratio:.2} |")?,
                None => text.push_str(" failed |"),
            }
        }
        text.push('\n');
    }
    Ok(text)
}
