//! The estimate of patience on callers whose patience is known.

use nabiz_planning::patience::{Patience, PatienceError};
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const TRUTH: f64 = 260.0;
const SHORT: f64 = 5.0;

fn exponential(random: &mut ChaCha8Rng, mean: f64) -> f64 {
    -mean * (1.0 - random.random::<f64>()).ln()
}

/// What a history keeps of callers.
#[derive(Default)]
struct Sums {
    beyond_short: f64,
    abandonments: u64,
    all: f64,
    all_abandonments: u64,
}

impl Sums {
    /// Adds a caller: some leave at once, some take a callback after a minute, all others wait for
    /// an agent until their patience or the time limit of the queue ends.
    fn add(&mut self, random: &mut ChaCha8Rng) {
        let agent = if random.random_bool(0.4) { 0.0 } else { exponential(random, 70.0) };
        let callback = if random.random_bool(0.3) { 60.0 } else { f64::INFINITY };
        let patience = if random.random_bool(0.025) {
            random.random::<f64>() * 4.0
        } else {
            exponential(random, TRUTH)
        };
        let wait = agent.min(callback).min(120.0).min(patience);
        self.beyond_short += (wait - SHORT).max(0.0);
        self.all += wait;
        if wait == patience && wait < agent {
            self.all_abandonments += 1;
            self.abandonments += u64::from(wait > SHORT);
        }
    }

    fn estimate(&self) -> Result<Patience, PatienceError> {
        Patience::estimate(self.beyond_short, self.abandonments)
    }
}

#[test]
fn patience_is_found_with_callbacks_timeouts_and_callers_who_leave_at_once() {
    for seed in 0..5 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut sums = Sums::default();
        while sums.abandonments < 6_400 {
            sums.add(&mut random);
        }
        let patience = sums.estimate().unwrap();
        println!("{patience:?}");
        assert!((patience.mean_seconds / TRUTH - 1.0).abs() < 0.05, "{patience:?}");
        assert!(patience.high_seconds / patience.low_seconds < 1.051, "{patience:?}");
        // Without the short threshold the callers who leave at once pull the mean down.
        let naive = sums.all / sums.all_abandonments as f64;
        assert!(naive < 0.9 * TRUTH, "{naive}");
    }
}

#[test]
fn interval_has_the_truth_in_it_about_19_times_of_20() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for (least, width) in [(30, 1.43), (100, 1.22)] {
        let rounds = 2_000;
        let mut hits = 0;
        for _ in 0..rounds {
            let mut sums = Sums::default();
            while sums.abandonments < least {
                sums.add(&mut random);
            }
            let patience = sums.estimate().unwrap();
            hits += u32::from((patience.low_seconds..patience.high_seconds).contains(&TRUTH));
            assert!((patience.high_seconds / patience.mean_seconds - width).abs() < 0.01);
        }
        let share = f64::from(hits) / f64::from(rounds);
        println!("{least} abandonments: {share}");
        assert!((0.935..0.965).contains(&share), "{least} abandonments: {share}");
    }
}

#[test]
fn patience_is_not_estimated_from_too_few_abandonments() {
    let error = Patience::estimate(9_000.0, 29).unwrap_err();
    assert_eq!(error, PatienceError::NotEnough { found: 29 });
    assert_eq!(error.to_string(), "not enough abandonments beyond the short threshold: 29 of 30");
    assert_eq!(Patience::estimate(9_000.0, 30).unwrap().mean_seconds, 300.0);
    assert!(Patience::estimate(f64::NAN, 100).is_err() && Patience::estimate(-1.0, 100).is_err());
}
