//! Forecasts of weeks that are known: real counts of a bank, and simulated weeks.

use nabiz_planning::accuracy::{poisson_floor_of, wape};
use nabiz_planning::forecast::{
    Day, DayForecast, Expected, ForecastOptions, Forecaster, TargetDay,
};

use crate::bank;
use crate::weeks::Queue;

/// Forecasts the days of a week from those before it.
fn forecast(past: &[Day], week: &[Day]) -> Vec<DayForecast> {
    let forecaster = Forecaster::learn(past, ForecastOptions::default()).unwrap();
    let target = |day: &Day| TargetDay { date: day.date, class: day.class.clone() };
    week.iter().map(|day| forecaster.day(&target(day)).unwrap()).collect()
}

fn means(forecasts: &[DayForecast]) -> Vec<Vec<f64>> {
    let steps = |day: &DayForecast| day.steps.iter().map(|step| step.unwrap().mean).collect();
    forecasts.iter().map(steps).collect()
}

fn counts(days: &[Day]) -> Vec<Vec<f64>> {
    days.iter().map(|day| day.steps.iter().map(|count| count.unwrap()).collect()).collect()
}

/// The mean of the weeks before, by weekday and step.
fn mean_of_weeks(past: &[Day]) -> Vec<Vec<f64>> {
    let counts = counts(past);
    let weeks = counts.len() / 7;
    let mean = |day: usize, step: usize| {
        (0..weeks).map(|week| counts[week * 7 + day][step]).sum::<f64>() / weeks as f64
    };
    (0..7).map(|day| (0..counts[0].len()).map(|step| mean(day, step)).collect()).collect()
}

fn wape_of_steps(actual: &[Vec<f64>], forecast: &[Vec<f64>]) -> f64 {
    let pairs = actual.iter().flatten().copied().zip(forecast.iter().flatten().copied());
    wape(pairs).unwrap()
}

fn wape_of_days(actual: &[Vec<f64>], forecast: &[Vec<f64>]) -> f64 {
    let sum = |day: &Vec<f64>| day.iter().sum::<f64>();
    wape(actual.iter().map(sum).zip(forecast.iter().map(sum))).unwrap()
}

#[test]
fn forecast_of_the_bank_beats_last_week_and_the_mean_of_the_weeks() {
    let days = bank::days();
    let (past, week) = days.split_at(14);
    let actual = counts(week);
    let (ours, last, mean) =
        (means(&forecast(past, week)), counts(&past[7..]), mean_of_weeks(past));
    let steps = [&ours, &mean, &last].map(|of| wape_of_steps(&actual, of));
    let by_day = [&ours, &mean, &last].map(|of| wape_of_days(&actual, of));
    println!("half hours: {steps:.4?}, days: {by_day:.4?}");
    assert!(steps[0] < 0.85 * steps[1] && steps[1] < steps[2], "half hours: {steps:.4?}");
    assert!(by_day[0] < 0.85 * by_day[1] && by_day[1] < by_day[2], "days: {by_day:.4?}");
}

/// Returns WAPE over its floor, for forecasts from `weeks` weeks, and of the mean of the weeks.
fn over_floor(queue: Queue, weeks: i64, rounds: u64) -> (f64, f64) {
    let (mut ours, mut mean, mut floor, mut sum) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..rounds {
        let days = queue.draw(weeks + 1, seed);
        let (past, week) = days.split_at(weeks as usize * 7);
        let actual = counts(week);
        let true_means =
            week.iter().flat_map(|day| (0..day.steps.len()).map(|step| queue.mean(day.date, step)));
        let came: f64 = actual.iter().flatten().sum();
        let means: Vec<f64> = true_means.collect();
        floor += poisson_floor_of(means.iter().copied()).unwrap() * means.iter().sum::<f64>();
        ours += wape_of_steps(&actual, &self::means(&forecast(past, week))) * came;
        mean += wape_of_steps(&actual, &mean_of_weeks(past)) * came;
        sum += came;
    }
    assert!(sum > 0.0);
    (ours / floor, mean / floor)
}

#[test]
fn forecast_is_near_the_floor_when_counts_are_poisson() {
    let most = [(8, 1.1), (4, 1.1), (2, 1.15)];
    for (weeks, most) in most {
        for peak in [5.0, 20.0, 50.0, 150.0] {
            let (ours, mean) = over_floor(Queue::steady(peak), weeks, 6);
            println!("{weeks} like days, {peak}: {ours:.3}, mean of weeks {mean:.3}");
            assert!(ours < most, "{weeks} like days, {peak}: {ours:.3}");
        }
    }
}

