//! Plans of histories with known numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

use super::agents::staff_series;
use super::grid::Grid;
use super::limits::{Limits, PlanError};
use super::past::{Agents, Counts, Past};
use super::pools::plan_pools;
use super::request::PlanRequest;
use super::series::{Context, plan_series};
use super::settings::PlanningSettings;
use super::simulate::simulate_series;
use super::whole::{Method, Missing, SeriesPlan, StepRow};
use crate::config::{Config, PlanStep};

const OPEN: &str = "[queues.fault]\nopening_hours = 'Mo-Fr 09:00-17:00'\nholidays = [2026-01-28]\n";
/// A Monday. Four weeks lie before it.
const FROM: Date = Date::constant(2026, 1, 26);

fn history_from(from: Date) -> Date {
    from.checked_sub(jiff::Span::new().weeks(4)).unwrap()
}

/// A step of the worked example: 100 calls of 240 s, with a patience of 260 s beyond the short
/// bound, 16 agents of whom 30 % pause.
fn example() -> Counts {
    Counts {
        offered: 100.0,
        handled: 96.0,
        handle_seconds: 96.0 * 240.0,
        long_abandons: 4,
        beyond_short_seconds: 4.0 * 260.0,
        answered_in_target: 82.0,
        still_waiting: 0.0,
        agents: Agents {
            available: 3.0 * 1800.0,
            busy: 12.0 * 1800.0,
            wrap_up: 1800.0,
            paused: 16.0 / 0.7 * 0.3 * 1800.0,
        },
    }
}

struct Example {
    channel: &'static str,
    settings: Settings,
    planning: PlanningSettings,
    request: PlanRequest,
    past: Past,
    /// The first day of the plan.
    from: Date,
}

impl Example {
    /// Creates four weeks in which every open step has the counts that `of` gives it.
    fn new(toml: &str, of: impl Fn(Date) -> Option<Counts>) -> Example {
        Self::on("phone", toml, of)
    }

    fn on(channel: &'static str, toml: &str, of: impl Fn(Date) -> Option<Counts>) -> Example {
        Self::until(FROM, channel, toml, of)
    }

    fn until(
        from: Date,
        channel: &'static str,
        toml: &str,
        of: impl Fn(Date) -> Option<Counts>,
    ) -> Example {
        let config = Config::parse(toml, "nabiz.toml", std::iter::empty()).unwrap();
        let settings = config.settings();
        let planning = PlanningSettings::of(&config);
        let grid = Grid::new(&settings, PlanStep::HalfHour);
        let mut steps = BTreeMap::new();
        let mut date = history_from(from);
        while date < from {
            for slot in grid.slots(date) {
                if settings.queue("fault").is_open(slot.range.start)
                    && let Some(counts) = of(date)
                {
                    steps.insert(slot.range.start, counts);
                }
            }
            date = date.tomorrow().unwrap();
        }
        let past = Past::of("fault", channel, steps, &grid, grid.range(from).start);
        let request = PlanRequest { from: Some(from.to_string()), ..PlanRequest::default() };
        Example { channel, settings, planning, request, past, from }
    }

    /// Adds the same count to the first open steps of the first day, and ends the history there.
    fn came(&mut self, steps: usize, offered: f64) {
        let grid = Grid::new(&self.settings, PlanStep::HalfHour);
        let key = ("fault".into(), self.channel.into());
        let mut today = grid.slots(self.from);
        today.retain(|slot| self.settings.queue("fault").is_open(slot.range.start));
        for slot in today.iter().take(steps) {
            let counts = Counts { offered, ..example() };
            self.past.insert(&key, slot.range.start, counts, self.from);
        }
        let end = today[steps].range.start;
        self.past.known.as_mut().unwrap().end = end;
        let now = jiff::Timestamp::from_millisecond(end.get()).unwrap();
        self.request.now = Some(now.to_string());
    }

