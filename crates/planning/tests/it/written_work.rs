//! Agents for written channels against the ratio of work due to working time, over all pairs.

use nabiz_planning::backlog::{Clock, OpenItems, WorkStep, WrittenWork, staff_written};
use proptest::prelude::*;

use crate::cases;

const HOUR: f64 = 3_600.0;

/// Items in the line: when they arrive and when they have to be finished, in working seconds.
struct Items {
    items: f64,
    arrival: f64,
    deadline: Option<f64>,
}

/// Returns the working seconds until an instant, summed over the steps.
fn worked(work: &WrittenWork, until: f64) -> f64 {
    let starts = (0..work.steps.len()).map(|step| step as f64 * HOUR);
    starts
        .zip(&work.steps)
        .map(|(start, step)| step.working_seconds * ((until - start) / HOUR).clamp(0.0, 1.0))
        .sum()
}

/// Returns the line, the oldest items first. Due times are at least 8 steps long, so the arrivals
/// of a step are one portion in its middle.
fn line(work: &WrittenWork) -> Vec<Items> {
    let end = work.steps.len() as f64 * HOUR;
    let all = worked(work, end);
    let handle = work.handle_seconds / work.max_occupancy;
    let mut open: Vec<(f64, f64, f64)> =
        work.open.iter().map(|open| (open.due_seconds, open.items, -1.0)).collect();
    open.sort_by(|a, b| a.0.total_cmp(&b.0));
    let arriving = work.steps.iter().enumerate().map(|(step, of)| {
        let arrival = (step as f64 + 0.5) * HOUR;
        (work.due_within_seconds, of.items, arrival)
    });
    let mut line = Vec::new();
    for (due_in, items, at) in open.into_iter().chain(arriving) {
        let elapsed = at.max(0.0);
        let arrival = worked(work, elapsed);
        let due = match work.clock {
            Clock::Elapsed => {
                let due = elapsed + due_in;
                (due <= end).then(|| worked(work, due))
            }
            Clock::Working => (arrival + due_in <= all).then_some(arrival + due_in),
        };
        let deadline = match due {
            Some(due) if due < arrival + handle => {
                Some(arrival + work.catch_up_seconds.max(handle)).filter(|x| *x <= all)
            }
            due => due,
        };
        if items > 0.0 {
            line.push(Items { items, arrival, deadline });
        }
    }
    line
}

prop_compose! {
    fn written_work()(
        handle_seconds in 60.0..1_200.0_f64,
        due_hours in 8.0..20.0_f64,
        is_elapsed in any::<bool>(),
        catch_up_hours in 0.0..6.0_f64,
        max_occupancy in 0.5..1.0_f64,
        open in prop::collection::vec((-2.0..20.0_f64, 0..60_u32), 0..5),
        steps in prop::collection::vec((0..3_u32, 0..40_u32), 1..40),
    ) -> WrittenWork {
        WrittenWork {
            handle_seconds,
            due_within_seconds: due_hours * HOUR,
            clock: if is_elapsed { Clock::Elapsed } else { Clock::Working },
            catch_up_seconds: catch_up_hours * HOUR,
            max_occupancy,
            open: open
                .into_iter()
                .map(|(hours, items)| OpenItems { due_seconds: hours * HOUR, items: items.into() })
                .collect(),
            steps: steps
                .into_iter()
                .map(|(working, items)| WorkStep {
                    seconds: HOUR,
                    working_seconds: f64::from(working) * HOUR / 2.0,
                    items: items.into(),
                })
                .collect(),
        }
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn agents_are_the_greatest_ratio_of_work_due_to_working_time(work in written_work()) {
        let line = line(&work);
        let handle = work.handle_seconds / work.max_occupancy;
        let mut greatest = 0.0_f64;
        for (last, to) in line.iter().enumerate() {
            let Some(deadline) = to.deadline else { continue };
            for first in 0..=last {
                let items: f64 = line[first..=last].iter().map(|items| items.items).sum();
                greatest = greatest.max(items * handle / (deadline - line[first].arrival));
            }
        }
        let staffing = staff_written(&work).unwrap();
        prop_assert_eq!(staffing.due_agents, (greatest - 1e-9).ceil() as u32, "{}", greatest);
        let load = staffing.load_agents.unwrap_or(0.0);
        prop_assert!(f64::from(staffing.agents) >= load - 1e-6);
        // What is late with the answer is late with everybody.
        let late = staffing.expected.late_items;
        prop_assert!((late - staffing.unreachable_items).abs() < 1e-9, "{:?}", staffing);
        if let Some(fewer) = staffing.one_fewer {
            prop_assert!(fewer.late_items >= late - 1e-9, "{:?}", staffing);
            prop_assert!(fewer.left_items >= staffing.expected.left_items - 1e-9);
        }
        // Every item is due in time, late, or due after the steps; and finished or left.
        let all: f64 = line.iter().map(|items| items.items).sum();
        let figures = staffing.expected;
        prop_assert!(figures.in_time_items + figures.late_items <= all + 1e-9);
        prop_assert!((0.0..=all + 1e-9).contains(&figures.left_items), "{:?}", figures);
        if let Some(occupancy) = figures.occupancy {
            let working: f64 = work.steps.iter().map(|step| step.working_seconds).sum();
            let done = occupancy * f64::from(figures.agents) * working / handle;
            prop_assert!((done + figures.left_items - all).abs() < 1e-6, "{:?}", figures);
        }
    }
}