/// Counts how many of the actual counts lie from P10 to P90.
#[derive(Debug, Default)]
struct Coverage {
    inside: f64,
    all: f64,
}

impl Coverage {
    fn add(&mut self, expected: Expected, count: f64) {
        self.all += 1.0;
        self.inside += if (expected.p10..=expected.p90).contains(&count) { 1.0 } else { 0.0 };
    }

    fn share(&self) -> f64 {
        self.inside / self.all
    }
}

/// Counts steps with a mean from `least` on, and days.
fn coverage(forecasts: &[DayForecast], week: &[Day], least: f64) -> (Coverage, Coverage) {
    let (mut steps, mut days) = (Coverage::default(), Coverage::default());
    for (forecast, day) in forecasts.iter().zip(week) {
        for (expected, count) in forecast.steps.iter().zip(&day.steps) {
            let (expected, count) = (expected.unwrap(), count.unwrap());
            if expected.mean >= least {
                steps.add(expected, count);
            }
        }
        days.add(forecast.total, day.steps.iter().flatten().sum());
    }
    (steps, days)
}

#[test]
fn percentiles_hold_four_of_five_counts() {
    let noisy = Queue { peak: 50.0, day_noise: 0.08, growth: 0.01 };
    for queue in [Queue::steady(20.0), Queue::steady(100.0), noisy] {
        for weeks in [2, 4, 8] {
            let (mut steps, mut totals) = (Coverage::default(), Coverage::default());
            for seed in 100..130 {
                let days = queue.draw(weeks + 1, seed);
                let (past, week) = days.split_at(weeks as usize * 7);
                let (of_steps, of_days) = coverage(&forecast(past, week), week, 10.0);
                steps.inside += of_steps.inside;
                steps.all += of_steps.all;
                totals.inside += of_days.inside;
                totals.all += of_days.all;
            }
            let (steps, totals) = (steps.share(), totals.share());
            println!("{queue:?}, {weeks} like days: steps {steps:.3}, days {totals:.3}");
            // Whole counts hold a little more than their share.
            assert!((0.79..0.88).contains(&steps), "{queue:?}, {weeks}: steps {steps:.3}");
            assert!((0.73..0.93).contains(&totals), "{queue:?}, {weeks}: days {totals:.3}");
        }
    }
}

#[test]
fn percentiles_hold_most_counts_of_the_bank() {
    let days = bank::days();
    let (past, week) = days.split_at(14);
    let (steps, totals) = coverage(&forecast(past, week), week, 5.0);
    println!("half hours {:.3}, days {:.3}", steps.share(), totals.share());
    assert!((0.75..0.92).contains(&steps.share()), "half hours {:.3}", steps.share());
    assert!(totals.inside >= 5.0, "days {totals:?}");
}

#[test]
fn trend_is_followed_when_eight_weeks_bear_it() {
    let queue = Queue { peak: 50.0, day_noise: 0.03, growth: 0.03 };
    let (mut ours, mut mean, mut clear) = (0.0, 0.0, 0);
    for seed in 0..6 {
        let days = queue.draw(9, seed);
        let (past, week) = days.split_at(56);
        let forecaster = Forecaster::learn(past, ForecastOptions::default()).unwrap();
        clear += i32::from(forecaster.trend().is_some_and(|trend| trend.is_clear()));
        let actual = counts(week);
        ours += wape_of_days(&actual, &means(&forecast(past, week)));
        mean += wape_of_days(&actual, &mean_of_weeks(past));
    }
    println!("days: {:.4}, mean of weeks {:.4}, clear in {clear} of 6", ours / 6.0, mean / 6.0);
    assert!(ours < 0.6 * mean, "{ours} {mean}");
    assert!(clear >= 5, "clear in {clear} of 6");
}

#[test]
fn trend_is_not_clear_when_there_is_none() {
    let queue = Queue { peak: 50.0, day_noise: 0.05, growth: 0.0 };
    let of = |weeks, seed| {
        let past = queue.draw(weeks, seed);
        Forecaster::learn(&past, ForecastOptions::default()).unwrap().trend()
    };
    let clear = (0..12).filter(|seed| of(8, *seed).unwrap().is_clear()).count();
    assert!(clear <= 1, "clear in {clear} of 12");
    assert_eq!(of(2, 0), None, "two weeks bear no trend");
}
