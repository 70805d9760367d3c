//! Correction of the rest of a day by what has arrived so far.

use crate::counts::Count;
pub use crate::forecast::USUAL_FIRMNESS;
use crate::forecast::{DayForecast, Expected};

/// A forecast that today's arrivals have corrected.
#[derive(Clone, Debug, PartialEq)]
pub struct Reforecast {
    /// Contacts that arrived in the finished steps that are known.
    pub actual: f64,
    /// What the forecast said for these steps.
    pub forecast: f64,
    /// The factor on all steps to come.
    pub multiplier: f64,
    /// The day: finished steps as they were forecast, steps to come corrected. The total is what
    /// arrived plus what is to come, and for a finished step that is not known its forecast.
    pub day: DayForecast,
}

/// Returns the factor that corrects the rest of a day.
///
/// The level of a day is taken as a gamma variable of mean 1 and variance 1 / `firmness` around the
/// forecast. After `actual` contacts where the forecast was `forecast`, its mean is
/// (firmness + actual) / (firmness + forecast). A few early contacts move it little, a thousand
/// move it nearly to the plain ratio.
///
/// `None` where an argument is negative or not finite, or where firmness and forecast are 0.
pub fn multiplier(firmness: f64, actual: f64, forecast: f64) -> Option<f64> {
    let usable = |x: f64| x.is_finite() && x >= 0.0;
    let known = usable(firmness) && usable(actual) && usable(forecast) && firmness + forecast > 0.0;
    known.then(|| (firmness + actual) / (firmness + forecast))
}

impl DayForecast {
    /// Corrects the steps to come by today's arrivals.
    ///
    /// `finished` has the counts of the finished steps from the start of the day on, `None` where
    /// a count is not known. All steps after them are to come. A count that is negative or not
    /// finite is taken as not known.
    pub fn reforecast(&self, finished: &[Option<f64>]) -> Reforecast {
        let mut day = self.clone();
        let (mut actual, mut forecast, mut unknown) = (0.0, 0.0, 0.0);
        for (step, expected) in self.steps.iter().take(finished.len()).enumerate() {
            let Some(expected) = expected else { continue };
            match finished.get(step).copied().flatten() {
                Some(count) if count.is_finite() && count >= 0.0 => {
                    actual += count;
                    forecast += expected.mean;
                }
                _ => unknown += expected.mean,
            }
        }
        let multiplier = multiplier(self.firmness, actual, forecast).unwrap_or(1.0);
        // The level is a gamma variable before and after; its relative variance falls by what the
        // contacts say.
        day.firmness = self.firmness + actual;
        day.level_variance = self.level_variance * (self.firmness / day.firmness);
        let (mut to_come, mut rest_variance) = (0.0, 0.0);
        let later = day.steps.iter_mut().zip(&mut day.shape_variance).skip(finished.len());
        for (expected, shape_variance) in later {
            let Some(expected) = expected else { continue };
            *shape_variance *= multiplier * multiplier;
            let mean = expected.mean * multiplier;
            to_come += mean;
            let level_variance = mean * mean * day.level_variance + *shape_variance;
            rest_variance += *shape_variance;
            *expected = Expected::of(Count { mean, level_variance });
        }
        let open = to_come + unknown;
        // Errors of the shares cancel out over a whole day.
        let closed_share = forecast / (forecast + unknown + to_come / multiplier);
        let level_variance = open * open * day.level_variance + rest_variance * closed_share;
        let rest = Expected::of(Count { mean: open, level_variance });
        let shift = |count: f64| actual + count;
        day.total = Expected { mean: shift(rest.mean), p10: shift(rest.p10), p90: shift(rest.p90) };
        Reforecast { actual, forecast, multiplier, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplier_equals_the_computed_ones() {
        let computed = [(200.0, 260.0, 1.26667), (20.0, 40.0, 1.44444), (800.0, 1040.0, 1.29091)];
        for (forecast, actual, expected) in computed {
            let multiplier = multiplier(USUAL_FIRMNESS, actual, forecast).unwrap();
            assert!((multiplier - expected).abs() < 5e-6, "{forecast} -> {actual}: {multiplier}");
        }
    }

    #[test]
    fn multiplier_is_absent_where_it_has_no_answer() {
        assert_eq!(multiplier(0.0, 3.0, 0.0), None);
        assert_eq!(multiplier(25.0, -1.0, 20.0), None);
        assert_eq!(multiplier(f64::NAN, 1.0, 20.0), None);
    }
}
