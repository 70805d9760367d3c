//! Metrics of the contacts: counts since the first record, and the state at stream time.

use nabiz_core::event::{AgentState, EndedBy, LeftReason, SelfServiceOutcome};
use nabiz_core::measures::{BucketHistogram, FollowupSnapshot};
use nabiz_core::settings::Settings;
use nabiz_core::snapshot::SeriesSnapshot;

use super::catalogue as c;
use super::catalogue::Metric;
use super::family::{Family, seconds};
use super::part::Part;

type OfSeries<T> = (&'static Metric, fn(&SeriesSnapshot) -> T);
type HistogramOf = fn(&SeriesSnapshot) -> &BucketHistogram;
type OfFollowups = (&'static Metric, fn(&FollowupSnapshot) -> u64);

const SERIES_NUMBERS: &[OfSeries<f64>] = &[
    (&c::VISITS_OFFERED, |series| series.totals.visits.offered as f64),
    (&c::VISITS_ANSWERED, |series| series.totals.visits.answered as f64),
    (&c::VISITS_ANSWERED_IN_TARGET, |series| series.totals.visits.answered_in_target as f64),
    (&c::VISITS_ABANDONED, |series| series.totals.visits.abandoned as f64),
    (&c::VISITS_ABANDONED_IN_TARGET, |series| series.totals.visits.abandoned_in_target as f64),
    (&c::VISITS_ABANDONED_SHORT, |series| series.totals.visits.abandoned_short as f64),
    (&c::VISITS_LOST, |series| series.totals.lost as f64),
    (&c::VISITS_CALLBACK, |series| series.totals.contacts.callbacks as f64),
    (&c::SERVICE_LEVEL_MET, |series| series.totals.service_level.met as f64),
    (&c::SERVICE_LEVEL_MISSED, |series| series.totals.service_level.missed as f64),
    (&c::SERVICE_LEVEL_REVOKED, |series| series.totals.contacts.service_level_revoked as f64),
    (&c::NOT_ANSWERED, |series| series.totals.contacts.not_answered as f64),
    (&c::TRANSFERS, |series| series.totals.contacts.transfers as f64),
    (&c::REOPENED, |series| series.totals.contacts.reopened as f64),
    (&c::WAITING, |series| series.live.waiting as f64),
    (&c::WAITING_OVER_TARGET, |series| series.live.waiting_over_target as f64),
    (&c::LONGEST_WAIT, |series| series.live.longest_wait.as_secs_f64()),
    (&c::OLDEST_WAITING, |series| series.live.oldest_waiting.as_secs_f64()),
    (&c::IN_SERVICE, |series| series.live.in_service as f64),
    (&c::OPEN, |series| series.live.open as f64),
    (&c::OPEN_OVERDUE, |series| series.live.open_overdue as f64),
    (&c::OLDEST_OPEN, |series| series.live.oldest_open.as_secs_f64()),
];

const FOLLOWUP_NUMBERS: &[OfFollowups] = &[
    (&c::FOLLOWUPS_OPENED, |followups| followups.opened),
    (&c::FOLLOWUPS_INFORMED, |followups| followups.informed),
    (&c::FOLLOWUPS_OPEN, |followups| followups.open),
    (&c::FOLLOWUPS_OVERDUE, |followups| followups.overdue),
];

pub(super) fn collect<'a>(
    settings: &'a Settings,
    parts: &'a [Part<'_>],
    out: &mut Vec<Family<'a>>,
) {
    series_numbers(settings, parts, out);
    histograms(settings, parts, out);
    contacts(settings, parts, out);
    followups(settings, parts, out);
    queues(parts, out);
}

/// Returns every series of every part.
fn each_series<'a>(
    settings: &'a Settings,
    parts: &'a [Part<'_>],
) -> impl Iterator<Item = (Option<&'a str>, [&'a str; 2], &'a SeriesSnapshot)> {
    parts.iter().flat_map(move |part| {
        part.snapshot.series.iter().map(move |series| {
            (part.shard(), [&*series.queue, settings.channels.name(series.channel)], &**series)
        })
    })
}