    fn plan(&self) -> SeriesPlan {
        let clock = Timestamp(0);
        let interval = Millis::from_mins(15);
        let query = self.request.query(&self.settings, &self.planning, interval, clock).unwrap();
        let grid = Grid::new(&self.settings, query.step);
        let dates = |from: Date, until: Date| -> Vec<Date> {
            from.series(jiff::Span::new().days(1)).take_while(|date| *date < until).collect()
        };
        let context = Context {
            settings: &self.settings,
            planning: &self.planning,
            grid: &grid,
            past: &self.past,
            query: &query,
            days: &dates(query.from, query.to),
            learning: &dates(history_from(self.from), self.from),
            until: self.from,
            is_cancelled: &|| false,
        };
        let (queue, channel): (Arc<str>, Arc<str>) = ("fault".into(), self.channel.into());
        let steps = self.past.series.get(&(queue.clone(), channel.clone())).unwrap();
        let (mut plan, learned) = plan_series(&context, &queue, &channel, steps);
        staff_series(&context, &learned, &mut plan);
        plan
    }
}

/// Returns a step of a plan by its local time, `2026-01-26T10:00`.
fn step(plan: &SeriesPlan, text: &str) -> StepRow {
    let start: jiff::Timestamp = format!("{text}:00+03:00").parse().unwrap();
    let start = Timestamp(start.as_millisecond());
    plan.rows.iter().find(|row| row.range.start == start).unwrap().clone()
}

