//! Agents for written channels: by backlog, arrivals and due time.
//!
//! A mail can wait, so Erlang's formulas do not fit: what matters is that every item is finished
//! when it is due. With the same agents in all working time, and the oldest item first, the least
//! number of agents is the greatest of
//!
//! `work that arrives from s on and is due by d / working time between s and d`
//!
//! over all pairs of an arrival `s` and a due time `d` (the processor demand of Baruah, Rosier and
//! Howell, *Algorithms and complexity concerning the preemptive scheduling of periodic, real-time
//! tasks on one processor*, 1990; work is the number of items times the handle time). The open items
//! at the start have `s = 0`, so the first of these ratios are the cumulative work due by `d` over
//! the time available until `d`.
//!
//! The number is found by following the work: time is counted in working seconds, in which `n`
//! agents finish `n` seconds of work each second, so a portion of `w` seconds of work that arrives
//! at `x` is finished at `F = max(F of the portion before, x) + w / n` (Lindley's recursion). The
//! least `n` with nothing late is found by bisection.
//!
//! Due times alone would let the backlog grow until the end, because what arrives last is due after
//! it. So the agents also have to be at least `work that arrives / working time`.
//!
//! Limits:
//! - Items arrive evenly within a step, in portions of at most an eighth of the due time.
//! - Work is divided among agents like a fluid. Whole items can end up to a handle time later, so
//!   the handle time should be short beside the due time.
//! - An item that nobody can finish in time, because it is overdue already or less working time than
//!   its handle time is left until it is due, is late with any number of agents. It has to be
//!   finished within the catch-up time instead.
//! - What is due after the last step is worked on and asks for nothing. So the steps should reach
//!   at least one due time past the period of interest.

use crate::erlang::MAX_AGENTS;
use crate::input::{InputError, check, not_negative, positive};
use crate::search::least;
use crate::shrinkage::whole_agents;
use crate::staffing::StaffingError;

/// The clock that decides when an item is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// All time counts.
    Elapsed,
    /// Only working time counts, as with targets in opening hours.
    Working,
}

/// A step of time with what arrives in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkStep {
    /// The length of the step in seconds, above 0.
    pub seconds: f64,
    /// How many of its seconds agents work on these items, 0 to `seconds`; 0 where closed.
    pub working_seconds: f64,
    /// How many items arrive in it.
    pub items: f64,
}

/// Items that are open when the first step begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenItems {
    /// In how many seconds on the clock of the queue they are due; negative where they are overdue.
    pub due_seconds: f64,
    /// How many they are.
    pub items: f64,
}

/// The work of a written channel, and when it has to be finished.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenWork {
    /// The mean handle time of an item in seconds.
    pub handle_seconds: f64,
    /// How long after its arrival an item is due, in seconds on `clock`.
    pub due_within_seconds: f64,
    /// The clock of due times.
    pub clock: Clock,
    /// The working time within which items that are late in any case have to be finished.
    pub catch_up_seconds: f64,
    /// The greatest share of working time that agents spend on items, above 0 and at most 1.
    pub max_occupancy: f64,
    /// What is open at the start.
    pub open: Vec<OpenItems>,
    /// The steps, one after the other.
    pub steps: Vec<WorkStep>,
}

/// What becomes of written work with a number of agents. Items are those due within the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrittenFigures {
    /// The number of agents in all working time.
    pub agents: u32,
    /// Items that are finished when they are due.
    pub in_time_items: f64,
    /// Items that are not, those included that are late with any number of agents.
    pub late_items: f64,
    /// Items that are not finished at the end of the last step, whenever they are due.
    pub left_items: f64,
    /// The share of working time that agents spend on items; `None` without agents or working time.
    pub occupancy: Option<f64>,
}

/// The agents that written work needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrittenStaffing {
    /// The least number of agents with nothing late that could be in time, and that do the work
    /// that arrives.
    pub agents: u32,
    /// The number that due times alone ask for.
    pub due_agents: u32,
    /// The work that arrives over all working time, in agents; `None` without working time.
    pub load_agents: Option<f64>,
    /// Items that are late with any number of agents.
    pub unreachable_items: f64,
    /// What to expect with these agents.
    pub expected: WrittenFigures,
    /// What to expect with one agent fewer; `None` where there is none to take away.
    pub one_fewer: Option<WrittenFigures>,
    /// What to expect with one agent more.
    pub one_more: WrittenFigures,
}

