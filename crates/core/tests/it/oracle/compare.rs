//! Compares a snapshot of the core with that of the oracle.

use nabiz_core::measures::VisitCounts;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use nabiz_core::event::ChannelId;
use nabiz_core::measures::{WindowCounts, WindowSnapshot};
use nabiz_core::settings::Settings;
use nabiz_core::snapshot::{SeriesSnapshot, Snapshot};
use nabiz_core::time::Timestamp;

use super::facts::{Interval, IntervalKey};
use super::store::Store;
use super::{Exact, Oracle};

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];
/// Two significant digits.
const QUANTILE_ERROR: f64 = 0.01;

/// Adds a difference. Shows only the lines that differ where these are enough.
fn differ<T: PartialEq + Debug>(found: &mut Vec<String>, what: &str, core: &T, oracle: &T) {
    if core == oracle {
        return;
    }
    let (core_lines, oracle_lines) = (format!("{core:#?}"), format!("{oracle:#?}"));
    let pairs = core_lines.lines().zip(oracle_lines.lines());
    if core_lines.lines().count() == oracle_lines.lines().count() {
        for (core, oracle) in pairs.filter(|(core, oracle)| core != oracle) {
            found.push(format!("{what}: core {}, oracle {}", core.trim(), oracle.trim()));
        }
    } else {
        found.push(format!("{what}: core {core:?}, oracle {oracle:?}"));
    }
}

/// Returns all differences, one per line.
pub fn differences(settings: &Settings, core: &Snapshot, oracle: &Exact) -> Vec<String> {
    let mut found = Vec::new();
    let exact = &oracle.snapshot;
    differ(&mut found, "stream time", &core.stream_time, &exact.stream_time);
    differ(&mut found, "records", &core.records, &exact.records);
    differ(&mut found, "clock skew", &core.clock_skew, &exact.clock_skew);
    differ(&mut found, "series refused", &core.series_refused, &exact.series_refused);
    differ(&mut found, "contacts in memory", &core.open_contacts, &exact.open_contacts);
    differ(&mut found, "evicted", &core.evicted, &exact.evicted);
    let started = |snapshot: &Snapshot| -> Vec<(usize, u64)> {
        snapshot
            .contacts_started
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, count)| *count > 0)
            .collect()
    };
    differ(&mut found, "contacts started", &started(core), &started(exact));
    differ(&mut found, "self-service", &core.self_service, &exact.self_service);
    differ(&mut found, "follow-ups", &core.followups, &exact.followups);
    series(settings, &mut found, core, oracle);
    queues(settings, &mut found, core, exact);
    found
}

fn series(settings: &Settings, found: &mut Vec<String>, core: &Snapshot, oracle: &Exact) {
    type Key = (String, ChannelId);
    let map = |snapshot: &Snapshot| -> BTreeMap<Key, SeriesSnapshot> {
        snapshot
            .series
            .iter()
            .map(|series| ((series.queue.to_string(), series.channel), series.as_ref().clone()))
            .collect()
    };
    let (of_core, of_oracle) = (map(core), map(&oracle.snapshot));
    differ(found, "repeated series", &of_core.len(), &core.series.len());
    let order: Vec<Key> =
        core.series.iter().map(|series| (series.queue.to_string(), series.channel)).collect();
    if !order.is_sorted() {
        found.push(format!("series are not sorted: {order:?}"));
    }
    for (queue, queue_settings) in &settings.queues {
        if !of_core.contains_key(&(queue.clone(), queue_settings.channel)) {
            found.push(format!("configured queue {queue} has no series"));
        }
    }
    let windows = settings.windows.lengths.len() + 1;
    let keys: BTreeSet<&Key> = of_core.keys().chain(of_oracle.keys()).collect();
    for key in keys {
        let name = format!("{}/{}", key.0, settings.channels.name(key.1));
        let absent = SeriesSnapshot {
            queue: key.0.as_str().into(),
            channel: key.1,
            totals: Default::default(),
            live: Default::default(),
            windows: vec![WindowSnapshot::default(); windows],
        };
        let core = of_core.get(key).unwrap_or(&absent);
        let exact = of_oracle.get(key).unwrap_or(&absent);
        differ(found, &format!("{name} totals"), &core.totals, &exact.totals);
        differ(found, &format!("{name} live"), &core.live, &exact.live);
        differ(found, &format!("{name} number of windows"), &core.windows.len(), &windows);
        let no_waits = Vec::new();
        for (index, window) in core.windows.iter().enumerate() {
            let label = settings.windows.lengths.get(index).map_or("today", |length| &length.label);
            let exact_window =
                exact.windows.get(index).map(|window| window.counts).unwrap_or_default();
            differ(found, &format!("{name} window {label}"), &window.counts, &exact_window);
            let waits =
                oracle.waits.get(key).and_then(|windows| windows.get(index)).unwrap_or(&no_waits);
            quantiles(found, &format!("{name} window {label}"), window, waits);
        }
    }
}

