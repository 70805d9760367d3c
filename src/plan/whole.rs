//! A plan: what is expected, the agents that it needs, and what it goes by.

use std::sync::Arc;

use jiff::civil::Date;
use nabiz_core::time::{TimeRange, Timestamp};
use nabiz_planning::backlog::WrittenStaffing;
use nabiz_planning::day::DayClass;
use nabiz_planning::erlang::Expected as Figures;
use nabiz_planning::forecast::Expected;
use nabiz_planning::patience::Patience;
use nabiz_planning::staffing::Reason;

use super::learned::AhtBasis;
use super::what_if::WhatIf;
use crate::config::PlanStep;

/// The plan of a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The days.
    pub days: Vec<Date>,
    /// The period.
    pub period: TimeRange,
    /// IANA name of the time zone.
    pub time_zone: String,
    /// The length of a row.
    pub step: PlanStep,
    /// Days before this one were learned from.
    pub learned_until: Date,
    /// The instant before which the history is complete.
    pub history_until: Option<Timestamp>,
    /// The instant up to which arrivals correct the rest of their day.
    pub now: Option<Timestamp>,
    /// The changes that were asked for.
    pub what_if: WhatIf,
    /// By queue and channel.
    pub series: Vec<SeriesPlan>,
    /// Queues that share their agents.
    pub pools: Vec<PoolPlan>,
}

/// How the agents of a queue are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Erlang A: callers abandon after their patience.
    ErlangA,
    /// Erlang C: nobody abandons, because the patience is not known.
    ErlangC,
    /// The work that arrives and waits, by its due time.
    Backlog,
}

/// The plan of one queue and channel.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPlan {
    /// Queue id.
    pub queue: Arc<str>,
    /// Display name.
    pub name: String,
    /// Channel.
    pub channel: Arc<str>,
    /// What the plan goes by.
    pub basis: Basis,
    /// A row for each day.
    pub day_rows: Vec<DayRow>,
    /// A row for each step.
    pub rows: Vec<StepRow>,
    /// The agents of a written channel, and what to expect with them.
    pub written: Option<WrittenStaffing>,
    /// What a simulation of the whole period gives, where that was asked for.
    pub simulated: Option<SimulatedTotal>,
    /// What the reader has to know, in plain words.
    pub notes: Vec<String>,
}

/// What the plan of a queue goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// How the agents are computed.
    pub method: Method,
    /// Share of contacts to be answered in time, 0 to 1.
    pub target_service_level: f64,
    /// The time, in seconds.
    pub target_seconds: f64,
    /// Most that may abandon, 0 to 1.
    pub max_abandonment: f64,
    /// Most of their time that agents may be busy.
    pub max_occupancy: Option<f64>,
    /// Contacts that an agent serves at once.
    pub concurrency: u32,
    /// Complete days that were learned from, and the first and last of them.
    pub days: usize,
    /// The first and the last of these days.
    pub dates: Option<(Date, Date)>,
    /// Growth a week that the forecast contains; absent where the history bears none.
    pub weekly_growth: Option<f64>,
    /// Mean handle time of all contacts, in seconds, before changes.
    pub aht_seconds: Option<f64>,
    /// Contacts behind it.
    pub handled: f64,
    /// The measured patience.
    pub patience: Option<Patience>,
    /// Abandoned contacts behind it, beyond the short ones.
    pub long_abandons: u64,
    /// The mean patience that is used, in seconds; absent with Erlang C.
    pub patience_seconds: Option<f64>,
    /// The paused share of the time of agents.
    pub paused_share: Option<f64>,
    /// The share of a shift in which agents do not work, where it is configured.
    pub given_shrinkage: Option<f64>,
    /// The share of the paid time in which agents are absent, where it is configured.
    pub absence: Option<f64>,
    /// Both together; absent where the first part is not known.
    pub shrinkage: Option<f64>,
    /// Error of the forecast where the period is over: WAPE of the steps, and the least that chance
    /// allows.
    pub error: Option<(f64, f64)>,
}

