//! The level of ordinary days: how many contacts a day of each class has.
//!
//! The logarithm of the level of a day is
//!
//! ```text
//! class + growth · weeks + walk + noise
//! ```
//!
//! with a free number for each class, a slow random walk and a growth that all classes share, and
//! noise of its own for each day, beside the chance of its count. The sizes of noise, walk and growth
//! are not known. Each set of a small grid is weighed by its marginal likelihood and a prior
//! that prefers none, and the results are averaged (Bayesian model averaging). With few days the
//! prior rules, and the forecast is near to the mean of the like days; with eight weeks of a
//! growing queue it follows the growth.
//!
//! Then classes borrow from each other: see [`LevelModel::borrow`].

use crate::linear::{Cholesky, dot};
use crate::trend::{Trend, damped};

/// Deviations of the noise of days that are tried.
const NOISES: [f64; 7] = [0.0, 0.02, 0.04, 0.07, 0.11, 0.16, 0.24];
/// Deviations of the walk in a week that are tried.
const WALKS: [f64; 5] = [0.0, 0.004, 0.01, 0.02, 0.04];
/// Deviations of the prior of the weekly growth that are tried.
const GROWTHS: [f64; 3] = [0.0, 0.006, 0.018];
/// Noise that the prior prefers, and how firmly. Days of a centre differ from their expectation by
/// 5 to 10 % beside chance.
const USUAL_NOISE: (f64, f64) = (0.05, 0.08);
/// Scales of the exponential priors that hold walk and growth back.
const WALK_SCALE: f64 = 0.02;
const GROWTH_SCALE: f64 = 0.012;
/// A level further than this from the middle of its like days, in standard deviations, is pulled
/// there. It needs three like days, because two have no middle.
const BORDER: f64 = 4.0;
const DAYS_WITH_A_MIDDLE: usize = 3;
/// Median of the square of a normal deviation.
const MEDIAN_SQUARE: f64 = 0.4549;
/// Sets of the grid with less weight than this are left out.
const NEGLIGIBLE: f64 = 1e-3;
/// A trend needs more than two weeks: the difference of two is a step as well as a growth.
const TREND_DAYS: f64 = 15.0;

/// An ordinary day whose contacts are known at least in part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelDay {
    /// Number of the day.
    pub(crate) date: i64,
    /// Index of its class.
    pub(crate) class: usize,
    /// Contacts in the known steps.
    pub(crate) count: f64,
    /// Share of the day that is known, above 0.
    pub(crate) known: f64,
}

/// A level and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    /// Contacts a day.
    pub(crate) mean: f64,
    /// Variance of the level of a day around it, relative to its square.
    pub(crate) variance: f64,
}

/// What is known of the levels at the last day of the history.
#[derive(Clone, Debug)]
pub(crate) struct LevelModel {
    last: i64,
    weeks: f64,
    /// By class: the logarithm of the level and its variance; `None` for a class without contacts.
    classes: Vec<Option<(f64, f64)>>,
    growth: f64,
    growth_variance: f64,
    /// Variance of the walk in a week.
    walk: f64,
    /// Variance of the noise of a day.
    noise: f64,
}

/// A set of the grid with what follows from it.
struct Candidate {
    ln_weight: f64,
    noise: f64,
    walk: f64,
    /// Means of the logarithms of the classes, then of the growth.
    means: Vec<f64>,
    /// Their covariance.
    covariance: Vec<Vec<f64>>,
}

impl LevelModel {
    /// Learns from days of `classes` classes.
    pub(crate) fn learn(days: &[LevelDay], classes: usize) -> Self {
        let first = days.iter().map(|day| day.date).min().unwrap_or(0);
        let last = days.iter().map(|day| day.date).max().unwrap_or(0);
        let span = (last - first) as f64;
        let mut model = Self {
            last,
            weeks: span / 7.0,
            classes: vec![None; classes],
            growth: 0.0,
            growth_variance: 0.0,
            walk: 0.0,
            noise: USUAL_NOISE.0 * USUAL_NOISE.0,
        };
        let calm = pull_in(days, classes);
        let levels = mean_levels(&calm, classes);
        let live: Vec<usize> = (0..classes)
            .filter(|class| levels.get(*class).is_some_and(|level| *level > 0.0))
            .collect();
        if live.is_empty() {
            return model;
        }
        let rows = Rows::new(&calm, &live, &levels, last);
        model.average(&rows.candidates(span >= TREND_DAYS), &live);
        model
    }

