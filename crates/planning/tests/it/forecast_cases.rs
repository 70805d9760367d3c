//! What a forecast does with gaps, closed days, holidays, accidents and bad input.

use nabiz_planning::forecast::{
    Day, DayClass, DayForecast, ForecastError, ForecastOptions, Forecaster, TargetDay,
    TooFewLikeDays,
};

use crate::weeks::{Queue, STEPS};

const QUEUE: Queue = Queue { peak: 60.0, day_noise: 0.0, growth: 0.0 };

fn learn(days: &[Day]) -> Forecaster {
    Forecaster::learn(days, ForecastOptions::default()).unwrap()
}

fn target(date: i64, class: DayClass) -> TargetDay {
    TargetDay { date, class }
}

fn weekday(days: &[Day], date: i64) -> DayForecast {
    learn(days).day(&target(date, DayClass::Weekday(date.rem_euclid(7) as u8))).unwrap()
}

/// The true mean of a whole day.
fn truth(date: i64) -> f64 {
    (0..STEPS).map(|step| QUEUE.mean(date, step)).sum()
}

#[track_caller]
fn assert_near(actual: f64, expected: f64, share: f64) {
    assert!((actual / expected - 1.0).abs() < share, "{actual}, expected about {expected}");
}

#[test]
fn unknown_steps_and_days_count_as_unknown() {
    let mut days = QUEUE.draw(6, 3);
    let whole = weekday(&days, 42).total.mean;
    // Half of the Mondays end at noon, a Tuesday is not known at all.
    for day in days.iter_mut().filter(|day| [0, 14, 28].contains(&day.date)) {
        day.steps.iter_mut().skip(24).for_each(|count| *count = None);
    }
    days[8].steps.fill(None);
    let gaps = weekday(&days, 42);
    assert_eq!(gaps.like_days, 6);
    assert_near(gaps.total.mean, whole, 0.05);
    let tuesday = weekday(&days, 43);
    assert_eq!(tuesday.like_days, 5);
    assert_near(tuesday.total.mean, truth(43), 0.08);
}

#[test]
fn missing_day_may_be_left_out() {
    let mut days = QUEUE.draw(6, 3);
    days[8].steps.fill(None);
    let unknown = weekday(&days, 43);
    days.remove(8);
    assert_eq!(weekday(&days, 43), unknown);
}

#[test]
fn step_that_no_day_knows_is_absent() {
    let mut days = QUEUE.draw(3, 5);
    days.iter_mut().for_each(|day| day.steps[20] = None);
    let forecast = weekday(&days, 21);
    assert_eq!(forecast.steps[20], None);
    assert!(forecast.steps[21].is_some());
    let sum: f64 = forecast.steps.iter().flatten().map(|step| step.mean).sum();
    assert_near(forecast.total.mean, sum, 1e-9);
}

#[test]
fn step_that_like_days_do_not_know_comes_from_other_days() {
    let mut days = QUEUE.draw(6, 5);
    days.iter_mut().filter(|day| day.date % 7 == 1).for_each(|day| day.steps[20] = None);
    let forecast = weekday(&days, 43);
    assert_near(forecast.steps[20].unwrap().mean, QUEUE.mean(43, 20), 0.15);
    assert_near(forecast.total.mean, truth(43), 0.08);
}

#[test]
fn closed_steps_and_days_stay_at_nothing() {
    let mut days = QUEUE.draw(4, 7);
    days.iter_mut().filter(|day| day.date % 7 == 6).for_each(|day| day.steps.fill(Some(0.0)));
    let sunday = weekday(&days, 34);
    assert_eq!((sunday.total.mean, sunday.total.p90), (0.0, 0.0));
    let monday = weekday(&days, 28);
    for (step, expected) in monday.steps.iter().enumerate() {
        let expected = expected.unwrap();
        if QUEUE.mean(28, step) == 0.0 {
            assert_eq!((expected.mean, expected.p90), (0.0, 0.0), "step {step}");
        } else {
            assert!(expected.mean > 0.0 && expected.p10 <= expected.p90, "step {step}");
        }
    }
}