fn assert_near(found: Option<f64>, expected: f64) {
    let found = found.unwrap_or(f64::NAN);
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn plan_equals_the_worked_example() {
    let plan = Example::new(OPEN, |_| Some(example())).plan();
    assert_eq!(plan.basis.method, Method::ErlangA);
    assert_near(plan.basis.patience_seconds, 260.0);
    assert_near(plan.basis.aht_seconds, 240.0);
    assert_near(plan.basis.paused_share, 0.3);
    let monday = step(&plan, "2026-01-26T10:00");
    assert_near(monday.forecast.map(|it| it.mean), 100.0);
    assert_eq!((monday.agents, monday.scheduled), (Some(16), Some(23)));
    let figures = monday.expected.unwrap();
    assert_near(Some(figures.service_level), 0.816776);
    assert_near(Some(figures.abandonment), 0.038053);
    assert_near(figures.occupancy, 0.801623);
    assert_near(monday.one_fewer.map(|it| it.service_level), 0.736801);
    assert_near(monday.there.map(|it| it.agents), 16.0);
    assert_near(monday.there.and_then(|it| it.service_level), 0.816776);
    // 16 steps of half an hour with 16 agents.
    let day = &plan.day_rows[0];
    assert_near(day.agent_hours, 128.0);
    assert_near(day.scheduled_hours, 184.0);
    assert_near(day.forecast.map(|it| it.mean), 1600.0);
}

#[test]
fn plan_has_no_number_for_closed_hours_and_holidays() {
    let plan = Example::new(OPEN, |_| Some(example())).plan();
    for text in ["2026-01-26T08:30", "2026-01-28T10:00", "2026-01-31T10:00"] {
        let closed = step(&plan, text);
        assert_eq!(
            (closed.open, closed.forecast, closed.agents, closed.missing),
            (false, None, None, Some(Missing::Closed)),
            "{text}"
        );
    }
    let holiday = &plan.day_rows[2];
    assert_eq!((holiday.forecast, holiday.missing), (None, Some(Missing::Closed)));
    assert_eq!(holiday.agent_hours, None);
}

#[test]
fn plan_says_what_is_not_known_instead_of_a_number() {
    // One Monday only; few abandons; no agents; nobody handled.
    let few = Counts { long_abandons: 0, agents: Agents::default(), ..example() };
    let plan =
        Example::new(OPEN, |date| (date > Date::constant(2026, 1, 18)).then_some(few)).plan();
    let monday = step(&plan, "2026-01-26T10:00");
    let too_few = Missing::TooFewLikeDays { found: 1, needed: 2 };
    assert_eq!((monday.forecast, monday.agents, monday.missing), (None, None, Some(too_few)));
    assert_eq!((plan.basis.method, plan.basis.patience), (Method::ErlangC, None));
    assert_eq!(plan.basis.shrinkage, None);

    let plan = Example::new(OPEN, |_| Some(few)).plan();
    let monday = step(&plan, "2026-01-26T10:00");
    // Erlang C asks for one more than Erlang A.
    assert_eq!((monday.agents, monday.scheduled, monday.there), (Some(17), None, None));
    assert_near(monday.expected.map(|it| it.service_level), 0.810435);

    let unhandled = Counts { handled: 0.0, handle_seconds: 0.0, ..example() };
    let plan = Example::new(OPEN, |_| Some(unhandled)).plan();
    let monday = step(&plan, "2026-01-26T10:00");
    assert_eq!((monday.agents, monday.missing), (None, Some(Missing::NoHandleTime)));
    assert!(monday.forecast.is_some());
}

#[test]
fn open_day_is_not_learned_from() {
    let mut example = Example::new(OPEN, |_| Some(example()));
    let all = example.plan().basis.days;
    // The last Friday is not read to its end.
    let friday = Date::constant(2026, 1, 23);
    let grid = Grid::new(&example.settings, PlanStep::HalfHour);
    let end = grid.range(friday).end.saturating_sub(Millis(1));
    example.past.known.as_mut().unwrap().end = end;
    let plan = example.plan();
    assert_eq!(plan.basis.dates.map(|(_, last)| last), Some(Date::constant(2026, 1, 22)));
    assert!(plan.basis.days < all);
}

#[test]
fn noted_day_is_learned_from_days_of_its_name_and_not_from_others() {
    let toml =
        format!("{OPEN}[planning]\nnoted_days = {{ bill = [2026-01-06, 2026-01-13, 2026-01-27] }}");
    let bill = |date| date == Date::constant(2026, 1, 6) || date == Date::constant(2026, 1, 13);
    let of = |date| Some(Counts { offered: if bill(date) { 300.0 } else { 100.0 }, ..example() });
    let plan = Example::new(&toml, of).plan();
    let mean = |text| step(&plan, text).forecast.map(|it| it.mean);
    assert!(mean("2026-01-27T10:00") > Some(250.0), "{:?}", mean("2026-01-27T10:00"));
    assert!(mean("2026-01-26T10:00") < Some(110.0), "{:?}", mean("2026-01-26T10:00"));
    assert_eq!(plan.day_rows[1].like_days, 2);
}

#[test]
fn what_if_changes_the_numbers_that_the_agents_follow_from() {
    let mut example = Example::new(OPEN, |_| Some(example()));
    let some = |text: &str| Some(text.to_string());
    (example.request.volume, example.request.aht) = (some("4"), some("240s"));
    example.request.agents = some("55");
    let monday = step(&example.plan(), "2026-01-26T10:00");
    assert_near(monday.forecast.map(|it| it.mean), 400.0);
    assert_eq!(monday.agents, Some(56));
    assert_near(monday.expected.map(|it| it.service_level), 0.806912);
    let (agents, figures) = monday.what_if.unwrap();
    assert_eq!(agents, 55);
    assert_near(figures.map(|it| it.service_level), 0.766485);
    example.request.patience = some("300s");
    (example.request.volume, example.request.aht) = (None, some("-25%"));
    let monday = step(&example.plan(), "2026-01-26T10:00");
    assert_eq!(monday.agents, Some(13));
    assert_near(monday.expected.map(|it| it.service_level), 0.858178);
}

#[test]
fn rest_of_today_is_corrected_by_what_came() {
    let mut example = Example::new(OPEN, |_| Some(example()));
    example.came(4, 130.0);
    let plan = example.plan();
    let multiplier = plan.day_rows[0].multiplier.unwrap();
    // Four weeks of equal days leave little doubt of the level of a day.
    assert!(multiplier > 1.01 && multiplier < 1.3, "{multiplier}");
    let mean = |text| step(&plan, text).forecast.map(|it| it.mean);
    assert_near(mean("2026-01-26T10:30"), 100.0);
    assert_near(mean("2026-01-26T11:00"), 100.0 * multiplier);
    assert_eq!(step(&plan, "2026-01-26T10:30").offered, Some(130.0));
    assert_eq!(step(&plan, "2026-01-26T11:00").offered, None);
    assert_near(mean("2026-01-27T10:00"), 100.0);
}

#[test]
fn rest_of_today_is_corrected_by_the_right_steps_when_the_clocks_change() {
    let toml = "[windows]\ntime_zone = 'Europe/Berlin'";
    // Without 02:00 to 03:00: three hours end at 04:00, with the steps 6 and 7.
    let sunday = Date::constant(2026, 3, 29);
    let mut spring = Example::until(sunday, "phone", toml, |_| Some(example()));
    let numbers = |plan: &SeriesPlan| -> Vec<(usize, f64)> {
        let rows = plan.rows.iter().filter(|row| row.day == 0);
        rows.map(|row| (row.number, row.forecast.unwrap().mean)).collect()
    };
    assert_near(spring.plan().day_rows[0].forecast.map(|it| it.mean), 4600.0);
    spring.came(6, 130.0);
    let plan = spring.plan();
    let multiplier = plan.day_rows[0].multiplier.unwrap();
    assert!(multiplier > 1.01, "{multiplier}");
    for (number, mean) in numbers(&plan) {
        assert_near(Some(mean), if number < 8 { 100.0 } else { 100.0 * multiplier });
    }
    let total = 6.0 * 130.0 + 40.0 * 100.0 * multiplier;
    assert_near(plan.day_rows[0].forecast.map(|it| it.mean), total);

    // With 02:00 to 03:00 twice: eight steps end at 03:00, before the step 6.
    let sunday = Date::constant(2026, 10, 25);
    let mut autumn = Example::until(sunday, "phone", toml, |_| Some(example()));
    assert_near(autumn.plan().day_rows[0].forecast.map(|it| it.mean), 5000.0);
    autumn.came(8, 130.0);
    let plan = autumn.plan();
    assert_near(plan.day_rows[0].multiplier, multiplier);
    for (number, mean) in numbers(&plan) {
        assert_near(Some(mean), if number < 6 { 100.0 } else { 100.0 * multiplier });
    }
}

#[test]
fn today_has_no_multiplier_when_nothing_of_it_is_known() {
    let mut example = Example::new(OPEN, |_| Some(example()));
    example.request.now = Some("2026-01-26T11:00:00+03:00".to_string());
    let plan = example.plan();
    assert_eq!(plan.day_rows[0].multiplier, None);
    assert!(plan.notes.iter().any(|note| note.contains("corrects nothing")), "{:?}", plan.notes);
    assert_near(step(&plan, "2026-01-26T11:00").forecast.map(|it| it.mean), 100.0);
}

#[test]
fn error_is_of_the_forecast_before_a_what_if() {
    let mut example = Example::new(OPEN, |_| Some(example()));
    example.came(4, 130.0);
    example.request.now = None;
    let error = example.plan().basis.error.unwrap();
    assert_near(Some(error.0), 30.0 / 130.0);
    example.request.volume = Some("2".to_string());
    let plan = example.plan();
    assert_eq!(plan.basis.error, Some(error));
    assert_near(step(&plan, "2026-01-26T09:00").forecast.map(|it| it.mean), 200.0);
}

#[test]
fn step_that_is_open_in_part_has_agents_for_that_part() {
    let toml = "[queues.fault]\nopening_hours = 'Mo-Fr 09:00-16:45'\n";
    let mut example = Example::new(toml, |_| Some(example()));
    let plan = example.plan();
    let last = step(&plan, "2026-01-26T16:30");
    assert_near(last.forecast.map(|it| it.mean), 100.0);
    // 15 whole steps of 16 agents, and a quarter of an hour of those for twice the rate.
    let agents = f64::from(last.agents.unwrap());
    assert_near(plan.day_rows[0].agent_hours, 15.0 * 16.0 / 2.0 + agents / 4.0);
    example.request.volume = Some("2".to_string());
    let whole = step(&example.plan(), "2026-01-26T10:00");
    assert_eq!((last.agents, last.expected), (whole.agents, whole.expected));

    example.request.volume = None;
    let mut plan = example.plan();
    simulate_series(&mut plan, &Limits::NONE).unwrap();
    assert!(step(&plan, "2026-01-26T10:00").simulated.is_some());
    assert_eq!(step(&plan, "2026-01-26T16:30").simulated, None);
    assert!(plan.notes.iter().any(|note| note.contains("open in part")), "{:?}", plan.notes);
}

#[test]
fn concurrency_is_of_chats_alone() {
    let concurrency = |channel, toml: &str| {
        Example::on(channel, toml, |_| Some(example())).plan().basis.concurrency
    };
    let chats = format!("{OPEN}channel = 'chat'\nconcurrency = 2\n");
    assert_eq!(concurrency("chat", &chats), 2);
    assert_eq!(concurrency("phone", &chats), 1);
}

#[test]
fn noted_days_are_in_no_handle_time_and_patience_of_other_days() {
    let toml = format!("{OPEN}[planning]\nnoted_days = {{ outage = [2026-01-13] }}");
    let outage =
        Counts { handle_seconds: 96.0 * 600.0, beyond_short_seconds: 4.0 * 30.0, ..example() };
    let of = |date| Some(if date == Date::constant(2026, 1, 13) { outage } else { example() });
    let plan = Example::new(&toml, of).plan();
    assert_near(plan.basis.aht_seconds, 240.0);
    assert_near(plan.basis.patience_seconds, 260.0);
    assert_near(step(&plan, "2026-01-27T10:00").aht.map(|(seconds, _)| seconds), 240.0);
}

#[test]
fn simulation_ends_when_it_is_cancelled_and_when_it_is_too_much() {
    let mut plan = Example::new(OPEN, |_| Some(example())).plan();
    let asked = std::cell::Cell::new(0);
    let third = || {
        asked.set(asked.get() + 1);
        asked.get() == 3
    };
    let limits = Limits { is_cancelled: &third, ..Limits::NONE };
    let ended = simulate_series(&mut plan, &limits);
    assert!(matches!(ended, Err(PlanError::Cancelled)), "{ended:?}");
    assert_eq!((asked.get(), plan.simulated.is_none()), (3, true));
    let limits = Limits { simulated_max: 1e5, ..Limits::NONE };
    let ended = simulate_series(&mut plan, &limits);
    assert!(matches!(ended, Err(PlanError::TooMuchToSimulate { .. })), "{ended:?}");
}

#[test]
fn pool_needs_fewer_agents_than_its_queues_apart() {
    let toml = format!("{OPEN}[planning]\npools = {{ calls = ['fault', 'billing'] }}");
    let example = Example::new(&toml, |_| Some(example()));
    let fault = example.plan();
    let billing = SeriesPlan { queue: "billing".into(), ..fault.clone() };
    assert!(plan_pools(&example.planning, std::slice::from_ref(&fault)).is_empty());
    let pools = plan_pools(&example.planning, &[fault, billing]);
    assert_eq!(pools.len(), 1);
    // Four open days of 16 steps; the holiday and the weekend have none.
    assert_eq!(pools[0].rows.len(), 64);
    for row in &pools[0].rows {
        assert_eq!(row.apart, 32);
        // A load of 26.7 erlangs, and some to spare.
        assert!((28..=30).contains(&row.pooled), "{}", row.pooled);
    }
    assert!(pools[0].notes.is_empty(), "{:?}", pools[0].notes);
}

#[test]
fn letters_are_planned_by_their_work_and_in_opening_hours_alone() {
    let toml = "[queues.fault]\nchannel = 'email'\nopening_hours = 'Mo-Fr 09:00-17:00'\n";
    // What comes before the evening is due before the morning: more agents than the work needs.
    let elapsed = Example::on("email", toml, |_| Some(example())).plan();
    assert_eq!(step(&elapsed, "2026-01-26T10:00").agents, Some(27));
    let toml = format!("{toml}clock = 'opening_hours'\n");
    let plan = Example::on("email", &toml, |_| Some(example())).plan();
    assert_eq!(plan.basis.method, Method::Backlog);
    // 100 letters of 240 s in half an hour are 13.3 agents.
    let monday = step(&plan, "2026-01-26T10:00");
    assert_eq!((monday.agents, monday.scheduled), (Some(14), Some(20)));
    assert_eq!(monday.expected, None);
    let night = step(&plan, "2026-01-26T22:00");
    assert_eq!((night.agents, night.missing), (None, None));
    assert_near(night.forecast.map(|it| it.mean), 0.0);
    let written = plan.written.unwrap();
    assert_eq!((written.agents, written.expected.late_items), (14, 0.0));
}

#[test]
fn letters_of_a_day_without_a_forecast_are_left_out_and_a_note_says_so() {
    let toml = "[queues.fault]\nchannel = 'email'\nopening_hours = 'Mo-Fr 09:00-17:00'\n\
                clock = 'opening_hours'\n[planning]\nnoted_days = { fair = [2026-01-27] }";
    let plan = Example::on("email", toml, |_| Some(example())).plan();
    assert_eq!(step(&plan, "2026-01-26T10:00").agents, Some(14));
    let fair = step(&plan, "2026-01-27T10:00");
    let too_few = Missing::TooFewLikeDays { found: 0, needed: 2 };
    assert_eq!((fair.agents, fair.missing), (None, Some(too_few)));
    let said = plan.notes.iter().any(|note| note.starts_with("1 of 7 days have no forecast"));
    assert!(said, "{:?}", plan.notes);
}
