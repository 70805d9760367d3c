//! The agents of written channels: by what arrives and when it is due.

use std::collections::BTreeSet;

use nabiz_core::settings::{Clock as QueueClock, QueueSettings};
use nabiz_planning::backlog::{Clock, WorkStep, WrittenWork, staff_written};
use nabiz_planning::shrinkage::Shrinkage;

use super::series::Context;
use super::whole::{Missing, SeriesPlan, StepRow};

/// Adds the agents to a plan: the same number in all opening hours of the period. A day without a
/// forecast is left out, as if the days around it followed each other.
pub(super) fn staff_written_series(
    context: &Context<'_>,
    shrinkage: Option<Shrinkage>,
    plan: &mut SeriesPlan,
) {
    let settings = context.settings.queue(&plan.queue);
    let change = context.query.what_if.aht;
    let aht = plan.basis.aht_seconds.map(|aht| change.map_or(aht, |change| change.of(aht)));
    let Some(handle_seconds) = aht else {
        plan.set_missing(Missing::NoHandleTime);
        return;
    };
    let unknown: BTreeSet<usize> =
        plan.rows.iter().filter(|row| row.forecast.is_none()).map(|row| row.day).collect();
    let known = plan.rows.iter().filter(|row| !unknown.contains(&row.day));
    let steps: Vec<WorkStep> = known.filter_map(|row| work(settings, row)).collect();
    if !unknown.is_empty() {
        plan.notes.push(format!(
            "{} of {} days have no forecast: their work is not in the agents of the others",
            unknown.len(),
            plan.day_rows.len()
        ));
    }
    if steps.is_empty() {
        return;
    }
    let due = settings.target_first_response.as_secs_f64();
    let work = WrittenWork {
        handle_seconds: handle_seconds / f64::from(plan.basis.concurrency),
        due_within_seconds: due,
        clock: match settings.clock {
            QueueClock::Elapsed => Clock::Elapsed,
            QueueClock::OpeningHours => Clock::Working,
        },
        catch_up_seconds: due,
        max_occupancy: plan.basis.max_occupancy.unwrap_or(1.0),
        open: Vec::new(),
        steps,
    };
    match staff_written(&work) {
        Ok(staffing) => {
            let rows = plan.rows.iter_mut().filter(|row| row.open);
            for row in rows.filter(|row| !unknown.contains(&row.day)) {
                row.agents = Some(staffing.agents);
                row.scheduled = shrinkage.map(|shrinkage| shrinkage.scheduled(staffing.agents));
            }
            plan.written = Some(staffing);
        }
        Err(_) => plan.set_missing(Missing::OutOfBounds),
    }
    plan.notes.push(
        "the plan begins without a backlog: what is open on its first day comes on top".to_string(),
    );
}

/// Returns what arrives in a step; `None` where that is not known.
fn work(settings: &QueueSettings, row: &StepRow) -> Option<WorkStep> {
    let seconds = row.range.end.since(row.range.start).as_secs_f64();
    let hours = settings.opening_hours.as_ref();
    let open = hours.map(|hours| hours.open_between(row.range.start, row.range.end));
    Some(WorkStep {
        seconds,
        working_seconds: open.map_or(seconds, |open| open.as_secs_f64()),
        items: row.forecast?.mean,
    })
}

impl SeriesPlan {
    fn set_missing(&mut self, missing: Missing) {
        for row in self.rows.iter_mut().filter(|row| row.open && row.missing.is_none()) {
            row.missing = Some(missing);
        }
    }
}
