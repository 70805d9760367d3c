//! Agent time: the oracle keeps every change, and folds all changes up to an instant for the state
//! at that instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nabiz_core::event::{AgentState, EventPayload};
use nabiz_core::settings::Settings;
use nabiz_core::time::Timestamp;

use super::contact::NO_QUEUE;
use super::facts::Range;

/// A state, and of a pause the label of its reason.
#[derive(Clone, Debug)]
struct Stated {
    state: AgentState,
    reason: String,
    /// The event time of the record that said it.
    since: i64,
}

impl Stated {
    fn new(state: AgentState, reason: Option<&str>, since: i64) -> Stated {
        let reason = match (state, reason) {
            (AgentState::Paused, None) => "none",
            (AgentState::Paused, Some(text)) if text.len() > 64 => "other",
            (AgentState::Paused, Some(reason)) => reason,
            _ => "",
        };
        Stated { state, reason: reason.to_string(), since }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Everywhere {
        state: Stated,
        queues: Option<Vec<String>>,
    },
    InQueue {
        queue: String,
        state: Stated,
    },
    /// In this queue, or in all.
    Unpause {
        queue: Option<String>,
    },
    WrapUp {
        until: i64,
    },
    Call(CallChange),
}

/// A call is named by the position of the record with which it began.
#[derive(Clone, Debug)]
pub enum CallChange {
    Started { queue: String, call: i64, until: i64 },
    Ended { call: i64 },
}

/// Time that can no longer change.
#[derive(Clone, Debug)]
struct Booked {
    queue: String,
    state: Stated,
    from: i64,
    to: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Agents {
    /// Per agent: event time, log order, change.
    changes: BTreeMap<String, Vec<(i64, usize, Change)>>,
    booked: Vec<Booked>,
    /// The same for heads: the queue is empty.
    booked_heads: Vec<Booked>,
    booked_to: Option<i64>,
    count: usize,
    /// The reasons of pauses as they came.
    reasons: Vec<String>,
}

/// What is known of an agent after some changes.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The state of the last change that was about all queues.
    state: Option<Stated>,
    /// The queues that a change about all queues has given.
    listed: Option<Vec<String>>,
    /// Explicit states: in `listed`, and in queues of changes about one queue.
    explicit: BTreeMap<String, Stated>,
    /// Queues known only from calls.
    of_calls: BTreeSet<String>,
    /// Position and longest end of each call.
    calls: BTreeMap<i64, i64>,
    wrap_up_until: Option<i64>,
}

impl Known {
    fn of(changes: &[(i64, usize, Change)], at: i64) -> Known {
        let mut ordered: Vec<&(i64, usize, Change)> =
            changes.iter().filter(|(time, _, _)| *time <= at).collect();
        ordered.sort_by_key(|(time, order, _)| (*time, *order));
        let mut known = Known::default();
        ordered.into_iter().for_each(|(_, _, change)| known.apply(change));
        known
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Everywhere { state, queues } => {
                self.wrap_up_until = None;
                self.state = Some(state.clone());
                self.explicit.values_mut().for_each(|known| *known = state.clone());
                if let Some(queues) = queues {
                    self.listed = Some(queues.clone());
                    self.explicit =
                        queues.iter().map(|queue| (queue.clone(), state.clone())).collect();
                    self.of_calls.clear();
                }
            }
            Change::InQueue { queue, state } => {
                self.wrap_up_until = None;
                self.of_calls.remove(queue);
                self.explicit.insert(queue.clone(), state.clone());
            }
            Change::Unpause { queue: Some(queue) } => {
                self.wrap_up_until = None;
                let known = self.base_states().get(queue).map(|known| known.state);
                if known == Some(AgentState::Paused) {
                    self.of_calls.remove(queue);
                    self.explicit
                        .insert(queue.clone(), Stated::new(AgentState::Available, None, i64::MIN));
                }
            }
            Change::Unpause { queue: None } => {
                self.wrap_up_until = None;
                let states = self.explicit.values_mut().chain(&mut self.state);
                for state in states.filter(|known| known.state == AgentState::Paused) {
                    *state = Stated::new(AgentState::Available, None, i64::MIN);
                }
            }
            Change::WrapUp { until } => self.wrap_up_until = Some(*until),
            Change::Call(CallChange::Started { queue, call, until }) => {
                if self.listed.is_none() && !self.explicit.contains_key(queue) {
                    self.of_calls.insert(queue.clone());
                }
                self.calls.insert(*call, *until);
            }
            Change::Call(CallChange::Ended { call }) => {
                self.calls.remove(call);
            }
        }
    }

