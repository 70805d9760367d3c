//! A plan as tables for people: of a day every step, of several days the agents by time and day.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use nabiz_core::time::Timestamp;

use crate::plan::{
    Basis, DayRow, Method, Missing, Plan, PoolPlan, SeriesPlan, StepRow, class_word, missing_words,
};

/// Writes the plan of each queue, then the pools.
///
/// # Errors
/// The error of `out`.
pub(super) fn write_table(plan: &Plan, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    for (index, series) in plan.series.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_series(plan, series, zone, out)?;
    }
    for pool in &plan.pools {
        write_pool(pool, zone, out)?;
    }
    Ok(())
}

fn write_series(
    plan: &Plan,
    series: &SeriesPlan,
    zone: &TimeZone,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = printable(&series.name);
    let queue = printable(&series.queue);
    let shown = if name == queue { queue } else { format!("{name} ({queue})") };
    writeln!(out, "{shown}, {}", printable(&series.channel))?;
    for line in basis_lines(&series.basis) {
        writeln!(out, "  {line}")?;
    }
    for note in &series.notes {
        writeln!(out, "  ! {}", printable(note))?;
    }
    match plan.days.len() {
        1 => write_steps(series, zone, out)?,
        _ => write_week(series, zone, out)?,
    }
    write_days(series, out)
}

/// Returns what the plan goes by.
fn basis_lines(basis: &Basis) -> Vec<String> {
    let mut lines = Vec::new();
    let learned = match basis.dates {
        Some((first, last)) => format!("learned from {} days, {first} to {last}", basis.days),
        None => "no complete day to learn from".to_string(),
    };
    let growth = basis
        .weekly_growth
        .map(|growth| format!("; trend {:+.1} % a week", growth * 100.0))
        .unwrap_or_default();
    let error = basis
        .error
        .map(|(wape, floor)| {
            format!(
                "; error {:.1} % of what came, chance alone makes {:.1} %",
                wape * 100.0,
                floor * 100.0
            )
        })
        .unwrap_or_default();
    lines.push(format!("{learned}{growth}{error}"));
    let aht = match basis.aht_seconds {
        Some(aht) => format!("handle time {aht:.0} s (n = {:.0})", basis.handled),
        None => "handle time not known: no contact was handled".to_string(),
    };
    lines.push(match basis.method {
        Method::Backlog => aht,
        Method::ErlangA | Method::ErlangC => format!("{aht}; {}", patience_words(basis)),
    });
    if basis.method != Method::Backlog {
        lines.push(format!(
            "target {:.0} % within {:.0} s, at most {:.0} % abandoned{}",
            basis.target_service_level * 100.0,
            basis.target_seconds,
            basis.max_abandonment * 100.0,
            basis
                .max_occupancy
                .map(|share| format!(", agents busy at most {:.0} %", share * 100.0))
                .unwrap_or_default()
        ));
    }
    lines.push(shrinkage_words(basis));
    lines
}

fn patience_words(basis: &Basis) -> String {
    match (basis.patience, basis.patience_seconds) {
        (Some(measured), used) => {
            let measured_words = format!(
                "patience {:.0} s (95 %: {:.0} to {:.0} s, n = {})",
                measured.mean_seconds,
                measured.low_seconds,
                measured.high_seconds,
                measured.abandonments
            );
            match used {
                Some(used) if (used - measured.mean_seconds).abs() > 0.05 => {
                    format!("{measured_words}, taken as {used:.0} s")
                }
                _ => measured_words,
            }
        }
        (None, Some(given)) => format!(
            "patience taken as {given:.0} s; measured: not enough abandons (n = {})",
            basis.long_abandons
        ),
        (None, None) => format!(
            "patience: not enough abandons (n = {}, 30 needed), so nobody is expected to abandon \
             (Erlang C)",
            basis.long_abandons
        ),
    }
}

