//! The agents of a group: how many are idle and since when, and their time.

use std::collections::VecDeque;

use crate::centre::outcome::{GroupOutcome, GroupTimes};

/// The agents of one group.
#[derive(Debug)]
pub(super) struct Agents {
    there: usize,
    busy: usize,
    /// Starts of the idle times, longest first. An agent is idle or busy, so its length is
    /// `there - busy`, or 0 while agents who should have left end their visits.
    idle_since_s: VecDeque<f64>,
    times: Vec<GroupTimes>,
    counted_until_s: f64,
}

impl Agents {
    /// Returns a group without agents.
    pub(super) fn new(steps: usize, start_s: f64) -> Self {
        Agents {
            there: 0,
            busy: 0,
            idle_since_s: VecDeque::new(),
            times: vec![GroupTimes::default(); steps],
            counted_until_s: start_s,
        }
    }

    /// Counts the time until `now_s`, all of it within `step`; `None` outside the steps.
    fn count_until(&mut self, now_s: f64, step: Option<usize>) {
        let spent_s = now_s - self.counted_until_s;
        self.counted_until_s = now_s;
        if let Some(times) = step.and_then(|step| self.times.get_mut(step)) {
            let heads = self.there.max(self.busy) as f64;
            times.add(GroupTimes { agent_s: heads * spent_s, busy_s: self.busy as f64 * spent_s });
        }
    }

    /// Sets how many agents are there from `now_s` on; `step` is the step that ends now. The
    /// agents who have been idle for the longest time leave first.
    pub(super) fn set(&mut self, agents: usize, now_s: f64, step: Option<usize>) {
        self.count_until(now_s, step);
        self.there = agents;
        let idle = agents.saturating_sub(self.busy);
        while self.idle_since_s.len() > idle {
            self.idle_since_s.pop_front();
        }
        while self.idle_since_s.len() < idle {
            self.idle_since_s.push_back(now_s);
        }
    }

    /// Returns since when the agent has been idle who has been idle for the longest time.
    pub(super) fn longest_idle_since_s(&self) -> Option<f64> {
        self.idle_since_s.front().copied()
    }

    /// Gives a visit to the agent who has been idle for the longest time.
    pub(super) fn take(&mut self, now_s: f64, step: Option<usize>) {
        self.count_until(now_s, step);
        self.idle_since_s.pop_front();
        self.busy += 1;
    }

    /// Ends a visit. The agent becomes idle, or leaves if more agents are busy than should be
    /// there.
    pub(super) fn release(&mut self, now_s: f64, step: Option<usize>) {
        self.count_until(now_s, step);
        self.busy -= 1;
        if self.busy < self.there {
            self.idle_since_s.push_back(now_s);
        }
    }

    /// Ends the last step at `end_s`, and returns the times.
    pub(super) fn outcome(self) -> GroupOutcome {
        let mut total = GroupTimes::default();
        for times in &self.times {
            total.add(*times);
        }
        GroupOutcome { steps: self.times, total }
    }

    /// Counts until the end of the last step.
    pub(super) fn close(&mut self, end_s: f64, step: Option<usize>) {
        self.count_until(end_s, step);
    }
}
