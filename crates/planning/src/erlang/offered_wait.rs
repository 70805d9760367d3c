//! The offered wait of Erlang A: how long a contact of endless patience would wait.
//!
//! Let `a` be the load in erlangs, `n` the servers, and `theta` the handle time divided by the
//! patience; times are in handle times. The offered wait is 0 with the probability `pi / B`, and
//! has the density `a pi exp(phi(v))` above 0, where `pi` is the probability of `n - 1` contacts,
//! `B` is Erlang B of `n - 1` servers, and
//!
//! `phi(v) = a (1 - exp(-theta v)) / theta - n v`
//!
//! (Baccelli and Hebuterne, *On queues with impatient customers*, 1981; Mandelbaum and Zeltyn,
//! *The Palm/Erlang-A queue*, 2007). A contact is served within T if its offered wait is at most T
//! and below its patience, so every figure is an integral of the density times something positive:
//! nothing is a difference of two large numbers. The usual form by the incomplete gamma function
//! loses its digits in overload and for long patience, where its terms are too large for a float.
//!
//! `phi` is concave, so the density has one peak. Everything is relative to the peak, and what lies
//! more than 40 nats below it is left out: that is less than the rounding error of a float.

use super::blocking::blocking;
use super::quadrature::panel;

/// How far below its peak, in nats, the density is integrated.
const DEPTH: f64 = 40.0;

/// Panels across the range of the density, and across the range in which patience acts.
const PANELS: u32 = 16;

/// What the offered wait says about a queue. Times are in handle times.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfferedWait {
    /// Probability of waiting, or of abandoning at once.
    pub(super) waiting: f64,
    /// Probability of being served.
    pub(super) served: f64,
    /// Probability of being served within the target.
    pub(super) served_in_target: f64,
    /// Probability of abandoning.
    pub(super) abandoned: f64,
    /// Mean wait of all.
    pub(super) mean_wait: f64,
    /// Mean of the wait where a contact is served, and of 0 where it is not.
    pub(super) served_wait: f64,
}

/// Returns the figures for a load above 0, at least one server, `theta` above 0 and finite.
pub(super) fn offered_wait(load: f64, servers: u32, theta: f64, target: f64) -> OfferedWait {
    let density = Density::new(load, f64::from(servers), theta);
    let sums = density.integrate(target);
    // Both are relative to the probability of n - 1 contacts at the peak of the density.
    let scale = load * blocking(load, servers - 1);
    let total = density.at_once() + scale * sums.all;
    let at_once = density.at_once() / total;
    let scale = scale / total;
    OfferedWait {
        waiting: scale * sums.all,
        served: at_once + scale * sums.served,
        served_in_target: at_once + scale * sums.served_in_target,
        abandoned: scale * sums.abandoned,
        mean_wait: scale * sums.abandoned / theta,
        served_wait: scale * sums.served_wait,
    }
}

/// Integrals over the density, relative to its peak.
#[derive(Default)]
struct Sums {
    all: f64,
    served: f64,
    served_in_target: f64,
    abandoned: f64,
    served_wait: f64,
}

/// `exp(phi)` by the distance from its peak.
struct Density {
    servers: f64,
    theta: f64,
    /// The offered wait at the peak: 0 unless there is overload.
    peak: f64,
    /// `min(a, n)`: the load that the queue still has at the peak.
    load_at_peak: f64,
    /// By how much the servers exceed that load.
    spare: f64,
    /// `phi` at the peak.
    height: f64,
}

impl Density {
    fn new(load: f64, servers: f64, theta: f64) -> Self {
        let excess = ((load - servers) / servers).max(0.0);
        Self {
            servers,
            theta,
            peak: excess.ln_1p() / theta,
            load_at_peak: load.min(servers),
            spare: (servers - load).max(0.0),
            height: servers / theta * less_its_log(excess),
        }
    }

    /// Returns the weight of an offered wait of 0, relative to the peak.
    fn at_once(&self) -> f64 {
        (-self.height).exp()
    }

    /// Returns how far `phi` is below its peak at a distance from it.
    fn depth(&self, distance: f64) -> f64 {
        let u = self.theta * distance;
        self.spare * distance + self.load_at_peak * less_its_decay(u) / self.theta
    }

