//! Clocks that are wrong: that of a source, of a record, and of the host.

use nabiz::ingest::Options;
use nabiz::readmodel::PublishedState;
use nabiz_core::time::Timestamp;

use super::*;
use crate::harness::fake_clock::FakeClock;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

fn stream_ms(view: &PublishedState) -> Option<i64> {
    view.merged.stream_time.map(Timestamp::get)
}

fn missed(view: &PublishedState) -> u64 {
    view.merged.series.iter().map(|series| series.totals.service_level.missed).sum()
}

fn future_records(view: &PublishedState) -> u64 {
    view.health.future_records.values().sum()
}

fn late(view: &PublishedState) -> u64 {
    view.health.records.values().map(|records| records.late).sum()
}

fn causes(view: &PublishedState) -> Vec<&str> {
    view.health.degraded.iter().map(|fault| &*fault.cause).collect()
}

fn of_source(event: &str, source: &str) -> String {
    event.replace(r#""source":"/test""#, &format!(r#""source":"{source}""#))
}

impl Broker {
    /// Writes `contact.KIND` of a contact, with the same time in the event and in its record.
    fn say(&self, kind: &str, contact: &str, time_ms: i64) {
        self.write("calls", 0, contact, &event(kind, contact, time_ms), time_ms);
        self.flush();
    }
}

fn start(options: Options, clock: &Arc<FakeClock>) -> Pipeline {
    Pipeline::start(clock.of(options), settings_with_idle_advance())
}

#[test]
fn event_55_minutes_ahead_makes_no_miss_and_is_shown_once_it_is_stored() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    let clock = FakeClock::at(START_MS + 15_000);
    for caller in 0..8 {
        broker.say("queued", &format!("c{caller}"), START_MS + 12_000);
    }
    let pipeline = start(broker.options(&["calls"]), &clock);
    pipeline.wait_for("eight callers", |view| is_ready(view) && offered(view) == 8);

    let ledger = hold_ledger(&broker);
    broker.say("queued", "ahead", START_MS + 55 * MINUTE_MS);
    pipeline.wait_for("the record is read", |view| future_records(view) == 1);
    pipeline.stays("the decision is not stored", |view| {
        offered(view) == 8 && stream_ms(view) == Some(START_MS + 12_000)
    });
    ledger.execute_batch("ROLLBACK").unwrap();
    let view = pipeline.wait_for("the caller from the future", |view| offered(view) == 9);
    assert_eq!((stream_ms(&view), missed(&view)), (Some(START_MS + 15_000), 0));

    clock.advance_to(START_MS + 20_000);
    for caller in 0..8 {
        broker.say("answered", &format!("c{caller}"), START_MS + 20_000);
    }
    let met = |view: &PublishedState| -> u64 {
        view.merged.series.iter().map(|series| series.totals.service_level.met).sum()
    };
    let view = pipeline.wait_for("eight answers", |view| met(view) == 8);
    assert_eq!((missed(&view), late(&view)), (0, 0));
    pipeline.stop();

    // The record is not judged again, by whatever clock.
    let pipeline = start(broker.options(&["calls"]), &clock);
    let again = pipeline.wait_for("readiness", is_ready);
    assert_eq!((again.merged.stream_time, offered(&again)), (view.merged.stream_time, 9));
    assert_eq!((met(&again), missed(&again), future_records(&again)), (8, 0, 0));
    pipeline.stop();
}

#[test]
fn windows_go_on_across_restarts_when_an_event_is_three_years_ahead() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    let clock = FakeClock::at(START_MS);
    broker.say("queued", "ahead", START_MS + 3 * 365 * DAY_MS);
    for restart in 1..=3_u64 {
        clock.pass(10_000);
        let caller = format!("c{restart}");
        broker.say("queued", &caller, clock.now_ms() - 1_000);
        let pipeline = start(broker.options(&["calls"]), &clock);
        let view = pipeline.wait_for("the caller of this start", |view| {
            is_ready(view) && offered(view) == restart + 1
        });
        assert_eq!((offered_in_window(&view), late(&view)), (restart + 1, 0));
        assert!(stream_ms(&view) <= Some(clock.now_ms()), "{:?}", stream_ms(&view));
        assert_eq!(causes(&view), Vec::<&str>::new());
        pipeline.stop();
    }
}

#[test]
fn event_keeps_its_time_when_the_timestamp_of_its_record_is_in_seconds() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    let clock = FakeClock::at(START_MS);
    let seconds = START_MS / 1000;
    broker.write("calls", 0, "a", &event("queued", "a", START_MS - 1_000), seconds);
    let without_time = event("queued", "b", START_MS).replace(r#""time""#, r#""no_time""#);
    broker.write("calls", 0, "b", &without_time, seconds);
    broker.flush();
    let pipeline = start(broker.options(&["calls"]), &clock);
    let view = pipeline.wait_for("both records", |view| {
        is_ready(view) && view.health.dead_letters == 1 && offered(view) == 1
    });
    assert_eq!(stream_ms(&view), Some(START_MS - 1_000));
    assert_eq!((offered_in_window(&view), late(&view)), (1, 0));
    assert_eq!(view.merged.clock_skew, 1);
    let letters = read_all(&broker, "dead", 1);
    let (headers, ..) = &letters[0];
    assert_eq!(headers["reason"], "missing_time");
    assert!(headers["message"].contains("not plausible"), "{}", headers["message"]);
    pipeline.stop();
}

