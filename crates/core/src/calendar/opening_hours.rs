//! Opening hours of a queue.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar::weekly_hours::{DAY_MS, WeeklyHours};
use crate::calendar::zone::{from_jiff, to_jiff};
use crate::time::{Millis, TimeRange, Timestamp};

/// How far ahead changes of the clocks are followed, and opening times are searched.
const HORIZON: Millis = Millis(3653 * DAY_MS as u64);

/// The times at which a queue is open: weekly hours, less holidays, in a time zone.
///
/// On a holiday the queue is closed from local midnight to midnight, also for a span that began the
/// evening before. A span that begins on a holiday and ends on the next morning is open on that
/// morning. Where the clocks go forward, the hours that they skip are no opening time; where they
/// go back, the hours that come twice count twice.
#[derive(Clone, Debug)]
pub struct OpeningHours {
    zone: TimeZone,
    week: WeeklyHours,
    /// Days since the epoch, ascending, each with the opening time that this holiday and those
    /// before it take away.
    holidays: Vec<(i64, i64)>,
}

/// The reason why a text is not opening hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct OpeningHoursError {
    /// The part that is wrong, and the allowed forms.
    pub detail: String,
}

impl OpeningHours {
    /// Reads `Mo-Fr 08:00-17:30; Sa 09:00-13:00`, the weekly subset of the OpenStreetMap notation.
    ///
    /// # Errors
    /// [`OpeningHoursError`] names the part that is wrong.
    pub fn parse(text: &str, holidays: &[Date], zone: TimeZone) -> Result<Self, OpeningHoursError> {
        let week = WeeklyHours::parse(text).map_err(|detail| OpeningHoursError { detail })?;
        let mut days: Vec<i64> = holidays.iter().map(|date| days_since_epoch(*date)).collect();
        days.sort_unstable();
        days.dedup();
        let mut closed_ms = 0;
        let holidays = days
            .into_iter()
            .map(|day| {
                closed_ms += week.day_open_ms(day);
                (day, closed_ms)
            })
            .collect();
        Ok(OpeningHours { zone, week, holidays })
    }

    /// Returns whether `time` lies in the opening hours.
    pub fn is_open(&self, time: Timestamp) -> bool {
        let time = to_jiff(time);
        let local_ms = time.as_millisecond() + self.offset_ms(time);
        let day = local_ms.div_euclid(DAY_MS);
        self.holidays.binary_search_by_key(&day, |(holiday, _)| *holiday).is_err()
            && self.week.is_open(local_ms)
    }

    /// Returns whether a local date is a holiday.
    pub fn is_holiday(&self, date: Date) -> bool {
        let day = days_since_epoch(date);
        self.holidays.binary_search_by_key(&day, |(holiday, _)| *holiday).is_ok()
    }

    /// Returns the opening time between two instants; zero where `to` is not after `from`. Changes
    /// of the clocks more than ten years after `from` are ignored.
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> Millis {
        let mut open_ms = 0;
        self.constant_offsets(from, to, |range, offset_ms| {
            open_ms +=
                self.local_open_ms(range.start.get() + offset_ms, range.end.get() + offset_ms);
            true
        });
        Millis(open_ms.max(0) as u64)
    }

    /// Returns the earliest instant by which `duration` of opening time has passed since `from`;
    /// `None` where that is more than ten years away.
    pub fn after_open(&self, from: Timestamp, duration: Millis) -> Option<Timestamp> {
        if duration == Millis::ZERO {
            return Some(from);
        }
        let mut missing_ms = i64::try_from(duration.get()).ok()?;
        let mut found = None;
        self.constant_offsets(from, from.saturating_add(HORIZON), |range, offset_ms| {
            let (first, last) = (range.start.get() + offset_ms, range.end.get() + offset_ms);
            let open_ms = self.local_open_ms(first, last);
            if open_ms < missing_ms {
                missing_ms -= open_ms;
                return true;
            }
            let (mut short, mut enough) = (first, last);
            while enough - short > 1 {
                let middle = short + (enough - short) / 2;
                if self.local_open_ms(first, middle) < missing_ms {
                    short = middle;
                } else {
                    enough = middle;
                }
            }
            found = Some(Timestamp(enough - offset_ms));
            false
        });
        found
    }

    /// Calls `each(range, offset_ms)` for the parts of a span in which the zone's offset stays the
    /// same, until it returns false.
    fn constant_offsets(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut each: impl FnMut(TimeRange, i64) -> bool,
    ) {
        let (from, to) = (to_jiff(from), from_jiff(to_jiff(to)));
        let mut start = from_jiff(from);
        let horizon = start.saturating_add(HORIZON);
        let mut offset_ms = self.offset_ms(from);
        for change in self.zone.following(from) {
            let end = from_jiff(change.timestamp());
            if end >= to || end > horizon {
                break;
            }
            if !each(TimeRange { start, end }, offset_ms) {
                return;
            }
            start = end;
            offset_ms = i64::from(change.offset().seconds()) * 1000;
        }
        if start < to {
            each(TimeRange { start, end: to }, offset_ms);
        }
    }

    fn offset_ms(&self, time: jiff::Timestamp) -> i64 {
        i64::from(self.zone.to_offset(time).seconds()) * 1000
    }

    fn local_open_ms(&self, from: i64, to: i64) -> i64 {
        self.local_open_before_ms(to) - self.local_open_before_ms(from)
    }

    fn local_open_before_ms(&self, local_ms: i64) -> i64 {
        let day = local_ms.div_euclid(DAY_MS);
        let before = self.holidays.partition_point(|(holiday, _)| *holiday < day);
        let closed_ms = before
            .checked_sub(1)
            .and_then(|last| self.holidays.get(last))
            .map_or(0, |(_, sum)| *sum);
        let is_holiday = self.holidays.get(before).is_some_and(|(holiday, _)| *holiday == day);
        let until = if is_holiday { day * DAY_MS } else { local_ms };
        self.week.open_before_ms(until) - closed_ms
    }
}

fn days_since_epoch(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}
