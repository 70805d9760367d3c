//! The synthetic contact centre: a discrete-event simulation whose events follow the event contract, and the exact
//! truth of what it wrote.
//!
//! - [`centre`]: queues, teams, the roster, volumes: what the place looks like;
//! - [`arrivals`]: when citizens reach it (a non-homogeneous Poisson process for each channel);
//! - [`behaviour`]: how long people wait, talk, and work (named distributions);
//! - [`agenda`]: the priority queue of what happens next;
//! - [`world`]: contacts, queues and agents in motion; waits emerge from it and are not drawn. [`service`],
//!   [`messages`], [`agents`] and [`followups`] are its parts;
//! - [`wire`]: the JSON of an event;
//! - [`tally`] and [`truth`]: the world's own books, kept apart from the pipeline that is to be checked with them.
//!
//! ```
//! use nabiz_simulator::{Options, Scenario, Simulation};
//!
//! let mut simulation =
//!     Simulation::new(Scenario::OrdinaryDay, Options { duration_ms: Some(600_000), ..Options::default() });
//! let events = simulation.by_ref().count() as u64;
//! assert_eq!(simulation.truth().events, events);
//! ```

mod agenda;
mod agents;
mod arrivals;
mod behaviour;
mod centre;
mod followups;
mod messages;
mod service;
mod tally;
mod truth;
mod wire;
mod world;

use std::str::FromStr;

pub use truth::{Sample, Truth, Value};

use world::World;

/// 2026-01-05T00:00:00+03:00, a Monday: the default start.
pub const DEFAULT_START_MS: i64 = 1_767_560_400_000;
/// A day in milliseconds: the default duration.
pub const DAY_MS: u64 = 86_400_000;
/// The centre's offset from UTC. Türkiye has had no daylight saving time since 2016, and the simulated place never has.
pub const UTC_OFFSET_MS: i64 = 3 * 3_600_000;

/// What kind of time is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// A working day of a city utility (and the days that follow it).
    OrdinaryDay,
    /// The same, and 40 minutes in which fault calls rise eightfold.
    PipeBurst,
    /// The thin traffic of the night, at every hour.
    Overnight,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Scenario; 3] =
        [Scenario::OrdinaryDay, Scenario::PipeBurst, Scenario::Overnight];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::OrdinaryDay => "ordinary-day",
            Scenario::PipeBurst => "pipe-burst",
            Scenario::Overnight => "overnight",
        }
    }
}

/// The name of no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario `{0}`: allowed are ordinary-day, pipe-burst, overnight")]
pub struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        Scenario::ALL
            .into_iter()
            .find(|scenario| scenario.as_str() == name)
            .ok_or_else(|| UnknownScenario(name.to_owned()))
    }
}

/// What a simulation is made of besides its scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first instant, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// How long: no event at or after `start_ms + duration_ms` is written. Without end where `None`.
    pub duration_ms: Option<u64>,
    /// Factor on the arrivals, [`RATE_SCALE_MIN`] to [`RATE_SCALE_MAX`] (values outside are moved to the nearest
    /// bound). Staff grows with it, a little slower.
    pub rate_scale: f64,
    /// Everything random follows from it.
    pub seed: u64,
    /// When the burst of [`Scenario::PipeBurst`] begins, in milliseconds since the Unix epoch; the first ten o'clock
    /// in the morning at or after the start where `None`.
    pub burst_start_ms: Option<i64>,
    /// Written times are this much later than simulated ones, in milliseconds: a working morning can happen now,
    /// whatever the hour.
    pub shift_ms: i64,
}

/// Smallest factor on the arrivals.
pub const RATE_SCALE_MIN: f64 = 0.001;
/// Largest factor on the arrivals.
pub const RATE_SCALE_MAX: f64 = 100_000.0;

impl Default for Options {
    fn default() -> Self {
        Options {
            start_ms: DEFAULT_START_MS,
            duration_ms: Some(DAY_MS),
            rate_scale: 1.0,
            seed: 1,
            burst_start_ms: None,
            shift_ms: 0,
        }
    }
}

/// One event, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedEvent {
    /// Event time in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Kafka key: the id of the contact, agent, follow-up or queue.
    pub key: String,
    /// The CloudEvents envelope in structured mode, one line without its end.
    pub json: String,
}

/// A running simulation: an iterator over its events in event-time order.
///
/// Events are made as they are asked for; memory is bounded by what is going on at one time in the simulated centre,
/// not by the duration. The same scenario and options give the same events, byte for byte.
#[derive(Debug)]
pub struct Simulation {
    world: World,
}

impl Simulation {
    /// A simulation at its start.
    pub fn new(scenario: Scenario, options: Options) -> Self {
        Simulation { world: World::new(scenario, &options) }
    }

    /// A `queue.observed` at the largest event time so far, with an id of its own. Written last to each partition of a
    /// topic, it brings all of them to one stream time. Counted in the truth's `events`.
    pub fn closing_event(&mut self) -> SimulatedEvent {
        self.world.closing_event()
    }

    /// The largest event time so far, in milliseconds since the Unix epoch; the start before the first event.
    pub fn time_ms(&self) -> i64 {
        self.world.largest_time_ms()
    }

    /// What a correct reader of all events so far must have counted, as of the largest event time. Events of one
    /// instant are booked together, so between two events of the same instant it is ahead of what was taken.
    pub fn truth(&self) -> Truth {
        self.world.truth()
    }
}

impl Iterator for Simulation {
    type Item = SimulatedEvent;

    fn next(&mut self) -> Option<SimulatedEvent> {
        self.world.next_event()
    }
}