fn series_numbers<'a>(settings: &'a Settings, parts: &'a [Part<'_>], out: &mut Vec<Family<'a>>) {
    for (metric, value) in SERIES_NUMBERS {
        let mut family = Family::new(metric);
        for (shard, labels, series) in each_series(settings, parts) {
            family.add(&labels, shard, value(series));
        }
        out.push(family);
    }
    let mut left = Family::new(&c::VISITS_LEFT);
    let mut survey = Family::new(&c::SURVEY_RESPONSES);
    let mut ended = Family::new(&c::ENDED);
    for (shard, [queue, channel], series) in each_series(settings, parts) {
        for (reason, count) in LeftReason::ALL.iter().zip(series.totals.left) {
            left.add(&[queue, channel, reason.as_str()], shard, count as f64);
        }
        for by in EndedBy::ALL {
            let count = series.totals.contacts.ended(*by);
            ended.add(&[queue, channel, by.as_str()], shard, count as f64);
        }
        for (score, count) in &series.totals.survey {
            let labels = vec![queue.into(), channel.into(), score.to_string().into()];
            survey.add_owned(labels, shard, *count as f64);
        }
    }
    out.extend([left, survey, ended]);
}

fn histograms<'a>(settings: &'a Settings, parts: &'a [Part<'_>], out: &mut Vec<Family<'a>>) {
    let wait_bounds = settings.wait_bounds();
    let mut wait = Family::new(&c::WAIT);
    for (shard, [queue, channel], series) in each_series(settings, parts) {
        wait.add_histogram(
            &[queue, channel, "answered"],
            shard,
            &wait_bounds,
            &series.totals.wait_answered,
        );
        wait.add_histogram(
            &[queue, channel, "abandoned"],
            shard,
            &wait_bounds,
            &series.totals.wait_abandoned,
        );
    }
    out.push(wait);

    let handle_bounds = settings.handle_bounds();
    let response_bounds = settings.response_bounds();
    for (metric, bounds, histogram) in [
        (&c::HANDLE, &handle_bounds, (|series| &series.totals.handle) as HistogramOf),
        (&c::FIRST_RESPONSE, &response_bounds, |series| &series.totals.first_response),
        (&c::RESOLUTION, &response_bounds, |series| &series.totals.resolution),
    ] {
        let mut family = Family::new(metric);
        for (shard, labels, series) in each_series(settings, parts) {
            family.add_histogram(&labels, shard, bounds, histogram(series));
        }
        out.push(family);
    }
}

fn contacts<'a>(settings: &'a Settings, parts: &'a [Part<'_>], out: &mut Vec<Family<'a>>) {
    let mut started = Family::new(&c::CONTACTS_STARTED);
    let mut self_service = Family::new(&c::SELF_SERVICE);
    for part in parts {
        for (index, channel) in settings.channels.names().enumerate() {
            let count = part.snapshot.contacts_started.get(index).copied().unwrap_or(0);
            started.add(&[channel], part.shard(), count as f64);
        }
        for (entry_point, outcomes) in &part.snapshot.self_service {
            for (outcome, count) in SelfServiceOutcome::ALL.iter().zip(outcomes) {
                self_service.add(&[&**entry_point, outcome.as_str()], part.shard(), *count as f64);
            }
        }
    }
    out.extend([started, self_service]);
}

fn followups<'a>(settings: &'a Settings, parts: &'a [Part<'_>], out: &mut Vec<Family<'a>>) {
    let each_unit = || {
        parts.iter().flat_map(|part| {
            part.snapshot
                .followups
                .iter()
                .map(|(unit, followups)| (part.shard(), [&**unit], followups))
        })
    };
    for (metric, value) in FOLLOWUP_NUMBERS {
        let mut family = Family::new(metric);
        for (shard, labels, followups) in each_unit() {
            family.add(&labels, shard, value(followups) as f64);
        }
        out.push(family);
    }
    let bounds = settings.response_bounds();
    let mut duration = Family::new(&c::FOLLOWUP);
    for (shard, labels, followups) in each_unit() {
        duration.add_histogram(&labels, shard, &bounds, &followups.duration);
    }
    out.push(duration);
}

fn queues<'a>(parts: &'a [Part<'_>], out: &mut Vec<Family<'a>>) {
    let mut agents = Family::new(&c::AGENTS);
    let mut agent_seconds = Family::new(&c::AGENT_SECONDS);
    let mut paused = Family::new(&c::AGENT_PAUSED_SECONDS);
    let mut observed = Family::new(&c::OBSERVED_WAITING);
    for part in parts {
        for queue in &part.snapshot.queues {
            for (index, state) in AgentState::ALL.iter().enumerate() {
                let labels = [&*queue.queue, state.as_str()];
                agents.add(&labels, part.shard(), queue.agents[index] as f64);
                agent_seconds.add(&labels, part.shard(), seconds(queue.agent_ms[index]));
            }
            for (reason, time) in &queue.paused_ms {
                paused.add(&[&*queue.queue, &**reason], part.shard(), seconds(*time));
            }
            if let Some(observation) = queue.observed {
                observed.add(&[&*queue.queue], part.shard(), observation.waiting as f64);
            }
        }
    }
    out.extend([agents, agent_seconds, paused, observed]);
}