#[test]
fn too_few_like_days_are_said() {
    let days = QUEUE.draw(1, 1);
    let error = learn(&days).day(&target(7, DayClass::Weekday(0))).unwrap_err();
    assert_eq!(error, TooFewLikeDays { found: 1, needed: 2 });
    let error = learn(&days).day(&target(7, DayClass::Holiday)).unwrap_err();
    assert_eq!(error, TooFewLikeDays { found: 0, needed: 2 });
    let error = learn(&[]).day(&target(7, DayClass::Holiday)).unwrap_err();
    assert_eq!(error, TooFewLikeDays { found: 0, needed: 2 });
    let options = ForecastOptions { like_days_min: 1, ..ForecastOptions::default() };
    let forecaster = Forecaster::learn(&days, options).unwrap();
    let one = forecaster.day(&target(7, DayClass::Weekday(0))).unwrap();
    assert_near(one.total.mean, days[0].steps.iter().flatten().sum(), 0.1);
    assert!(one.total.p90 - one.total.p10 > 0.1 * one.total.mean, "one day knows little");
}

#[test]
fn only_the_latest_like_days_count() {
    let days = QUEUE.draw(12, 2);
    let latest: Vec<Day> = days.iter().skip(28).cloned().collect();
    assert_eq!(weekday(&days, 84), weekday(&latest, 84));
    assert_eq!(weekday(&days, 84).like_days, 8);
}

#[test]
fn order_of_the_days_does_not_matter() {
    let days = QUEUE.draw(4, 2);
    let reversed: Vec<Day> = days.iter().rev().cloned().collect();
    assert_eq!(weekday(&days, 28), weekday(&reversed, 28));
}

/// Ten weeks of a queue that doubles after four, with half as many contacts on two holidays.
fn with_holidays() -> Vec<Day> {
    let mut days = QUEUE.draw(10, 4);
    for day in &mut days {
        let factor = if day.date >= 28 { 2.0 } else { 1.0 };
        day.steps.iter_mut().flatten().for_each(|count| *count *= factor);
    }
    for day in days.iter_mut().filter(|day| [8, 44].contains(&day.date)) {
        day.class = DayClass::Holiday;
        day.steps.iter_mut().flatten().for_each(|count| *count *= 0.5);
    }
    days
}

#[test]
fn holiday_is_measured_by_the_days_around_it() {
    let days = with_holidays();
    let holiday = learn(&days).day(&target(71, DayClass::Holiday)).unwrap();
    assert_eq!(holiday.like_days, 2);
    // Both were half a Tuesday, of a queue that has twice the contacts by now.
    assert_near(holiday.total.mean, 0.5 * 2.0 * truth(71), 0.15);
    assert!(holiday.total.p10 < 0.9 * holiday.total.mean, "two holidays know little");
}

#[test]
fn holiday_does_not_change_ordinary_days() {
    let days = with_holidays();
    let (tuesday, wednesday) = (weekday(&days, 71), weekday(&days, 72));
    assert_eq!((tuesday.like_days, wednesday.like_days), (8, 8));
    assert_near(tuesday.total.mean / wednesday.total.mean, truth(71) / truth(72), 0.1);
}

#[test]
fn noted_days_of_a_name_are_like_days() {
    let mut days = QUEUE.draw(8, 6);
    let invoice = || DayClass::Noted("invoice run".into());
    for day in days.iter_mut().filter(|day| [3, 22, 51].contains(&day.date)) {
        day.class = invoice();
        day.steps.iter_mut().flatten().for_each(|count| *count *= 3.0);
    }
    days[30].class = DayClass::Noted("outage".into());
    let forecaster = learn(&days);
    let run = forecaster.day(&target(58, invoice())).unwrap();
    assert_eq!(run.like_days, 3);
    let past = (truth(3) + truth(22) + truth(51)) / 3.0;
    assert_near(run.total.mean, 3.0 * past, 0.1);
    let outage = forecaster.day(&target(58, DayClass::Noted("outage".into()))).unwrap_err();
    assert_eq!(outage.found, 1);
}