    fn integrate(&self, target: f64) -> Sums {
        let (from, to) = self.range();
        let target = (target - self.peak).clamp(from, to);
        let mut edges = vec![from, target, to];
        for k in 1..PANELS {
            edges.push(from + (to - from) * f64::from(k) / f64::from(PANELS));
            // The decay of patience has a scale of its own, which can be far shorter.
            edges.push(from + DEPTH / self.theta * f64::from(k) / f64::from(PANELS));
        }
        edges.retain(|edge| *edge <= to);
        edges.sort_by(f64::total_cmp);
        let mut sums = Sums::default();
        for edge in edges.windows(2) {
            let &[low, high] = edge else { continue };
            if low < high {
                self.add(&mut sums, low, high, high <= target);
            }
        }
        sums
    }

    fn add(&self, sums: &mut Sums, low: f64, high: f64, is_in_target: bool) {
        let [all, served, abandoned, served_wait] = panel(low, high, |distance| {
            let density = (-self.depth(distance)).exp();
            let wait = (distance + self.peak).max(0.0);
            let impatient = -(-self.theta * wait).exp_m1();
            let served = density * (-self.theta * wait).exp();
            [density, served, density * impatient, served * wait]
        });
        sums.all += all;
        sums.served += served;
        sums.abandoned += abandoned;
        sums.served_wait += served_wait;
        if is_in_target {
            sums.served_in_target += served;
        }
    }

    /// Returns the distances from the peak between which the density is not negligible.
    fn range(&self) -> (f64, f64) {
        // The depth grows at most by n, and in the end at least by nearly that, so doubling ends.
        let start = DEPTH / self.servers;
        let left = if self.depth(-self.peak) <= DEPTH {
            -self.peak
        } else {
            -reach(start.min(self.peak / 2.0), |distance| self.depth(-distance))
        };
        (left, reach(start, |distance| self.depth(distance)))
    }
}

/// Returns a distance at which an increasing depth is `DEPTH`, or a little beyond it.
fn reach(start: f64, depth: impl Fn(f64) -> f64) -> f64 {
    let mut high = start;
    while depth(high) < DEPTH {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..12 {
        let middle = (low + high) / 2.0;
        if depth(middle) < DEPTH { low = middle } else { high = middle }
    }
    high
}

/// Returns `u - (1 - exp(-u))`, without the cancellation near 0.
fn less_its_decay(u: f64) -> f64 {
    if u.abs() > 0.2 {
        return u + (-u).exp_m1();
    }
    // u^2/2! - u^3/3! + ...: the terms shrink at least by 15, so 14 of them reach every digit.
    let (mut term, mut sum) = (u * u / 2.0, 0.0);
    for k in 3..17 {
        sum += term;
        term *= -u / f64::from(k);
    }
    sum
}

/// Returns `d - ln(1 + d)` for `d` of 0 or more, without the cancellation near 0.
fn less_its_log(d: f64) -> f64 {
    if d > 0.05 {
        return d - d.ln_1p();
    }
    // d^2/2 - d^3/3 + ...
    let (mut power, mut sum) = (d * d, 0.0);
    for k in 2..16 {
        sum += power / f64::from(k);
        power *= -d;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{less_its_decay, less_its_log};

    /// Holds the terms of a series, which are exact for small arguments, to a function.
    #[track_caller]
    fn close(actual: f64, wanted: f64) {
        assert!((actual / wanted - 1.0).abs() < 1e-14, "{actual}, expected {wanted}");
    }

    #[test]
    fn small_differences_keep_their_digits() {
        for u in [1e-12, 1e-8, 1e-4, -1e-4, -1e-8_f64] {
            close(
                less_its_decay(u),
                u * u / 2.0 * (1.0 - u / 3.0 * (1.0 - u / 4.0 * (1.0 - u / 5.0))),
            );
        }
        for d in [1e-12, 1e-8, 1e-5_f64] {
            close(less_its_log(d), d * d / 2.0 - d * d * d / 3.0 + d.powi(4) / 4.0);
        }
    }

    #[test]
    fn series_meet_the_functions_where_they_change() {
        for u in [0.199_999, 0.200_001, -0.199_999, -0.200_001_f64] {
            assert!((less_its_decay(u) - (u + (-u).exp_m1())).abs() < 1e-16, "{u}");
        }
        for d in [0.049_999, 0.050_001_f64] {
            assert!((less_its_log(d) - (d - d.ln_1p())).abs() < 1e-16, "{d}");
        }
    }
}
