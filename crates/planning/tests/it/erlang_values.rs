//! Erlang B, C and A, and staffing, against checked values in `tests/vectors/`.

use nabiz_planning::demand::Demand;
use nabiz_planning::erlang::{Expected, erlang_c, expected};
use nabiz_planning::shrinkage::Shrinkage;
use nabiz_planning::staffing::{Goal, staff};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks the figures that a case has; returns how many they are.
fn compare(case: &Value, figures: &Expected) -> usize {
    let places = case["places"].as_i64().map_or(1e-6, |places| 0.5 * 10f64.powi(-places as i32));
    let named = [
        ("pw", figures.waiting, 1e-6),
        ("sl", figures.service_level, 1e-6),
        ("p_abandon", figures.abandonment, 1e-6),
        ("occupancy", figures.occupancy.unwrap(), 1e-6),
        ("mean_wait", figures.mean_wait_seconds, places),
        ("asa", figures.mean_wait_seconds, places),
    ];
    let mut checked = 0;
    for (name, actual, tolerance) in named {
        if let Some(wanted) = case[name].as_f64() {
            assert!(
                (actual - wanted).abs() <= tolerance,
                "{name}: {actual}, expected {wanted}: {case}"
            );
            checked += 1;
        }
    }
    checked
}

fn demand_of(case: &Value) -> Demand {
    let number = |name: &str| case[name].as_f64();
    let demand = match number("offered_erlangs") {
        Some(erlangs) => Demand::new(erlangs, 1.0, 1.0),
        None => Demand::new(
            number("calls").unwrap(),
            number("interval").unwrap(),
            number("aht").unwrap(),
        ),
    };
    demand.unwrap().with_patience(number("patience").unwrap_or(f64::INFINITY)).unwrap()
}

fn agents_of(case: &Value) -> u32 {
    case["agents"].as_u64().unwrap() as u32
}

#[test]
fn erlang_has_the_checked_values() {
    let mut checked = 0;
    for file in ["erlang.json", "erlang_a.json"] {
        let vectors = vectors(file);
        for kind in ["erlang_c", "erlang_a"] {
            for case in vectors[kind].as_array().into_iter().flatten() {
                let (demand, target) = (demand_of(case), case["t"].as_f64().unwrap_or(0.0));
                let figures = expected(&demand, agents_of(case), target).unwrap().unwrap();
                checked += compare(case, &figures);
                if let Some(fewer) = case["sl_with_one_agent_less"].as_f64() {
                    let figures = expected(&demand, agents_of(case) - 1, target).unwrap().unwrap();
                    assert!((figures.service_level - fewer).abs() < 1e-6, "{case}");
                    checked += 1;
                }
                if let (Some(pw), "erlang_c") = (case["pw"].as_f64(), kind) {
                    let waiting = erlang_c(demand.erlangs(), agents_of(case)).unwrap().unwrap();
                    assert!((waiting - pw).abs() < 1e-6, "{case}");
                }
            }
        }
    }
    println!("{checked} figures");
    assert_eq!(checked, 62);
}

#[test]
fn staffing_has_the_checked_values() {
    let mut checked = 0;
    for file in ["erlang.json", "erlang_a.json"] {
        for case in vectors(file)["staffing"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64();
            let mut goal = Goal::new(number("target").unwrap(), number("t").unwrap()).unwrap();
            if let Some(occupancy) = number("max_occupancy") {
                goal = goal.with_max_occupancy(occupancy).unwrap();
            }
            let staffing = staff(&demand_of(case), &goal).unwrap();
            assert_eq!(staffing.agents, agents_of(case), "{case}");
            if let Some(shrinkage) = number("shrinkage") {
                let scheduled = Shrinkage::new(shrinkage).unwrap().scheduled(staffing.agents);
                assert_eq!(u64::from(scheduled), case["scheduled"].as_u64().unwrap(), "{case}");
            }
            if let Some(level) = number("sl") {
                let figures = staffing.expected.unwrap();
                assert!((figures.service_level - level).abs() < 1e-6, "{figures:?} {case}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 13);
}
