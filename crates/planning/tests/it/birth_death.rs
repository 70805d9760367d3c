//! Erlang A again, by other means: the birth-and-death process solved state by state, and the wait
//! of a contact followed place by place. Slow, and without a formula of the crate.

/// The long run of a queue with `agents`, time in handle times.
pub struct Solved {
    /// Probability of each number of contacts, those served included.
    states: Vec<f64>,
    agents: usize,
    load: f64,
    theta: f64,
}

impl Solved {
    /// Solves the process for a load, and handle time over patience `theta`.
    pub fn new(load: f64, agents: u32, theta: f64) -> Self {
        let agents = agents as usize;
        // Logarithms, because the weights of the states differ by thousands of powers of ten.
        let mut logs = vec![0.0_f64];
        let mut greatest = 0.0_f64;
        for state in 1.. {
            let served = state.min(agents) as f64;
            let waiting = state.saturating_sub(agents) as f64;
            let next = logs[state - 1] + (load / (served + theta * waiting)).ln();
            greatest = greatest.max(next);
            logs.push(next);
            let is_falling = served + theta * waiting > load;
            if is_falling && state > agents && next < greatest - 60.0 {
                break;
            }
        }
        let weights: Vec<f64> = logs.iter().map(|log| (log - greatest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let states = weights.iter().map(|weight| weight / total).collect();
        Self { states, agents, load, theta }
    }

    /// Returns how many states have a probability that matters.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    pub fn waiting(&self) -> f64 {
        self.states[self.agents..].iter().sum()
    }

    fn queue_length(&self) -> f64 {
        self.states[self.agents..].iter().enumerate().map(|(queue, p)| queue as f64 * p).sum()
    }

    pub fn abandonment(&self) -> f64 {
        self.theta * self.queue_length() / self.load
    }

    /// Mean wait of all, by Little's law.
    pub fn mean_wait(&self) -> f64 {
        self.queue_length() / self.load
    }

    /// Mean number of busy agents over the agents.
    pub fn occupancy(&self) -> f64 {
        let busy = |(state, p): (usize, &f64)| state.min(self.agents) as f64 * p;
        self.states.iter().enumerate().map(busy).sum::<f64>() / self.agents as f64
    }

    /// Returns the share that is answered within a time.
    ///
    /// A contact that finds `k` others waiting moves up when one of them abandons or an agent is
    /// free, and may itself abandon. Each step of time applies the chances of these moves
    /// (uniformization: the moves of a Poisson clock that is faster than every state).
    pub fn answered_within(&self, time: f64) -> f64 {
        let n = self.agents as f64;
        let mut places: Vec<f64> = self.states[self.agents..].to_vec();
        let mut answered: f64 = self.states[..self.agents].iter().sum();
        let clock = n + self.theta * places.len() as f64;
        let mut answered_after = Vec::new();
        // Enough ticks for all but 1e-16 of the Poisson distribution.
        let mean = clock * time;
        let ticks = (mean + 12.0 * mean.sqrt() + 40.0) as usize;
        for _ in 0..=ticks {
            answered_after.push(answered);
            answered += places[0] * n / clock;
            let moved: Vec<f64> = (0..places.len())
                .map(|k| {
                    let up = n + self.theta * k as f64;
                    let stays = places[k] * (1.0 - (up + self.theta) / clock);
                    let comes = places
                        .get(k + 1)
                        .map_or(0.0, |p| p * (n + self.theta * (k + 1) as f64) / clock);
                    stays + comes
                })
                .collect();
            places = moved;
        }
        // The Poisson weights of the ticks, from logarithms.
        let mut log_weight = -mean;
        let mut sum = 0.0;
        for (tick, answered) in answered_after.iter().enumerate() {
            if tick > 0 {
                log_weight += (mean / tick as f64).ln();
            }
            sum += log_weight.exp() * answered;
        }
        if mean == 0.0 { answered_after[0] } else { sum }
    }
}
