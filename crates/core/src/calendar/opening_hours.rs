//! Opening hours of a queue.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar::weekly_hours::{DAY_MS, WeeklyHours};
use crate::calendar::zone::timestamp;

/// How far ahead changes of the clocks are followed, and opening times looked for.
const HORIZON_MS: i64 = 3653 * DAY_MS;

/// When a queue is open: weekly hours, less holidays, in a time zone.
///
/// A holiday is closed from its local midnight to the next, whatever began the evening before; what its own weekday's
/// hours bring to the next morning stays open. Where the clocks go forward the hours that they skip are no opening
/// time; where they go back the hours that come twice count twice.
#[derive(Clone, Debug)]
pub struct OpeningHours {
    zone: TimeZone,
    week: WeeklyHours,
    /// Days since the epoch, ascending, each with the opening time that it and the holidays before it take away.
    holidays: Vec<(i64, i64)>,
}

/// Why a text is not opening hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct OpeningHoursError {
    /// Names the part that is wrong and what is allowed.
    pub detail: String,
}

impl OpeningHours {
    /// Reads `Mo-Fr 08:00-17:30; Sa 09:00-13:00`, the weekly subset of the OpenStreetMap notation.
    ///
    /// # Errors
    /// [`OpeningHoursError`] names the part that could not be read.
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

    /// Whether `time_ms` lies in opening hours.
    pub fn is_open(&self, time_ms: i64) -> bool {
        let time = timestamp(time_ms);
        let local_ms = time.as_millisecond() + self.offset_ms(time);
        let day = local_ms.div_euclid(DAY_MS);
        self.holidays.binary_search_by_key(&day, |(holiday, _)| *holiday).is_err()
            && self.week.is_open(local_ms)
    }

    /// Open milliseconds between two instants; 0 where `to_ms` is not after `from_ms`. Changes of the clocks more than
    /// ten years after `from_ms` are left out of account.
    pub fn open_ms_between(&self, from_ms: i64, to_ms: i64) -> u64 {
        let mut open_ms = 0;
        self.constant_offsets(from_ms, to_ms, |start_ms, end_ms, offset_ms| {
            open_ms += self.local_open_ms(start_ms + offset_ms, end_ms + offset_ms);
            true
        });
        open_ms.max(0) as u64
    }

    /// The earliest instant by which `open_ms` of opening time have gone by since `from_ms`; `None` where that is more
    /// than ten years away.
    pub fn after_open_ms(&self, from_ms: i64, open_ms: u64) -> Option<i64> {
        if open_ms == 0 {
            return Some(from_ms);
        }
        let mut wanted_ms = i64::try_from(open_ms).ok()?;
        let mut found = None;
        self.constant_offsets(
            from_ms,
            from_ms.saturating_add(HORIZON_MS),
            |start_ms, end_ms, offset_ms| {
                let (first, last) = (start_ms + offset_ms, end_ms + offset_ms);
                let there_ms = self.local_open_ms(first, last);
                if there_ms < wanted_ms {
                    wanted_ms -= there_ms;
                    return true;
                }
                let (mut short, mut enough) = (first, last);
                while enough - short > 1 {
                    let middle = short + (enough - short) / 2;
                    if self.local_open_ms(first, middle) < wanted_ms {
                        short = middle;
                    } else {
                        enough = middle;
                    }
                }
                found = Some(enough - offset_ms);
                false
            },
        );
        found
    }

    /// Calls `each(start_ms, end_ms, offset_ms)` for the parts of a span in which the zone's offset stays the same,
    /// until it gives false.
    fn constant_offsets(
        &self,
        from_ms: i64,
        to_ms: i64,
        mut each: impl FnMut(i64, i64, i64) -> bool,
    ) {
        let (from, to) = (timestamp(from_ms), timestamp(to_ms));
        let (mut start_ms, to_ms) = (from.as_millisecond(), to.as_millisecond());
        let horizon_ms = start_ms.saturating_add(HORIZON_MS);
        let mut offset_ms = self.offset_ms(from);
        for change in self.zone.following(from) {
            let change_ms = change.timestamp().as_millisecond();
            if change_ms >= to_ms || change_ms > horizon_ms {
                break;
            }
            if !each(start_ms, change_ms, offset_ms) {
                return;
            }
            start_ms = change_ms;
            offset_ms = i64::from(change.offset().seconds()) * 1000;
        }
        if start_ms < to_ms {
            each(start_ms, to_ms, offset_ms);
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
