//! How people wait, talk and work: the distributions that the simulation draws from.
//!
//! - *Patience* on the phone is exponential, with a small mass of callers who leave at the first
//!   announcement. Measured patience is close to exponential after an early peak (Brown et al.,
//!   "Statistical analysis of a telephone call center", JASA 100, 2005). Erlang A assumes the
//!   exponential too, so results can be checked against it.
//! - *Patience* in chat is Weibull with shape 1.4: almost nobody closes a chat in its first
//!   seconds, and the rate of leaving rises with the wait.
//! - *Handling*, and every other duration of work, is lognormal (the same paper: service times of
//!   agents are lognormal to a good approximation).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal, Weibull};

use crate::site::Channel;

/// Share of callers who leave at the first announcement.
const BALKING: f64 = 0.025;
/// Mean patience of the others on the phone.
const PHONE_PATIENCE_MEAN_MS: f64 = 260_000.0;
/// Scale and shape of patience in chat.
const CHAT_PATIENCE_SCALE_MS: f64 = 420_000.0;
const CHAT_PATIENCE_SHAPE: f64 = 1.4;

/// Returns true with probability `share`.
pub(crate) fn chance(rng: &mut ChaCha8Rng, share: f64) -> bool {
    rng.random::<f64>() < share
}

/// Draws uniform milliseconds, both ends included.
pub(crate) fn between_ms(rng: &mut ChaCha8Rng, from_ms: i64, to_ms: i64) -> i64 {
    rng.random_range(from_ms..=to_ms)
}

/// Draws lognormal milliseconds with this median, at least `least_ms` and at most 20 medians.
/// `sigma` is the standard deviation of the logarithm.
pub(crate) fn lognormal_ms(rng: &mut ChaCha8Rng, median_ms: f64, sigma: f64, least_ms: i64) -> i64 {
    let normal: f64 = StandardNormal.sample(rng);
    let drawn_ms = median_ms * (sigma * normal).exp();
    (drawn_ms.min(20.0 * median_ms) as i64).max(least_ms)
}

/// Draws how long the citizen is willing to wait.
pub(crate) fn patience_ms(rng: &mut ChaCha8Rng, channel: Channel) -> i64 {
    match channel {
        Channel::Phone if chance(rng, BALKING) => between_ms(rng, 1_000, 6_000),
        Channel::Phone => {
            let gap: f64 = Exp1.sample(rng);
            1_000 + (gap * PHONE_PATIENCE_MEAN_MS) as i64
        }
        Channel::Chat => {
            let drawn_ms = Weibull::new(CHAT_PATIENCE_SCALE_MS, CHAT_PATIENCE_SHAPE)
                .map_or(CHAT_PATIENCE_SCALE_MS, |weibull| weibull.sample(rng));
            1_000 + drawn_ms as i64
        }
        // The citizen does not wait on a line.
        Channel::Email | Channel::Social | Channel::MobileApp | Channel::Petition => i64::MAX,
    }
}

/// Draws the talk time, or the time to read and answer a message.
pub(crate) fn talk_ms(rng: &mut ChaCha8Rng, channel: Channel) -> i64 {
    let (median_ms, sigma) = match channel {
        Channel::Phone => (150_000.0, 0.7),
        Channel::Chat => (380_000.0, 0.6),
        Channel::Email => (330_000.0, 0.7),
        Channel::Social => (210_000.0, 0.7),
        Channel::MobileApp => (240_000.0, 0.7),
        Channel::Petition => (1_200_000.0, 0.6),
    };
    lognormal_ms(rng, median_ms, sigma, 5_000)
}

/// Draws the hold time; most conversations have none.
pub(crate) fn hold_ms(rng: &mut ChaCha8Rng, channel: Channel) -> i64 {
    if channel == Channel::Phone && chance(rng, 0.18) {
        lognormal_ms(rng, 35_000.0, 0.6, 3_000)
    } else {
        0
    }
}

/// Draws the work after a conversation; 0 for messages.
pub(crate) fn wrap_up_ms(rng: &mut ChaCha8Rng, channel: Channel) -> i64 {
    if channel.is_immediate() { lognormal_ms(rng, 22_000.0, 0.6, 2_000) } else { 0 }
}

/// Draws a satisfaction score of 1 to 5, lower after a long wait.
pub(crate) fn survey_score(rng: &mut ChaCha8Rng, waited_ms: i64) -> u8 {
    let shares =
        if waited_ms <= 60_000 { [0.05, 0.05, 0.12, 0.30] } else { [0.22, 0.16, 0.22, 0.22] };
    let mut left: f64 = rng.random();
    for (index, share) in shares.into_iter().enumerate() {
        if left < share {
            return index as u8 + 1;
        }
        left -= share;
    }
    5
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn draws_have_their_median_and_mean_when_many_are_taken() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut talks: Vec<i64> = (0..20_000).map(|_| talk_ms(&mut rng, Channel::Phone)).collect();
        talks.sort_unstable();
        assert!((talks[10_000] - 150_000).abs() < 5_000, "median {}", talks[10_000]);
        assert!(talks[0] >= 5_000);
        let patient: Vec<i64> =
            (0..20_000).map(|_| patience_ms(&mut rng, Channel::Phone)).collect();
        let mean_ms = patient.iter().sum::<i64>() as f64 / 20_000.0;
        assert!((mean_ms / 255_000.0 - 1.0).abs() < 0.05, "mean {mean_ms}");
    }

    #[test]
    fn scores_are_worse_when_waits_are_long() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut mean = |waited_ms| {
            (0..5_000).map(|_| u32::from(survey_score(&mut rng, waited_ms))).sum::<u32>()
        };
        assert!(mean(5_000) > mean(300_000) + 2_000);
    }
}
