//! The model of the answer: all numbers of every queue except their age.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz_core::event::{AgentState, LeftReason, SelfServiceOutcome};
use nabiz_core::measures::{BucketHistogram, WindowSnapshot};
use nabiz_core::settings::{Formula, QueueSettings, Settings};
use nabiz_core::snapshot::{QueueSnapshot, SeriesSnapshot, Snapshot};
use nabiz_core::time::{Millis, Timestamp};
use serde::{Serialize, Serializer};

use crate::http::time::rfc3339;

/// Label of the window that starts with the business day.
const TODAY: &str = "today";

/// A JSON object whose members keep their order.
struct Ordered<T>(Vec<(Arc<str>, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A group of the table of counters: a member for each counter, by its name.
struct Counters(Vec<(&'static str, u64)>);

impl Counters {
    fn of(counters: impl Iterator<Item = (&'static str, u64)>) -> Self {
        Counters(counters.collect())
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// All numbers except the age.
#[derive(Serialize)]
pub(super) struct Model {
    time_zone: Option<String>,
    windows: Vec<Window>,
    contacts_started: Ordered<u64>,
    self_service: BTreeMap<Arc<str>, Ordered<u64>>,
    followups: BTreeMap<Arc<str>, Followups>,
    surveys: Surveys,
    pub(super) queues: Vec<Queue>,
}

/// A window of every channel.
#[derive(Serialize)]
struct Window {
    label: Arc<str>,
    /// Absent for `today`.
    seconds: Option<u64>,
}

#[derive(Serialize)]
struct Followups {
    opened: u64,
    informed: u64,
    open: u64,
    overdue: u64,
    /// Informed minus opened.
    mean_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Surveys {
    responses: u64,
    /// Responses by score.
    scores: BTreeMap<u16, u64>,
    /// Share of the scores 4 and 5.
    csat: Option<f64>,
}

impl Surveys {
    fn of<'a>(series: impl Iterator<Item = &'a SeriesSnapshot>) -> Self {
        let mut scores: BTreeMap<u16, u64> = BTreeMap::new();
        for (score, count) in series.flat_map(|series| &series.totals.survey) {
            *scores.entry(*score).or_default() += count;
        }
        let responses: u64 = scores.values().sum();
        let content: u64 = scores.range(4..=5).map(|(_, count)| count).sum();
        Surveys {
            responses,
            csat: (responses > 0).then(|| content as f64 / responses as f64),
            scores,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Queue {
    pub(super) queue: Arc<str>,
    name: String,
    /// Whether stream time lies in the opening hours; absent before the first record.
    open: Option<bool>,
    targets: Targets,
    agents: Ordered<u64>,
    observed: Option<Observed>,
    /// (busy + wrap-up) / (busy + wrap-up + available) agent time, by window.
    occupancy: Ordered<Option<f64>>,
    surveys: Surveys,
    channels: Vec<Channel>,
}

#[derive(Serialize)]
struct Targets {
    wait_seconds: f64,
    service_level: f64,
    formula: &'static str,
    short_abandon_seconds: f64,
    abandonment: f64,
    first_response_seconds: f64,
    resolution_seconds: f64,
}

/// The waiting visits by the count of the source.
#[derive(Serialize)]
struct Observed {
    at: Option<String>,
    waiting: u64,
    oldest_wait_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Channel {
    channel: String,
    /// Whether the citizen waits on the line (phone, chat), so that no issue stays open.
    immediate: bool,
    live: Live,
    totals: Totals,
    windows: Ordered<WindowNumbers>,
}

#[derive(Serialize)]
struct Live {
    waiting: u64,
    waiting_over_target: u64,
    longest_wait_seconds: f64,
    in_service: u64,
    open: u64,
    open_overdue: u64,
    oldest_open_seconds: f64,
}

#[derive(Serialize)]
struct Totals {
    #[serde(flatten)]
    visits: Counters,
    left: Ordered<u64>,
    lost: u64,
    #[serde(flatten)]
    service_level: Counters,
    #[serde(flatten)]
    contacts: Counters,
    first_response: Mean,
    resolution: Mean,
}

/// A count and its mean.
#[derive(Serialize)]
struct Mean {
    count: u64,
    mean_seconds: Option<f64>,
}

impl From<&BucketHistogram> for Mean {
    fn from(histogram: &BucketHistogram) -> Self {
        let count = histogram.count();
        Mean {
            count,
            mean_seconds: (count > 0).then(|| histogram.sum.as_secs_f64() / count as f64),
        }
    }
}

#[derive(Serialize)]
struct WindowNumbers {
    #[serde(flatten)]
    visits: Counters,
    left: u64,
    #[serde(flatten)]
    service_level_events: Counters,
    service_level: Ratio,
    /// (abandoned - short) / (answered + abandoned - short)
    abandonment: Ratio,
    asa_seconds: Option<f64>,
    wait_seconds: Option<Waits>,
    abandon_wait_mean_seconds: Option<f64>,
    aht_seconds: Option<f64>,
}

/// A ratio beside its counts; the ratio is absent if `of` is 0.
#[derive(Serialize)]
struct Ratio {
    ratio: Option<f64>,
    count: u64,
    of: u64,
}

/// Waits of answered visits.
#[derive(Serialize)]
struct Waits {
    p50: f64,
    p90: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

impl Model {
    pub(super) fn of(settings: &Settings, snapshot: &Snapshot) -> Self {
        let lengths = &settings.windows.lengths;
        let mut windows: Vec<Window> = lengths
            .iter()
            .map(|length| Window {
                label: length.label.as_str().into(),
                seconds: Some(length.length.get() / 1000),
            })
            .collect();
        windows.push(Window { label: TODAY.into(), seconds: None });

        let started = settings
            .channels
            .names()
            .zip(snapshot.contacts_started.iter().chain(std::iter::repeat(&0)));
        let mut series: BTreeMap<&str, Vec<&SeriesSnapshot>> = BTreeMap::new();
        for one in &snapshot.series {
            series.entry(&one.queue).or_default().push(one);
        }
        let without_channel: BTreeMap<&str, &QueueSnapshot> =
            snapshot.queues.iter().map(|queue| (&*queue.queue, queue)).collect();
        for id in without_channel.keys() {
            series.entry(id).or_default();
        }
        let queues = series
            .iter()
            .map(|(id, series)| {
                let queue = without_channel.get(id).copied();
                Queue::of(settings, &windows, snapshot.stream_time, id, series, queue)
            })
            .collect();

        Model {
            time_zone: settings.windows.business_day.zone().iana_name().map(str::to_owned),
            contacts_started: Ordered(started.map(|(name, count)| (name.into(), *count)).collect()),
            self_service: snapshot
                .self_service
                .iter()
                .map(|(entry_point, counts)| {
                    let outcomes =
                        SelfServiceOutcome::ALL.iter().map(|outcome| outcome.as_str().into());
                    (entry_point.clone(), Ordered(outcomes.zip(counts.iter().copied()).collect()))
                })
                .collect(),
            followups: snapshot
                .followups
                .iter()
                .map(|(unit, followups)| {
                    let numbers = Followups {
                        opened: followups.opened,
                        informed: followups.informed,
                        open: followups.open,
                        overdue: followups.overdue,
                        mean_seconds: Mean::from(&followups.duration).mean_seconds,
                    };
                    (unit.clone(), numbers)
                })
                .collect(),
            surveys: Surveys::of(snapshot.series.iter().map(|series| &**series)),
            queues,
            windows,
        }
    }
}

impl Queue {
    fn of(
        settings: &Settings,
        windows: &[Window],
        stream_time: Option<Timestamp>,
        id: &str,
        series: &[&SeriesSnapshot],
        without_channel: Option<&QueueSnapshot>,
    ) -> Self {
        let target = settings.queue(id);
        let agents = without_channel.map_or([0; AgentState::ALL.len()], |queue| queue.agents);
        let agent_windows =
            without_channel.map(|queue| queue.windows.as_slice()).unwrap_or_default();
        let mut series = series.to_vec();
        // The own channel of the queue first, then the others in the order of the vocabulary.
        series.sort_by_key(|one| (one.channel != target.channel, one.channel));
        Queue {
            queue: id.into(),
            name: if settings.queues.binary_search_by(|(known, _)| known.as_str().cmp(id)).is_ok() {
                target.name.clone()
            } else {
                id.to_owned()
            },
            open: stream_time.map(|stream_time| target.is_open(stream_time)),
            targets: Targets::of(target),
            agents: Ordered(
                AgentState::ALL.iter().map(|state| state.as_str().into()).zip(agents).collect(),
            ),
            observed: without_channel.and_then(|queue| queue.observed).map(|observed| Observed {
                at: rfc3339(observed.event_time),
                waiting: observed.waiting,
                oldest_wait_seconds: observed.oldest_wait.map(Millis::as_secs_f64),
            }),
            occupancy: by_window(windows, agent_windows, |window| window.occupancy()),
            surveys: Surveys::of(series.iter().copied()),
            channels: series
                .iter()
                .map(|one| Channel::of(settings, windows, target, one))
                .collect(),
        }
    }
}

fn by_window<T, U>(windows: &[Window], values: &[T], number: impl Fn(&T) -> U) -> Ordered<U> {
    Ordered(
        windows
            .iter()
            .zip(values)
            .map(|(window, value)| (window.label.clone(), number(value)))
            .collect(),
    )
}

impl Targets {
    fn of(queue: &QueueSettings) -> Self {
        let formula = Formula::ALL
            .iter()
            .find(|(formula, _)| *formula == queue.formula)
            .map_or("live", |(_, word)| word);
        Targets {
            wait_seconds: seconds(queue.target_wait.get()),
            service_level: queue.target_ratio,
            formula,
            short_abandon_seconds: seconds(queue.short_abandon.get()),
            abandonment: queue.target_abandonment,
            first_response_seconds: seconds(queue.target_first_response.get()),
            resolution_seconds: seconds(queue.target_resolution.get()),
        }
    }
}

impl Channel {
    fn of(
        settings: &Settings,
        windows: &[Window],
        target: &QueueSettings,
        series: &SeriesSnapshot,
    ) -> Self {
        let (live, totals) = (&series.live, &series.totals);
        Channel {
            channel: settings.channels.name(series.channel).to_owned(),
            immediate: series.channel.is_immediate(),
            live: Live {
                waiting: live.waiting,
                waiting_over_target: live.waiting_over_target,
                longest_wait_seconds: live.longest_wait.as_secs_f64(),
                in_service: live.in_service,
                open: live.open,
                open_overdue: live.open_overdue,
                oldest_open_seconds: live.oldest_open.as_secs_f64(),
            },
            totals: Totals {
                visits: Counters::of(totals.visits.iter()),
                left: Ordered(
                    LeftReason::ALL
                        .iter()
                        .map(|reason| reason.as_str().into())
                        .zip(totals.left)
                        .collect(),
                ),
                lost: totals.lost,
                service_level: Counters::of(totals.service_level.iter()),
                contacts: Counters::of(totals.contacts.iter()),
                first_response: Mean::from(&totals.first_response),
                resolution: Mean::from(&totals.resolution),
            },
            windows: by_window(windows, &series.windows, |window| {
                WindowNumbers::of(target.formula, window)
            }),
        }
    }
}

impl WindowNumbers {
    fn of(formula: Formula, window: &WindowSnapshot) -> Self {
        let counts = &window.counts;
        let (in_target, counted) = counts.service_level_counts(formula);
        let abandoned = counts.visits.abandoned - counts.visits.abandoned_short;
        WindowNumbers {
            visits: Counters::of(counts.visits.iter()),
            left: counts.left,
            service_level_events: Counters::of(counts.service_level.iter()),
            service_level: Ratio {
                ratio: counts.service_level(formula),
                count: in_target,
                of: counted,
            },
            abandonment: Ratio {
                ratio: counts.abandonment(),
                count: abandoned,
                of: counts.visits.answered + abandoned,
            },
            asa_seconds: counts.wait_mean_seconds(),
            wait_seconds: window.wait_quantiles_seconds([0.5, 0.9, 0.95, 0.99]).map(
                |[p50, p90, p95, p99]| Waits {
                    p50,
                    p90,
                    p95,
                    p99,
                    max: counts.wait_max.as_secs_f64(),
                },
            ),
            abandon_wait_mean_seconds: counts.abandon_wait_mean_seconds(),
            aht_seconds: counts.handle_mean_seconds(),
        }
    }
}
