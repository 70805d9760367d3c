//! Facts as one plain list, and the numbers of docs/spec/measures.md, counted from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex};

use nabiz_core::event::{ChannelId, EndedBy, LeftReason};
use nabiz_core::measures::{
    BucketHistogram, ContactCounts, IntervalCounts, NativeCounts, SparseHdrCounts, Totals,
    WindowCounts,
};
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

/// The origin of a fact, as far as windows depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A record in time, or the passing of stream time.
    InTime,
    /// A late record with this event time.
    Late(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Offered,
    /// The visit that was offered is a callback.
    Callback,
    Answered {
        wait: u64,
        in_target: bool,
    },
    Abandoned {
        wait: u64,
        in_target: bool,
        short: bool,
    },
    Left(LeftReason),
    Lost,
    /// A visit that entered at the time of the fact has this ending.
    EndOfEntered(EndOfEntered),
    /// A visit that ended had waited.
    Waited(Waited),
    Met,
    Missed,
    /// A miss at this time that was recorded before is taken back.
    MissRevoked,
    Handled {
        ms: u64,
    },
    FirstResponse {
        ms: u64,
        in_target: bool,
    },
    Resolution {
        ms: u64,
        in_target: bool,
    },
    Ended {
        by: EndedBy,
    },
    NotAnswered,
    Transferred,
    Reopened,
    Survey {
        score: u16,
    },
}

/// The ending of a visit, counted where it entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfEntered {
    Answered { in_target: bool },
    Abandoned { short: bool },
    Left,
    Lost,
}

/// The wait of a visit, counted where it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// The wait of a visit that left.
    pub left: u64,
    /// The wait of a lost visit.
    pub lost: u64,
    /// The part of the wait that tells of patience.
    pub beyond_short: u64,
    /// The citizen lost patience.
    pub lost_patience: bool,
}

/// A fact of a (queue, channel) at an event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub time: i64,
    pub cause: Cause,
    pub queue: String,
    pub channel: ChannelId,
    pub what: What,
}

/// A window, by the event times that it covers.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub from: i64,
    pub to_inclusive: i64,
    pub today: bool,
}

/// Returns the configured windows and then `today`, at stream time `now`.
pub fn ranges(settings: &Settings, now: i64) -> Vec<Range> {
    let width = settings.windows.pane.get() as i64;
    let current = now.div_euclid(width);
    let mut ranges: Vec<Range> = settings
        .windows
        .lengths
        .iter()
        .map(|length| {
            let panes = length.length.get() as i64 / width;
            Range { from: (current - panes + 1) * width, to_inclusive: now, today: false }
        })
        .collect();
    let today = settings.windows.business_day.around(Timestamp(now));
    let (from, to_inclusive) = (today.start.get(), now.min(today.end.get() - 1));
    ranges.push(Range { from, to_inclusive, today: true });
    ranges
}

impl Range {
    fn holds_time(&self, time: i64) -> bool {
        self.from <= time && time <= self.to_inclusive
    }

    pub fn holds(&self, fact: &Fact) -> bool {
        let allowed = match fact.cause {
            Cause::InTime => true,
            Cause::Late(record_time) => self.today && self.holds_time(record_time),
        };
        allowed && self.holds_time(fact.time)
    }

    /// Returns the milliseconds that the interval has in common with the window.
    pub fn overlap_ms(&self, from: i64, to: i64) -> u64 {
        (to.min(self.to_inclusive) - from.max(self.from)).max(0) as u64
    }
}

fn observe(histogram: &mut BucketHistogram, value: u64, bounds: &[Millis]) {
    if histogram.counts.is_empty() {
        histogram.counts = vec![0; bounds.len() + 1];
    }
    let mut bucket = bounds.len();
    for (index, bound) in bounds.iter().enumerate().rev() {
        if value <= bound.get() {
            bucket = index;
        }
    }
    histogram.counts[bucket] += 1;
    histogram.sum.0 += value;
    observe_native(&mut histogram.native, value);
}