/// Returns the least number of agents that finishes every item when it is due.
///
/// # Errors
///
/// A number is out of its bounds, or more than [`MAX_AGENTS`] would be needed.
pub fn staff_written(work: &WrittenWork) -> Result<WrittenStaffing, StaffingError> {
    let line = Line::of(work)?;
    let load_agents = line.load();
    let least_agents = whole_agents(load_agents.unwrap_or(0.0));
    let due_agents = least(least_agents, MAX_AGENTS - 1, |agents| {
        Ok::<_, StaffingError>(line.follow(agents).missed_items == 0.0)
    })?
    .ok_or(StaffingError::Unreachable { most: MAX_AGENTS - 1 })?;
    let agents = due_agents.max(least_agents);
    if agents >= MAX_AGENTS {
        return Err(StaffingError::Unreachable { most: MAX_AGENTS - 1 });
    }
    Ok(WrittenStaffing {
        agents,
        due_agents,
        load_agents,
        unreachable_items: line.unreachable_items(),
        expected: line.follow(agents).figures,
        one_fewer: agents.checked_sub(1).map(|fewer| line.follow(fewer).figures),
        one_more: line.follow(agents + 1).figures,
    })
}

/// Returns what becomes of written work with a number of agents.
///
/// # Errors
///
/// A number of `work` is out of its bounds.
pub fn expected_written(work: &WrittenWork, agents: u32) -> Result<WrittenFigures, InputError> {
    Ok(Line::of(work)?.follow(agents).figures)
}

/// Portions of items in the order in which agents take them.
struct Line {
    portions: Vec<Portion>,
    /// Working seconds that one item takes an agent.
    handle_seconds: f64,
    working_seconds: f64,
    /// Items that arrive in the steps.
    arriving_items: f64,
}

/// Items that arrive together. Times are in working seconds since the start.
struct Portion {
    items: f64,
    arrival: f64,
    /// When they have to be finished; `None` where that is after the last step.
    deadline: Option<f64>,
    /// They are late with any number of agents, and the deadline is that of catching up.
    is_late: bool,
}

/// What becomes of the portions with a number of agents.
struct Outcome {
    figures: WrittenFigures,
    /// Items that miss their deadline.
    missed_items: f64,
}

impl Line {
    fn of(work: &WrittenWork) -> Result<Self, InputError> {
        let occupancy =
            check("maximal occupancy", "above 0 and at most 1", work.max_occupancy, |x| {
                x > 0.0 && x <= 1.0
            })?;
        let handle_seconds = positive("handle seconds", work.handle_seconds)? / occupancy;
        let due_within = not_negative("due within seconds", work.due_within_seconds)?;
        not_negative("catch-up seconds", work.catch_up_seconds)?;
        let time = WorkingTime::of(&work.steps)?;
        let mut line = Self {
            portions: Vec::new(),
            handle_seconds,
            working_seconds: time.working_seconds(),
            arriving_items: work.steps.iter().fold(0.0, |sum, step| sum + step.items),
        };
        let mut open = work.open.clone();
        open.sort_by(|a, b| a.due_seconds.total_cmp(&b.due_seconds));
        for items in open {
            check("due seconds", "a finite number", items.due_seconds, f64::is_finite)?;
            not_negative("open items", items.items)?;
            let due = match work.clock {
                Clock::Elapsed => time.at(items.due_seconds.max(0.0)),
                Clock::Working => time.within(items.due_seconds),
            };
            line.add(items.items, 0.0, due, &time, work.catch_up_seconds);
        }
        for (start, step) in time.starts.iter().zip(&work.steps) {
            not_negative("items", step.items)?;
            let portions = portions_of(step, due_within);
            for k in 0..portions {
                let share = (f64::from(k) + 0.5) / f64::from(portions);
                let elapsed = start.elapsed + step.seconds * share;
                let arrival = start.working + step.working_seconds * share;
                let due = match work.clock {
                    Clock::Elapsed => time.at(elapsed + due_within),
                    Clock::Working => time.within(arrival + due_within),
                };
                let items = step.items / f64::from(portions);
                line.add(items, arrival, due, &time, work.catch_up_seconds);
            }
        }
        Ok(line)
    }

    fn add(
        &mut self,
        items: f64,
        arrival: f64,
        due: Option<f64>,
        time: &WorkingTime,
        catch_up_seconds: f64,
    ) {
        if items == 0.0 {
            return;
        }
        let is_late = due.is_some_and(|due| due < arrival + self.handle_seconds);
        let deadline = if is_late {
            time.within(arrival + catch_up_seconds.max(self.handle_seconds))
        } else {
            due
        };
        self.portions.push(Portion { items, arrival, deadline, is_late });
    }

    /// Returns the work that arrives over the working time; `None` without working time.
    fn load(&self) -> Option<f64> {
        let work = self.arriving_items * self.handle_seconds;
        (self.working_seconds > 0.0).then(|| work / self.working_seconds)
    }