#[test]
fn stream_time_does_not_follow_when_the_host_clock_is_two_days_ahead_for_ten_seconds() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    let clock = FakeClock::at(START_MS);
    broker.say("queued", "a", START_MS - 1_000);
    let pipeline = start(broker.options(&["calls"]), &clock);
    pipeline.wait_for("the first caller", |view| is_ready(view) && offered(view) == 1);
    clock.pass(5_000);
    pipeline.wait_for("time goes on", |view| stream_ms(view) == Some(START_MS + 2_000));

    clock.set_error(2 * DAY_MS);
    for _ in 0..5 {
        clock.pass(2_000);
        // A part of the system that has the same clock.
        let expected = clock.now_ms() - 3_000;
        pipeline.wait_for("time as the monotonic clock", |view| {
            let time = stream_ms(view);
            assert!(time <= Some(expected), "{time:?}");
            time == Some(expected)
        });
    }
    let view = pipeline.wait_for("the fault", |view| !causes(view).is_empty());
    assert_eq!(causes(&view), ["the wall clock of the host has jumped"]);
    clock.set_error(0);
    pipeline.wait_for("no fault", |view| causes(view).is_empty());
    broker.say("queued", "b", clock.now_ms() - 500);
    let view = pipeline.wait_for("the second caller", |view| offered(view) == 2);
    assert_eq!((offered_in_window(&view), late(&view), missed(&view)), (2, 0, 0));
    pipeline.stop();
}

#[test]
fn first_advance_waits_for_a_witness() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.say("queued", "old", START_MS - 10 * MINUTE_MS);
    let clock = FakeClock::at(START_MS + 2 * DAY_MS);
    let pipeline = start(broker.options(&["calls"]), &clock);
    pipeline.wait_for("the caller", |view| is_ready(view) && offered(view) == 1);
    clock.pass(10_000);
    pipeline.stays("no witness", |view| stream_ms(view) == Some(START_MS - 10 * MINUTE_MS));
    // The time protocol corrects the clock; nobody has believed it.
    clock.set_error(-2 * DAY_MS);
    broker.say("queued", "new", START_MS + 9_000);
    let advanced = START_MS + 10_000 - 3_000;
    pipeline.wait_for("the record is a witness", |view| stream_ms(view) > Some(advanced));
    // The first one can be read before anybody has looked at the clock again.
    broker.say("queued", "second", START_MS + 9_000);
    pipeline.wait_for("the second record", |view| offered(view) == 3);
    clock.pass(10_000);
    let view = pipeline
        .wait_for("time goes on", |view| stream_ms(view) == Some(START_MS + 20_000 - 3_000));
    assert_eq!(causes(&view), Vec::<&str>::new());
    pipeline.stop();

    // Without a record, the clock needs a minute.
    let pipeline = start(broker.options(&["calls"]), &clock);
    pipeline.wait_for("readiness", is_ready);
    clock.pass(59_000);
    pipeline.stays("no minute yet", |view| stream_ms(view) == Some(START_MS + 20_000 - 3_000));
    clock.pass(1_000);
    pipeline.wait_for("a steady minute", |view| stream_ms(view) == Some(START_MS + 80_000 - 3_000));
    pipeline.stop();
}

#[test]
fn clock_is_the_suspect_when_the_records_of_several_sources_are_ahead_of_it() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    // The clock is two hours behind.
    let clock = FakeClock::at(START_MS - 120 * MINUTE_MS);
    for (number, source) in ["/a", "/b", "/c"].into_iter().enumerate() {
        let (contact, time_ms) = (format!("c{number}"), START_MS + number as i64);
        let event = of_source(&event("queued", &contact, time_ms), source);
        broker.write("calls", 0, &contact, &event, time_ms);
    }
    broker.flush();
    let pipeline = start(broker.options(&["calls"]), &clock);
    let view = pipeline.wait_for("three callers", |view| is_ready(view) && offered(view) == 3);
    assert_eq!(stream_ms(&view), Some(START_MS + 2), "the third source outvotes the clock");
    let view = pipeline.wait_for("the faults", |view| causes(view).len() == 2);
    let expected = [
        "the newest records of most sources are ahead of the clock of the host",
        "stream time is ahead of the clock of the host",
    ];
    assert_eq!(causes(&view), expected);
    clock.advance_to(START_MS + 3_000);
    pipeline.wait_for("a clock that is right", |view| causes(view).is_empty());
    pipeline.stop();
}
