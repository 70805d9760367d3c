//! Arrival times of citizens: a non-homogeneous Poisson process for each stream, by thinning (Lewis
//! and Shedler, Naval Research Logistics Quarterly 26, 1979).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

use crate::local_time::{DAY_MS, MINUTE_MS, day_begins_ms, local_day, weekday};
use crate::options::Scenario;
use crate::site::{
    BURST_FACTOR, BURST_MS, BURST_TIME_OF_DAY_MS, Channel, FAULT, FAULT_SHARE, IMMEDIATE_PROFILE,
    OVERNIGHT_LOAD, QueueId, WEEKDAY_LOAD, WRITTEN_PROFILE,
};

const DAY: i64 = DAY_MS as i64;
const HALF_HOUR_MS: i64 = 30 * MINUTE_MS;

/// One stream of arrivals: a channel, or the extra fault calls of a burst.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) channel: Channel,
    /// The queue that every arrival wants; drawn for each arrival if absent.
    pub(crate) queue: Option<QueueId>,
    shape: Shape,
    /// Arrivals per millisecond at a relative load of 1.
    base_rate: f64,
    /// Largest relative load.
    load_max: f64,
    next_ms: f64,
}

#[derive(Debug)]
enum Shape {
    /// Constant load.
    Flat(f64),
    /// Load relative to the mean half hour, by half hour of the local day and by weekday.
    Weekly([f64; 48]),
    /// The profile times a factor within a time range, 0 outside.
    Within { from_ms: f64, to_ms: f64, factor: f64, profile: [f64; 48] },
}

/// Scales a profile to a mean of 1.
fn relative(profile: [f64; 48]) -> [f64; 48] {
    let mean = profile.iter().sum::<f64>() / 48.0;
    profile.map(|load| load / mean)
}

impl Shape {
    fn load_at(&self, time_ms: f64) -> f64 {
        let by_profile = |profile: &[f64; 48]| {
            let (day, of_day_ms) = local_day(time_ms as i64);
            profile[(of_day_ms / HALF_HOUR_MS) as usize] * WEEKDAY_LOAD[weekday(day)]
        };
        match self {
            Shape::Flat(load) => *load,
            Shape::Weekly(profile) => by_profile(profile),
            Shape::Within { from_ms, to_ms, factor, profile }
                if time_ms >= *from_ms && time_ms < *to_ms =>
            {
                factor * by_profile(profile)
            }
            Shape::Within { .. } => 0.0,
        }
    }

    fn load_max(&self) -> f64 {
        let peak = |profile: &[f64; 48]| {
            profile.iter().copied().fold(0.0, f64::max)
                * WEEKDAY_LOAD.iter().copied().fold(0.0, f64::max)
        };
        match self {
            Shape::Flat(load) => *load,
            Shape::Weekly(profile) => peak(profile),
            Shape::Within { factor, profile, .. } => factor * peak(profile),
        }
    }
}

impl Stream {
    fn new(
        channel: Channel,
        queue: Option<QueueId>,
        shape: Shape,
        rate_scale: f64,
        start_ms: f64,
    ) -> Self {
        let base_rate = channel.daily() * rate_scale / DAY as f64;
        let load_max = shape.load_max();
        Stream { channel, queue, shape, base_rate, load_max, next_ms: start_ms }
    }

    /// Draws the next arrival; `None` after the end of a burst.
    pub(crate) fn next_ms(&mut self, rng: &mut ChaCha8Rng) -> Option<i64> {
        loop {
            let gap: f64 = Exp1.sample(rng);
            self.next_ms += gap / (self.base_rate * self.load_max);
            if let Shape::Within { to_ms, .. } = self.shape
                && self.next_ms >= to_ms
            {
                return None;
            }
            if rng.random::<f64>() * self.load_max < self.shape.load_at(self.next_ms) {
                return Some(self.next_ms as i64);
            }
        }
    }
}

