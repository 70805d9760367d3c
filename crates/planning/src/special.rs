//! The level of days of a class of their own: holidays and noted days.
//!
//! They are few and far apart, and the queue may have grown between them. Each is therefore
//! compared with the ordinary days around it, and the forecast is that ratio on the level of today.

use crate::level::Level;

/// Ordinary days this near to a special day tell the level of its time.
pub(crate) const AROUND_DAYS: i64 = 14;
/// Relative variance of special days that the prior expects, 20 %, and in days how firmly.
const USUAL_VARIANCE: f64 = 0.04;
const USUAL_DAYS: f64 = 2.0;

/// A special day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpecialDay {
    /// Contacts of the whole day, on the level of today.
    pub(crate) level: f64,
    /// Contacts that were counted.
    pub(crate) count: f64,
}

/// Returns the level of the next day like these; `None` where they have no contacts.
///
/// The variance of single days is that of these days together with the prior, and at least that
/// of ordinary days.
pub(crate) fn level(days: &[SpecialDay], ordinary_noise: f64) -> Option<Level> {
    let number = days.len() as f64;
    let counted: f64 = days.iter().map(|day| day.count).sum();
    let mean = days.iter().map(|day| day.level).sum::<f64>() / number;
    if !(counted > 0.0 && mean > 0.0) {
        return None;
    }
    let squares: f64 = days.iter().map(|day| (day.level / mean - 1.0).powi(2)).sum();
    let usual = USUAL_VARIANCE.max(ordinary_noise);
    let free = USUAL_DAYS + number - 1.0;
    let variance = (USUAL_DAYS * usual + squares) / free;
    Some(Level { mean, variance: variance * (1.0 + 1.0 / number) + 1.0 / counted })
}