/// Compares quantiles: they must be within 1 % or one rank of the exact ones.
fn quantiles(found: &mut Vec<String>, name: &str, window: &WindowSnapshot, waits: &[u64]) {
    let cells: u64 = window.waits.counts.iter().map(|(_, count)| u64::from(*count)).sum();
    if cells != waits.len() as u64 {
        found.push(format!("{name}: {cells} waits in cells, {} answered", waits.len()));
        return;
    }
    // Where the exact counts of a window differ already, its quantiles add nothing.
    if (WindowCounts {
        visits: VisitCounts { answered: waits.len() as u64, ..window.counts.visits },
        ..window.counts
    }) != window.counts
    {
        return;
    }
    let Some(values) = window.wait_quantiles_seconds(QUANTILES) else {
        if !waits.is_empty() {
            found.push(format!("{name}: no quantiles of {} waits", waits.len()));
        }
        return;
    };
    for (quantile, seconds) in QUANTILES.into_iter().zip(values) {
        let value_ms = seconds * 1000.0;
        let rank = ((quantile * waits.len() as f64).ceil() as usize).clamp(1, waits.len());
        let near = rank.saturating_sub(2)..(rank + 1).min(waits.len());
        let fits = waits[near.clone()].iter().any(|wait| {
            let wait = *wait as f64;
            (value_ms - wait).abs() <= wait * QUANTILE_ERROR + 0.5
        });
        if !fits {
            found.push(format!(
                "{name} quantile {quantile}: core {value_ms} ms, exact ones {:?}",
                &waits[near]
            ));
        }
    }
}

fn queues(settings: &Settings, found: &mut Vec<String>, core: &Snapshot, exact: &Snapshot) {
    let windows = settings.windows.lengths.len() + 1;
    let names: BTreeSet<&str> =
        core.queues.iter().chain(&exact.queues).map(|queue| queue.queue.as_ref()).collect();
    for name in names {
        let of = |snapshot: &Snapshot| {
            let mut queue =
                snapshot.queues.iter().find(|queue| queue.queue.as_ref() == name).cloned();
            if let Some(queue) = &mut queue {
                queue.windows.resize(windows, Default::default());
            }
            queue.unwrap_or_else(|| nabiz_core::snapshot::QueueSnapshot {
                queue: name.into(),
                windows: vec![Default::default(); windows],
                ..Default::default()
            })
        };
        let (core, exact) = (of(core), of(exact));
        differ(found, &format!("queue {name} observed"), &core.observed, &exact.observed);
        differ(found, &format!("queue {name} agents"), &core.agents, &exact.agents);
        differ(found, &format!("queue {name} agent time"), &core.agent_ms, &exact.agent_ms);
        differ(found, &format!("queue {name} pauses"), &core.paused_ms, &exact.paused_ms);
        differ(found, &format!("queue {name} agent windows"), &core.windows, &exact.windows);
    }
    for (queue, _) in &settings.queues {
        if !core.queues.iter().any(|known| known.queue.as_ref() == queue) {
            found.push(format!("configured queue {queue} is not among the queues"));
        }
    }
}

