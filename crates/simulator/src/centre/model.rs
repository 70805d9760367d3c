//! The description of a centre, and what is allowed in it.

/// Most steps of a centre: a year of quarters of an hour.
const STEPS_MAX: usize = 366 * 96;
/// Most queues, and most groups.
const PARTS_MAX: usize = 1_000;
/// Most expected arrivals of a replication, over all queues.
const ARRIVALS_MAX: f64 = 1e7;
/// Most agents of a group.
const AGENTS_MAX: u32 = 100_000;

/// A distribution of times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    /// The exponential distribution, which Erlang A assumes.
    Exponential {
        /// Mean in seconds, above 0.
        mean_s: f64,
    },
    /// The lognormal distribution, which handling times have in measured centres (Brown et al.,
    /// "Statistical analysis of a telephone call center", JASA 100, 2005).
    Lognormal {
        /// Mean in seconds, above 0.
        mean_s: f64,
        /// Standard deviation of the logarithm, from 0 to 3. 0 means that every time is the mean.
        sigma: f64,
    },
    /// An infinite time: patience of somebody who never gives up. Handling cannot have it.
    Never,
}

/// An offer to be called back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Callback {
    /// Wait after which it is offered, in seconds.
    pub after_s: f64,
    /// Share of the callers who accept it, from 0 to 1.
    pub share: f64,
}

/// A queue: who comes, how long they wait at most, and how long they are served.
#[derive(Clone, Debug, PartialEq)]
pub struct CentreQueue {
    /// Expected arrivals of each step. They come as a Poisson process with the step's rate.
    pub arrivals: Vec<f64>,
    /// Time that a visit occupies an agent: talk, hold and wrap-up.
    pub handling: Times,
    /// Factor on the handling time by the step in which the visit is answered; empty means 1.
    pub handling_factors: Vec<f64>,
    /// Time that a caller is willing to wait.
    pub patience: Times,
    /// Share of the callers who leave at once, with a wait of 0, if no agent is idle.
    pub balking: f64,
    /// Offer to be called back.
    pub callback: Option<Callback>,
    /// Wait after which the queue sends the caller away, in seconds.
    pub timeout_s: Option<f64>,
    /// Target wait in seconds. A wait that equals it is in target.
    pub target_s: f64,
    /// Longest wait of a short abandon, in seconds.
    pub short_s: f64,
}

impl CentreQueue {
    /// Returns a queue whose callers never give up, with a target of 20 s and short abandons until
    /// 5 s, as the default configuration of nabiz has them.
    pub fn new(arrivals: Vec<f64>, handling: Times) -> Self {
        CentreQueue {
            arrivals,
            handling,
            handling_factors: Vec::new(),
            patience: Times::Never,
            balking: 0.0,
            callback: None,
            timeout_s: None,
            target_s: 20.0,
            short_s: 5.0,
        }
    }

    /// Returns the queue with this patience.
    pub fn with_patience(self, patience: Times) -> Self {
        CentreQueue { patience, ..self }
    }
}

/// Agents with the same skills.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Indices of the queues that the agents serve. An agent takes the visit that entered first.
    pub queues: Vec<usize>,
    /// Agents of each step. When it falls, idle agents leave first; a busy agent ends its visit.
    pub agents: Vec<u32>,
}

/// A contact centre over a number of steps, such as the half hours of a day or a week.
#[derive(Clone, Debug, PartialEq)]
pub struct Centre {
    /// Length of a step in seconds.
    pub step_s: f64,
    /// Time before the first step, in seconds, with the arrivals and agents of the first step. Its
    /// visits are not counted. With 0 the first step begins with an empty centre, which is right
    /// for a centre that has just opened; a step that stands for the middle of a day needs several
    /// times the mean handling time.
    pub warm_up_s: f64,
    /// Queues.
    pub queues: Vec<CentreQueue>,
    /// Groups of agents. A visit goes to the agent who has been idle for the longest time.
    pub groups: Vec<Group>,
}

/// A centre that cannot be simulated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CentreError {
    /// A number is outside its bounds.
    #[error("{what}: expected {allowed}, found {found}")]
    OutOfBounds {
        /// The number's name and place.
        what: String,
        /// What is allowed.
        allowed: &'static str,
        /// The number.
        found: f64,
    },
    /// A list has another length than the arrivals of the first queue.
    #[error("{what}: expected {expected} steps, found {found}")]
    OtherLength {
        /// The list's name and place.
        what: String,
        /// Steps of the first queue.
        expected: usize,
        /// Length of the list.
        found: usize,
    },
    /// A group names a queue that does not exist.
    #[error("group {group}: expected the index of one of {queues} queues, found {found}")]
    UnknownQueue {
        /// Index of the group.
        group: usize,
        /// Queues of the centre.
        queues: usize,
        /// The index.
        found: usize,
    },
}

fn bounded(
    what: impl Fn() -> String,
    found: f64,
    is_allowed: bool,
    allowed: &'static str,
) -> Result<(), CentreError> {
    // A comparison with NaN is false, so NaN is never allowed.
    if is_allowed { Ok(()) } else { Err(CentreError::OutOfBounds { what: what(), allowed, found }) }
}

