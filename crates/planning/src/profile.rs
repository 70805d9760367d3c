//! The shape of a day of each class: the share of each step.
//!
//! The like days of one class are few, and a step has few contacts. The shape therefore learns from
//! more, each time as far as the data allow:
//!
//! 1. *Other classes.* Their counts enter with a weight from 0 to 1, the smaller the more their
//!    shapes differ beyond chance.
//! 2. *Neighbours.* Each share moves towards the mean of its neighbourhood, except where it stands
//!    out beyond chance, as at the opening.
//! 3. *No accidents.* A count far outside what chance allows is pulled to that border, so that a
//!    burst on one day does not return each week.

/// Rounds of: shape, borders of chance, counts within them. The third changes little.
const ROUNDS: usize = 3;
/// A count further than this from its expectation, in standard deviations, is pulled there.
const BORDER: f64 = 3.0;
/// Steps with a smaller expectation do not tell how far counts scatter.
const TELLING: f64 = 0.5;
/// Contacts that do not all stay away by chance: e^-10 is 0.000 05.
const MANY: f64 = 10.0;
/// Part of the squared deviations that the dispersion is taken from, the smaller ones.
const KEPT: f64 = 0.9;
/// Mean of the smaller 90 % of squared normal deviations: P(χ²₃ < 2.7055) / 0.9.
const KEPT_MEAN: f64 = 0.6203;
/// Variance that is left of p - smooth(p), as a part of that of p, with weights 1/4, 1/2, 1/4.
const ROUGHNESS: f64 = 0.375;

/// A day that shapes are learned from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShapeDay<'a> {
    /// Index of its class.
    pub(crate) class: usize,
    /// Counts per step.
    pub(crate) steps: &'a [Option<f64>],
}

/// The shape of each class.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    /// By class and step: the share of the day, which sum to 1; `None` where nothing is known.
    pub(crate) shares: Vec<Vec<Option<f64>>>,
    /// By class and step: the variance of the share.
    pub(crate) variances: Vec<Vec<f64>>,
    /// Variance of counts around their expectation as a multiple of that of a Poisson count, at
    /// least 1. It is above 1 where contacts come in bursts.
    pub(crate) dispersion: f64,
}

/// A day measured by its shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Contacts in the known steps.
    pub(crate) count: f64,
    /// Share of the day that the known steps are, above 0.
    pub(crate) known: f64,
}

impl Measured {
    /// Returns the contacts that the whole day would have.
    pub(crate) fn level(self) -> f64 {
        self.count / self.known
    }
}

/// Counts and exposure of one step of one class.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    count: f64,
    /// Contacts of the days on which the step is known, all steps together.
    exposure: f64,
}

impl Cell {
    fn share(self) -> Option<f64> {
        (self.exposure > 0.0).then(|| self.count / self.exposure)
    }

    /// Returns whether the class is closed in this step and the other is not: the class has no
    /// contacts where the share of the other lets many expect. It then borrows nothing from it, so
    /// that a closed step stays at 0.
    fn is_closed_beside(self, other: Self, dispersion: f64) -> bool {
        let expected = other.share().map_or(0.0, |share| share * self.exposure);
        self.count == 0.0 && expected > MANY * dispersion
    }
}