    fn unreachable_items(&self) -> f64 {
        let late = self.portions.iter().filter(|portion| portion.is_late);
        late.fold(0.0, |sum, portion| sum + portion.items)
    }

    fn follow(&self, agents: u32) -> Outcome {
        let n = f64::from(agents);
        let (mut finished, mut busy) = (0.0_f64, 0.0);
        let (mut in_time, mut late, mut left, mut missed) = (0.0, 0.0, 0.0, 0.0);
        for portion in &self.portions {
            let Portion { items, arrival, deadline, is_late } = *portion;
            let begin = finished.max(arrival);
            finished = begin + items * self.handle_seconds / n;
            let is_missed = deadline.is_some_and(|deadline| finished > deadline * (1.0 + 1e-12));
            if is_missed {
                missed += items;
            }
            if is_missed || is_late {
                late += items;
            } else if deadline.is_some() {
                in_time += items;
            }
            let worked = (self.working_seconds.min(finished) - begin).max(0.0) * n;
            busy += worked;
            left += items - (worked / self.handle_seconds).min(items);
        }
        let occupancy = (agents > 0 && self.working_seconds > 0.0)
            .then(|| (busy / (n * self.working_seconds)).min(1.0));
        Outcome {
            figures: WrittenFigures {
                agents,
                in_time_items: in_time,
                late_items: late,
                left_items: left,
                occupancy,
            },
            missed_items: missed,
        }
    }
}

/// Returns into how many portions the arrivals of a step are divided.
fn portions_of(step: &WorkStep, due_within_seconds: f64) -> u32 {
    let portions = (8.0 * step.seconds / due_within_seconds.max(1.0)).ceil();
    portions.clamp(1.0, 64.0) as u32
}

/// Where a step begins.
#[derive(Clone, Copy)]
struct Edge {
    elapsed: f64,
    working: f64,
}

/// From elapsed to working seconds.
struct WorkingTime {
    /// Where each step begins, and where the last ends.
    starts: Vec<Edge>,
}

impl WorkingTime {
    fn of(steps: &[WorkStep]) -> Result<Self, InputError> {
        let mut edge = Edge { elapsed: 0.0, working: 0.0 };
        let mut starts = vec![edge];
        for step in steps {
            positive("step seconds", step.seconds)?;
            let is_within = |x: f64| (0.0..=step.seconds).contains(&x);
            check("working seconds", "0 to those of the step", step.working_seconds, is_within)?;
            edge.elapsed += step.seconds;
            edge.working += step.working_seconds;
            starts.push(edge);
        }
        Ok(Self { starts })
    }

    fn working_seconds(&self) -> f64 {
        self.starts.last().map_or(0.0, |end| end.working)
    }

    /// Returns the working seconds until an instant; `None` where it is after the last step.
    fn at(&self, elapsed: f64) -> Option<f64> {
        let after = self.starts.partition_point(|edge| edge.elapsed < elapsed);
        let end = self.starts.get(after)?;
        let Some(begin) = after.checked_sub(1).and_then(|before| self.starts.get(before)) else {
            return Some(end.working);
        };
        let share = (elapsed - begin.elapsed) / (end.elapsed - begin.elapsed);
        Some(begin.working + (end.working - begin.working) * share)
    }

    /// Returns working seconds as they are; `None` where they are after the last step.
    fn within(&self, working: f64) -> Option<f64> {
        (working <= self.working_seconds()).then_some(working)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, OpenItems, WorkStep, WrittenWork, expected_written, staff_written};

    const HOUR: f64 = 3600.0;

    fn open(hours: f64, items: f64) -> OpenItems {
        OpenItems { due_seconds: hours * HOUR, items }
    }

    /// Work of 10-minute items that are due within 4 hours, without arrivals.
    fn day(open: Vec<OpenItems>) -> WrittenWork {
        let step = WorkStep { seconds: HOUR, working_seconds: HOUR, items: 0.0 };
        WrittenWork {
            handle_seconds: 600.0,
            due_within_seconds: 4.0 * HOUR,
            clock: Clock::Elapsed,
            catch_up_seconds: HOUR,
            max_occupancy: 1.0,
            open,
            steps: vec![step; 8],
        }
    }

