//! Targets as metrics, so that rules join numbers with their targets instead of repeating them.

use std::collections::BTreeSet;

use nabiz_core::settings::{QueueSettings, Settings};
use nabiz_core::snapshot::Snapshot;

use super::catalogue as c;
use super::catalogue::Metric;
use super::family::{Family, seconds};

type OfQueue = (&'static Metric, fn(&QueueSettings) -> f64);

const TARGETS: &[OfQueue] = &[
    (&c::TARGET_WAIT, |queue| seconds(queue.target_wait.get())),
    (&c::TARGET_SERVICE_LEVEL, |queue| queue.target_ratio),
    (&c::TARGET_ABANDONMENT, |queue| queue.target_abandonment),
    (&c::TARGET_FIRST_RESPONSE, |queue| seconds(queue.target_first_response.get())),
];

/// Adds the settings of every series and queue of `snapshot`.
pub(super) fn collect<'a>(
    settings: &'a Settings,
    snapshot: &'a Snapshot,
    out: &mut Vec<Family<'a>>,
) {
    for (metric, value) in TARGETS {
        let mut family = Family::new(metric);
        for series in &snapshot.series {
            let labels = [&*series.queue, settings.channels.name(series.channel)];
            family.add(&labels, None, value(settings.queue(&series.queue)));
        }
        out.push(family);
    }

    let mut info = Family::new(&c::QUEUE_INFO);
    for series in &snapshot.series {
        let labels = [
            &*series.queue,
            settings.channels.name(series.channel),
            display_name(settings, &series.queue),
        ];
        info.add(&labels, None, 1.0);
    }
    out.push(info);

    let mut open = Family::new(&c::QUEUE_OPEN);
    if let Some(stream_time) = snapshot.stream_time {
        let of_series = snapshot.series.iter().map(|series| &*series.queue);
        let queues: BTreeSet<&str> =
            snapshot.queues.iter().map(|queue| &*queue.queue).chain(of_series).collect();
        for queue in queues {
            let is_open = settings.queue(queue).is_open(stream_time);
            open.add(&[queue], None, f64::from(u8::from(is_open)));
        }
    }
    out.push(open);
}

/// Returns the configured name, or the id of a queue that is not configured.
fn display_name<'a>(settings: &'a Settings, queue: &'a str) -> &'a str {
    match settings.queues.binary_search_by(|(known, _)| known.as_str().cmp(queue)) {
        Ok(index) => &settings.queues[index].1.name,
        Err(_) => queue,
    }
}