impl Profiles {
    /// Learns the shapes of `classes` classes from days of `width` steps.
    pub(crate) fn learn(days: &[ShapeDay<'_>], classes: usize, width: usize) -> Self {
        let mut counts: Vec<Vec<Option<f64>>> = days.iter().map(|day| day.steps.to_vec()).collect();
        let mut shapes = Self {
            shares: (0..classes).map(|class| mean_shape(days, class, width)).collect(),
            variances: vec![vec![0.0; width]; classes],
            dispersion: 1.0,
        };
        for _ in 0..ROUNDS {
            let levels: Vec<f64> = days
                .iter()
                .zip(&counts)
                .map(|(day, steps)| shapes.measure(day.class, steps).map_or(0.0, Measured::level))
                .collect();
            let cells = cells(days, &counts, &levels, classes, width);
            shapes.blend(&cells);
            shapes.tell_dispersion(days, &levels, &cells);
            shapes.pull_in(days, &levels, &mut counts);
        }
        shapes
    }

    /// Measures a day of a class; `None` where no step with a share is known.
    pub(crate) fn measure(&self, class: usize, steps: &[Option<f64>]) -> Option<Measured> {
        let mut measured = Measured { count: 0.0, known: 0.0 };
        for (share, count) in self.shares.get(class)?.iter().zip(steps) {
            if let (Some(share), Some(count)) = (share, count) {
                measured.count += count;
                measured.known += share;
            }
        }
        (measured.known > 1e-9).then_some(measured)
    }

    /// Blends the classes by their likeness, then each share with its neighbours.
    fn blend(&mut self, cells: &[Vec<Cell>]) {
        for class in 0..cells.len() {
            let Some(own) = cells.get(class) else { continue };
            let mut blended = own.clone();
            for (other, theirs) in cells.iter().enumerate() {
                if other == class {
                    continue;
                }
                let likeness = likeness(own, theirs, self.dispersion);
                for ((cell, own), their) in blended.iter_mut().zip(own).zip(theirs) {
                    if own.is_closed_beside(*their, self.dispersion) {
                        continue;
                    }
                    cell.count += likeness * their.count;
                    cell.exposure += likeness * their.exposure;
                }
            }
            let (shares, variances) = smooth(&blended, self.dispersion);
            if let (Some(old), Some(old_variances)) =
                (self.shares.get_mut(class), self.variances.get_mut(class))
            {
                // Where no class has contacts, the first shape stays: it is even.
                if shares.iter().flatten().sum::<f64>() > 0.0 {
                    (*old, *old_variances) = (shares, variances);
                }
            }
        }
    }

    /// Measures how far counts scatter around level times share, by all but the largest tenth of
    /// the deviations, so that an accident does not make every interval wide.
    fn tell_dispersion(&mut self, days: &[ShapeDay<'_>], levels: &[f64], cells: &[Vec<Cell>]) {
        let mut squares = Vec::new();
        for (day, level) in days.iter().zip(levels) {
            let (Some(shares), Some(variances), Some(own)) =
                (self.shares.get(day.class), self.variances.get(day.class), cells.get(day.class))
            else {
                continue;
            };
            for (step, (share, count)) in shares.iter().zip(day.steps).enumerate() {
                let (Some(share), Some(count)) = (share, count) else { continue };
                let expected = level * share;
                if expected <= TELLING || own.get(step).is_none_or(|cell| cell.exposure <= 0.0) {
                    continue;
                }
                // A count is nearer to a mean that it is part of: by the part that it has in it.
                let variance = variances.get(step).copied().unwrap_or(0.0);
                let part = level * variance / (self.dispersion * share);
                let free = (1.0 - part).max(0.1);
                squares.push((count - expected).powi(2) / expected / free);
            }
        }
        squares.sort_by(f64::total_cmp);
        let kept = (squares.len() as f64 * KEPT) as usize;
        let sum: f64 = squares.iter().take(kept).sum();
        self.dispersion = if kept == 0 { 1.0 } else { (sum / kept as f64 / KEPT_MEAN).max(1.0) };
    }

    /// Pulls counts to the border of what chance allows.
    fn pull_in(&self, days: &[ShapeDay<'_>], levels: &[f64], counts: &mut [Vec<Option<f64>>]) {
        for ((day, level), counts) in days.iter().zip(levels).zip(counts) {
            let Some(shares) = self.shares.get(day.class) else { continue };
            for ((share, actual), count) in shares.iter().zip(day.steps).zip(counts) {
                let (Some(share), Some(actual)) = (share, actual) else { continue };
                let expected = level * share;
                // Half a contact more: counts are whole.
                let border = BORDER * (self.dispersion * expected).sqrt() + 0.5;
                *count = Some(actual.clamp((expected - border).max(0.0), expected + border));
            }
        }
    }
}

/// Returns the mean of the known counts of each step as shares; even shares where there are no
/// contacts.
fn mean_shape(days: &[ShapeDay<'_>], class: usize, width: usize) -> Vec<Option<f64>> {
    let means: Vec<Option<f64>> = (0..width)
        .map(|step| {
            let of_class = days.iter().filter(|day| day.class == class);
            let known: Vec<f64> =
                of_class.filter_map(|day| day.steps.get(step).copied().flatten()).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        })
        .collect();
    let sum: f64 = means.iter().flatten().sum();
    let known = means.iter().flatten().count() as f64;
    means
        .iter()
        .map(|mean| mean.map(|mean| if sum > 0.0 { mean / sum } else { 1.0 / known }))
        .collect()
}

/// Sums counts and exposure by class and step.
fn cells(
    days: &[ShapeDay<'_>],
    counts: &[Vec<Option<f64>>],
    levels: &[f64],
    classes: usize,
    width: usize,
) -> Vec<Vec<Cell>> {
    let mut cells = vec![vec![Cell::default(); width]; classes];
    for ((day, counts), level) in days.iter().zip(counts).zip(levels) {
        let Some(cells) = cells.get_mut(day.class) else { continue };
        for (cell, count) in cells.iter_mut().zip(counts) {
            if let Some(count) = count {
                cell.count += count;
                cell.exposure += level;
            }
        }
    }
    cells
}

/// Returns how much a contact of another class tells about the shape of this one, from 0 to 1.
///
/// A share of the other class differs from the own one by chance and by a true difference. The
/// variance of chance is known from the exposure; the mean square of the true difference is what
/// the two shapes differ by beyond chance (the moment estimate of DerSimonian and Laird). The
/// likeness is chance / (chance + difference): the weight that makes their counts as good as own
/// counts.
fn likeness(own: &[Cell], theirs: &[Cell], dispersion: f64) -> f64 {
    let (mut excess, mut steps, mut chance, mut chance_of_theirs) = (0.0, 0.0, 0.0, 0.0);
    for (own, their) in own.iter().zip(theirs) {
        let (Some(own_share), Some(their_share)) = (own.share(), their.share()) else { continue };
        let both = (own.count + their.count) / (own.exposure + their.exposure);
        if both <= 0.0 {
            continue;
        }
        let variance = dispersion * (1.0 / own.exposure + 1.0 / their.exposure);
        excess += (own_share - their_share).powi(2) / both / variance;
        steps += 1.0;
        chance += variance;
        chance_of_theirs += dispersion / their.exposure;
    }
    // One step is lost because shares sum to 1.
    let free = steps - 1.0;
    if free < 1.0 {
        return 0.0;
    }
    let difference = (excess - free).max(0.0) / free * chance / steps;
    let chance_of_theirs = chance_of_theirs / steps;
    chance_of_theirs / (chance_of_theirs + difference)
}

/// Returns shares that sum to 1, each moved towards its neighbours, and their variances.
///
/// The move is that of James and Stein, by step: the roughness p - smooth(p) keeps the part of its
/// square that chance does not explain.
fn smooth(cells: &[Cell], dispersion: f64) -> (Vec<Option<f64>>, Vec<f64>) {
    let rough: Vec<Option<f64>> = cells.iter().map(|cell| cell.share()).collect();
    let neighbour = |step: Option<usize>, own: f64| {
        step.and_then(|step| rough.get(step).copied().flatten()).unwrap_or(own)
    };
    let mut shares = Vec::with_capacity(cells.len());
    for (step, share) in rough.iter().enumerate() {
        shares.push(share.map(|own| {
            let before = neighbour(step.checked_sub(1), own);
            let after = neighbour(step.checked_add(1), own);
            let mean = 0.25 * before + 0.5 * own + 0.25 * after;
            let roughness = own - mean;
            let exposure = cells.get(step).map_or(1.0, |cell| cell.exposure);
            let chance = ROUGHNESS * dispersion * own / exposure;
            let kept = match roughness == 0.0 {
                true => 0.0,
                false => (1.0 - chance / (roughness * roughness)).max(0.0),
            };
            mean + kept * roughness
        }));
    }
    let sum: f64 = shares.iter().flatten().sum();
    let mut variances = Vec::with_capacity(cells.len());
    for (share, cell) in shares.iter_mut().zip(cells) {
        let Some(share) = share else {
            variances.push(0.0);
            continue;
        };
        if sum > 0.0 {
            *share /= sum;
        }
        variances.push(dispersion * *share / cell.exposure);
    }
    (shares, variances)
}