/// Creates the streams of a scenario. Each starts at `start_ms`, or at a later burst.
pub(crate) fn streams(
    scenario: Scenario,
    start_ms: i64,
    burst_start_ms: Option<i64>,
    rate_scale: f64,
) -> Vec<Stream> {
    let profile_of = |channel: Channel| {
        relative(if channel.is_immediate() { IMMEDIATE_PROFILE } else { WRITTEN_PROFILE })
    };
    let mut streams: Vec<Stream> = Channel::ALL
        .into_iter()
        .map(|channel| {
            let shape = match scenario {
                Scenario::Overnight => Shape::Flat(OVERNIGHT_LOAD),
                Scenario::OrdinaryDay | Scenario::PipeBurst => Shape::Weekly(profile_of(channel)),
            };
            Stream::new(channel, None, shape, rate_scale, start_ms as f64)
        })
        .collect();
    if scenario == Scenario::PipeBurst {
        let from_ms = burst_start_ms.unwrap_or_else(|| first_burst_ms(start_ms));
        let shape = Shape::Within {
            from_ms: from_ms as f64,
            to_ms: from_ms.saturating_add(BURST_MS) as f64,
            factor: (BURST_FACTOR - 1.0) * FAULT_SHARE,
            profile: profile_of(Channel::Phone),
        };
        streams.push(Stream::new(
            Channel::Phone,
            Some(FAULT),
            shape,
            rate_scale,
            from_ms.max(start_ms) as f64,
        ));
    }
    streams
}

/// Returns the first ten o'clock in the morning at or after `start_ms`.
fn first_burst_ms(start_ms: i64) -> i64 {
    let (day, of_day_ms) = local_day(start_ms);
    day_begins_ms(if of_day_ms > BURST_TIME_OF_DAY_MS { day + 1 } else { day })
        + BURST_TIME_OF_DAY_MS
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::options::DEFAULT_START_MS;

    fn counts(stream: &mut Stream, until_ms: i64, seed: u64) -> Vec<i64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        std::iter::from_fn(|| stream.next_ms(&mut rng))
            .take_while(|time_ms| *time_ms < until_ms)
            .collect()
    }

    #[test]
    fn arrivals_follow_the_profile_when_a_week_is_drawn() {
        let scale = 100.0;
        let mut phone = streams(Scenario::OrdinaryDay, DEFAULT_START_MS, None, scale).remove(0);
        let times = counts(&mut phone, DEFAULT_START_MS + 7 * DAY, 5);
        let expected_week = Channel::Phone.daily() * scale * 7.0;
        assert!(
            (times.len() as f64 / expected_week - 1.0).abs() < 0.01,
            "{} of {expected_week}",
            times.len()
        );
        let profile = relative(IMMEDIATE_PROFILE);
        for half_hour in 0..48 {
            let expected =
                Channel::Phone.daily() * scale * 7.0 * profile[half_hour as usize] / 48.0;
            let seen = times
                .iter()
                .filter(|time_ms| local_day(**time_ms).1 / HALF_HOUR_MS == half_hour)
                .count() as f64;
            assert!(
                (seen - expected).abs() < 5.0 * expected.sqrt(),
                "half hour {half_hour}: {seen} of {expected}"
            );
        }
    }

    #[test]
    fn burst_adds_seven_times_the_fault_calls_when_it_lasts_forty_minutes() {
        let scale = 100.0;
        let mut burst = streams(Scenario::PipeBurst, DEFAULT_START_MS, None, scale)
            .pop()
            .expect("a burst stream");
        let times = counts(&mut burst, i64::MAX, 5);
        let from_ms = DEFAULT_START_MS + BURST_TIME_OF_DAY_MS;
        assert!(times.iter().all(|time_ms| (from_ms..from_ms + BURST_MS).contains(time_ms)));
        let profile = relative(IMMEDIATE_PROFILE);
        let half_hours = profile[20] + profile[21] / 3.0;
        let expected = 7.0 * FAULT_SHARE * Channel::Phone.daily() * scale * half_hours / 48.0;
        assert!(
            (times.len() as f64 - expected).abs() < 5.0 * expected.sqrt(),
            "{} of {expected}",
            times.len()
        );
    }

    #[test]
    fn burst_begins_on_the_next_day_when_the_start_is_after_ten() {
        let eleven = DEFAULT_START_MS + 11 * 3_600_000;
        assert_eq!(first_burst_ms(eleven), DEFAULT_START_MS + DAY + BURST_TIME_OF_DAY_MS);
        assert_eq!(first_burst_ms(DEFAULT_START_MS), DEFAULT_START_MS + BURST_TIME_OF_DAY_MS);
    }
}
