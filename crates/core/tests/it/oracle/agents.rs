//! Agent time: the oracle keeps every change, and folds all changes up to an instant for the state
//! at that instant.

use std::collections::BTreeMap;

use nabiz_core::event::{AgentState, EventPayload};
use nabiz_core::settings::Settings;

use super::contact::NO_QUEUE;
use super::facts::Range;

#[derive(Clone, Debug)]
enum Change {
    Everywhere { state: AgentState, queues: Option<Vec<String>> },
    InQueue { queue: String, state: AgentState },
    CallStarted { queue: String },
    CallEnded,
}

/// Time that can no longer change.
#[derive(Clone, Debug)]
struct Booked {
    queue: String,
    state: AgentState,
    from: i64,
    to: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Agents {
    /// Per agent: event time, log order, change.
    changes: BTreeMap<String, Vec<(i64, usize, Change)>>,
    booked: Vec<Booked>,
    booked_to: Option<i64>,
    count: usize,
}

/// Returns the state in each queue after the changes with event time up to `at`, in order of event
/// time and log. The queue of an agent is `none` as long as no queue of the agent is known.
fn state_at(changes: &[(i64, usize, Change)], at: i64) -> BTreeMap<String, AgentState> {
    let mut ordered: Vec<&(i64, usize, Change)> =
        changes.iter().filter(|(time, _, _)| *time <= at).collect();
    ordered.sort_by_key(|(time, order, _)| (*time, *order));
    let mut states: BTreeMap<String, AgentState> = BTreeMap::new();
    let mut in_call = false;
    for (_, _, change) in ordered {
        match change {
            Change::Everywhere { state, queues: Some(queues) } => {
                states = queues.iter().map(|queue| (queue.clone(), *state)).collect();
            }
            Change::Everywhere { state, queues: None } => {
                if states.is_empty() {
                    states.insert(NO_QUEUE.to_string(), *state);
                }
                states.values_mut().for_each(|known| *known = *state);
            }
            Change::InQueue { queue, state } => {
                states.remove(NO_QUEUE);
                states.insert(queue.clone(), *state);
            }
            Change::CallStarted { queue } => {
                states.remove(NO_QUEUE);
                states.entry(queue.clone()).or_insert(AgentState::Available);
                in_call = true;
            }
            Change::CallEnded => in_call = false,
        }
    }
    if in_call {
        for state in states.values_mut().filter(|state| **state != AgentState::Offline) {
            *state = AgentState::Busy;
        }
    }
    states
}

/// Returns the stretches of equal state between two instants.
fn stretches(changes: &[(i64, usize, Change)], from: i64, to: i64) -> Vec<Booked> {
    let mut cuts: Vec<i64> = changes
        .iter()
        .map(|(time, _, _)| *time)
        .filter(|time| from < *time && *time < to)
        .collect();
    cuts.extend([from, to]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut stretches = Vec::new();
    for pair in cuts.windows(2) {
        for (queue, state) in state_at(changes, pair[0]) {
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
            }
        }
        self.booked_to = Some(self.booked_to.map_or(to, |from| from.max(to)));
    }

    /// Applies a change. Returns false where `body` does not concern an agent.
    pub fn apply(&mut self, settings: &Settings, time: i64, body: &EventPayload<'_>) -> bool {
        let resolve = |queue: &str| settings.resolve(queue).to_string();
        let (agent, change) = match body {
            EventPayload::AgentStateChanged { agent, state, queues } => {
                let queues = queues
                    .as_ref()
                    .map(|queues| queues.iter().map(|queue| resolve(queue)).collect());
                (agent, Change::Everywhere { state: *state, queues })
            }
            EventPayload::AgentQueueState { agent, queue, state } => {
                (agent, Change::InQueue { queue: resolve(queue), state: *state })
            }
            EventPayload::AgentCallStarted { agent, queue } => {
                (agent, Change::CallStarted { queue: resolve(queue) })
            }
            EventPayload::AgentCallEnded { agent } => (agent, Change::CallEnded),
            _ => return false,
        };
        self.count += 1;
        self.changes.entry(agent.to_string()).or_default().push((time, self.count, change));
        true
    }

    /// Returns the agents by queue and state.
    pub fn gauge(&self) -> BTreeMap<String, [u64; 5]> {
        let mut gauge: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        for changes in self.changes.values() {
            for (queue, state) in state_at(changes, i64::MAX) {
                gauge.entry(queue).or_default()[state.index()] += 1;
            }
        }
        gauge
    }

    /// Returns the booked milliseconds by queue and state.
    pub fn booked_ms(&self) -> BTreeMap<String, [u64; 5]> {
        let mut sums: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        for stretch in &self.booked {
            sums.entry(stretch.queue.clone()).or_default()[stretch.state.index()] +=
                (stretch.to - stretch.from) as u64;
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
            sums.entry(stretch.queue).or_default()[stretch.state.index()] += ms;
        }
        sums
    }

    /// Returns the booked milliseconds by interval, queue and state.
    pub fn intervals(&self, interval_ms: i64) -> BTreeMap<(i64, String), [u64; 5]> {
        let mut sums: BTreeMap<(i64, String), [u64; 5]> = BTreeMap::new();
        for stretch in &self.booked {
            let mut from = stretch.from;
            while from < stretch.to {
                let start = from - from.rem_euclid(interval_ms);
                let to = stretch.to.min(start + interval_ms);
                sums.entry((start, stretch.queue.clone())).or_default()[stretch.state.index()] +=
                    (to - from) as u64;
                from = to;
            }
        }
        sums
    }
}
