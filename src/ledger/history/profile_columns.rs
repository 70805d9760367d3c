//! The columns of a profile in CSV and JSON.

use super::cell::{Cell, Column, Record};
use super::profile::{DayClass, ProfileRow};

impl Record for ProfileRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("queue", |row| Cell::name(&row.key.0)),
        ("channel", |row| Cell::name(&row.key.1)),
        ("day", |row| Cell::Text(row.day.name())),
        ("weekday", |row| match row.day {
            DayClass::Weekday(offset) => Cell::Count(u64::from(offset) + 1),
            DayClass::Holiday => Cell::Empty,
        }),
        ("time", |row| Cell::Owned(row.time.strftime("%H:%M").to_string())),
        ("n", |row| Cell::Count(row.offered.n)),
        ("offered_mean", |row| row.offered.mean.into()),
        ("offered_p10", |row| row.offered.percentiles.map(|[p10, ..]| p10).into()),
        ("offered_p50", |row| row.offered.percentiles.map(|[_, p50, _]| p50).into()),
        ("offered_p90", |row| row.offered.percentiles.map(|[.., p90]| p90).into()),
        ("aht_n", |row| Cell::Count(row.aht.n)),
        ("aht_mean_seconds", |row| row.aht.mean.into()),
        ("aht_p10_seconds", |row| row.aht.percentiles.map(|[p10, ..]| p10).into()),
        ("aht_p50_seconds", |row| row.aht.percentiles.map(|[_, p50, _]| p50).into()),
        ("aht_p90_seconds", |row| row.aht.percentiles.map(|[.., p90]| p90).into()),
        ("service_level_n", |row| Cell::Count(row.service_level.n)),
        ("service_level_mean", |row| row.service_level.mean.into()),
        ("service_level_p10", |row| row.service_level.percentiles.map(|[p10, ..]| p10).into()),
        ("service_level_p50", |row| row.service_level.percentiles.map(|[_, p50, _]| p50).into()),
        ("service_level_p90", |row| row.service_level.percentiles.map(|[.., p90]| p90).into()),
    ];
}
