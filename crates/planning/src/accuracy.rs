//! Errors of a forecast, and the least error that chance allows.
//!
//! WAPE is the weighted absolute percentage error, sum of |actual - forecast| / sum of actual. Even
//! a forecast that knows every true mean misses counts by chance. For Poisson counts that miss
//! has a closed form, the *floor*. A WAPE says little without its floor: 8 % is excellent for 100
//! calls a step, and impossible for 5.

use crate::counts::ln_factorial;

/// Returns the weighted absolute percentage error of `(actual, forecast)` pairs as a share: 0.1 is
/// 10 %.
///
/// `None` where the actual counts sum to 0 (nothing to weigh by) or a number is not finite.
pub fn wape(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let mut missed = 0.0;
    let mut actual_sum = 0.0;
    for (actual, forecast) in pairs {
        missed += (actual - forecast).abs();
        actual_sum += actual;
    }
    share(missed, actual_sum)
}

/// Returns the expected WAPE of a forecast that knows the true mean of a Poisson count.
///
/// The mean absolute deviation of a Poisson count of mean L is 2 e^-L L^(m+1) / m! with
/// m = floor(L) (De Moivre; Johnson, Kemp and Kotz, *Univariate Discrete Distributions*, 4.3); the
/// floor is that divided by L. `None` where `mean` is not a finite number above 0.
pub fn poisson_floor(mean: f64) -> Option<f64> {
    share(mean_absolute_deviation(mean)?, mean)
}

/// Returns the expected WAPE over many steps of a forecast that knows the true mean of each.
///
/// `None` where the means sum to 0, or one is negative or not finite. For an actual day, whose true
/// means nobody knows, pass the forecast means.
pub fn poisson_floor_of(means: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut missed = 0.0;
    let mut sum = 0.0;
    for mean in means {
        missed += if mean == 0.0 { 0.0 } else { mean_absolute_deviation(mean)? };
        sum += mean;
    }
    share(missed, sum)
}

fn share(part: f64, whole: f64) -> Option<f64> {
    let share = part / whole;
    (whole > 0.0 && share.is_finite()).then_some(share)
}

/// Returns E|X - mean| of a Poisson count X, in logarithms so that large means do not overflow.
fn mean_absolute_deviation(mean: f64) -> Option<f64> {
    if !(mean.is_finite() && mean > 0.0) {
        return None;
    }
    let floor = mean.floor();
    let log = (floor + 1.0) * mean.ln() - mean - ln_factorial(floor);
    Some(2.0 * log.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_equals_the_computed_ones() {
        let computed =
            [(5.0, 0.3509), (20.0, 0.1777), (50.0, 0.1127), (100.0, 0.0797), (150.0, 0.0651)];
        for (mean, expected) in computed {
            let floor = poisson_floor(mean).unwrap();
            assert!((floor - expected).abs() < 5e-5, "mean {mean}: {floor}");
        }
    }

    #[test]
    fn floor_equals_the_sum_over_counts() {
        for mean in [0.3_f64, 1.0, 7.4, 40.0] {
            let mut probability = (-mean).exp();
            let mut missed = probability * mean;
            for count in 1..200 {
                probability *= mean / f64::from(count);
                missed += probability * (f64::from(count) - mean).abs();
            }
            let floor = poisson_floor(mean).unwrap();
            assert!((floor - missed / mean).abs() < 1e-12, "mean {mean}: {floor}");
        }
    }

    #[test]
    fn floor_is_finite_where_counts_are_huge() {
        let floor = poisson_floor(1e7).unwrap();
        let normal = (2.0 / std::f64::consts::PI / 1e7).sqrt();
        assert!((floor / normal - 1.0).abs() < 1e-4, "{floor}");
    }

    #[test]
    fn floor_of_many_weighs_by_mean() {
        let floor = poisson_floor_of([0.0, 5.0, 100.0]).unwrap();
        let expected =
            (5.0 * poisson_floor(5.0).unwrap() + 100.0 * poisson_floor(100.0).unwrap()) / 105.0;
        assert!((floor - expected).abs() < 1e-12);
    }

    #[test]
    fn errors_are_absent_where_nothing_was_counted() {
        assert_eq!(wape([(0.0, 3.0)]), None);
        assert_eq!(wape([]), None);
        assert_eq!(wape([(f64::NAN, 3.0)]), None);
        assert_eq!(poisson_floor(0.0), None);
        assert_eq!(poisson_floor(f64::INFINITY), None);
        assert_eq!(poisson_floor_of([1.0, -1.0]), None);
    }

    #[test]
    fn wape_is_the_missed_part_of_what_came() {
        assert_eq!(wape([(10.0, 8.0), (30.0, 38.0)]), Some(0.25));
    }
}
