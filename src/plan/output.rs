//! A plan as CSV and JSON.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use nabiz_planning::backlog::{WrittenFigures, WrittenStaffing};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::columns::{COLUMNS, QUEUE_COLUMNS, Row, TIME_COLUMNS, rounded};
use super::what_if::Change;
use super::whole::{Basis, DayRow, Plan, PoolPlan, SeriesPlan, SimulatedTotal};
use super::words::{class_word, method_word, missing_words};
use crate::ledger::history::{Cell, JsonValue, Layout, local_time, write_csv_record};

/// Writes a row for each step of each queue and channel: RFC 4180, with a header, in UTF-8.
///
/// # Errors
/// The error of `out`.
pub fn write_csv(plan: &Plan, zone: &TimeZone, mut out: &mut dyn Write) -> io::Result<()> {
    let columns = || TIME_COLUMNS.iter().chain(&QUEUE_COLUMNS).chain(&COLUMNS);
    let names: Vec<Cell<'_>> = columns().map(|(name, _)| Cell::Constant(name)).collect();
    let layout = Layout::default();
    write_csv_record(&names, &layout, zone, &mut out)?;
    for row in plan.series.iter().flat_map(rows) {
        let cells: Vec<Cell<'_>> = columns().map(|(_, cell)| cell(row)).collect();
        write_csv_record(&cells, &layout, zone, &mut out)?;
    }
    Ok(())
}

/// Writes a plan as one JSON object.
///
/// # Errors
/// The error of `out`.
pub fn write_json(plan: &Plan, zone: &TimeZone, out: &mut dyn Write) -> io::Result<()> {
    let time = |time| local_time(time, zone);
    let document = Document {
        from: time(plan.period.start),
        to: time(plan.period.end),
        step_seconds: u64::from(plan.step.minutes()) * 60,
        time_zone: &plan.time_zone,
        learned_until: plan.learned_until.to_string(),
        history_until: plan.history_until.map(time),
        now: plan.now.map(time),
        what_if: json!({
            "volume": change(plan.what_if.volume),
            "aht": change(plan.what_if.aht),
            "patience": change(plan.what_if.patience),
            "agents": change(plan.what_if.agents),
        }),
        queues: plan.series.iter().map(|plan| Series { plan, zone }).collect(),
        pools: plan.pools.iter().map(|pool| pool_json(pool, zone)).collect(),
    };
    serde_json::to_writer(&mut *out, &document)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Document<'a> {
    from: String,
    to: String,
    step_seconds: u64,
    time_zone: &'a str,
    learned_until: String,
    history_until: Option<String>,
    now: Option<String>,
    what_if: Value,
    queues: Vec<Series<'a>>,
    pools: Vec<Value>,
}

fn change(change: Option<Change>) -> Value {
    match change {
        None => Value::Null,
        Some(Change::Factor(factor)) => json!({ "factor": factor }),
        Some(Change::Plus(more)) => json!({ "plus": more }),
        Some(Change::Instead(number)) => json!({ "instead": number }),
    }
}

/// Returns the rows of a queue with what they belong to.
fn rows(plan: &SeriesPlan) -> impl Iterator<Item = Row<'_>> {
    plan.rows.iter().filter_map(move |row| {
        let day = plan.day_rows.get(row.day)?;
        Some(Row { plan, day, row })
    })
}

/// The plan of a queue. Rows are written one by one, because there may be many.
struct Series<'a> {
    plan: &'a SeriesPlan,
    zone: &'a TimeZone,
}

impl Serialize for Series<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            queue: &'a str,
            name: &'a str,
            channel: &'a str,
            basis: Value,
            notes: &'a [String],
            written: Option<Value>,
            simulated: Option<Value>,
            days: Vec<Value>,
            steps: Steps<'a>,
        }
        let plan = self.plan;
        let members = Members {
            queue: &plan.queue,
            name: &plan.name,
            channel: &plan.channel,
            basis: basis_json(&plan.basis),
            notes: &plan.notes,
            written: plan.written.as_ref().map(written_json),
            simulated: plan.simulated.map(simulated_json),
            days: plan.day_rows.iter().map(day_json).collect(),
            steps: Steps(self),
        };
        members.serialize(serializer)
    }
}

struct Steps<'a>(&'a Series<'a>);

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let zone = self.0.zone;
        serializer.collect_seq(rows(self.0.plan).map(|row| Step { row, zone }))
    }
}