fn shrinkage_words(basis: &Basis) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let in_shift = match (basis.given_shrinkage, basis.paused_share) {
        (Some(given), _) => format!("{} of a shift by configuration", percent(given)),
        (None, Some(paused)) => format!("{} of a shift in pauses", percent(paused)),
        (None, None) => return "scheduled agents not known: the history has no agents".to_string(),
    };
    let absence = match basis.absence {
        Some(absence) => format!("{} absent", percent(absence)),
        None => "absence not known (planning.absence)".to_string(),
    };
    let all =
        basis.shrinkage.map_or(String::new(), |share| format!("shrinkage {}: ", percent(share)));
    format!("{all}{in_shift}, {absence}")
}

/// Writes every step of a day.
fn write_steps(series: &SeriesPlan, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    let has_what_if = series.rows.iter().any(|row| row.what_if.is_some());
    let has_simulated = series.rows.iter().any(|row| row.simulated.is_some());
    let mut header: Vec<&str> = vec![
        "time",
        "forecast",
        "p10-p90",
        "came",
        "aht",
        "agents",
        "level",
        "-1",
        "+1",
        "abandon",
        "asa",
        "busy",
        "schedule",
        "there",
        "level there",
    ];
    if has_what_if {
        header.extend(["what if", "level"]);
    }
    if has_simulated {
        header.push("simulated");
    }
    let mut lines = vec![header.into_iter().map(str::to_string).collect::<Vec<String>>()];
    for row in series.rows.iter().filter(|row| row.open) {
        let mut line = step_line(row, zone);
        if has_what_if {
            line.push(number(row.what_if.map(|(agents, _)| f64::from(agents)), 0));
            let figures = row.what_if.and_then(|(_, figures)| figures);
            line.push(percent(figures.map(|figures| figures.service_level)));
        }
        if has_simulated {
            line.push(percent(row.simulated.and_then(|simulated| simulated.service_level)));
        }
        lines.push(line);
    }
    write_lines(&lines, out)?;
    write_missing(series, out)
}

fn step_line(row: &StepRow, zone: &TimeZone) -> Vec<String> {
    let figures = row.expected;
    let star = |text: String, is_star: bool| if is_star { format!("{text}*") } else { text };
    vec![
        time_text(row.range.start, zone),
        number(row.forecast.map(|expected| expected.mean), 1),
        row.forecast
            .map(|expected| format!("{:.0}-{:.0}", expected.p10, expected.p90))
            .unwrap_or_default(),
        number(row.offered, 0),
        number(row.aht.map(|(aht, _)| aht), 0),
        number(row.agents.map(f64::from), 0),
        percent(figures.map(|figures| figures.service_level)),
        percent(row.one_fewer.map(|figures| figures.service_level)),
        percent(row.one_more.map(|figures| figures.service_level)),
        percent(figures.map(|figures| figures.abandonment)),
        number(figures.and_then(|figures| figures.mean_answer_seconds), 1),
        percent(figures.and_then(|figures| figures.occupancy)),
        number(row.scheduled.map(f64::from), 0),
        star(
            number(row.there.map(|there| there.agents), 1),
            row.there.is_some_and(|there| !there.measured),
        ),
        percent(row.there.and_then(|there| there.service_level)),
    ]
}

/// Writes the agents by time of day and day.
fn write_week(series: &SeriesPlan, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    let mut numbers: Vec<(usize, String)> = Vec::new();
    for row in series.rows.iter().filter(|row| row.open) {
        if !numbers.iter().any(|(number, _)| *number == row.number) {
            numbers.push((row.number, time_text(row.range.start, zone)));
        }
    }
    numbers.sort_by_key(|(number, _)| *number);
    let mut header = vec!["agents".to_string()];
    header.extend(series.day_rows.iter().map(|day| {
        let weekday: String = day.date.strftime("%a %d").to_string();
        weekday
    }));
    let mut lines = vec![header];
    for (number, time) in numbers {
        let mut line = vec![time];
        for day in 0..series.day_rows.len() {
            let mut rows = series.rows.iter().filter(|row| row.day == day && row.number == number);
            line.push(rows.next().map_or(String::new(), cell));
        }
        lines.push(line);
    }
    write_lines(&lines, out)?;
    write_missing(series, out)
}

