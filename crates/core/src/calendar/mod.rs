//! Civil time: opening hours with holidays, and business days, in a real time zone.
//!
//! Nothing here reads a clock: every instant is an argument, and the time zone rules are compiled
//! in.

mod business_day;
mod opening_hours;
#[cfg(test)]
mod tests;
mod weekly_hours;
mod zone;

pub use business_day::BusinessDay;
pub use opening_hours::{OpeningHours, OpeningHoursError};
pub use zone::time_zone;
