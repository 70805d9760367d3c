//! One run through all steps: a discrete-event simulation.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};

use crate::centre::agents::Agents;
use crate::centre::model::{Centre, CentreError, CentreQueue, Times};
use crate::centre::outcome::{Counts, GroupOutcome, Outcome, QueueOutcome};

/// Something that happens at a planned time.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A step begins, or the last one ends.
    Boundary {
        step: usize,
    },
    Arrival {
        queue: usize,
    },
    /// A visit ends if it still waits.
    GivesUp {
        visit: usize,
    },
    Served {
        group: usize,
    },
}

#[derive(Debug)]
struct Planned {
    time_s: f64,
    /// Keeps the order of planning at equal times.
    order: u64,
    what: Step,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    // Reversed, because the standard heap returns the greatest element first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time_s.total_cmp(&self.time_s).then_with(|| other.order.cmp(&self.order))
    }
}

/// How a visit ends without an answer.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Abandoned,
    Callback,
    Timeout,
}

#[derive(Debug)]
struct Visit {
    queue: usize,
    entered_s: f64,
    /// How it ends if nobody answers.
    ending: Ending,
    is_waiting: bool,
}

/// The state of a replication.
struct Replication<'a> {
    centre: &'a Centre,
    rng: ChaCha8Rng,
    heap: BinaryHeap<Planned>,
    planned: u64,
    now_s: f64,
    end_s: f64,
    /// Every visit so far.
    visits: Vec<Visit>,
    /// Waiting visits by queue. A visit that has ended is dropped when it reaches the front.
    lines: Vec<VecDeque<usize>>,
    agents: Vec<Agents>,
    /// Counts by queue and step.
    counts: Vec<Vec<Counts>>,
}

impl Times {
    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Times::Exponential { mean_s } => {
                let drawn: f64 = Exp1.sample(rng);
                drawn * mean_s
            }
            Times::Lognormal { mean_s, sigma } => {
                let normal: f64 = StandardNormal.sample(rng);
                mean_s * (sigma * normal - sigma * sigma / 2.0).exp()
            }
            Times::Never => f64::INFINITY,
        }
    }
}

impl Centre {
    /// Simulates one replication: one independent run through all steps. The same seed and number
    /// give the same outcome.
    ///
    /// The agents of the last step stay until every visit has ended.
    ///
    /// # Errors
    /// Returns what [`Centre::check`] finds.
    pub fn replicate(&self, seed: u64, number: u64) -> Result<Outcome, CentreError> {
        self.check()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Ok(Replication::new(self, rng).run())
    }

    /// Simulates this many replications, and adds their outcomes.
    ///
    /// A caller who shows progress calls [`Centre::replicate`] for each number from 0 and adds the
    /// outcomes; that gives the same.
    ///
    /// # Errors
    /// Returns what [`Centre::check`] finds.
    pub fn simulate(&self, seed: u64, replications: u64) -> Result<Outcome, CentreError> {
        let mut outcome = Outcome::default();
        for number in 0..replications {
            outcome.add(&self.replicate(seed, number)?);
        }
        Ok(outcome)
    }
}

impl<'a> Replication<'a> {
    fn new(centre: &'a Centre, rng: ChaCha8Rng) -> Self {
        let (steps, start_s) = (centre.steps(), -centre.warm_up_s);
        let mut replication = Replication {
            centre,
            rng,
            heap: BinaryHeap::new(),
            planned: 0,
            now_s: start_s,
            end_s: steps as f64 * centre.step_s,
            visits: Vec::new(),
            lines: vec![VecDeque::new(); centre.queues.len()],
            agents: centre.groups.iter().map(|_| Agents::new(steps, start_s)).collect(),
            counts: vec![vec![Counts::default(); steps]; centre.queues.len()],
        };
        replication.begin_step(0, None);
        for step in 0..=steps {
            replication.plan(step as f64 * centre.step_s, Step::Boundary { step });
        }
        for queue in 0..centre.queues.len() {
            replication.plan_arrival(queue);
        }
        replication
    }