    /// Returns the states without calls and wrap-up. The queue is `none` as long as no queue of the
    /// agent is known.
    fn base_states(&self) -> BTreeMap<String, Stated> {
        let mut states = self.explicit.clone();
        let of_calls =
            self.state.clone().unwrap_or(Stated::new(AgentState::Available, None, i64::MIN));
        states.extend(self.of_calls.iter().map(|queue| (queue.clone(), of_calls.clone())));
        if let (true, None, Some(state)) = (states.is_empty(), &self.listed, &self.state) {
            states.insert(NO_QUEUE.to_string(), state.clone());
        }
        states
    }

    /// Returns the state of the agent as a head in the millisecond that begins at `since`.
    fn head(&self, since: i64, reasons: &[String]) -> Option<Stated> {
        let states = self.states(since);
        let with = |state| states.values().filter(move |known| known.state == state);
        for state in [AgentState::Busy, AgentState::WrapUp, AgentState::Available] {
            if let Some(known) = with(state).next() {
                return Some(known.clone());
            }
        }
        let newest = with(AgentState::Paused).map(|known| known.since).max();
        let place = |known: &&Stated| match known.reason.as_str() {
            "none" => -2,
            "other" => -1,
            listed => reasons.iter().position(|known| known == listed).unwrap() as i64,
        };
        let newest = with(AgentState::Paused).filter(|known| Some(known.since) == newest);
        newest.max_by_key(place).or(with(AgentState::Offline).next()).cloned()
    }

    /// Returns the states in the millisecond that begins at `since`.
    fn states(&self, since: i64) -> BTreeMap<String, Stated> {
        let in_call = self.calls.values().any(|until| since < *until);
        let in_wrap_up = self.wrap_up_until.is_some_and(|until| since < until);
        let mut states = self.base_states();
        for known in states.values_mut() {
            match known.state {
                AgentState::Offline => {}
                _ if in_call => *known = Stated::new(AgentState::Busy, None, i64::MIN),
                AgentState::Busy => {}
                _ if in_wrap_up => *known = Stated::new(AgentState::WrapUp, None, i64::MIN),
                _ => {}
            }
        }
        states
    }
}

