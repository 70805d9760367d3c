//! Properties of the sum: it does not depend on the order or the grouping of the snapshots.

use crate::measures::{ContactCounts, DurationSums, ServiceLevelCounts, VisitCounts, WindowCounts};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::event::{OptionalField, Reason};
use crate::measures::{BucketHistogram, EventTotals, Observation, SparseHdrCounts};
use crate::time::{Millis, Timestamp};

fn count() -> impl Strategy<Value = u64> {
    0..1_000u64
}

fn name() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(vec!["billing", "fault", "other"]).prop_map(Arc::from)
}

fn histogram() -> impl Strategy<Value = BucketHistogram> {
    (prop_oneof![Just(Vec::new()), vec(count(), 4)], count()).prop_map(|(counts, sum)| {
        let sum = Millis(sum);
        let mut histogram = BucketHistogram { counts, sum, ..BucketHistogram::default() };
        histogram.native_from_classic(&[1_000, 20_000, 60_000].map(Millis));
        histogram
    })
}

fn cells() -> impl Strategy<Value = SparseHdrCounts> {
    btree_map(0..20u16, 1..50u32, 0..6)
        .prop_map(|counts| SparseHdrCounts { counts: counts.into_iter().collect() })
}

fn window() -> impl Strategy<Value = WindowSnapshot> {
    (any::<[u8; 14]>(), cells()).prop_map(|(n, waits)| {
        let n = n.map(u64::from);
        let counts = WindowCounts {
            visits: VisitCounts {
                offered: n[0],
                answered: n[1],
                answered_in_target: n[2],
                abandoned: n[3],
                abandoned_in_target: n[4],
                abandoned_short: n[5],
            },
            service_level: ServiceLevelCounts { met: n[7], missed: n[8] },
            sums: DurationSums {
                wait_sum_ms: n[9],
                abandon_wait_sum_ms: n[11],
                handled: n[12],
                handle_sum_ms: n[13],
            },
            left: n[6],
            wait_max: Millis(n[10]),
        };
        WindowSnapshot { counts, waits }
    })
}

fn totals() -> impl Strategy<Value = Totals> {
    (any::<[u8; 17]>(), any::<[u8; 8]>(), vec(histogram(), 5), btree_map(1..6u16, count(), 0..4))
        .prop_map(|(n, left, histograms, survey)| {
            let n = n.map(u64::from);
            Totals {
                visits: VisitCounts {
                    offered: n[0],
                    answered: n[1],
                    answered_in_target: n[2],
                    abandoned: n[3],
                    abandoned_in_target: n[4],
                    abandoned_short: n[5],
                },
                service_level: ServiceLevelCounts { met: n[7], missed: n[8] },
                contacts: ContactCounts {
                    not_answered: n[9],
                    transfers: n[10],
                    reopened: n[11],
                    service_level_revoked: n[12],
                    callbacks: n[13],
                    ended_by_agent: n[14],
                    ended_by_customer: n[15],
                    ended_by_system: n[16],
                },
                left: left.map(u64::from),
                lost: n[6],
                wait_answered: histograms[0].clone(),
                wait_abandoned: histograms[1].clone(),
                handle: histograms[2].clone(),
                first_response: histograms[3].clone(),
                resolution: histograms[4].clone(),
                survey,
            }
        })
}

fn live() -> impl Strategy<Value = Live> {
    any::<[u8; 8]>().prop_map(|n| {
        let n = n.map(u64::from);
        Live {
            waiting: n[0],
            waiting_over_target: n[1],
            longest_wait: Millis(n[2]),
            in_service: n[3],
            open: n[4],
            open_overdue: n[5],
            oldest_open: Millis(n[6]),
            oldest_waiting: Millis(n[7]),
        }
    })
}

fn queue() -> impl Strategy<Value = QueueSnapshot> {
    let observed =
        prop::option::of((0..4i64, 0..4u64, prop::option::of(0..4u64))).prop_map(|seen| {
            seen.map(|(time, waiting, oldest_wait)| Observation {
                event_time: Timestamp(time),
                waiting,
                oldest_wait: oldest_wait.map(Millis),
            })
        });
    let paused_ms = btree_map(name(), count(), 0..3);
    (observed, any::<[u8; 5]>(), any::<[u8; 5]>(), paused_ms, vec(any::<[u8; 5]>(), 3)).prop_map(
        |(observed, agents, agent_ms, paused_ms, windows)| QueueSnapshot {
            queue: Arc::from(""),
            observed,
            agents: agents.map(u64::from),
            agent_ms: agent_ms.map(u64::from),
            paused_ms,
            windows: windows
                .into_iter()
                .map(|state| AgentWindow { state_ms: state.map(u64::from) })
                .collect(),
        },
    )
}

fn followup() -> impl Strategy<Value = FollowupSnapshot> {
    (count(), count(), histogram(), count(), count()).prop_map(
        |(opened, informed, duration, open, overdue)| FollowupSnapshot {
            opened,
            informed,
            duration,
            open,
            overdue,
        },
    )
}