/// Adds a value to its native bucket, by the definition: the first bucket whose upper bound, a
/// power of 2^(1/32) seconds, is not below the middle of the value's HDR cell.
fn observe_native(native: &mut NativeCounts, value: u64) {
    if value == 0 {
        native.zero += 1;
        return;
    }
    // The same values are looked up after every step.
    static BUCKETS: LazyLock<Mutex<HashMap<u64, i16>>> = LazyLock::new(Mutex::default);
    let bucket = *BUCKETS.lock().unwrap().entry(value).or_insert_with(|| {
        let cells = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1 << 42, 2).unwrap();
        let middle_seconds = cells.median_equivalent(value) as f64 / 1000.0;
        let holds =
            |bucket: &i16| (f64::from(*bucket) / 32.0).exp2() >= middle_seconds * (1.0 - 1e-12);
        (-400..1000).find(holds).unwrap()
    });
    let place = native.buckets.partition_point(|(known, _)| *known < bucket);
    match native.buckets.get_mut(place) {
        Some((known, count)) if *known == bucket => *count += 1,
        _ => native.buckets.insert(place, (bucket, 1)),
    }
}

/// Returns the counter of the ends by a party.
fn of_party(counts: &mut ContactCounts, by: EndedBy) -> &mut u64 {
    match by {
        EndedBy::Agent => &mut counts.ended_by_agent,
        EndedBy::Customer => &mut counts.ended_by_customer,
        EndedBy::System => &mut counts.ended_by_system,
    }
}

/// Returns the counters of a series.
pub fn totals<'a>(settings: &Settings, facts: impl Iterator<Item = &'a Fact>) -> Totals {
    let mut totals = Totals::default();
    let (wait, handle, response) =
        (settings.wait_bounds(), settings.handle_bounds(), settings.response_bounds());
    for fact in facts {
        match &fact.what {
            What::Offered => totals.visits.offered += 1,
            What::Callback => totals.contacts.callbacks += 1,
            What::Ended { by } => *of_party(&mut totals.contacts, *by) += 1,
            What::Answered { wait: ms, in_target } => {
                totals.visits.answered += 1;
                totals.visits.answered_in_target += u64::from(*in_target);
                observe(&mut totals.wait_answered, *ms, &wait);
            }
            What::Abandoned { wait: ms, in_target, short } => {
                totals.visits.abandoned += 1;
                totals.visits.abandoned_in_target += u64::from(*in_target);
                totals.visits.abandoned_short += u64::from(*short);
                observe(&mut totals.wait_abandoned, *ms, &wait);
            }
            What::Left(reason) => totals.left[reason.index()] += 1,
            What::Lost => totals.lost += 1,
            // Only the history has these.
            What::EndOfEntered(_) | What::Waited(_) => {}
            What::Met => totals.service_level.met += 1,
            What::Missed => totals.service_level.missed += 1,
            What::MissRevoked => totals.contacts.service_level_revoked += 1,
            What::Handled { ms } => observe(&mut totals.handle, *ms, &handle),
            What::FirstResponse { ms, .. } => observe(&mut totals.first_response, *ms, &response),
            What::Resolution { ms, .. } => observe(&mut totals.resolution, *ms, &response),
            What::NotAnswered => totals.contacts.not_answered += 1,
            What::Transferred => totals.contacts.transfers += 1,
            What::Reopened => totals.contacts.reopened += 1,
            What::Survey { score } => *totals.survey.entry(*score).or_default() += 1,
        }
    }
    totals
}

/// Returns the counts of a window of a series, and the waits of its answered visits, ascending.
pub fn window<'a>(
    range: &Range,
    facts: impl Iterator<Item = &'a Fact>,
) -> (WindowCounts, Vec<u64>) {
    let mut counts = WindowCounts::default();
    let mut waits = Vec::new();
    for fact in facts.filter(|fact| range.holds(fact)) {
        match &fact.what {
            What::MissRevoked => counts.service_level.missed -= 1,
            What::Offered => counts.visits.offered += 1,
            What::Answered { wait, in_target } => {
                counts.visits.answered += 1;
                counts.visits.answered_in_target += u64::from(*in_target);
                waits.push(*wait);
            }
            What::Abandoned { wait, in_target, short } => {
                counts.visits.abandoned += 1;
                counts.visits.abandoned_in_target += u64::from(*in_target);
                counts.visits.abandoned_short += u64::from(*short);
                counts.sums.abandon_wait_sum_ms += wait;
            }
            What::Left(_) => counts.left += 1,
            What::Met => counts.service_level.met += 1,
            What::Missed => counts.service_level.missed += 1,
            What::Handled { ms } => {
                counts.sums.handled += 1;
                counts.sums.handle_sum_ms += ms;
            }
            What::Lost
            | What::EndOfEntered(_)
            | What::Waited(_)
            | What::Callback
            | What::Ended { .. }
            | What::FirstResponse { .. }
            | What::Resolution { .. }
            | What::NotAnswered
            | What::Transferred
            | What::Reopened
            | What::Survey { .. } => {}
        }
    }
    waits.sort_unstable();
    counts.sums.wait_sum_ms = waits.iter().sum();
    counts.wait_max = Millis(waits.last().copied().unwrap_or(0));
    (counts, waits)
}

