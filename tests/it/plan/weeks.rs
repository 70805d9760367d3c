//! The ledger of a simulated centre, made once for all tests of plans.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use nabiz::config::Config;
use nabiz::ledger::{CheckpointRequest, Ledger};
use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_core::time::{Millis, Timestamp, WallTime};
use nabiz_simulator::{DAY_MS, DEFAULT_START_MS, Options, Scenario, Simulation};

/// The configuration of the centre, but for its ledger.
const TOML: &str = "\
[windows]
idle_advance = false
[planning]
absence = 0.12
pools = { calls = ['fault', 'billing'] }
[queues.fault]
name = 'Arıza Bildirim'
aliases = ['600']
";

/// A ledger with its configuration beside it.
pub struct Weeks {
    pub folder: PathBuf,
    pub config: Config,
}

/// Weeks of the ledger of the tests. A plan of the last one learns from those before it.
pub const WEEKS: i64 = 3;

/// Returns the ledger of the tests, which is small; for pictures it is that of a large centre.
pub fn weeks() -> &'static Weeks {
    static LEDGER: LazyLock<Weeks> = LazyLock::new(|| {
        let is_for_pictures = std::env::var_os("NABIZ_SCREENSHOTS").is_some();
        Weeks::simulate("plan", WEEKS, if is_for_pictures { 1.0 } else { 0.2 })
    });
    &LEDGER
}

impl Weeks {
    /// Simulates weeks through a shard into a ledger.
    pub fn simulate(name: &str, weeks: i64, rate_scale: f64) -> Weeks {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("nabiz-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("nabiz.db");
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("nabiz.db{end}")));
        }
        let toml = format!("{TOML}[ledger]\npath = {:?}\n", path.display().to_string());
        std::fs::write(folder.join("nabiz.toml"), &toml).expect("written");
        let config = Config::parse(&toml, "nabiz.toml", std::iter::empty()).expect("right");
        let mut settings = config.settings();
        settings.history_interval = Some(config.ledger.interval);
        let mut shard = Shard::new(Arc::new(settings), [7; 16]);
        let mut ledger = Ledger::open(&path, config.channels.clone()).expect("a ledger");
        let lease = ledger.acquire("calls", 0, "test").expect("acquired").lease;

        let duration_ms = Some(weeks.unsigned_abs() * 7 * DAY_MS);
        let options = Options { duration_ms, rate_scale, seed: 11, ..Options::default() };
        let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);
        let mut offset = 0;
        let mut fold = |shard: &mut Shard, json: &str| {
            let message = Message { value: Some(json.as_bytes()), headers: &[] };
            let meta = RecordMeta { offset: Offset(offset), timestamp: None };
            shard.fold(Format::CloudEvents, &message, meta);
            offset += 1;
            offset
        };
        for event in simulation.by_ref() {
            if fold(&mut shard, &event.json) % 5_000 == 0 {
                let checkpoint = CheckpointRequest::new(lease, shard.checkpoint());
                ledger.store(&[checkpoint], WallTime(0)).expect("stored");
            }
        }
        fold(&mut shard, &simulation.closing_event().json);
        // The last day is over for good.
        let end = DEFAULT_START_MS + weeks * 7 * DAY_MS as i64;
        shard.advance(Timestamp(end).saturating_add(Millis::from_mins(30)));
        let checkpoint = CheckpointRequest::new(lease, shard.checkpoint());
        ledger.store(&[checkpoint], WallTime(0)).expect("stored");
        Weeks { folder, config }
    }

    /// Returns the date of a day of the simulation.
    pub fn date(day: i64) -> String {
        let time = DEFAULT_START_MS + day * DAY_MS as i64 + 12 * 3_600_000;
        let time = jiff::Timestamp::from_millisecond(time).expect("a time");
        time.to_string()[..10].to_string()
    }
}