    /// Averages the candidates by their weight, and lets the classes borrow.
    fn average(&mut self, candidates: &[Candidate], live: &[usize]) {
        let best = candidates.iter().map(|one| one.ln_weight).fold(f64::NEG_INFINITY, f64::max);
        let weigh = |one: &Candidate| {
            let weight = (one.ln_weight - best).exp();
            if weight < NEGLIGIBLE { 0.0 } else { weight }
        };
        let sum: f64 = candidates.iter().map(weigh).sum();
        let size = live.len() + 1;
        let mut means = vec![0.0; size];
        let mut moments = vec![vec![0.0; size]; size];
        (self.noise, self.walk) = (0.0, 0.0);
        for one in candidates {
            let weight = weigh(one) / sum;
            self.noise += weight * one.noise * one.noise;
            self.walk += weight * one.walk * one.walk;
            for (row, (mean, moments)) in one.means.iter().zip(&mut moments).enumerate() {
                if let Some(sum) = means.get_mut(row) {
                    *sum += weight * mean;
                }
                let covariance = one.covariance.get(row);
                for (column, (other, moment)) in one.means.iter().zip(moments).enumerate() {
                    let own = covariance.and_then(|row| row.get(column)).copied().unwrap_or(0.0);
                    *moment += weight * (own + mean * other);
                }
            }
        }
        for (row, moments) in means.iter().zip(&mut moments) {
            for (column, moment) in means.iter().zip(moments) {
                *moment -= row * column;
            }
        }
        let borrowed = Self::borrow(&means, &moments, live.len());
        for (index, (class, mean)) in live.iter().zip(borrowed).enumerate() {
            let variance = diagonal(&moments, index);
            if let Some(level) = self.classes.get_mut(*class) {
                *level = Some((mean, variance));
            }
        }
        self.growth = means.last().copied().unwrap_or(0.0);
        self.growth_variance = diagonal(&moments, live.len());
    }

    /// Returns the mean of each class after it has borrowed from the classes that it can hardly be
    /// told from.
    ///
    /// The prior of a class is that it has one of the levels that the classes were measured at. Its
    /// mean is then that of these levels, each weighed by how likely its distance from the
    /// measured level is (an empirical Bayes estimate with a discrete prior, as of Kiefer and
    /// Wolfowitz). Two quiet days at the end of the week borrow nothing from busy ones: they are
    /// many deviations away.
    fn borrow(means: &[f64], covariance: &[Vec<f64>], classes: usize) -> Vec<f64> {
        let element = |row: usize, column: usize| {
            covariance.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0)
        };
        let mut borrowed = Vec::with_capacity(classes);
        for (own, mean) in means.iter().take(classes).enumerate() {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (other, their) in means.iter().take(classes).enumerate() {
                let variance =
                    element(own, own) + element(other, other) - 2.0 * element(own, other);
                let weight = match own == other {
                    true => 1.0,
                    false => (-0.5 * (mean - their).powi(2) / variance.max(1e-12)).exp(),
                };
                sum += weight * their;
                weights += weight;
            }
            borrowed.push(sum / weights);
        }
        borrowed
    }

    /// Returns the level of a day of a class; `None` for a class without contacts.
    pub(crate) fn level(&self, class: usize, date: i64) -> Option<Level> {
        let (mean, variance) = (*self.classes.get(class)?)?;
        let (drift, drift_variance) = self.drift(date);
        Some(Level { mean: (mean + drift).exp(), variance: variance + drift_variance + self.noise })
    }

    /// Returns the contacts of a day of a class on the last day of the history; `None` for a class
    /// without contacts.
    pub(crate) fn level_at_end(&self, class: usize) -> Option<f64> {
        let (mean, _) = (*self.classes.get(class)?)?;
        Some(mean.exp())
    }

    /// Returns the logarithm of the factor of all levels from the last day to `date`, and its
    /// variance.
    pub(crate) fn drift(&self, date: i64) -> (f64, f64) {
        let weeks = (date - self.last).max(0) as f64 / 7.0;
        let damped = damped(weeks);
        (self.growth * damped, self.growth_variance * damped * damped + self.walk * weeks)
    }

    /// Returns the variance of the noise of ordinary days.
    pub(crate) fn noise(&self) -> f64 {
        self.noise
    }

    /// Returns the trend; `None` where the history is too short for one.
    pub(crate) fn trend(&self) -> Option<Trend> {
        let known = self.weeks * 7.0 >= TREND_DAYS && self.classes.iter().any(Option::is_some);
        known.then(|| Trend {
            weekly_growth: self.growth.exp_m1(),
            standard_error: self.growth_variance.sqrt(),
            weeks: self.weeks,
        })
    }
}

