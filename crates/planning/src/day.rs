//! Days as the forecast takes them: a class and counts per step, without a calendar.

/// What kind of day a day is. A forecast learns from *like days*, those of the same class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayClass {
    /// An ordinary day: 0 is Monday, 6 is Sunday. The forecast assumes nothing about which
    /// weekdays are busy.
    Weekday(u8),
    /// A public holiday, whatever its weekday. All holidays are one class.
    Holiday,
    /// A day that the planner has named, such as `invoice run` or `outage`. Days of one name are
    /// one class.
    Noted(String),
}

/// A past day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// Number of the day. Consecutive days of the calendar differ by 1; where the count begins does
    /// not matter.
    pub date: i64,
    /// The kind of day.
    pub class: DayClass,
    /// Contacts that arrived in each step of the day; `None` where the history does not know.
    /// Every day has the same number of steps, each at the same local time. On a day on which
    /// the clocks change, the caller leaves a step that does not exist at `None`.
    pub steps: Vec<Option<f64>>,
}

/// A day to forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetDay {
    /// Number of the day, counted as [`Day::date`].
    pub date: i64,
    /// The kind of day.
    pub class: DayClass,
}