impl Times {
    fn check(self, what: impl Fn() -> String) -> Result<(), CentreError> {
        const MEAN: &str = "a mean above 0 and at most 1e7 seconds";
        let mean = |mean_s: f64| bounded(&what, mean_s, mean_s > 0.0 && mean_s <= 1e7, MEAN);
        match self {
            Times::Exponential { mean_s } => mean(mean_s),
            Times::Lognormal { mean_s, sigma } => {
                mean(mean_s)?;
                bounded(&what, sigma, (0.0..=3.0).contains(&sigma), "a sigma from 0 to 3")
            }
            Times::Never => Ok(()),
        }
    }
}

impl CentreQueue {
    fn check(&self, index: usize, steps: usize) -> Result<(), CentreError> {
        let what = |name: &str| format!("{name} of queue {index}");
        same_length(|| what("arrivals"), steps, self.arrivals.len())?;
        if !self.handling_factors.is_empty() {
            same_length(|| what("handling factors"), steps, self.handling_factors.len())?;
        }
        for arrivals in &self.arrivals {
            let is_allowed = (0.0..=ARRIVALS_MAX).contains(arrivals);
            bounded(|| what("arrivals"), *arrivals, is_allowed, "a number from 0 to 1e7")?;
        }
        for factor in &self.handling_factors {
            let is_allowed = *factor > 0.0 && *factor <= 100.0;
            let allowed = "a factor above 0 and at most 100";
            bounded(|| what("handling factors"), *factor, is_allowed, allowed)?;
        }
        self.handling.check(|| what("handling"))?;
        let is_finite = self.handling != Times::Never;
        bounded(|| what("handling"), f64::INFINITY, is_finite, "a finite time")?;
        self.patience.check(|| what("patience"))?;
        let share = |name: &'static str, share: f64| {
            bounded(|| what(name), share, (0.0..=1.0).contains(&share), "a share from 0 to 1")
        };
        let seconds = |name: &'static str, time_s: f64| {
            let is_allowed = (0.0..=1e7).contains(&time_s);
            bounded(|| what(name), time_s, is_allowed, "0 to 1e7 seconds")
        };
        share("balking", self.balking)?;
        if let Some(callback) = self.callback {
            share("share of callbacks", callback.share)?;
            seconds("wait for a callback", callback.after_s)?;
        }
        self.timeout_s.map_or(Ok(()), |timeout_s| seconds("timeout", timeout_s))?;
        seconds("target", self.target_s)?;
        seconds("bound of short abandons", self.short_s)
    }
}

fn same_length(
    what: impl Fn() -> String,
    expected: usize,
    found: usize,
) -> Result<(), CentreError> {
    if expected == found {
        Ok(())
    } else {
        Err(CentreError::OtherLength { what: what(), expected, found })
    }
}

impl Centre {
    /// Returns the number of steps.
    pub fn steps(&self) -> usize {
        self.queues.first().map_or(0, |queue| queue.arrivals.len())
    }

    /// Checks every number.
    ///
    /// # Errors
    /// Returns the first number outside its bounds, list of another length or unknown queue.
    pub fn check(&self) -> Result<(), CentreError> {
        let steps = self.steps();
        let count = |what: &'static str, found: usize, most: usize, allowed: &'static str| {
            bounded(|| what.to_owned(), found as f64, (1..=most).contains(&found), allowed)
        };
        count("queues", self.queues.len(), PARTS_MAX, "1 to 1000")?;
        count("groups", self.groups.len(), PARTS_MAX, "1 to 1000")?;
        count("steps", steps, STEPS_MAX, "1 to 35136")?;
        let is_allowed = (1.0..=86_400.0).contains(&self.step_s);
        bounded(|| "step".to_owned(), self.step_s, is_allowed, "1 to 86400 seconds")?;
        let is_allowed = (0.0..=1e6).contains(&self.warm_up_s);
        bounded(|| "warm-up".to_owned(), self.warm_up_s, is_allowed, "0 to 1e6 seconds")?;
        for (index, queue) in self.queues.iter().enumerate() {
            queue.check(index, steps)?;
        }
        let expected: f64 = self.queues.iter().map(|queue| self.expected_arrivals(queue)).sum();
        let is_allowed = expected <= ARRIVALS_MAX;
        bounded(|| "expected arrivals".to_owned(), expected, is_allowed, "at most 1e7")?;
        self.groups.iter().enumerate().try_for_each(|(index, group)| self.check_group(index, group))
    }

    /// Returns the expected arrivals of a replication, those of the warm-up included.
    fn expected_arrivals(&self, queue: &CentreQueue) -> f64 {
        let first = queue.arrivals.first().copied().unwrap_or(0.0);
        queue.arrivals.iter().sum::<f64>() + first * self.warm_up_s / self.step_s
    }

    fn check_group(&self, index: usize, group: &Group) -> Result<(), CentreError> {
        same_length(|| format!("agents of group {index}"), self.steps(), group.agents.len())?;
        let queues = self.queues.len();
        if let Some(found) = group.queues.iter().copied().find(|queue| *queue >= queues) {
            return Err(CentreError::UnknownQueue { group: index, queues, found });
        }
        group.agents.iter().try_for_each(|agents| {
            let what = || format!("agents of group {index}");
            bounded(what, f64::from(*agents), *agents <= AGENTS_MAX, "at most 100000")
        })
    }
}
