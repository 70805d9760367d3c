//! What comes out of a simulated centre.

/// A simulated value and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value over all replications.
    pub value: f64,
    /// Its standard error, from the spread between replications; absent with fewer than two.
    pub standard_error: Option<f64>,
}

/// The counts of the visits that entered in a step, or in all of them, over all replications.
///
/// `offered` is the sum of `answered`, `abandoned`, `callbacks`, `timeouts` and `still_waiting`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Visits that entered.
    pub offered: u64,
    /// Visits that an agent answered.
    pub answered: u64,
    /// Answered visits with a wait of at most the target.
    pub answered_in_target: u64,
    /// Visits whose caller gave up, those who left at once included.
    pub abandoned: u64,
    /// Abandoned visits with a wait of at most the bound of short abandons.
    pub abandoned_short: u64,
    /// Visits that ended with a callback.
    pub callbacks: u64,
    /// Visits that the queue sent away.
    pub timeouts: u64,
    /// Visits that have no end, because nobody serves them and they never give up.
    pub still_waiting: u64,
    /// Sum of the waits of all visits that have ended, in seconds.
    pub wait_s: f64,
    /// Sum over the same visits of the wait beyond the bound of short abandons, in seconds. Divided
    /// by the abandons that are not short it is the mean patience, if patience is exponential.
    pub wait_beyond_short_s: f64,
    /// Sum of the handling times of the answered visits, in seconds.
    pub handling_s: f64,
    replications: Spread,
}

/// The spread of (offered, answered in target) between replications.
#[derive(Clone, Debug, Default, PartialEq)]
struct Spread {
    count: u64,
    offered_squared: f64,
    met_squared: f64,
    product: f64,
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Counts {
    /// Returns the share of the offered visits that an agent answered in target, which Erlang A
    /// predicts; `None` if nobody came.
    ///
    /// The standard error is that of a ratio of means (Cochran, "Sampling Techniques", section 2.11).
    pub fn service_level(&self) -> Option<Estimate> {
        let value = share(self.answered_in_target, self.offered)?;
        let replications = self.replications.count as f64;
        let mean_offered = self.offered as f64 / replications;
        let spread = &self.replications;
        let residual = spread.met_squared - 2.0 * value * spread.product
            + value * value * spread.offered_squared;
        let standard_error = (self.replications.count >= 2).then(|| {
            (residual.max(0.0) / (replications - 1.0) / replications).sqrt() / mean_offered
        });
        Some(Estimate { value, standard_error })
    }

    /// Returns the share of the offered visits whose caller gave up.
    pub fn abandonment(&self) -> Option<f64> {
        share(self.abandoned, self.offered)
    }

    /// Returns the mean wait in seconds of all visits that have ended.
    pub fn mean_wait_s(&self) -> Option<f64> {
        let ended = self.offered - self.still_waiting;
        (ended > 0).then(|| self.wait_s / ended as f64)
    }

    /// Notes that the counts are those of one replication.
    pub(super) fn close(&mut self) {
        let (offered, met) = (self.offered as f64, self.answered_in_target as f64);
        self.replications = Spread {
            count: 1,
            offered_squared: offered * offered,
            met_squared: met * met,
            product: offered * met,
        };
    }

    /// Adds the counts of the same step of other replications.
    fn add_replications(&mut self, other: &Counts) {
        self.add_visits(other);
        let (mine, its) = (&mut self.replications, &other.replications);
        mine.count += its.count;
        mine.offered_squared += its.offered_squared;
        mine.met_squared += its.met_squared;
        mine.product += its.product;
    }

    /// Adds the visits of another step of the same replication.
    pub(super) fn add_visits(&mut self, other: &Counts) {
        self.offered += other.offered;
        self.answered += other.answered;
        self.answered_in_target += other.answered_in_target;
        self.abandoned += other.abandoned;
        self.abandoned_short += other.abandoned_short;
        self.callbacks += other.callbacks;
        self.timeouts += other.timeouts;
        self.still_waiting += other.still_waiting;
        self.wait_s += other.wait_s;
        self.wait_beyond_short_s += other.wait_beyond_short_s;
        self.handling_s += other.handling_s;
    }
}

/// The counts of one queue, each visit in the step in which it entered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueOutcome {
    /// Counts of each step.
    pub steps: Vec<Counts>,
    /// Counts over all steps.
    pub total: Counts,
}

/// Agent time of a step, or of all of them, summed over all replications.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupTimes {
    /// Seconds of the agents who were there.
    pub agent_s: f64,
    /// Seconds in which they had a visit.
    pub busy_s: f64,
}

impl GroupTimes {
    /// Returns the share of the agent time with a visit; `None` without agents.
    pub fn occupancy(&self) -> Option<f64> {
        (self.agent_s > 0.0).then(|| self.busy_s / self.agent_s)
    }

    pub(super) fn add(&mut self, other: GroupTimes) {
        self.agent_s += other.agent_s;
        self.busy_s += other.busy_s;
    }
}

/// The agent time of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupOutcome {
    /// Times of each step.
    pub steps: Vec<GroupTimes>,
    /// Times over all steps.
    pub total: GroupTimes,
}

/// The outcome of a number of replications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Replications.
    pub replications: u64,
    /// Outcome of each queue, in the order of the centre's queues.
    pub queues: Vec<QueueOutcome>,
    /// Outcome of each group, in the order of the centre's groups.
    pub groups: Vec<GroupOutcome>,
}

impl Outcome {
    /// Adds the outcome of other replications of the same centre.
    pub fn add(&mut self, other: &Outcome) {
        if self.replications == 0 {
            self.clone_from(other);
            return;
        }
        self.replications += other.replications;
        for (mine, its) in self.queues.iter_mut().zip(&other.queues) {
            mine.total.add_replications(&its.total);
            for (mine, its) in mine.steps.iter_mut().zip(&its.steps) {
                mine.add_replications(its);
            }
        }
        for (mine, its) in self.groups.iter_mut().zip(&other.groups) {
            mine.total.add(its.total);
            for (mine, its) in mine.steps.iter_mut().zip(&its.steps) {
                mine.add(*its);
            }
        }
    }
}