fn cell(row: &StepRow) -> String {
    match (row.open, row.agents, row.forecast) {
        (false, ..) => String::new(),
        (true, Some(agents), _) => agents.to_string(),
        (true, None, _) => "?".to_string(),
    }
}

/// Says why steps have no agents.
fn write_missing(series: &SeriesPlan, out: &mut impl Write) -> io::Result<()> {
    let mut reasons: Vec<(Missing, usize)> = Vec::new();
    for missing in series.rows.iter().filter(|row| row.open).filter_map(|row| row.missing) {
        match reasons.iter_mut().find(|(known, _)| *known == missing) {
            Some((_, count)) => *count += 1,
            None => reasons.push((missing, 1)),
        }
    }
    for (missing, count) in reasons {
        writeln!(out, "  ? {count} steps: {}", missing_words(missing))?;
    }
    Ok(())
}

/// Writes a line for each day.
fn write_days(series: &SeriesPlan, out: &mut impl Write) -> io::Result<()> {
    let header = [
        "day",
        "kind",
        "like days",
        "forecast",
        "p10-p90",
        "came",
        "agent hours",
        "schedule hours",
        "hours there",
    ];
    let mut lines = vec![header.map(str::to_string).to_vec()];
    for day in &series.day_rows {
        lines.push(day_line(day));
    }
    write_lines(&lines, out)
}

fn day_line(day: &DayRow) -> Vec<String> {
    let closed = matches!(day.missing, Some(Missing::Closed));
    vec![
        day.date.to_string(),
        if closed { "closed".to_string() } else { printable(class_word(&day.class)) },
        day.like_days.to_string(),
        number(day.forecast.map(|expected| expected.mean), 0),
        day.forecast
            .map(|expected| format!("{:.0}-{:.0}", expected.p10, expected.p90))
            .unwrap_or_default(),
        number(day.offered, 0),
        number(day.agent_hours, 1),
        number(day.scheduled_hours, 1),
        number(day.there_hours, 1),
    ]
}

fn write_pool(pool: &PoolPlan, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    let queues: Vec<String> = pool.queues.iter().map(|queue| printable(queue)).collect();
    writeln!(out, "\npool {}: {}", printable(&pool.name), queues.join(", "))?;
    let mut lines = vec![["time", "apart", "pooled"].map(str::to_string).to_vec()];
    for row in &pool.rows {
        lines.push(vec![
            moment_text(row.range.start, zone),
            row.apart.to_string(),
            row.pooled.to_string(),
        ]);
    }
    write_lines(&lines, out)?;
    for note in &pool.notes {
        writeln!(out, "  ! {note}")?;
    }
    Ok(())
}

/// Writes lines in aligned columns: the first to the left, the others to the right.
fn write_lines(lines: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for line in lines {
        let mut text = String::from("  ");
        for (index, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let spaces = " ".repeat(width.saturating_sub(cell.chars().count()));
            match index {
                0 => text.extend([cell.as_str(), spaces.as_str()]),
                _ => text.extend(["  ", spaces.as_str(), cell.as_str()]),
            }
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn number(number: Option<f64>, decimals: usize) -> String {
    number.map_or(String::new(), |number| format!("{number:.decimals$}"))
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{:.0}%", ratio * 100.0))
}

fn time_text(time: Timestamp, zone: &TimeZone) -> String {
    local_text(time, zone, "%H:%M")
}

fn moment_text(time: Timestamp, zone: &TimeZone) -> String {
    local_text(time, zone, "%a %d %H:%M")
}

fn local_text(time: Timestamp, zone: &TimeZone, format: &str) -> String {
    match jiff::Timestamp::from_millisecond(time.get()) {
        Ok(time) => zone.to_datetime(time).strftime(format).to_string(),
        Err(_) => String::new(),
    }
}

/// Replaces control characters: ids come from events, and a terminal would execute them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