    fn run(mut self) -> Outcome {
        while let Some(Planned { time_s, what, .. }) = self.heap.pop() {
            self.now_s = time_s;
            match what {
                Step::Boundary { step } => self.boundary(step),
                Step::Arrival { queue } => {
                    self.plan_arrival(queue);
                    self.arrive(queue);
                }
                Step::GivesUp { visit } => self.gives_up(visit),
                Step::Served { group } => {
                    let step = self.step();
                    self.agents[group].release(self.now_s, step);
                    self.serve_waiting(group);
                }
            }
        }
        self.outcome()
    }

    fn outcome(mut self) -> Outcome {
        let waiting: Vec<usize> =
            (0..self.visits.len()).filter(|visit| self.visits[*visit].is_waiting).collect();
        for visit in waiting {
            if let Some(counts) = self.counts_of(visit) {
                counts.still_waiting += 1;
            }
        }
        let queues = self.counts.into_iter().map(|mut steps| {
            let mut total = Counts::default();
            for counts in &mut steps {
                counts.close();
                total.add_visits(counts);
            }
            total.close();
            QueueOutcome { steps, total }
        });
        let queues = queues.collect();
        let groups: Vec<GroupOutcome> = self.agents.into_iter().map(Agents::outcome).collect();
        Outcome { replications: 1, queues, groups }
    }

    fn plan(&mut self, time_s: f64, what: Step) {
        self.heap.push(Planned { time_s, order: self.planned, what });
        self.planned += 1;
    }

    /// Returns the step that `time_s` lies in; `None` before the first and after the last.
    fn step_at(&self, time_s: f64) -> Option<usize> {
        let is_within = time_s >= 0.0 && time_s < self.end_s;
        // Rounding may put the last instant of a step into the next one.
        is_within.then(|| ((time_s / self.centre.step_s) as usize).min(self.centre.steps() - 1))
    }

    fn step(&self) -> Option<usize> {
        self.step_at(self.now_s)
    }

    fn boundary(&mut self, step: usize) {
        let ended = step.checked_sub(1);
        if step < self.centre.steps() {
            self.begin_step(step, ended);
        } else {
            for agents in &mut self.agents {
                agents.close(self.now_s, ended);
            }
        }
    }

    fn begin_step(&mut self, step: usize, ended: Option<usize>) {
        for group in 0..self.agents.len() {
            let agents = self.centre.groups[group].agents[step] as usize;
            self.agents[group].set(agents, self.now_s, ended);
            self.serve_waiting(group);
        }
    }

    /// Plans the next arrival after now: the unit exponential is spent on the rates of the steps.
    fn plan_arrival(&mut self, queue: usize) {
        let of = &self.centre.queues[queue];
        let mut left: f64 = Exp1.sample(&mut self.rng);
        let mut from_s = self.now_s;
        let mut step = self.step_at(from_s).unwrap_or(0);
        while from_s < self.end_s {
            let is_warm_up = from_s < 0.0;
            let until_s = if is_warm_up { 0.0 } else { (step + 1) as f64 * self.centre.step_s };
            let rate = of.arrivals[step] / self.centre.step_s;
            let expected = rate * (until_s - from_s);
            if left < expected {
                self.plan(from_s + left / rate, Step::Arrival { queue });
                return;
            }
            left -= expected;
            from_s = until_s;
            step += usize::from(!is_warm_up);
        }
    }

    fn arrive(&mut self, queue: usize) {
        let visit = self.visits.len();
        self.visits.push(Visit {
            queue,
            entered_s: self.now_s,
            ending: Ending::Abandoned,
            is_waiting: true,
        });
        if let Some(counts) = self.counts_of(visit) {
            counts.offered += 1;
        }
        if let Some(group) = self.idle_group(queue) {
            self.answer(visit, group);
            return;
        }
        let (ending, wait_s) = self.draw_ending(queue);
        self.visits[visit].ending = ending;
        self.lines[queue].push_back(visit);
        if wait_s.is_finite() {
            self.plan(self.now_s + wait_s, Step::GivesUp { visit });
        }
    }