#[test]
fn accident_of_one_day_does_not_return() {
    let mut days = QUEUE.draw(6, 8);
    let calm = weekday(&days, 42);
    // A burst between 10 and 11 on one Monday, and a Tuesday without telephones.
    days[14].steps[20] = days[14].steps[20].map(|count| count * 6.0);
    days[22].steps.iter_mut().flatten().for_each(|count| *count = (*count * 0.05).round());
    let monday = weekday(&days, 42);
    let step = |day: &DayForecast| day.steps[20].unwrap().mean;
    assert_near(step(&monday), step(&calm), 0.12);
    assert_near(weekday(&days, 43).total.mean, truth(43), 0.12);
}

#[test]
fn reforecast_corrects_the_rest_and_narrows_it() {
    let days = Queue { day_noise: 0.15, ..QUEUE }.draw(8, 9);
    let morning = weekday(&days, 56);
    let finished: Vec<Option<f64>> =
        morning.steps.iter().take(24).map(|step| Some(1.3 * step.unwrap().mean)).collect();
    let noon = morning.reforecast(&finished);
    assert!(noon.multiplier > 1.2 && noon.multiplier < 1.3, "{}", noon.multiplier);
    assert_eq!(noon.day.steps[20], morning.steps[20], "finished steps stay as they were forecast");
    let (before, after) = (morning.steps[30].unwrap(), noon.day.steps[30].unwrap());
    assert_near(after.mean, before.mean * noon.multiplier, 1e-9);
    assert!((after.p90 - after.p10) / after.mean < (before.p90 - before.p10) / before.mean);
    let rest: f64 = noon.day.steps.iter().skip(24).flatten().map(|step| step.mean).sum();
    assert_near(noon.day.total.mean, noon.actual + rest, 1e-9);
    let width = |day: &DayForecast| day.total.p90 - day.total.p10;
    assert!(width(&noon.day) < 0.5 * width(&morning));
}

#[test]
fn reforecast_leaves_unknown_steps_out_on_both_sides() {
    let days = QUEUE.draw(4, 9);
    let morning = weekday(&days, 28);
    let finished: Vec<Option<f64>> =
        (0..24).map(|step| (step % 2 == 0).then(|| morning.steps[step].unwrap().mean)).collect();
    let noon = morning.reforecast(&finished);
    assert_near(noon.multiplier, 1.0, 1e-9);
    assert_near(noon.day.total.mean, morning.total.mean, 1e-9);
    assert_eq!(morning.reforecast(&[]).day, morning);
}

#[test]
fn bad_days_are_refused() {
    let day = |date, class, count| Day { date, class, steps: vec![Some(count), None] };
    let refused = |days: &[Day]| Forecaster::learn(days, ForecastOptions::default()).unwrap_err();
    let good = day(1, DayClass::Weekday(0), 1.0);
    let error = refused(&[good.clone(), day(2, DayClass::Weekday(7), 1.0)]);
    assert_eq!(error, ForecastError::NotAWeekday { date: 2, found: 7 });
    let error = refused(&[day(2, DayClass::Holiday, -1.0)]);
    assert_eq!(error, ForecastError::NotACount { date: 2, step: 0, found: -1.0 });
    assert!(matches!(
        refused(&[day(2, DayClass::Holiday, f64::NAN)]),
        ForecastError::NotACount { date: 2, step: 0, .. }
    ));
    assert_eq!(refused(&[good.clone(), good.clone()]), ForecastError::RepeatedDay { date: 1 });
    let longer = Day { date: 2, class: DayClass::Holiday, steps: vec![None; 3] };
    let error = refused(&[good, longer]);
    assert_eq!(error.to_string(), "day 2: expected 2 steps as on the first day, found 3");
}
