//! Settings that tests of the core share.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Time, date};
use jiff::tz::TimeZone;
use nabiz_core::calendar::{BusinessDay, OpeningHours};
use nabiz_core::event::{ChannelId, Channels};
use nabiz_core::settings::{
    Clock, Formula, Limits, QueueSettings, Settings, WindowLength, WindowSettings,
};
use nabiz_core::time::Millis;

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Monday 2026-01-05 00:00 in Istanbul (UTC+3).
pub const MONDAY: i64 = 1_767_560_400_000;

pub const EMAIL: ChannelId = ChannelId(1);
pub const WEB: ChannelId = ChannelId(4);

pub fn zone() -> TimeZone {
    TimeZone::get("Europe/Istanbul").expect("the zone is compiled in")
}

/// The defaults of the contract. They are written out and not taken from the core, which is to be
/// checked.
pub fn queue_defaults() -> QueueSettings {
    QueueSettings {
        name: String::new(),
        channel: ChannelId::PHONE,
        target_wait: Millis(20_000),
        target_ratio: 0.8,
        short_abandon: Millis(5_000),
        max_wait: None,
        max_service: None,
        target_abandonment: 0.05,
        target_first_response: Millis(4 * HOUR as u64),
        target_resolution: Millis(3 * DAY as u64),
        formula: Formula::Live,
        clock: Clock::Elapsed,
        opening_hours: None,
    }
}

fn lengths(lengths: &[(&str, i64)]) -> Vec<WindowLength> {
    lengths
        .iter()
        .map(|(label, ms)| WindowLength {
            length: Millis(ms.unsigned_abs()),
            label: (*label).to_string(),
        })
        .collect()
}

/// The defaults of the contract, without a queue and with an interval history.
pub fn defaults() -> Settings {
    Settings {
        channels: Channels::default(),
        windows: WindowSettings {
            pane: Millis(5_000),
            lengths: lengths(&[
                ("1m", MINUTE),
                ("5m", 5 * MINUTE),
                ("15m", 15 * MINUTE),
                ("30m", 30 * MINUTE),
                ("1h", HOUR),
            ]),
            idle_advance: true,
            max_ahead: Millis(MINUTE as u64),
            allowed_lateness: Millis(MINUTE as u64),
            transport_delay: Millis(3_000),
            miss_grace: Millis(2_000),
            reorder_grace: Millis(30_000),
            dedup_horizon: Millis(HOUR as u64),
            business_day: BusinessDay::new(zone(), Time::midnight()),
        },
        limits: Limits {
            series: 2_000,
            open_contacts: 1_000_000,
            remembered_ids: 1_000_000,
            record_bytes: 1 << 20,
        },
        queue_defaults: queue_defaults(),
        queues: Vec::new(),
        history_interval: Some(Millis(15 * MINUTE as u64)),
        aliases: BTreeMap::new(),
    }
}

/// Queues `billing` (T 10 s), `fault` (alias `600`), `mail` (e-mail, elapsed clock) and `office`
/// (e-mail, open Mo-Fr 08:00-17:30, on the clock of its opening hours); windows of 1 and 5 minutes;
/// bounds out of reach; no interval history; everything else as [`defaults`].
pub fn settings() -> Settings {
    let hours = OpeningHours::parse("Mo-Fr 08:00-17:30", &[date(2026, 1, 7)], zone())
        .expect("opening hours");
    let mail = QueueSettings {
        channel: EMAIL,
        target_wait: Millis(HOUR as u64),
        target_resolution: Millis(8 * HOUR as u64),
        ..queue_defaults()
    };
    let queues = vec![
        ("billing".to_string(), QueueSettings { target_wait: Millis(10_000), ..queue_defaults() }),
        ("fault".to_string(), queue_defaults()),
        ("mail".to_string(), mail.clone()),
        (
            "office".to_string(),
            QueueSettings { clock: Clock::OpeningHours, opening_hours: Some(hours), ..mail },
        ),
    ];
    let defaults = defaults();
    Settings {
        windows: WindowSettings {
            lengths: lengths(&[("1m", MINUTE), ("5m", 5 * MINUTE)]),
            ..defaults.windows
        },
        limits: Limits {
            series: 10_000,
            open_contacts: 100_000,
            remembered_ids: 100_000,
            record_bytes: 1 << 20,
        },
        queues,
        history_interval: None,
        aliases: BTreeMap::from([("600".to_string(), 1)]),
        ..defaults
    }
}

/// Settings with limits close to each other, so that short logs reach them.
pub fn variant(number: u8) -> Arc<Settings> {
    let mut settings = settings();
    match number {
        0 => {}
        1 => {
            settings.windows.dedup_horizon = Millis(2 * MINUTE as u64);
            for (_, queue) in &mut settings.queues {
                queue.max_wait = Some(Millis(10 * MINUTE as u64));
                queue.max_service = Some(Millis(5 * MINUTE as u64));
            }
        }
        2 => {
            // Visits are lost before, and just after, their target.
            settings.queues[0].1.max_wait = Some(Millis(8_000));
            settings.queues[1].1.max_wait = Some(Millis(21_000));
            settings.queues[1].1.max_service = Some(Millis(30_000));
            settings.windows.dedup_horizon = Millis(5 * MINUTE as u64);
        }
        _ => {
            // The business day starts within a pane, and no lateness is allowed.
            settings.windows.business_day = BusinessDay::new(zone(), Time::constant(6, 0, 2, 0));
            settings.windows.allowed_lateness = Millis(0);
            settings.windows.lengths = lengths(&[("5s", 5 * SECOND), ("30m", 30 * MINUTE)]);
            settings.windows.dedup_horizon = Millis(20_000);
            settings.windows.reorder_grace = Millis(10_000);
        }
    }
    Arc::new(settings)
}