    #[test]
    fn agents_are_the_greatest_ratio_of_work_due_to_time() {
        // 24 items due in 1 hour are 4 agents; 30 due in 5 hours alone would be 1.
        let staffing = staff_written(&day(vec![open(1.0, 24.0), open(5.0, 30.0)])).unwrap();
        assert_eq!(staffing.agents, 4);
        assert_eq!(staffing.expected.in_time_items, 54.0);
        assert_eq!(staffing.expected.late_items, 0.0);
        assert_eq!(staffing.one_fewer.unwrap().late_items, 24.0);
        // 12 due in 1 hour and 60 more due in 2 hours: 72 items in 2 hours are 6 agents.
        let staffing = staff_written(&day(vec![open(1.0, 12.0), open(2.0, 60.0)])).unwrap();
        assert_eq!(staffing.agents, 6);
        assert_eq!(staffing.load_agents, Some(0.0));
    }

    #[test]
    fn agents_follow_the_load_when_items_arrive_evenly() {
        let mut work = day(Vec::new());
        work.steps.iter_mut().for_each(|step| step.items = 30.0);
        let staffing = staff_written(&work).unwrap();
        // 30 items of 10 minutes an hour are 5 agents. The first 120 are due within the 8 hours,
        // for which 120 / 8 items an hour, 3 agents, are enough.
        assert_eq!((staffing.agents, staffing.due_agents), (5, 3));
        assert!((staffing.expected.in_time_items - 120.0).abs() < 1e-9, "{staffing:?}");
    }

    #[test]
    fn items_that_arrive_evenly_are_not_one_heap_when_they_are_due_soon() {
        let mut work = day(Vec::new());
        work.steps.iter_mut().for_each(|step| step.items = 30.0);
        work.due_within_seconds = HOUR / 2.0;
        // A heap of 30 items that is due in half an hour would need 10 agents.
        assert_eq!(staff_written(&work).unwrap().due_agents, 5);
    }

    #[test]
    fn closed_time_is_no_time_to_work_and_none_to_be_due_on_the_working_clock() {
        let mut work = day(vec![open(4.0, 24.0)]);
        for step in &mut work.steps[1..4] {
            step.working_seconds = 0.0;
        }
        assert_eq!(staff_written(&work).unwrap().agents, 4);
        work.clock = Clock::Working;
        assert_eq!(staff_written(&work).unwrap().agents, 1);
    }

    #[test]
    fn overdue_items_are_late_and_have_to_be_caught_up() {
        let staffing = staff_written(&day(vec![open(-1.0, 12.0)])).unwrap();
        assert_eq!((staffing.agents, staffing.unreachable_items), (2, 12.0));
        assert_eq!((staffing.expected.late_items, staffing.expected.left_items), (12.0, 0.0));
    }

    #[test]
    fn items_due_in_the_night_are_late_with_any_number_of_agents() {
        let mut work = day(Vec::new());
        for step in &mut work.steps[..6] {
            step.working_seconds = 0.0;
        }
        work.steps[0].items = 6.0;
        let staffing = staff_written(&work).unwrap();
        assert_eq!((staffing.agents, staffing.unreachable_items), (1, 6.0));
        assert_eq!(expected_written(&work, 100).unwrap().late_items, 6.0);
    }

    #[test]
    fn every_number_of_agents_is_found_when_the_catch_up_time_is_none() {
        let mut work = day(vec![open(-2.0, 3.0), open(-1.0, 3.0), open(-0.5, 3.0)]);
        work.catch_up_seconds = 0.0;
        // One handle time is the shortest time to catch up in: 9 items of 10 minutes.
        assert_eq!(staff_written(&work).unwrap().agents, 9);
    }

    #[test]
    fn nothing_to_do_needs_nobody() {
        let staffing = staff_written(&day(Vec::new())).unwrap();
        assert_eq!((staffing.agents, staffing.one_fewer), (0, None));
        assert_eq!(staffing.expected.occupancy, None);
        assert_eq!(staffing.load_agents, Some(0.0));
    }

    #[test]
    fn occupancy_is_the_work_done_over_the_time_of_the_agents() {
        let figures = expected_written(&day(vec![open(4.0, 24.0)]), 2).unwrap();
        assert!((figures.occupancy.unwrap() - 0.25).abs() < 1e-12, "{figures:?}");
        let figures = expected_written(&day(vec![open(4.0, 24.0)]), 0).unwrap();
        assert_eq!((figures.late_items, figures.left_items), (24.0, 24.0));
    }

    #[test]
    fn numbers_that_cannot_be_are_errors() {
        let mut work = day(Vec::new());
        work.max_occupancy = 0.0;
        assert_eq!(
            staff_written(&work).unwrap_err().to_string(),
            "maximal occupancy: expected above 0 and at most 1, found 0"
        );
        let mut work = day(Vec::new());
        work.steps[3].working_seconds = 2.0 * HOUR;
        assert!(staff_written(&work).is_err());
        let work = day(vec![open(f64::NAN, 1.0)]);
        assert!(staff_written(&work).is_err());
    }
}