struct Step<'a> {
    row: Row<'a>,
    zone: &'a TimeZone,
}

impl Serialize for Step<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, cell) in TIME_COLUMNS.iter().chain(&COLUMNS) {
            members.serialize_entry(name, &JsonValue { cell: &cell(self.row), zone: self.zone })?;
        }
        members.end()
    }
}

fn basis_json(basis: &Basis) -> Value {
    let number = |number: Option<f64>, decimals| number.map(|number| rounded(number, decimals));
    json!({
        "method": method_word(basis.method),
        "target_service_level": basis.target_service_level,
        "target_seconds": basis.target_seconds,
        "max_abandonment": basis.max_abandonment,
        "max_occupancy": basis.max_occupancy,
        "concurrency": basis.concurrency,
        "days": basis.days,
        "first_day": basis.dates.map(|(first, _)| first.to_string()),
        "last_day": basis.dates.map(|(_, last)| last.to_string()),
        "weekly_growth": number(basis.weekly_growth, 4),
        "aht_seconds": number(basis.aht_seconds, 1),
        "handled": basis.handled,
        "patience_seconds": number(basis.patience_seconds, 1),
        "measured_patience_seconds": number(basis.patience.map(|it| it.mean_seconds), 1),
        "measured_patience_low_seconds": number(basis.patience.map(|it| it.low_seconds), 1),
        "measured_patience_high_seconds": number(basis.patience.map(|it| it.high_seconds), 1),
        "long_abandons": basis.long_abandons,
        "paused_share": number(basis.paused_share, 4),
        "given_shrinkage": basis.given_shrinkage,
        "absence": basis.absence,
        "shrinkage": number(basis.shrinkage, 4),
        "wape": number(basis.error.map(|(wape, _)| wape), 4),
        "wape_floor": number(basis.error.map(|(_, floor)| floor), 4),
    })
}

fn written_json(written: &WrittenStaffing) -> Value {
    let figures = |figures: &WrittenFigures| {
        json!({
            "agents": figures.agents,
            "in_time": rounded(figures.in_time_items, 1),
            "late": rounded(figures.late_items, 1),
            "left": rounded(figures.left_items, 1),
            "occupancy": figures.occupancy.map(|share| rounded(share, 4)),
        })
    };
    json!({
        "agents": written.agents,
        "expected": figures(&written.expected),
        "one_fewer": written.one_fewer.as_ref().map(figures),
        "one_more": figures(&written.one_more),
    })
}

fn simulated_json(simulated: SimulatedTotal) -> Value {
    json!({
        "replications": simulated.replications,
        "service_level": simulated.service_level.map(|share| rounded(share, 4)),
        "standard_error": simulated.standard_error.map(|share| rounded(share, 4)),
        "abandonment": simulated.abandonment.map(|share| rounded(share, 4)),
    })
}

fn day_json(day: &DayRow) -> Value {
    let number = |number: Option<f64>, decimals| number.map(|number| rounded(number, decimals));
    json!({
        "date": day.date.to_string(),
        "day": class_word(&day.class),
        "like_days": day.like_days,
        "forecast": number(day.forecast.map(|it| it.mean), 1),
        "forecast_p10": number(day.forecast.map(|it| it.p10), 1),
        "forecast_p90": number(day.forecast.map(|it| it.p90), 1),
        "offered": number(day.offered, 1),
        "multiplier": number(day.multiplier, 4),
        "agent_hours": number(day.agent_hours, 2),
        "scheduled_hours": number(day.scheduled_hours, 2),
        "agents_there_hours": number(day.there_hours, 2),
        "missing": day.missing.map(missing_words),
    })
}

fn pool_json(pool: &PoolPlan, zone: &TimeZone) -> Value {
    let rows = pool.rows.iter().map(|row| {
        json!({
            "start": local_time(row.range.start, zone),
            "end": local_time(row.range.end, zone),
            "agents_apart": row.apart,
            "agents_pooled": row.pooled,
        })
    });
    json!({
        "pool": pool.name,
        "queues": pool.queues.iter().map(|queue| &**queue).collect::<Vec<&str>>(),
        "simulated": pool.simulated.iter().copied().map(simulated_json).collect::<Vec<Value>>(),
        "notes": pool.notes,
        "steps": rows.collect::<Vec<Value>>(),
    })
}