/// Returns the facts by series.
pub fn by_series(facts: &[Fact]) -> BTreeMap<(String, ChannelId), Vec<&Fact>> {
    let mut series: BTreeMap<(String, ChannelId), Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        series.entry((fact.queue.clone(), fact.channel)).or_default().push(fact);
    }
    series
}

/// Start, queue and channel.
pub type IntervalKey = (i64, String, ChannelId);

/// A row of the interval history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    pub counts: IntervalCounts,
    pub wait_answered: SparseHdrCounts,
    pub wait_abandoned: SparseHdrCounts,
    pub handle: SparseHdrCounts,
}

/// Returns the facts by the interval in which they happened, also where they were read late.
pub fn intervals(interval_ms: i64, facts: &[Fact]) -> BTreeMap<IntervalKey, Interval> {
    let mut intervals: BTreeMap<IntervalKey, Interval> = BTreeMap::new();
    for fact in facts {
        let start_ms = fact.time - fact.time.rem_euclid(interval_ms);
        let row = intervals.entry((start_ms, fact.queue.clone(), fact.channel)).or_default();
        let counts = &mut row.counts;
        match &fact.what {
            What::Offered => counts.visits.offered += 1,
            What::Callback => counts.contacts.callbacks += 1,
            What::Ended { by } => *of_party(&mut counts.contacts, *by) += 1,
            What::Answered { wait, in_target } => {
                counts.visits.answered += 1;
                counts.visits.answered_in_target += u64::from(*in_target);
                counts.sums.wait_sum_ms += wait;
                counts.wait_max = counts.wait_max.max(Millis(*wait));
                row.wait_answered.increment(*wait);
            }
            What::Abandoned { wait, in_target, short } => {
                counts.visits.abandoned += 1;
                counts.visits.abandoned_in_target += u64::from(*in_target);
                counts.visits.abandoned_short += u64::from(*short);
                counts.sums.abandon_wait_sum_ms += wait;
                row.wait_abandoned.increment(*wait);
            }
            What::Left(reason) => counts.left[reason.index()] += 1,
            What::Lost => counts.lost += 1,
            What::EndOfEntered(end) => match end {
                EndOfEntered::Answered { in_target } => {
                    counts.cohort.arrived_answered += 1;
                    counts.cohort.arrived_answered_in_target += u64::from(*in_target);
                }
                EndOfEntered::Abandoned { short } => {
                    counts.cohort.arrived_abandoned += 1;
                    counts.cohort.arrived_abandoned_short += u64::from(*short);
                }
                EndOfEntered::Left => counts.cohort.arrived_left += 1,
                EndOfEntered::Lost => counts.cohort.arrived_lost += 1,
            },
            What::Waited(Waited { left, lost, beyond_short, lost_patience }) => {
                counts.waits.left_wait_sum_ms += left;
                counts.waits.lost_wait_sum_ms += lost;
                counts.waits.wait_beyond_short_sum_ms += beyond_short;
                counts.waits.abandoned_beyond_short += u64::from(*lost_patience);
            }
            What::Met => counts.service_level.met += 1,
            What::Missed => counts.service_level.missed += 1,
            What::MissRevoked => {
                counts.service_level.missed -= 1;
                counts.contacts.service_level_revoked += 1;
            }
            What::Handled { ms } => {
                counts.sums.handled += 1;
                counts.sums.handle_sum_ms += ms;
                row.handle.increment(*ms);
            }
            What::FirstResponse { ms, in_target } => {
                counts.responses.first_responses += 1;
                counts.responses.first_responses_in_target += u64::from(*in_target);
                counts.responses.first_response_sum_ms += ms;
            }
            What::Resolution { ms, in_target } => {
                counts.responses.resolutions += 1;
                counts.responses.resolutions_in_target += u64::from(*in_target);
                counts.responses.resolution_sum_ms += ms;
            }
            What::NotAnswered => counts.contacts.not_answered += 1,
            What::Transferred => counts.contacts.transfers += 1,
            What::Reopened => counts.contacts.reopened += 1,
            What::Survey { score } => {
                counts.responses.surveys += 1;
                counts.responses.survey_score_sum += u64::from(*score);
            }
        }
    }
    intervals
}