/// Returns the visits that were offered in an interval and have no ending, where there are any.
pub fn still_waiting(history: &BTreeMap<IntervalKey, Interval>) -> BTreeMap<IntervalKey, u64> {
    let of_row = |Interval { counts, .. }: &Interval| {
        let cohort = &counts.cohort;
        let ended = cohort.arrived_answered
            + cohort.arrived_abandoned
            + cohort.arrived_left
            + cohort.arrived_lost;
        counts.visits.offered.checked_sub(ended).expect("no more endings than entries")
    };
    history
        .iter()
        .map(|(key, row)| (key.clone(), of_row(row)))
        .filter(|(_, still_waiting)| *still_waiting > 0)
        .collect()
}

/// Returns the differences of the stored interval history. Agent time is compared up to the
/// interval of the booked time: agents without changes are booked when the interval has ended.
pub fn history_differences(settings: &Settings, store: &Store, oracle: &Oracle) -> Vec<String> {
    let Some(interval_ms) = settings.history_interval.map(|interval| interval.get() as i64) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut stored: BTreeMap<IntervalKey, Interval> = BTreeMap::new();
    for delta in &store.intervals {
        let queue = settings.queue(&delta.queue);
        differ(&mut found, "target", &delta.target_wait, &queue.target_wait);
        let row =
            stored.entry((delta.start.get(), delta.queue.to_string(), delta.channel)).or_default();
        row.counts.add_increment(&delta.counts);
        row.wait_answered.add(&delta.wait_answered);
        row.wait_abandoned.add(&delta.wait_abandoned);
        row.handle.add(&delta.handle);
    }
    differ(&mut found, "history", &stored, &oracle.history(interval_ms));
    differ(
        &mut found,
        "still waiting",
        &still_waiting(&stored),
        &oracle.still_waiting(interval_ms),
    );

    let mut agents: BTreeMap<(i64, String), [u64; 5]> = BTreeMap::new();
    for delta in &store.agent_intervals {
        let row = agents.entry((delta.start.get(), delta.queue.to_string())).or_default();
        row.iter_mut().zip(delta.state_ms).for_each(|(sum, ms)| *sum += ms);
    }
    let mut exact = oracle.agent_history(interval_ms);
    let booked_to = oracle.now.unwrap_or(0) - settings.windows.allowed_lateness.get() as i64;
    let open = booked_to - booked_to.rem_euclid(interval_ms);
    let mut no_more_than = exact.split_off(&(open, String::new()));
    for (key, ms) in agents.split_off(&(open, String::new())) {
        let exact = no_more_than.remove(&key).unwrap_or_default();
        if ms.iter().zip(exact).any(|(ms, exact)| *ms > exact) {
            found.push(format!(
                "agent time of the open interval {key:?}: core {ms:?}, oracle {exact:?}"
            ));
        }
    }
    differ(&mut found, "agent history", &agents, &exact);
    further_differences(&mut found, store, oracle, interval_ms, open);
    found
}

/// Adds the differences of the further tables. Time of heads is compared up to `open`, the start of
/// the interval that is not booked as a whole.
fn further_differences(
    found: &mut Vec<String>,
    store: &Store,
    oracle: &Oracle,
    interval_ms: i64,
    open: i64,
) {
    let (mut core, mut exact) = (store.further.clone(), oracle.further_history(interval_ms));
    let open = Timestamp(open);
    for tables in [&mut core, &mut exact] {
        tables.heads.retain(|start, _| *start < open);
        tables.pauses.retain(|(start, _), _| *start < open);
    }
    differ(found, "arrivals", &core.arrivals, &exact.arrivals);
    differ(found, "units", &core.units, &exact.units);
    differ(found, "scores", &core.scores, &exact.scores);
    differ(found, "heads", &core.heads, &exact.heads);
    differ(found, "pauses", &core.pauses, &exact.pauses);
    // Each paused head has a reason, also in the open interval.
    let mut paused: BTreeMap<Timestamp, u64> = BTreeMap::new();
    for ((start, _), paused_ms) in &store.further.pauses {
        *paused.entry(*start).or_default() += paused_ms;
    }
    let heads = store.further.heads.iter().map(|(start, by_state)| (*start, by_state[3]));
    differ(found, "paused heads", &paused, &heads.filter(|(_, ms)| *ms > 0).collect());
}