fn records() -> impl Strategy<Value = RecordTotals> {
    let rejected = btree_map(prop::sample::select(Reason::ALL.to_vec()), count(), 0..4);
    let dropped = btree_map(prop::sample::select(OptionalField::ALL), count(), 0..4);
    let events =
        (count(), count(), count(), count()).prop_map(|(applied, duplicate, late, rejected)| {
            EventTotals { applied, duplicate, late, rejected }
        });
    (count(), count(), count(), rejected, count(), count(), dropped, events).prop_map(
        |(applied, duplicate, late, rejected, held, ignored, fields_dropped, events)| {
            RecordTotals {
                applied,
                duplicate,
                late,
                rejected,
                held,
                ignored,
                fields_dropped,
                events,
            }
        },
    )
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let series = btree_map(
        (name(), (0..3u8).prop_map(ChannelId)),
        (totals(), live(), vec(window(), 3)),
        0..4,
    );
    let queues = btree_map(name(), queue(), 0..3);
    let rest = (
        prop::option::of(-5..5i64),
        vec(count(), 3),
        btree_map(name(), any::<[u8; 4]>(), 0..3),
        btree_map(name(), followup(), 0..3),
        records(),
        any::<[u8; 4]>(),
    );
    (series, queues, rest).prop_map(|(series, queues, rest)| {
        let (stream_time, contacts_started, self_service, followups, records, n) = rest;
        let n = n.map(u64::from);
        Snapshot {
            stream_time: stream_time.map(Timestamp),
            series: series
                .into_iter()
                .map(|((queue, channel), (totals, live, windows))| {
                    Arc::new(SeriesSnapshot { queue, channel, totals, live, windows })
                })
                .collect(),
            queues: queues.into_iter().map(|(queue, one)| QueueSnapshot { queue, ..one }).collect(),
            contacts_started,
            self_service: self_service
                .into_iter()
                .map(|(key, outcomes)| (key, outcomes.map(u64::from)))
                .collect(),
            followups,
            records,
            clock_skew: n[0],
            series_refused: n[1],
            open_contacts: n[2],
            evicted: n[3],
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn snapshot_is_unchanged_when_it_is_merged_alone(a in snapshot()) {
        prop_assert_eq!(merge([&a]), a);
    }

    #[test]
    fn merge_is_the_same_when_the_order_differs(a in snapshot(), b in snapshot()) {
        prop_assert_eq!(merge([&a, &b]), merge([&b, &a]));
    }

    #[test]
    fn merge_is_the_same_when_the_grouping_differs(
        a in snapshot(),
        b in snapshot(),
        c in snapshot(),
    ) {
        let flat = merge([&a, &b, &c]);
        prop_assert_eq!(&merge([&merge([&a, &b]), &c]), &flat);
        prop_assert_eq!(&merge([&a, &merge([&b, &c])]), &flat);
    }

    #[test]
    fn merge_is_sorted(a in snapshot(), b in snapshot()) {
        let sum = merge([&a, &b]);
        prop_assert!(sum.series.is_sorted_by(|a, b| (&a.queue, a.channel) < (&b.queue, b.channel)));
        prop_assert!(sum.queues.is_sorted_by(|a, b| a.queue < b.queue));
    }
}

fn one_series(live: Live, counts: WindowCounts) -> Snapshot {
    let series = SeriesSnapshot {
        queue: Arc::from("fault"),
        channel: ChannelId::PHONE,
        totals: Totals {
            visits: VisitCounts { offered: 3, ..VisitCounts::default() },
            left: [1, 0, 0, 0, 0, 2, 0, 0],
            ..Totals::default()
        },
        live,
        windows: vec![WindowSnapshot { counts, waits: SparseHdrCounts::default() }],
    };
    Snapshot { series: vec![Arc::new(series)], ..Snapshot::default() }
}

#[test]
fn counts_add_and_maxima_do_not() {
    let a = one_series(
        Live { waiting: 2, longest_wait: Millis(900), oldest_open: Millis(5), ..Live::default() },
        WindowCounts {
            visits: VisitCounts { answered: 1, ..VisitCounts::default() },
            sums: DurationSums { wait_sum_ms: 10, ..DurationSums::default() },
            wait_max: Millis(10),
            ..WindowCounts::default()
        },
    );
    let b = one_series(
        Live { waiting: 1, longest_wait: Millis(400), oldest_open: Millis(7), ..Live::default() },
        WindowCounts {
            visits: VisitCounts { answered: 2, ..VisitCounts::default() },
            sums: DurationSums { wait_sum_ms: 30, ..DurationSums::default() },
            wait_max: Millis(20),
            ..WindowCounts::default()
        },
    );
    let sum = merge([&a, &b]);
    assert_eq!(sum.series.len(), 1);
    let series = &sum.series[0];
    assert_eq!((series.totals.visits.offered, series.totals.left), (6, [2, 0, 0, 0, 0, 4, 0, 0]));
    assert_eq!(
        (series.live.waiting, series.live.longest_wait, series.live.oldest_open),
        (3, Millis(900), Millis(7))
    );
    let counts = series.windows[0].counts;
    assert_eq!((counts.visits.answered, counts.sums.wait_sum_ms), (3, 40));
    assert_eq!(counts.wait_max, Millis(20));
}

#[test]
fn stream_time_is_the_smallest_that_there_is() {
    let at =
        |time: Option<i64>| Snapshot { stream_time: time.map(Timestamp), ..Snapshot::default() };
    let merged = merge([&at(Some(7)), &at(None), &at(Some(5))]);
    assert_eq!(merged.stream_time, Some(Timestamp(5)));
    assert_eq!(merge([&at(None)]).stream_time, None);
}

#[test]
fn observation_is_the_newest_and_of_equally_new_the_larger() {
    let seen = |time, waiting| {
        let event_time = Timestamp(time);
        let observed = Some(Observation { event_time, waiting, oldest_wait: None });
        let queue =
            QueueSnapshot { queue: Arc::from("fault"), observed, ..QueueSnapshot::default() };
        Snapshot { queues: vec![queue], ..Snapshot::default() }
    };
    let waiting = |snapshots: [&Snapshot; 2]| {
        merge(snapshots).queues[0].observed.map(|observed| observed.waiting)
    };
    assert_eq!(waiting([&seen(10, 9), &seen(20, 1)]), Some(1));
    assert_eq!(waiting([&seen(20, 4), &seen(20, 6)]), Some(6));
}