/// A day of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct DayRow {
    /// The date.
    pub date: Date,
    /// The kind of day.
    pub class: DayClass,
    /// Days of this kind that were learned from.
    pub like_days: usize,
    /// What is expected in the whole day.
    pub forecast: Option<Expected>,
    /// What came; absent until the day is complete.
    pub offered: Option<f64>,
    /// Hours of agents who have to be there.
    pub agent_hours: Option<f64>,
    /// Hours of agents to schedule.
    pub scheduled_hours: Option<f64>,
    /// Hours of agents who were there, or usually are.
    pub there_hours: Option<f64>,
    /// The factor by which today's arrivals correct the rest of the day.
    pub multiplier: Option<f64>,
    /// Why there is no forecast.
    pub missing: Option<Missing>,
}

/// Why a number is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The queue is closed.
    Closed,
    /// Too few days of the same kind were learned from.
    TooFewLikeDays {
        /// How many there are.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// No like day knows this step.
    StepNotKnown,
    /// No contact was handled, so the handle time is not known.
    NoHandleTime,
    /// No number of agents reaches the goal.
    GoalNotReachable,
    /// The numbers are outside of what the formulas take.
    OutOfBounds,
}

/// A step of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// The step.
    pub range: TimeRange,
    /// The day to which it belongs, as an index into the days of the plan.
    pub day: usize,
    /// Number of the step: its local time.
    pub number: usize,
    /// Whether the queue is open.
    pub open: bool,
    /// The open part of the step, in seconds.
    pub open_seconds: f64,
    /// What is expected.
    pub forecast: Option<Expected>,
    /// What came; absent until the step is complete.
    pub offered: Option<f64>,
    /// Of what came, the share answered in time; absent until every contact has its ending.
    pub actual_service_level: Option<f64>,
    /// Mean handle time in seconds, with the changes, and where it comes from.
    pub aht: Option<(f64, AhtBasis)>,
    /// The agents that have to be there.
    pub agents: Option<u32>,
    /// The part of the goal that decides their number.
    pub decided_by: Option<Reason>,
    /// What to expect with them.
    pub expected: Option<Figures>,
    /// What to expect with one fewer.
    pub one_fewer: Option<Figures>,
    /// What to expect with one more.
    pub one_more: Option<Figures>,
    /// The agents to schedule.
    pub scheduled: Option<u32>,
    /// Agents who were there on average, or usually are.
    pub there: Option<There>,
    /// What to expect with other agents, where that was asked for.
    pub what_if: Option<(u32, Option<Figures>)>,
    /// What a simulation gives, where that was asked for.
    pub simulated: Option<Simulated>,
    /// Why a number is missing.
    pub missing: Option<Missing>,
}

/// Agents who are there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct There {
    /// How many on average.
    pub agents: f64,
    /// Whether they were there in this step, rather than in the same step of like days.
    pub measured: bool,
    /// The service level that the formula expects of them.
    pub service_level: Option<f64>,
}

/// What a simulation of a step gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulated {
    /// Share of what entered that was answered in time.
    pub service_level: Option<f64>,
    /// Share that abandoned.
    pub abandonment: Option<f64>,
}

/// What a simulation of a period gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedTotal {
    /// How many times the period was simulated.
    pub replications: u64,
    /// Share of what entered that was answered in time.
    pub service_level: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Share that abandoned.
    pub abandonment: Option<f64>,
}

/// Queues that share their agents.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlan {
    /// The name.
    pub name: String,
    /// The queues of the pool that the plan has.
    pub queues: Vec<Arc<str>>,
    /// A row for each step.
    pub rows: Vec<PoolRow>,
    /// What a simulation of the pooled agents gives for each queue, where that was asked for.
    pub simulated: Vec<SimulatedTotal>,
    /// What the reader has to know.
    pub notes: Vec<String>,
}

/// A step of a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolRow {
    /// The step.
    pub range: TimeRange,
    /// The agents where each queue has its own.
    pub apart: u32,
    /// The agents where all serve all queues.
    pub pooled: u32,
}