fn diagonal(matrix: &[Vec<f64>], at: usize) -> f64 {
    matrix.get(at).and_then(|row| row.get(at)).copied().unwrap_or(0.0).max(0.0)
}

/// Returns the mean level of each class.
fn mean_levels(days: &[LevelDay], classes: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); classes];
    for day in days {
        if let Some((count, known)) = sums.get_mut(day.class) {
            *count += day.count;
            *known += day.known;
        }
    }
    sums.iter().map(|(count, known)| if *known > 0.0 { count / known } else { 0.0 }).collect()
}

/// Returns the days with the counts of accidents, such as an outage that nobody has noted, pulled
/// to the border of what the other days allow.
fn pull_in(days: &[LevelDay], classes: usize) -> Vec<LevelDay> {
    let middles: Vec<Option<f64>> = (0..classes)
        .map(|class| {
            let of_class = days.iter().filter(|day| day.class == class);
            let mut levels: Vec<f64> = of_class.map(|day| day.count / day.known).collect();
            levels.sort_by(f64::total_cmp);
            let middle = median(&levels)?;
            (levels.len() >= DAYS_WITH_A_MIDDLE && middle > 0.0).then_some(middle)
        })
        .collect();
    let middle = |day: &LevelDay| middles.get(day.class).copied().flatten();
    let mut squares: Vec<f64> = days
        .iter()
        .filter_map(|day| {
            let expected = middle(day)? * day.known;
            Some((day.count / expected - 1.0).powi(2) / MEDIAN_SQUARE - 1.0 / expected)
        })
        .collect();
    squares.sort_by(f64::total_cmp);
    let noise = median(&squares).unwrap_or(0.0).max(0.0);
    days.iter()
        .map(|day| {
            let Some(middle) = middle(day) else { return *day };
            let expected = middle * day.known;
            let border = BORDER * (noise * expected * expected + expected).sqrt() + 0.5;
            let count = day.count.clamp((expected - border).max(0.0), expected + border);
            LevelDay { count, ..*day }
        })
        .collect()
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some((lower + upper) / 2.0)
}

/// The days as rows of a linear model.
struct Rows {
    /// Weeks of each day before the last one, 0 or less.
    weeks: Vec<f64>,
    /// Relative variance of each level by the chance of its count.
    chance: Vec<f64>,
    /// Logarithm of each level, on the tangent at the mean of its class. So the mean of a class is
    /// that of its counts, and a day without contacts is no singularity.
    logs: Vec<f64>,
    /// By live class: 1 for its days; then the weeks.
    columns: Vec<Vec<f64>>,
}

