//! The columns of a row in CSV, which are its members in JSON too. Durations are in seconds.

use nabiz_core::settings::Formula;
use nabiz_core::time::Millis;

use super::cell::{Cell, Column, Record};
use super::row::HistoryRow;

impl Record for HistoryRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.range.start)),
        ("end", |row| Cell::Time(row.range.end)),
        ("open", |row| Cell::Flag(row.open)),
        ("queue", |row| Cell::name(&row.queue)),
        ("channel", |row| Cell::name(&row.channel)),
        ("target_wait_seconds", |row| row.target.map(|target| target.wait.as_secs_f64()).into()),
        ("target_service_level", |row| row.target.map(|target| target.ratio).into()),
        ("offered", |row| Cell::Count(row.counts.visits.offered)),
        ("answered", |row| Cell::Count(row.counts.visits.answered)),
        ("answered_in_target", |row| Cell::Count(row.counts.visits.answered_in_target)),
        ("abandoned", |row| Cell::Count(row.counts.visits.abandoned)),
        ("abandoned_in_target", |row| Cell::Count(row.counts.visits.abandoned_in_target)),
        ("abandoned_short", |row| Cell::Count(row.counts.visits.abandoned_short)),
        ("left", |row| Cell::Count(row.left())),
        ("left_timeout", |row| Cell::Count(row.counts.left[0])),
        ("left_full", |row| Cell::Count(row.counts.left[1])),
        ("left_empty", |row| Cell::Count(row.counts.left[2])),
        ("left_exit_key", |row| Cell::Count(row.counts.left[3])),
        ("left_withdrawn", |row| Cell::Count(row.counts.left[4])),
        ("left_transfer", |row| Cell::Count(row.counts.left[5])),
        ("left_callback", |row| Cell::Count(row.counts.left[6])),
        ("left_closed", |row| Cell::Count(row.counts.left[7])),
        ("lost", |row| Cell::Count(row.counts.lost)),
        ("service_level_met", |row| Cell::Count(row.counts.service_level.met)),
        ("service_level_missed", |row| Cell::Count(row.counts.service_level.missed)),
        ("service_level_live", |row| row.window().service_level(Formula::Live).into()),
        ("formula", |row| {
            row.formula.map_or(Cell::Empty, |formula| Cell::Text(formula_name(formula)))
        }),
        ("service_level", |row| row.service_level().into()),
        ("abandonment", |row| row.window().abandonment().into()),
        ("wait_sum_seconds", |row| Cell::Number(seconds(row.counts.sums.wait_sum_ms))),
        ("asa_seconds", |row| row.window().wait_mean_seconds().into()),
        ("wait_p50_seconds", |row| row.wait_quantiles.map(|[p50, ..]| p50.as_secs_f64()).into()),
        ("wait_p90_seconds", |row| row.wait_quantiles.map(|[_, p90, ..]| p90.as_secs_f64()).into()),
        ("wait_p95_seconds", |row| row.wait_quantiles.map(|[.., p95, _]| p95.as_secs_f64()).into()),
        ("wait_p99_seconds", |row| row.wait_quantiles.map(|[.., p99]| p99.as_secs_f64()).into()),
        ("wait_max_seconds", |row| {
            (row.counts.visits.answered > 0).then(|| row.counts.wait_max.as_secs_f64()).into()
        }),
        ("abandon_wait_sum_seconds", |row| {
            Cell::Number(seconds(row.counts.sums.abandon_wait_sum_ms))
        }),
        ("abandon_wait_mean_seconds", |row| row.window().abandon_wait_mean_seconds().into()),
        ("abandon_wait_p90_seconds", |row| row.abandon_wait_p90.map(Millis::as_secs_f64).into()),
        ("handled", |row| Cell::Count(row.counts.sums.handled)),
        ("handle_sum_seconds", |row| Cell::Number(seconds(row.counts.sums.handle_sum_ms))),
        ("aht_seconds", |row| row.window().handle_mean_seconds().into()),
        ("handle_p90_seconds", |row| row.handle_p90.map(Millis::as_secs_f64).into()),
        ("first_responses", |row| Cell::Count(row.counts.responses.first_responses)),
        ("first_response_mean_seconds", |row| {
            mean(
                seconds(row.counts.responses.first_response_sum_ms),
                row.counts.responses.first_responses,
            )
            .into()
        }),
        ("resolutions", |row| Cell::Count(row.counts.responses.resolutions)),
        ("resolution_mean_seconds", |row| {
            mean(seconds(row.counts.responses.resolution_sum_ms), row.counts.responses.resolutions)
                .into()
        }),
        ("not_answered", |row| Cell::Count(row.counts.contacts.not_answered)),
        ("transfers", |row| Cell::Count(row.counts.contacts.transfers)),
        ("reopened", |row| Cell::Count(row.counts.contacts.reopened)),
        ("surveys", |row| Cell::Count(row.counts.responses.surveys)),
        ("survey_score_mean", |row| {
            mean(row.counts.responses.survey_score_sum as f64, row.counts.responses.surveys).into()
        }),
        ("agent_available_seconds", |row| agent_seconds(row, 0)),
        ("agent_busy_seconds", |row| agent_seconds(row, 1)),
        ("agent_wrap_up_seconds", |row| agent_seconds(row, 2)),
        ("agent_paused_seconds", |row| agent_seconds(row, 3)),
        ("agent_offline_seconds", |row| agent_seconds(row, 4)),
        ("occupancy", |row| row.occupancy().into()),
        ("quantile_values_missing", |row| Cell::Count(row.quantile_values_missing)),
        ("service_level_revoked", |row| Cell::Count(row.counts.contacts.service_level_revoked)),
        ("callbacks", |row| Cell::Count(row.counts.contacts.callbacks)),
        ("arrived_answered", |row| row.cohort().map(|cohort| cohort.arrived_answered).into()),
        ("arrived_abandoned", |row| row.cohort().map(|cohort| cohort.arrived_abandoned).into()),
        ("arrived_left", |row| row.cohort().map(|cohort| cohort.arrived_left).into()),
        ("arrived_lost", |row| row.cohort().map(|cohort| cohort.arrived_lost).into()),
        ("arrived_answered_in_target", |row| {
            row.cohort().map(|cohort| cohort.arrived_answered_in_target).into()
        }),
        ("arrived_abandoned_short", |row| {
            row.cohort().map(|cohort| cohort.arrived_abandoned_short).into()
        }),
        ("still_waiting", |row| row.still_waiting().into()),
        ("service_level_arrival", |row| row.service_level_arrival().into()),
        ("left_wait_sum_seconds", |row| {
            row.waits().map(|waits| seconds(waits.left_wait_sum_ms)).into()
        }),
        ("lost_wait_sum_seconds", |row| {
            row.waits().map(|waits| seconds(waits.lost_wait_sum_ms)).into()
        }),
        ("wait_beyond_short_sum_seconds", |row| {
            row.waits().map(|waits| seconds(waits.wait_beyond_short_sum_ms)).into()
        }),
        ("abandoned_beyond_short", |row| {
            row.waits().map(|waits| waits.abandoned_beyond_short).into()
        }),
        ("patience_seconds", |row| row.patience_seconds().into()),
        ("first_responses_in_target", |row| {
            row.responses_in_target().map(|[first_responses, _]| first_responses).into()
        }),
        ("resolutions_in_target", |row| {
            row.responses_in_target().map(|[_, resolutions]| resolutions).into()
        }),
    ];
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn mean(sum: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

/// Returns the agent time of a state by its [`nabiz_core::event::AgentState::index`].
fn agent_seconds(row: &HistoryRow, state: usize) -> Cell<'_> {
    row.agent_time.and_then(|by_state| by_state.get(state).copied()).map(Millis::as_secs_f64).into()
}

fn formula_name(formula: Formula) -> &'static str {
    Formula::ALL.into_iter().find(|(known, _)| *known == formula).map_or("", |(_, name)| name)
}
