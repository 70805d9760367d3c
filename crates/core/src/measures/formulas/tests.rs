//! Tests of the formulas against the checked values of `tests/vectors/service_level.json`.

use super::*;
use crate::measures::hdr_counts::{SparseHdrCounts, hdr_index};
use crate::measures::{DurationSums, ServiceLevelCounts, VisitCounts};
use crate::time::Millis;

/// Returns the checked values: 100 visits, all ended, with T = 20 s and S = 5 s.
fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../../../tests/vectors/service_level.json")).unwrap()
}

fn counts() -> WindowCounts {
    let vectors = vectors();
    let count = |name: &str| vectors["counts"][name].as_u64().unwrap();
    WindowCounts {
        visits: VisitCounts {
            offered: 100,
            answered: count("A"),
            answered_in_target: count("N"),
            abandoned: count("Ab"),
            abandoned_in_target: count("AbT"),
            abandoned_short: count("AbS"),
        },
        left: count("F"),
        ..WindowCounts::default()
    }
}

fn rounded(ratio: Option<f64>) -> Option<f64> {
    ratio.map(|ratio| (ratio * 10_000.0).round() / 10_000.0)
}

#[test]
fn formulas_give_the_checked_values() {
    let vectors = vectors();
    for (formula, word) in Formula::ALL {
        if formula != Formula::Live {
            let expected = vectors["expected"][word].as_f64();
            assert!(expected.is_some(), "no checked value of {word}");
            assert_eq!(rounded(counts().service_level(formula)), expected, "{word}");
        }
    }
    assert_eq!(rounded(counts().abandonment()), vectors["expected"]["abandonment_ratio"].as_f64());
}

#[test]
fn live_formula_takes_service_level_events_only() {
    let counts =
        WindowCounts { service_level: ServiceLevelCounts { met: 3, missed: 1 }, ..counts() };
    assert_eq!(counts.service_level(Formula::Live), Some(0.75));
}

#[test]
fn empty_window_has_no_ratio_and_no_mean() {
    let empty = WindowSnapshot::default();
    for (formula, word) in Formula::ALL {
        assert_eq!(empty.counts.service_level(formula), None, "{word}");
    }
    assert_eq!(empty.counts.abandonment(), None);
    assert_eq!(empty.counts.wait_mean_seconds(), None);
    assert_eq!(empty.counts.abandon_wait_mean_seconds(), None);
    assert_eq!(empty.counts.handle_mean_seconds(), None);
    assert_eq!(empty.wait_quantiles_seconds([0.5]), None);
    assert_eq!(AgentWindow::default().occupancy(), None);
}

#[test]
fn counts_that_contradict_each_other_do_not_underflow() {
    let counts = WindowCounts {
        visits: VisitCounts {
            abandoned_short: 2,
            abandoned_in_target: 2,
            answered_in_target: 1,
            ..VisitCounts::default()
        },
        ..Default::default()
    };
    for (formula, word) in Formula::ALL {
        assert_eq!(counts.service_level(formula), None, "{word}");
    }
    assert_eq!(counts.abandonment(), None);
}

#[test]
fn means_are_in_seconds() {
    let counts = WindowCounts {
        visits: VisitCounts { answered: 4, abandoned: 2, ..VisitCounts::default() },
        sums: DurationSums {
            wait_sum_ms: 10_000,
            abandon_wait_sum_ms: 3_000,
            handled: 5,
            handle_sum_ms: 600_000,
        },
        ..WindowCounts::default()
    };
    assert_eq!(counts.wait_mean_seconds(), Some(2.5));
    assert_eq!(counts.abandon_wait_mean_seconds(), Some(1.5));
    assert_eq!(counts.handle_mean_seconds(), Some(120.0));
}

#[test]
fn occupancy_leaves_paused_and_offline_time_out() {
    let mut window = AgentWindow::default();
    window.state_ms[AgentState::Available.index()] = 250;
    window.state_ms[AgentState::Busy.index()] = 600;
    window.state_ms[AgentState::WrapUp.index()] = 150;
    window.state_ms[AgentState::Paused.index()] = 9_000;
    window.state_ms[AgentState::Offline.index()] = 9_000;
    assert_eq!(window.occupancy(), Some(0.75));
}

fn window_of(waits_ms: &[u64]) -> WindowSnapshot {
    let mut waits = SparseHdrCounts::default();
    for &wait_ms in waits_ms {
        waits.add(&SparseHdrCounts { counts: vec![(hdr_index(wait_ms) as u16, 1)] });
    }
    let counts = WindowCounts {
        visits: VisitCounts { answered: waits_ms.len() as u64, ..VisitCounts::default() },
        wait_max: Millis(waits_ms.iter().copied().max().unwrap_or(0)),
        ..WindowCounts::default()
    };
    WindowSnapshot { counts, waits }
}

#[test]
fn quantiles_are_of_nearest_rank_within_one_percent() {
    let waits_ms: Vec<u64> = (1..=100).map(|rank| rank * 977).collect();
    let quantiles = window_of(&waits_ms).wait_quantiles_seconds([0.5, 0.9, 0.95, 0.99]).unwrap();
    for (value, rank) in quantiles.into_iter().zip([50.0, 90.0, 95.0, 99.0]) {
        let exact = rank * 0.977;
        assert!((value - exact).abs() <= exact * 0.01, "{value} is not {exact} at rank {rank}");
    }
}

#[test]
fn quantiles_never_exceed_the_maximum() {
    assert_eq!(window_of(&[20_001]).wait_quantiles_seconds([0.5, 0.99]), Some([20.001, 20.001]));
    assert_eq!(window_of(&[0]).wait_quantiles_seconds([0.99]), Some([0.0]));
}
