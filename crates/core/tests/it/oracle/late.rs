//! Logs of sources that stall: a record reaches the log when the stall of its source ends, behind
//! records of other sources and advances of stream time, and in the order in which it was written.

use nabiz_core::event::{EventPayload, LeftReason, Text};
use nabiz_core::time::Millis;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::log::{Content, Event, Step};
use super::world::{HOUR, MINUTE, MONDAY, SECOND};

/// How a visit ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Answered,
    Abandoned,
    Left(LeftReason),
    /// A record about another queue ends the visit.
    OtherQueue,
    /// No ending comes.
    Open,
}

/// A visit as it was.
#[derive(Clone, Debug)]
struct LateVisit {
    contact: u8,
    queue: &'static str,
    /// The time from the start of the visit before this one.
    gap_ms: i64,
    wait_ms: i64,
    end: End,
    /// The ending carries its wait.
    gives_wait: bool,
    /// The sources of the start and of the ending.
    sources: [u8; 2],
}

/// A time in which a source writes records that do not reach the log.
#[derive(Clone, Debug)]
struct Stall {
    source: u8,
    /// It begins this long after the start of a visit.
    visit: Index,
    after_ms: i64,
    length_ms: i64,
}

#[derive(Clone, Debug)]
pub struct LateLog {
    pub variant: u8,
    pub compare_every: usize,
    begins_ms: i64,
    /// The records have the timestamp of their arrival in the log.
    is_stamped: bool,
    visits: Vec<LateVisit>,
    stalls: Vec<Stall>,
    /// Other records: payload, source and time.
    noise: Vec<(EventPayload<'static>, u8, i64)>,
    /// Advances of stream time, each this long after the arrival of a record.
    advances: Vec<(Index, i64)>,
}

fn visit() -> impl Strategy<Value = LateVisit> {
    let end = prop_oneof![
        5 => Just(End::Answered),
        2 => Just(End::Abandoned),
        1 => select(LeftReason::ALL).prop_map(End::Left),
        1 => Just(End::OtherQueue),
        2 => Just(End::Open),
    ];
    let gap_ms =
        prop_oneof![select(vec![0, 1, 1_000, 5_000, 20_000, 30_001, MINUTE]), 0..40_000_i64];
    // Around the targets of 10 s and 20 s, their grace, and the longest waits of the variants.
    let edges = vec![
        0,
        1,
        4_999,
        8_000,
        8_001,
        9_999,
        10_000,
        10_001,
        12_000,
        19_999,
        20_000,
        20_001,
        21_000,
        21_001,
        22_000,
        10 * MINUTE,
        10 * MINUTE + 1,
    ];
    let wait_ms = prop_oneof![3 => select(edges), 1 => 0..30_000_i64];
    let queue = select(vec!["fault", "billing", "fault", "billing", "desk", "office"]);
    (0..12_u8, queue, gap_ms, wait_ms, end, prop::bool::weighted(0.3), [0..2_u8, 0..2_u8]).prop_map(
        |(contact, queue, gap_ms, wait_ms, end, gives_wait, sources)| LateVisit {
            contact,
            queue,
            gap_ms,
            wait_ms,
            end,
            gives_wait,
            sources,
        },
    )
}

fn stall() -> impl Strategy<Value = Stall> {
    let length_ms = select(vec![
        1_000,
        15_000,
        22_000,
        25_000,
        40_000,
        2 * MINUTE,
        7 * MINUTE,
        11 * MINUTE,
        HOUR + MINUTE,
        3 * HOUR,
    ]);
    let after_ms = select(vec![-5_000, 0, 1, 4_000, 15_000]);
    (0..2_u8, any::<Index>(), after_ms, length_ms).prop_map(
        |(source, visit, after_ms, length_ms)| Stall { source, visit, after_ms, length_ms },
    )
}

/// Returns logs with late batches, and with `noise` between them.
pub fn late_log(
    noise: impl Strategy<Value = EventPayload<'static>>,
    compare_every: impl Strategy<Value = usize>,
) -> impl Strategy<Value = LateLog> {
    let begins_ms =
        select(vec![-5 * MINUTE, -10 * SECOND, 6 * HOUR - MINUTE, 8 * HOUR - MINUTE, 12 * HOUR]);
    let after_ms = select(vec![
        0,
        1,
        2_000,
        8_001,
        9_999,
        10_000,
        10_001,
        12_000,
        22_000,
        29_999,
        30_000,
        30_001,
        5 * MINUTE,
        11 * MINUTE,
    ]);
    (
        (0..4_u8, begins_ms, compare_every, any::<bool>()),
        prop::collection::vec(visit(), 1..14),
        prop::collection::vec(stall(), 1..5),
        prop::collection::vec((noise, 0..2_u8, 0..6 * MINUTE), 0..8),
        prop::collection::vec((any::<Index>(), after_ms), 0..14),
    )
        .prop_map(
            |((variant, begins, compare_every, is_stamped), visits, stalls, noise, advances)| {
                LateLog {
                    variant,
                    compare_every,
                    begins_ms: MONDAY + begins,
                    is_stamped,
                    visits,
                    stalls,
                    noise,
                    advances,
                }
            },
        )
}

impl LateLog {
    /// Returns the start of each visit.
    fn starts(&self) -> Vec<i64> {
        let gaps = self.visits.iter().map(|visit| visit.gap_ms);
        gaps.scan(self.begins_ms, |start, gap_ms| {
            *start += gap_ms;
            Some(*start)
        })
        .collect()
    }

