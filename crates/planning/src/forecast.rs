//! A forecast of counts for each step of coming days.

use thiserror::Error;

use crate::counts::{Count, Percentile};
pub use crate::day::{Day, DayClass, TargetDay};
use crate::trend::Trend;

/// How a forecast learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastOptions {
    /// The most like days that a forecast learns from, the latest; at least 1, 8 by default.
    pub like_days_max: usize,
    /// The least like days without which there is no forecast; at least 1, 2 by default.
    pub like_days_min: usize,
}

impl Default for ForecastOptions {
    fn default() -> Self {
        Self { like_days_max: 8, like_days_min: 2 }
    }
}

/// A history that no forecast can be made from.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ForecastError {
    /// Days have different numbers of steps.
    #[error("day {date}: expected {expected} steps as on the first day, found {found}")]
    UnequalSteps {
        /// The day.
        date: i64,
        /// Steps of the first day.
        expected: usize,
        /// Steps of this day.
        found: usize,
    },
    /// A count is negative or not finite.
    #[error("day {date}, step {step}: expected a finite count of 0 or more, found {found}")]
    NotACount {
        /// The day.
        date: i64,
        /// The step, from 0.
        step: usize,
        /// What is there.
        found: f64,
    },
    /// A weekday is above 6.
    #[error("day {date}: expected a weekday from 0 to 6, found {found}")]
    NotAWeekday {
        /// The day.
        date: i64,
        /// What is there.
        found: u8,
    },
    /// Two days have the same number.
    #[error("day {date} is there twice")]
    RepeatedDay {
        /// The day.
        date: i64,
    },
}

/// The history has too few days like the one to forecast.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected at least {needed} like days, found {found}")]
pub struct TooFewLikeDays {
    /// Like days with at least one known step.
    pub found: usize,
    /// [`ForecastOptions::like_days_min`].
    pub needed: usize,
}

/// A forecast count: contacts in a step, or on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// The mean, a fraction.
    pub mean: f64,
    /// The 10th percentile: the least whole count that at least 10 % of outcomes do not exceed.
    pub p10: f64,
    /// The 90th percentile: the least whole count that at least 90 % of outcomes do not exceed.
    ///
    /// About 80 % of the actual counts lie from `p10` to `p90`, both included; more where counts
    /// are small, because whole counts cannot be split.
    pub p90: f64,
}

impl Expected {
    pub(crate) fn of(count: Count) -> Self {
        let (p10, p90) = (count.percentile(Percentile::P10), count.percentile(Percentile::P90));
        Self { mean: count.mean, p10, p90 }
    }
}

/// The forecast of one day.
#[derive(Clone, Debug, PartialEq)]
pub struct DayForecast {
    /// Number of the day, from the target.
    pub date: i64,
    /// The kind of day, from the target.
    pub class: DayClass,
    /// Like days that the forecast learned from.
    pub like_days: usize,
    /// The whole day: the sum over the known steps. Its percentiles are not the sums of those of
    /// the steps, because steps do not all miss to the same side.
    pub total: Expected,
    /// Each step; `None` where no day of the history knows the step.
    pub steps: Vec<Option<Expected>>,
    /// How firmly the level of the day is known: 1 / (relative variance of the true level of the
    /// day around the forecast), in contacts. It is the `firmness` of
    /// [`crate::intraday::multiplier`]: 25 means that days differ from their forecast by 20 %,
    /// chance apart.
    pub firmness: f64,
    /// Variance of the mean of each step beside that of the level of the day.
    pub(crate) shape_variance: Vec<f64>,
}

/// What was learned from a history.
#[derive(Clone, Debug)]
pub struct Forecaster {
    days: Vec<Day>,
    options: ForecastOptions,
}

impl Forecaster {
    /// Learns from past days, in any order.
    ///
    /// # Errors
    ///
    /// [`ForecastError`] where a day cannot be used. A history without days is no error.
    pub fn learn(history: &[Day], options: ForecastOptions) -> Result<Self, ForecastError> {
        let mut days = history.to_vec();
        days.sort_by_key(|day| day.date);
        check(&days)?;
        Ok(Self { days, options })
    }

    /// Forecasts a day. Days after the last of the history follow the [`Forecaster::trend`].
    ///
    /// # Errors
    ///
    /// [`TooFewLikeDays`] where the history has fewer like days than the options ask for.
    pub fn day(&self, target: &TargetDay) -> Result<DayForecast, TooFewLikeDays> {
        let like: Vec<&Day> = self
            .days
            .iter()
            .rev()
            .filter(|day| day.class == target.class)
            .filter(|day| day.steps.iter().any(Option::is_some))
            .take(self.options.like_days_max.max(1))
            .collect();
        let needed = self.options.like_days_min.max(1);
        if like.len() < needed {
            return Err(TooFewLikeDays { found: like.len(), needed });
        }
        let width = like.first().map_or(0, |day| day.steps.len());
        let firmness = crate::intraday::USUAL_FIRMNESS;
        let mut means = Vec::with_capacity(width);
        let mut shape_variance = Vec::with_capacity(width);
        for step in 0..width {
            let known: Vec<f64> = like.iter().filter_map(|day| *day.steps.get(step)?).collect();
            let mean = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
            means.push(mean);
            shape_variance.push(mean.map_or(0.0, |mean| mean / known.len() as f64));
        }
        let steps = means.iter().zip(&shape_variance).map(|(mean, variance)| {
            mean.map(|mean| {
                Expected::of(Count { mean, level_variance: mean * mean / firmness + variance })
            })
        });
        let sum: f64 = means.iter().flatten().sum();
        Ok(DayForecast {
            date: target.date,
            class: target.class.clone(),
            like_days: like.len(),
            total: Expected::of(Count { mean: sum, level_variance: sum * sum / firmness }),
            steps: steps.collect(),
            firmness,
            shape_variance,
        })
    }

    /// Returns the trend that the forecasts contain; `None` where the history bears none.
    pub fn trend(&self) -> Option<Trend> {
        None
    }
}

/// Checks days that are sorted by date.
fn check(days: &[Day]) -> Result<(), ForecastError> {
    let expected = days.first().map_or(0, |day| day.steps.len());
    for (index, day) in days.iter().enumerate() {
        let (date, found) = (day.date, day.steps.len());
        if found != expected {
            return Err(ForecastError::UnequalSteps { date, expected, found });
        }
        if let DayClass::Weekday(found @ 7..) = day.class {
            return Err(ForecastError::NotAWeekday { date, found });
        }
        if days.get(index + 1).is_some_and(|next| next.date == date) {
            return Err(ForecastError::RepeatedDay { date });
        }
        for (step, count) in day.steps.iter().enumerate() {
            match *count {
                Some(found) if !(found.is_finite() && found >= 0.0) => {
                    return Err(ForecastError::NotACount { date, step, found });
                }
                _ => {}
            }
        }
    }
    Ok(())
}
