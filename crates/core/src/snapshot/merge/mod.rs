//! The sum of the snapshots of several shards.
//!
//! The addition is associative and commutative, so the result does not depend on the order or the
//! grouping of the shards.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::event::ChannelId;
use crate::measures::{AgentWindow, FollowupSnapshot, Live, RecordTotals, Totals, WindowSnapshot};
use crate::settings::Settings;
use crate::snapshot::model::{QueueSnapshot, SeriesSnapshot, Snapshot};

/// Adds snapshots of the same settings.
///
/// Counts and sums are added. Maxima and ages are the largest, stream time is the smallest. The
/// observation of a queue is the newest; of several with the same event time, it is the largest.
pub fn merge<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Snapshot {
    let mut sum = Snapshot::default();
    let mut series: BTreeMap<(Arc<str>, ChannelId), Arc<SeriesSnapshot>> = BTreeMap::new();
    let mut queues: BTreeMap<Arc<str>, QueueSnapshot> = BTreeMap::new();
    for snapshot in snapshots {
        sum.stream_time = match (sum.stream_time, snapshot.stream_time) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for one in &snapshot.series {
            match series.entry((Arc::clone(&one.queue), one.channel)) {
                // Most series are in one shard only, so the sum shares them and copies nothing.
                Entry::Vacant(entry) => {
                    entry.insert(Arc::clone(one));
                }
                Entry::Occupied(mut entry) => Arc::make_mut(entry.get_mut()).add(one),
            }
        }
        for one in &snapshot.queues {
            match queues.entry(Arc::clone(&one.queue)) {
                Entry::Vacant(entry) => {
                    entry.insert(one.clone());
                }
                Entry::Occupied(mut entry) => entry.get_mut().add(one),
            }
        }
        add_all(&mut sum.contacts_started, &snapshot.contacts_started, add);
        for (entry_point, outcomes) in &snapshot.self_service {
            add_each(sum.self_service.entry(Arc::clone(entry_point)).or_default(), outcomes);
        }
        for (unit, followups) in &snapshot.followups {
            sum.followups.entry(Arc::clone(unit)).or_default().add(followups);
        }
        sum.records.add(&snapshot.records);
        add(&mut sum.clock_skew, &snapshot.clock_skew);
        add(&mut sum.series_refused, &snapshot.series_refused);
        add(&mut sum.open_contacts, &snapshot.open_contacts);
        add(&mut sum.evicted, &snapshot.evicted);
    }
    sum.series = series.into_values().collect();
    sum.queues = queues.into_values().collect();
    sum
}

impl Snapshot {
    /// Returns a snapshot without events: every configured queue with its configured channel, at 0.
    pub fn of_known_queues(settings: &Settings) -> Snapshot {
        let windows = settings.windows.lengths.len() + 1;
        let mut snapshot =
            Snapshot { contacts_started: vec![0; settings.channels.len()], ..Snapshot::default() };
        for (id, queue) in &settings.queues {
            let id: Arc<str> = Arc::from(id.as_str());
            snapshot.series.push(Arc::new(SeriesSnapshot {
                queue: Arc::clone(&id),
                channel: queue.channel,
                totals: Totals::default(),
                live: Live::default(),
                windows: vec![WindowSnapshot::default(); windows],
            }));
            snapshot.queues.push(QueueSnapshot {
                queue: id,
                windows: vec![AgentWindow::default(); windows],
                ..QueueSnapshot::default()
            });
        }
        snapshot
    }
}

/// Adds a count; the sum stops at [`u64::MAX`].
fn add(sum: &mut u64, more: &u64) {
    *sum = sum.saturating_add(*more);
}

/// Adds counts position by position.
fn add_each<const N: usize>(sums: &mut [u64; N], more: &[u64; N]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        add(sum, more);
    }
}

/// Adds items position by position; the sum is as long as the longer list.
fn add_all<T: Clone + Default>(sums: &mut Vec<T>, more: &[T], add_one: fn(&mut T, &T)) {
    if sums.len() < more.len() {
        sums.resize(more.len(), T::default());
    }
    for (sum, more) in sums.iter_mut().zip(more) {
        add_one(sum, more);
    }
}

impl RecordTotals {
    /// Adds the counts of other records.
    pub fn add(&mut self, other: &RecordTotals) {
        let RecordTotals {
            applied,
            duplicate,
            late,
            rejected,
            held,
            ignored,
            fields_dropped,
            events,
        } = other;
        add(&mut self.applied, applied);
        add(&mut self.duplicate, duplicate);
        add(&mut self.late, late);
        for (reason, count) in rejected {
            add(self.rejected.entry(*reason).or_default(), count);
        }
        add(&mut self.held, held);
        add(&mut self.ignored, ignored);
        self.events.add(events);
        for (field, count) in fields_dropped {
            add(self.fields_dropped.entry(*field).or_default(), count);
        }
    }
}

// Each `add` destructures its argument without `..`, so the compiler reports a field that is not
// added here.

impl SeriesSnapshot {
    fn add(&mut self, other: &SeriesSnapshot) {
        let SeriesSnapshot { queue: _, channel: _, totals, live, windows } = other;
        self.totals.add(totals);
        self.live.add(live);
        add_all(&mut self.windows, windows, WindowSnapshot::add);
    }
}

impl Live {
    fn add(&mut self, other: &Live) {
        let Live {
            waiting,
            waiting_over_target,
            longest_wait,
            oldest_waiting,
            in_service,
            open,
            open_overdue,
            oldest_open,
        } = other;
        add(&mut self.waiting, waiting);
        add(&mut self.waiting_over_target, waiting_over_target);
        self.longest_wait = self.longest_wait.max(*longest_wait);
        self.oldest_waiting = self.oldest_waiting.max(*oldest_waiting);
        add(&mut self.in_service, in_service);
        add(&mut self.open, open);
        add(&mut self.open_overdue, open_overdue);
        self.oldest_open = self.oldest_open.max(*oldest_open);
    }
}

impl WindowSnapshot {
    fn add(&mut self, other: &WindowSnapshot) {
        let WindowSnapshot { counts, waits } = other;
        self.counts.add(counts);
        self.waits.add(waits);
    }
}

impl QueueSnapshot {
    fn add(&mut self, other: &QueueSnapshot) {
        let QueueSnapshot { queue: _, observed, agents, agent_ms, paused_ms, windows } = other;
        self.observed =
            [self.observed, *observed].into_iter().flatten().max_by_key(|observation| {
                (observation.event_time, observation.waiting, observation.oldest_wait)
            });
        add_each(&mut self.agents, agents);
        add_each(&mut self.agent_ms, agent_ms);
        for (reason, time) in paused_ms {
            add(self.paused_ms.entry(Arc::clone(reason)).or_default(), time);
        }
        add_all(&mut self.windows, windows, |sum, more| {
            add_each(&mut sum.state_ms, &more.state_ms)
        });
    }
}

impl FollowupSnapshot {
    fn add(&mut self, other: &FollowupSnapshot) {
        let FollowupSnapshot { opened, informed, duration, open, overdue } = other;
        add(&mut self.opened, opened);
        add(&mut self.informed, informed);
        self.duration.add(duration);
        add(&mut self.open, open);
        add(&mut self.overdue, overdue);
    }
}
