//! Metrics of the windows: counts, and the ratios, means and quantiles of them.

use std::collections::HashMap;

use nabiz_core::measures::{AgentWindow, WindowCounts};
use nabiz_core::settings::Settings;

use super::catalogue as c;
use super::catalogue::Metric;
use super::family::Family;
use super::part::Part;

/// Label of the window that starts with the business day.
const TODAY: &str = "today";

type OfWindow<T> = (&'static Metric, fn(&WindowCounts) -> T);

const COUNTS: &[OfWindow<u64>] = &[
    (&c::WINDOW_OFFERED, |counts| counts.visits.offered),
    (&c::WINDOW_ANSWERED, |counts| counts.visits.answered),
    (&c::WINDOW_ANSWERED_IN_TARGET, |counts| counts.visits.answered_in_target),
    (&c::WINDOW_ABANDONED, |counts| counts.visits.abandoned),
    (&c::WINDOW_ABANDONED_IN_TARGET, |counts| counts.visits.abandoned_in_target),
    (&c::WINDOW_ABANDONED_SHORT, |counts| counts.visits.abandoned_short),
    (&c::WINDOW_LEFT, |counts| counts.left),
    (&c::WINDOW_SERVICE_LEVEL_MET, |counts| counts.service_level.met),
    (&c::WINDOW_SERVICE_LEVEL_MISSED, |counts| counts.service_level.missed),
];

/// Metrics that are absent if their denominator is 0.
const DERIVED: &[OfWindow<Option<f64>>] = &[
    (&c::WINDOW_ABANDONMENT, WindowCounts::abandonment),
    (&c::WINDOW_WAIT_MEAN, WindowCounts::wait_mean_seconds),
    (&c::WINDOW_WAIT_MAX, |counts| {
        (counts.visits.answered > 0).then(|| counts.wait_max.as_secs_f64())
    }),
    (&c::WINDOW_ABANDON_WAIT_MEAN, WindowCounts::abandon_wait_mean_seconds),
    (&c::WINDOW_HANDLE_MEAN, WindowCounts::handle_mean_seconds),
];

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];
const QUANTILE_LABELS: [&str; 4] = ["0.5", "0.9", "0.95", "0.99"];

pub(super) fn collect<'a>(
    settings: &'a Settings,
    parts: &'a [Part<'_>],
    out: &mut Vec<Family<'a>>,
) {
    let lengths = settings.windows.lengths.iter().map(|length| length.label.as_str());
    let window_labels: Vec<&str> = lengths.chain([TODAY]).collect();
    let mut counts: Vec<Family<'_>> =
        COUNTS.iter().map(|(metric, _)| Family::new(metric)).collect();
    let mut derived: Vec<Family<'_>> =
        DERIVED.iter().map(|(metric, _)| Family::new(metric)).collect();
    let mut service_level = Family::new(&c::WINDOW_SERVICE_LEVEL);
    let mut quantiles = Family::new(&c::WINDOW_WAIT_QUANTILE);
    let mut waits = Family::new(&c::WINDOW_WAIT);
    let mut occupancy = Family::new(&c::WINDOW_OCCUPANCY);

    for part in parts {
        let agents: HashMap<&str, &[AgentWindow]> =
            part.snapshot.queues.iter().map(|queue| (&*queue.queue, &*queue.windows)).collect();
        for series in &part.snapshot.series {
            let queue = &*series.queue;
            let channel = settings.channels.name(series.channel);
            let formula = settings.queue(queue).formula;
            for (&window_label, window) in window_labels.iter().zip(&series.windows) {
                let labels = [queue, channel, window_label];
                for (family, (_, count)) in counts.iter_mut().zip(COUNTS) {
                    family.add(&labels, part.shard(), count(&window.counts) as f64);
                }
                for (family, (_, value)) in derived.iter_mut().zip(DERIVED) {
                    if let Some(value) = value(&window.counts) {
                        family.add(&labels, part.shard(), value);
                    }
                }
                waits.add_window(&labels, part.shard(), window);
                if let Some(ratio) = window.counts.service_level(formula) {
                    service_level.add(&labels, part.shard(), ratio);
                }
                if let Some(values) = window.wait_quantiles_seconds(QUANTILES) {
                    for (label, value) in QUANTILE_LABELS.into_iter().zip(values) {
                        quantiles.add(&[queue, channel, window_label, label], part.shard(), value);
                    }
                }
            }
            let agent_windows = agents.get(queue).copied().unwrap_or_default();
            for (&window_label, window) in window_labels.iter().zip(agent_windows) {
                if let Some(ratio) = window.occupancy() {
                    occupancy.add(&[queue, channel, window_label], part.shard(), ratio);
                }
            }
        }
    }
    out.extend(counts.into_iter().chain(derived).chain([
        service_level,
        quantiles,
        waits,
        occupancy,
    ]));
}
