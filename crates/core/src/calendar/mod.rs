//! Civil time: opening hours with holidays, and business days, in a real time zone.
//!
//! Pure: every instant comes in as milliseconds since the Unix epoch; the time zone rules are compiled in.

mod business_day;
mod opening_hours;
#[cfg(test)]
mod tests;
mod weekly_hours;
mod zone;

pub use business_day::BusinessDay;
pub use opening_hours::OpeningHours;
pub use zone::time_zone;
