//! Distributions of counts.

/// Below this mean the percentiles come from the exact distribution. From here on its steps are
/// narrower than 0.2 % of the mean, and e^-mean comes near to the least `f64`.
const EXACT_BELOW: f64 = 500.0;

/// Returns ln(n!) for a whole `n` of 0 or more.
///
/// Stirling's series, with four terms; below 16 by multiplication, where the series is weak.
pub(crate) fn ln_factorial(n: f64) -> f64 {
    if n < 16.0 {
        let mut product = 1.0;
        let mut factor = 2.0;
        while factor <= n {
            product *= factor;
            factor += 1.0;
        }
        return f64::ln(product);
    }
    let x = n + 1.0;
    let square = x * x;
    let series =
        (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / 1680.0 / square) / square) / square) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

/// A percentile that forecasts show.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Percentile {
    /// The 10th.
    P10,
    /// The 90th.
    P90,
}

impl Percentile {
    fn share(self) -> f64 {
        match self {
            Self::P10 => 0.1,
            Self::P90 => 0.9,
        }
    }

    /// Returns the percentile of a normal variable of mean 0 and deviation 1.
    fn of_normal(self) -> f64 {
        match self {
            Self::P10 => -1.281_551_565_544_600_5,
            Self::P90 => 1.281_551_565_544_600_5,
        }
    }
}

/// A count whose mean is itself uncertain: a Poisson count around a gamma level, which is a
/// negative-binomial count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    /// The mean, 0 or more.
    pub(crate) mean: f64,
    /// Variance of the level around the mean, 0 or more. The variance of the count is this plus
    /// the mean.
    pub(crate) level_variance: f64,
}

impl Count {
    /// Returns the least whole count that at least `share` of outcomes do not exceed.
    pub(crate) fn percentile(self, percentile: Percentile) -> f64 {
        if self.mean <= 0.0 {
            return 0.0;
        }
        match self.mean < EXACT_BELOW {
            true => self.exact(percentile.share()),
            false => self.by_gamma(percentile.of_normal()),
        }
    }

    /// Sums the probabilities from 0 on, by their recurrence.
    fn exact(self, share: f64) -> f64 {
        // The relative variance of the level is 1 / r, with r the size of the negative binomial.
        let relative = self.level_variance / (self.mean * self.mean);
        let spread = relative * self.mean;
        let mut probability = match relative > 1e-9 {
            true => (-spread.ln_1p() / relative).exp(),
            false => (-self.mean).exp(),
        };
        let mut sum = probability;
        let mut count = 0.0;
        // Far above every percentile that is asked for: ends the loop where rounding keeps the
        // sum below `share`.
        let end = self.mean + 50.0 * (self.mean + self.level_variance).sqrt() + 50.0;
        while sum < share && count < end {
            probability *= self.mean * (1.0 + count * relative) / ((count + 1.0) * (1.0 + spread));
            sum += probability;
            count += 1.0;
        }
        count
    }

    /// Takes a gamma variable of the same mean and variance (Wilson and Hilferty's cube).
    fn by_gamma(self, normal_quantile: f64) -> f64 {
        let ninth = (self.mean + self.level_variance) / (self.mean * self.mean) / 9.0;
        let root = 1.0 - ninth + normal_quantile * ninth.sqrt();
        (self.mean * root.max(0.0).powi(3)).round()
    }
}
