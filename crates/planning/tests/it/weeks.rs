//! Simulated weeks whose true means are known.

use nabiz_planning::forecast::{Day, DayClass};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Poisson};

/// Steps of a day: half hours.
pub const STEPS: usize = 48;

/// How busy each weekday is, from Monday on.
const WEEKDAYS: [f64; 7] = [1.2, 1.05, 1.0, 0.98, 0.95, 0.3, 0.21];

/// A queue that weeks are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Mean contacts of the busiest step of a middling day.
    pub peak: f64,
    /// Deviation of the level of single days, as a share.
    pub day_noise: f64,
    /// Growth a week, as a share.
    pub growth: f64,
}

impl Queue {
    /// A queue whose counts differ from their means by chance alone.
    pub fn steady(peak: f64) -> Self {
        Self { peak, day_noise: 0.0, growth: 0.0 }
    }

    /// Returns the mean of a step, the noise of the day apart.
    ///
    /// Open from 8 to 18, with a peak in the morning and a lower one after noon. At the end of the
    /// week the day begins an hour later.
    pub fn mean(&self, date: i64, step: usize) -> f64 {
        let weekday = date.rem_euclid(7) as usize;
        let late = if weekday >= 5 { 1.0 } else { 0.0 };
        let hour = step as f64 / 2.0 - late;
        if !(8.0..18.0).contains(&hour) {
            return 0.0;
        }
        let hump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
        let shape = 0.6 + hump(10.2, 1.4) + 0.75 * hump(14.5, 1.6);
        let level = WEEKDAYS[weekday] * (1.0 + self.growth).powf(date as f64 / 7.0);
        self.peak * level * shape / 1.6
    }

    /// Draws weeks from a Monday on, the first day with number 0.
    pub fn draw(&self, weeks: i64, seed: u64) -> Vec<Day> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let noise = self.day_noise;
        let factor = LogNormal::new(-noise * noise / 2.0, noise).unwrap();
        (0..weeks * 7)
            .map(|date| {
                let factor = factor.sample(&mut random);
                let mut count = |step| match self.mean(date, step) * factor {
                    0.0 => 0.0,
                    mean => Poisson::new(mean).unwrap().sample(&mut random),
                };
                let steps = (0..STEPS).map(|step| Some(count(step))).collect();
                Day { date, class: DayClass::Weekday((date % 7) as u8), steps }
            })
            .collect()
    }
}