/// Returns instants between which the state of an agent does not change.
fn cuts(changes: &[(i64, usize, Change)], from: i64, to: i64) -> Vec<i64> {
    let mut cuts: Vec<i64> = changes
        .iter()
        .flat_map(|(time, _, change)| {
            let ends = match change {
                Change::WrapUp { until } => Some(*until),
                Change::Call(CallChange::Started { until, .. }) => Some(*until),
                _ => None,
            };
            [Some(*time), ends].into_iter().flatten()
        })
        .filter(|time| from < *time && *time < to)
        .collect();
    cuts.extend([from, to]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// Returns the stretches of equal state between two instants.
fn stretches(changes: &[(i64, usize, Change)], from: i64, to: i64) -> Vec<Booked> {
    let mut stretches = Vec::new();
    for pair in cuts(changes, from, to).windows(2) {
        for (queue, state) in Known::of(changes, pair[0]).states(pair[0]) {
            stretches.push(Booked { queue, state, from: pair[0], to: pair[1] });
        }
    }
    stretches
}

impl Agents {
    /// Books the time that is too old to be corrected.
    pub fn book(&mut self, settings: &Settings, now: i64) {
        let to = now - settings.windows.allowed_lateness.get() as i64;
        if let Some(from) = self.booked_to
            && from < to
        {
            for changes in self.changes.values() {
                self.booked.extend(stretches(changes, from, to));
                for pair in cuts(changes, from, to).windows(2) {
                    let head = Known::of(changes, pair[0]).head(pair[0], &self.reasons);
                    self.booked_heads.extend(head.map(|state| {
                        let queue = String::new();
                        Booked { queue, state, from: pair[0], to: pair[1] }
                    }));
                }
            }
        }
        self.booked_to = Some(self.booked_to.map_or(to, |from| from.max(to)));
    }

    /// Returns a state, and lists the reason of a pause.
    fn stated(&mut self, state: AgentState, reason: Option<&str>, time: i64) -> Stated {
        let stated = Stated::new(state, reason, time);
        if !matches!(stated.reason.as_str(), "" | "none" | "other")
            && !self.reasons.contains(&stated.reason)
        {
            self.reasons.push(stated.reason.clone());
        }
        stated
    }

    /// Applies a change. Returns false where `body` does not concern an agent.
    pub fn apply(&mut self, settings: &Settings, time: i64, body: &EventPayload<'_>) -> bool {
        let resolve = |queue: &str| settings.resolve(queue).to_string();
        let (agent, change) = match body {
            EventPayload::AgentStateChanged { agent, state, reason, queues } => {
                let queues = queues
                    .as_ref()
                    .map(|queues| queues.iter().map(|queue| resolve(queue)).collect());
                let state = self.stated(*state, reason.as_deref(), time);
                (agent, Change::Everywhere { state, queues })
            }
            EventPayload::AgentQueueState { agent, queue, state, reason } => {
                let state = self.stated(*state, reason.as_deref(), time);
                (agent, Change::InQueue { queue: resolve(queue), state })
            }
            EventPayload::AgentUnpaused { agent, queue } => {
                (agent, Change::Unpause { queue: queue.as_deref().map(resolve) })
            }
            EventPayload::AgentWrapUp { agent, duration } => {
                (agent, Change::WrapUp { until: time + duration.get() as i64 })
            }
            _ => return false,
        };
        self.change(agent, time, change);
        true
    }

    /// Applies a change of an agent's calls.
    pub fn apply_call(&mut self, agent: &str, time: i64, change: CallChange) {
        self.change(agent, time, Change::Call(change));
    }

    fn change(&mut self, agent: &str, time: i64, change: Change) {
        self.count += 1;
        self.changes.entry(agent.to_string()).or_default().push((time, self.count, change));
    }

    /// Returns the agents by queue and state, in the last millisecond of stream time.
    pub fn gauge(&self, now: i64) -> BTreeMap<String, [u64; 5]> {
        let mut gauge: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        for changes in self.changes.values() {
            for (queue, state) in Known::of(changes, i64::MAX).states(now - 1) {
                gauge.entry(queue).or_default()[state.state.index()] += 1;
            }
        }
        gauge
    }

    /// Returns the booked milliseconds by queue and state.
    pub fn booked_ms(&self) -> BTreeMap<String, [u64; 5]> {
        let mut sums: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        for stretch in &self.booked {
            sums.entry(stretch.queue.clone()).or_default()[stretch.state.state.index()] +=
                (stretch.to - stretch.from) as u64;
        }
        sums
    }

    /// Returns the booked milliseconds in pauses by queue and reason.
    pub fn paused_ms(&self) -> BTreeMap<String, BTreeMap<Arc<str>, u64>> {
        let mut sums: BTreeMap<String, BTreeMap<Arc<str>, u64>> = BTreeMap::new();
        for stretch in &self.booked {
            if stretch.state.state == AgentState::Paused && stretch.from < stretch.to {
                let reasons = sums.entry(stretch.queue.clone()).or_default();
                let reason = stretch.state.reason.as_str().into();
                *reasons.entry(reason).or_default() += (stretch.to - stretch.from) as u64;
            }
        }
        sums
    }

    /// Returns the milliseconds within a window by queue and state, booked or not.
    pub fn window_ms(&self, range: &Range, now: i64) -> BTreeMap<String, [u64; 5]> {
        let mut sums: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        let mut all = self.booked.clone();
        if let Some(from) = self.booked_to {
            for changes in self.changes.values() {
                all.extend(stretches(changes, from, now));
            }
        }
        for stretch in all {
            let ms = range.overlap_ms(stretch.from, stretch.to);
            sums.entry(stretch.queue).or_default()[stretch.state.state.index()] += ms;
        }
        sums
    }

    /// Returns the booked milliseconds by interval, queue and state.
    pub fn intervals(&self, interval_ms: i64) -> BTreeMap<(i64, String), [u64; 5]> {
        let mut sums: BTreeMap<(i64, String), [u64; 5]> = BTreeMap::new();
        for (start, part_ms, stretch) in parts(interval_ms, &self.booked) {
            sums.entry((start, stretch.queue.clone())).or_default()[stretch.state.state.index()] +=
                part_ms;
        }
        sums
    }

    /// Returns the booked milliseconds of heads by interval and state.
    pub fn head_intervals(&self, interval_ms: i64) -> BTreeMap<Timestamp, [u64; 5]> {
        let mut sums: BTreeMap<Timestamp, [u64; 5]> = BTreeMap::new();
        for (start, part_ms, stretch) in parts(interval_ms, &self.booked_heads) {
            sums.entry(Timestamp(start)).or_default()[stretch.state.state.index()] += part_ms;
        }
        sums
    }

    /// Returns the booked milliseconds of paused heads by interval and reason.
    pub fn pause_intervals(&self, interval_ms: i64) -> BTreeMap<(Timestamp, Arc<str>), u64> {
        let mut sums: BTreeMap<(Timestamp, Arc<str>), u64> = BTreeMap::new();
        for (start, part_ms, stretch) in parts(interval_ms, &self.booked_heads) {
            if stretch.state.state == AgentState::Paused {
                let key = (Timestamp(start), stretch.state.reason.as_str().into());
                *sums.entry(key).or_default() += part_ms;
            }
        }
        sums
    }
}

/// Cuts stretches at the ends of intervals. Returns each part with the start of its interval and
/// its milliseconds.
fn parts(interval_ms: i64, booked: &[Booked]) -> Vec<(i64, u64, &Booked)> {
    let mut parts = Vec::new();
    for stretch in booked {
        let mut from = stretch.from;
        while from < stretch.to {
            let start = from - from.rem_euclid(interval_ms);
            let to = stretch.to.min(start + interval_ms);
            parts.push((start, (to - from) as u64, stretch));
            from = to;
        }
    }
    parts
}