    /// Draws how a visit ends that nobody answers, and after which wait.
    fn draw_ending(&mut self, queue: usize) -> (Ending, f64) {
        let CentreQueue { balking, patience, callback, timeout_s, .. } = self.centre.queues[queue];
        if self.rng.random::<f64>() < balking {
            return (Ending::Abandoned, 0.0);
        }
        let mut first = (Ending::Abandoned, patience.draw(&mut self.rng));
        if let Some(callback) = callback
            && self.rng.random::<f64>() < callback.share
            && callback.after_s < first.1
        {
            first = (Ending::Callback, callback.after_s);
        }
        match timeout_s {
            Some(timeout_s) if timeout_s < first.1 => (Ending::Timeout, timeout_s),
            _ => first,
        }
    }

    /// Returns the group of the longest idle agent among those that serve `queue`.
    fn idle_group(&self, queue: usize) -> Option<usize> {
        let serving = (0..self.agents.len())
            .filter(|group| self.centre.groups[*group].queues.contains(&queue));
        serving
            .filter_map(|group| Some((self.agents[group].longest_idle_since_s()?, group)))
            .min_by(|(since_s, _), (other_s, _)| since_s.total_cmp(other_s))
            .map(|(_, group)| group)
    }

    /// Gives the visits that have waited longest to the idle agents of a group.
    fn serve_waiting(&mut self, group: usize) {
        while self.agents[group].longest_idle_since_s().is_some() {
            let Some(visit) = self.first_for(group) else { return };
            self.answer(visit, group);
        }
    }

    /// Returns the waiting visit that entered first among the queues of a group. Visits have
    /// numbers in the order in which they entered.
    fn first_for(&mut self, group: usize) -> Option<usize> {
        let mut first = None;
        for queue in &self.centre.groups[group].queues {
            let line = &mut self.lines[*queue];
            while line.front().is_some_and(|visit| !self.visits[*visit].is_waiting) {
                line.pop_front();
            }
            first = match (first, line.front().copied()) {
                (Some(first), Some(other)) => Some(std::cmp::min::<usize>(first, other)),
                (first, other) => first.or(other),
            };
        }
        first
    }

    fn answer(&mut self, visit: usize, group: usize) {
        let queue = self.visits[visit].queue;
        let of = &self.centre.queues[queue];
        let step = self.step();
        let nearest = step.unwrap_or(if self.now_s < 0.0 { 0 } else { self.centre.steps() - 1 });
        let factor = of.handling_factors.get(nearest).copied().unwrap_or(1.0);
        let handling_s = factor * of.handling.draw(&mut self.rng);
        let is_in_target = self.wait_s(visit) <= of.target_s;
        self.agents[group].take(self.now_s, step);
        self.plan(self.now_s + handling_s, Step::Served { group });
        if let Some(counts) = self.end_visit(visit) {
            counts.answered += 1;
            counts.answered_in_target += u64::from(is_in_target);
            counts.handling_s += handling_s;
        }
    }

    fn gives_up(&mut self, visit: usize) {
        let Visit { queue, ending, is_waiting, .. } = self.visits[visit];
        if !is_waiting {
            return;
        }
        let is_short = self.wait_s(visit) <= self.centre.queues[queue].short_s;
        let Some(counts) = self.end_visit(visit) else { return };
        match ending {
            Ending::Abandoned => {
                counts.abandoned += 1;
                counts.abandoned_short += u64::from(is_short);
            }
            Ending::Callback => counts.callbacks += 1,
            Ending::Timeout => counts.timeouts += 1,
        }
    }

    fn wait_s(&self, visit: usize) -> f64 {
        self.now_s - self.visits[visit].entered_s
    }

    /// Ends the wait of a visit, and returns the counts of the step in which it entered; `None` if
    /// that was in the warm-up.
    fn end_visit(&mut self, visit: usize) -> Option<&mut Counts> {
        self.visits[visit].is_waiting = false;
        let wait_s = self.wait_s(visit);
        let short_s = self.centre.queues[self.visits[visit].queue].short_s;
        let counts = self.counts_of(visit)?;
        counts.wait_s += wait_s;
        counts.wait_beyond_short_s += (wait_s - short_s).max(0.0);
        Some(counts)
    }

    fn counts_of(&mut self, visit: usize) -> Option<&mut Counts> {
        let Visit { queue, entered_s, .. } = self.visits[visit];
        let step = self.step_at(entered_s)?;
        self.counts.get_mut(queue)?.get_mut(step)
    }
}