    /// Returns when a record of that source and time reaches the log.
    fn arrival(&self, starts: &[i64], source: u8, time: i64) -> i64 {
        let held_until = self.stalls.iter().filter_map(|stall| {
            let begin = starts[stall.visit.index(starts.len())] + stall.after_ms;
            let end = begin + stall.length_ms;
            (stall.source == source && (begin..end).contains(&time)).then_some(end)
        });
        held_until.max().unwrap_or(time)
    }

    /// Returns the records in the order in which they were written: time, source and payload.
    fn written(&self) -> Vec<(i64, u8, EventPayload<'static>)> {
        let mut written = Vec::new();
        for (visit, start) in self.visits.iter().zip(self.starts()) {
            let contact = || Text::from(format!("l{}", visit.contact));
            let queue = || Text::from(visit.queue);
            let wait = visit.gives_wait.then(|| Millis(visit.wait_ms.unsigned_abs()));
            let queued = EventPayload::Queued {
                contact: contact(),
                queue: queue(),
                channel: None,
                is_callback: visit.gives_wait,
            };
            let ending = match visit.end {
                End::Answered => Some(EventPayload::Answered {
                    contact: contact(),
                    queue: queue(),
                    agent: None,
                    wait,
                    channel: None,
                }),
                End::Abandoned => Some(EventPayload::Abandoned {
                    contact: contact(),
                    queue: queue(),
                    wait,
                    channel: None,
                }),
                End::Left(reason) => Some(EventPayload::LeftQueue {
                    contact: contact(),
                    queue: queue(),
                    reason,
                    wait,
                    channel: None,
                }),
                End::OtherQueue => Some(EventPayload::Queued {
                    contact: contact(),
                    queue: "mail".into(),
                    channel: None,
                    is_callback: false,
                }),
                End::Open => None,
            };
            written.push((start, visit.sources[0], queued));
            written.extend(ending.map(|end| (start + visit.wait_ms, visit.sources[1], end)));
        }
        let noise = self.noise.iter();
        written
            .extend(noise.map(|(payload, source, at_ms)| {
                (self.begins_ms + at_ms, *source, payload.clone())
            }));
        written.sort_by_key(|(time, ..)| *time);
        written
    }

    pub fn steps(&self) -> Vec<Step> {
        let (written, starts) = (self.written(), self.starts());
        let arrivals: Vec<i64> =
            written.iter().map(|(time, source, _)| self.arrival(&starts, *source, *time)).collect();
        let advances = self.advances.iter().map(|(index, after_ms)| {
            let at = arrivals[index.index(arrivals.len())] + after_ms;
            (at, Step::Advance(at))
        });
        let records = written.into_iter().zip(&arrivals).enumerate().map(
            |(number, ((time, source, payload), arrival))| {
                let event = Event {
                    source: format!("s{source}"),
                    id: number.to_string(),
                    time_ms: Some(time),
                    payload,
                    flaws: Vec::new(),
                };
                let timestamp_ms = self.is_stamped.then_some(*arrival);
                (*arrival, Step::Read { content: Content::Event(event), timestamp_ms })
            },
        );
        let mut steps: Vec<(i64, Step)> = records.chain(advances).collect();
        // Keeps the order of the records of one arrival.
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter().map(|(_, step)| step).collect()
    }
}