impl Rows {
    fn new(days: &[LevelDay], live: &[usize], levels: &[f64], last: i64) -> Self {
        let mut rows = Self {
            weeks: Vec::new(),
            chance: Vec::new(),
            logs: Vec::new(),
            columns: vec![Vec::new(); live.len() + 1],
        };
        for day in days {
            let Some(level) = levels.get(day.class).filter(|level| **level > 0.0) else { continue };
            let expected = level * day.known;
            let weeks = (day.date - last) as f64 / 7.0;
            rows.weeks.push(weeks);
            rows.chance.push(1.0 / expected);
            rows.logs.push(level.ln() + day.count / expected - 1.0);
            for (column, class) in rows.columns.iter_mut().zip(live) {
                column.push(if *class == day.class { 1.0 } else { 0.0 });
            }
            if let Some(column) = rows.columns.last_mut() {
                column.push(weeks);
            }
        }
        rows
    }

    /// Computes all sets of the grid.
    fn candidates(&self, with_growth: bool) -> Vec<Candidate> {
        let growths = if with_growth { &GROWTHS[..] } else { &GROWTHS[..1] };
        let mut candidates = Vec::new();
        for noise in NOISES {
            for walk in WALKS {
                let Some(whitened) = self.whiten(noise, walk) else { continue };
                candidates.extend(growths.iter().filter_map(|growth| whitened.fit(*growth)));
            }
        }
        candidates
    }

    /// Divides the rows by their covariance. The walk is 0 on the last day and runs backwards: the
    /// classes are free numbers, so that its end can be put anywhere.
    fn whiten(&self, noise: f64, walk: f64) -> Option<Whitened> {
        let element = |row: usize, column: usize| {
            let at = |index: usize| self.weeks.get(index).copied().unwrap_or(0.0);
            let walked = walk * walk * at(row).max(at(column)).abs();
            let own = self.chance.get(row).copied().unwrap_or(0.0) + noise * noise;
            if row == column { walked + own } else { walked }
        };
        let cholesky = Cholesky::of(self.logs.len(), element)?;
        Some(Whitened {
            noise,
            walk,
            ln_determinant: cholesky.ln_determinant(),
            columns: self.columns.iter().map(|column| cholesky.whiten(column)).collect(),
            logs: cholesky.whiten(&self.logs),
        })
    }
}

/// Rows divided by their covariance.
struct Whitened {
    noise: f64,
    walk: f64,
    ln_determinant: f64,
    columns: Vec<Vec<f64>>,
    logs: Vec<f64>,
}

impl Whitened {
    /// Fits classes and growth, with a prior of deviation `growth` for the latter; 0 is no growth.
    fn fit(&self, growth: f64) -> Option<Candidate> {
        let classes = self.columns.len() - 1;
        let size = if growth > 0.0 { classes + 1 } else { classes };
        let columns = self.columns.get(..size)?;
        let precision = if growth > 0.0 { growth.powi(-2) } else { 0.0 };
        let normal = Cholesky::of(size, |row, column| {
            let product = match (columns.get(row), columns.get(column)) {
                (Some(row), Some(column)) => dot(row, column),
                _ => 0.0,
            };
            if row == column && row == classes { product + precision } else { product }
        })?;
        let right: Vec<f64> = columns.iter().map(|column| dot(column, &self.logs)).collect();
        let mut means = normal.solve(&right);
        let left = dot(&self.logs, &self.logs) - dot(&right, &means);
        // The likelihood of the logs with the classes integrated out (restricted likelihood).
        let mut ln_weight = -0.5 * (self.ln_determinant + normal.ln_determinant() + left);
        if growth > 0.0 {
            ln_weight += 0.5 * precision.ln();
        }
        ln_weight -= 0.5 * ((self.noise - USUAL_NOISE.0) / USUAL_NOISE.1).powi(2);
        ln_weight -= self.walk / WALK_SCALE + growth / GROWTH_SCALE;
        let mut covariance = normal.inverse();
        if size == classes {
            means.push(0.0);
            covariance.iter_mut().for_each(|row| row.push(0.0));
            covariance.push(vec![0.0; classes + 1]);
        }
        Some(Candidate { ln_weight, noise: self.noise, walk: self.walk, means, covariance })
    }
}
