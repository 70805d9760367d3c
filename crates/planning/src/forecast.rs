//! A forecast of counts for each step of coming days.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::counts::{Count, Percentile};
pub use crate::day::{Day, DayClass, TargetDay};
use crate::level::{Level, LevelDay, LevelModel};
use crate::profile::{Measured, Profiles, ShapeDay};
use crate::special::{self, AROUND_DAYS, SpecialDay};
use crate::trend::Trend;

/// The firmness of a level that nothing is known about: days differ from their forecast by 20 %.
pub const USUAL_FIRMNESS: f64 = 25.0;

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
    /// How firmly the level of the day is known, in contacts: 1 / (relative variance of the true
    /// level of the day around the forecast), times the dispersion of counts where they come in
    /// bursts. It is the `firmness` of [`crate::intraday::multiplier`]: 25 means that days differ
    /// from their forecast by 20 %, chance apart.
    pub firmness: f64,
    /// Relative variance of the true level of the day around the forecast.
    pub(crate) level_variance: f64,
    /// Variance of the mean of each step beside that of the level of the day.
    pub(crate) shape_variance: Vec<f64>,
}

/// What was learned from a history.
#[derive(Clone, Debug)]
pub struct Forecaster {
    options: ForecastOptions,
    classes: Vec<ClassModel>,
    profiles: Profiles,
    levels: LevelModel,
}

/// What was learned of a class; its index is that of its shape.
#[derive(Clone, Debug)]
struct ClassModel {
    class: DayClass,
    like_days: usize,
    /// The level of a special class on the last day; that of ordinary days is in the model.
    special: Option<Level>,
}

impl Forecaster {
    /// Learns from past days, in any order.
    ///
    /// # Errors
    ///
    /// [`ForecastError`] where a day cannot be used. A history without days is no error.
    pub fn learn(history: &[Day], options: ForecastOptions) -> Result<Self, ForecastError> {
        let mut days: Vec<&Day> = history.iter().collect();
        days.sort_by_key(|day| day.date);
        check(&days)?;
        days.retain(|day| day.steps.iter().any(Option::is_some));
        let width = days.first().map_or(0, |day| day.steps.len());
        let names: BTreeSet<&DayClass> = days.iter().map(|day| &day.class).collect();
        let names: Vec<&DayClass> = names.into_iter().collect();
        let class_of = |day: &Day| names.binary_search(&&day.class).unwrap_or(0);

        let like: Vec<Vec<&Day>> = names
            .iter()
            .map(|name| {
                let of_class = days.iter().rev().filter(|day| day.class == **name);
                of_class.take(options.like_days_max.max(1)).copied().collect()
            })
            .collect();
        let shape_days: Vec<ShapeDay<'_>> = like
            .iter()
            .flatten()
            .map(|day| ShapeDay { class: class_of(day), steps: &day.steps })
            .collect();
        let profiles = Profiles::learn(&shape_days, names.len(), width);
        let measure = |day: &Day| profiles.measure(class_of(day), &day.steps);

        let ordinary = |day: &&&Day| matches!(day.class, DayClass::Weekday(_));
        let level_days: Vec<LevelDay> = like
            .iter()
            .flatten()
            .filter(ordinary)
            .filter_map(|day| {
                let Measured { count, known } = measure(day)?;
                Some(LevelDay { date: day.date, class: class_of(day), count, known })
            })
            .collect();
        let levels = LevelModel::learn(&level_days, names.len());

        // How busy the ordinary days around a day were, compared with today.
        let around = |date: i64| {
            let (mut counted, mut expected) = (0.0, 0.0);
            let near = |day: &&&Day| (day.date - date).abs() <= AROUND_DAYS;
            for day in days.iter().filter(ordinary).filter(near) {
                if let (Some(measured), Some(level)) =
                    (measure(day), levels.level_at_end(class_of(day)))
                {
                    counted += measured.count;
                    expected += level * measured.known;
                }
            }
            if counted > 0.0 && expected > 0.0 { counted / expected } else { 1.0 }
        };
        let classes = names.iter().zip(&like).map(|(name, like)| {
            let special: Vec<SpecialDay> = match name {
                DayClass::Weekday(_) => Vec::new(),
                DayClass::Holiday | DayClass::Noted(_) => like
                    .iter()
                    .filter_map(|day| {
                        let measured = measure(day)?;
                        let level = measured.level() / around(day.date);
                        Some(SpecialDay { level, count: measured.count })
                    })
                    .collect(),
            };
            ClassModel {
                class: (*name).clone(),
                like_days: like.iter().filter(|day| measure(day).is_some()).count(),
                special: special::level(&special, levels.noise()),
            }
        });
        let classes = classes.collect();
        Ok(Self { options, classes, profiles, levels })
    }

    /// Forecasts a day. Days after the last of the history follow the [`Forecaster::trend`].
    ///
    /// # Errors
    ///
    /// [`TooFewLikeDays`] where the history has fewer like days than the options ask for.
    pub fn day(&self, target: &TargetDay) -> Result<DayForecast, TooFewLikeDays> {
        let needed = self.options.like_days_min.max(1);
        let index = self.classes.iter().position(|model| model.class == target.class);
        let model = index.and_then(|index| Some((index, self.classes.get(index)?)));
        let Some((index, model)) = model.filter(|(_, model)| model.like_days >= needed) else {
            let found = model.map_or(0, |(_, model)| model.like_days);
            return Err(TooFewLikeDays { found, needed });
        };
        let level = match target.class {
            DayClass::Weekday(_) => self.levels.level(index, target.date),
            DayClass::Holiday | DayClass::Noted(_) => model.special.map(|level| {
                let (drift, drift_variance) = self.levels.drift(target.date);
                Level { mean: level.mean * drift.exp(), variance: level.variance + drift_variance }
            }),
        };
        // A class without any contact: none are expected.
        let level = level.unwrap_or(Level { mean: 0.0, variance: 1.0 / USUAL_FIRMNESS });
        Ok(self.spread(target, index, model.like_days, level))
    }

    /// Spreads a level over the steps of a class.
    fn spread(
        &self,
        target: &TargetDay,
        class: usize,
        like_days: usize,
        level: Level,
    ) -> DayForecast {
        let dispersion = self.profiles.dispersion;
        let mut steps = Vec::new();
        let mut shape_variance = Vec::new();
        let shares = self.profiles.shares.get(class).into_iter().flatten();
        let variances = self.profiles.variances.get(class).into_iter().flatten();
        for (share, variance) in shares.zip(variances) {
            let mean = share.unwrap_or(0.0) * level.mean;
            let own = variance * level.mean * level.mean + (dispersion - 1.0) * mean;
            shape_variance.push(own);
            let level_variance = mean * mean * level.variance + own;
            steps.push(share.map(|_| Expected::of(Count { mean, level_variance })));
        }
        let sum: f64 = steps.iter().flatten().map(|step| step.mean).sum();
        let level_variance = sum * sum * level.variance;
        DayForecast {
            date: target.date,
            class: target.class.clone(),
            like_days,
            total: Expected::of(Count { mean: sum, level_variance }),
            steps,
            firmness: dispersion / level.variance,
            level_variance: level.variance,
            shape_variance,
        }
    }

    /// Returns the trend that the forecasts contain; `None` where the history is too short for one.
    pub fn trend(&self) -> Option<Trend> {
        self.levels.trend()
    }
}

/// Checks days that are sorted by date.
fn check(days: &[&Day]) -> Result<(), ForecastError> {
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
