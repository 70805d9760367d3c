//! How long the group waits for a member that is away, and the member for the broker.

use std::time::Instant;

use super::*;

/// The session of the static members; longer than a restart takes.
const SESSION: Duration = Duration::from_secs(30);
/// The session of the other members; the shortest that a broker allows.
const SHORT_SESSION: Duration = Duration::from_secs(6);
const HEARTBEAT: Duration = Duration::from_millis(500);

fn pipeline(kafka: &Kafka, name: &str, session: Duration) -> Pipeline {
    let millis = |duration: Duration| duration.as_millis().to_string();
    let topic = format!("{name}.calls");
    let pipeline = Pipeline::new(kafka.brokers(), name)
        .topic(&topic, "cloudevents")
        .client("session.timeout.ms", &millis(session))
        .client("heartbeat.interval.ms", &millis(HEARTBEAT));
    kafka.create_topic(&topic, 2);
    kafka.create_topic(pipeline.dead_letters(), 1);
    pipeline
}

/// Returns the time from a crash to being ready again.
fn crash(pipeline: &Pipeline, nabiz: Nabiz) -> (Nabiz, Duration) {
    let killed = Instant::now();
    nabiz.kill();
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    (nabiz, killed.elapsed())
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn killed_static_member_is_ready_again_within_its_session() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = pipeline(kafka, "static", SESSION).instance_id("here");
    let (first, added, truth) = simulated_hour_before_and_after_growth();
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "static.calls", &first);
    let before = nabiz.scrape_until("the first partitions read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "static.calls", first.len() as u64)
    });

    let (mut nabiz, away) = crash(&pipeline, nabiz);
    assert!(away < SESSION, "ready after {away:?}");
    let again = nabiz.scrape_until("all counters back", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "static.calls", first.len() as u64)
    });
    assert_eq!(contact_metrics_fallen(&again, &before), Vec::<String>::new());

    // The group has not been rebalanced, and still assigns a partition that is added.
    kafka.grow_topic("static.calls", 3);
    produce(kafka, "static.calls", &added);
    let all = (first.len() + added.len()) as u64;
    nabiz.scrape_until("the new partition read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "static.calls", all)
    });

    // A clean stop keeps the partitions for the next process too.
    let stopped = Instant::now();
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    nabiz = pipeline.serve();
    nabiz.wait_ready();
    assert!(stopped.elapsed() < SESSION, "ready after {:?}", stopped.elapsed());
    let after = nabiz.scrape_until("everything back", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "static.calls", all)
    });
    assert_eq!(contact_metrics_fallen(&after, &again), Vec::<String>::new());
    assert_truth(&truth, &after);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn killed_member_without_an_id_waits_for_its_session() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = pipeline(kafka, "dynamic", SHORT_SESSION);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let (_nabiz, away) = crash(&pipeline, nabiz);
    // Its last heartbeat was a little before the crash.
    assert!(away > SHORT_SESSION - 2 * HEARTBEAT, "ready after {away:?}");
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn process_ends_when_another_one_takes_its_instance_id() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = pipeline(kafka, "same-id", SESSION).instance_id("here");
    let mut one = pipeline.serve();
    one.wait_ready();
    let mut two = pipeline.serve_another();
    let status = one.wait_end(SESSION);
    assert_eq!(status.code(), Some(1), "{}", one.log_tail());
    assert!(one.log_tail().contains("the same kafka.instance_id"), "{}", one.log_tail());
    two.wait_ready();
    assert_eq!(two.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn sums_are_withheld_when_the_broker_is_lost_for_longer_than_the_session() {
    let _shared = serial::shared();
    let kafka = Kafka::start();
    let pipeline = pipeline(&kafka, "lost", SHORT_SESSION);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let lost = Instant::now();
    kafka.kill();
    let reason = wait_for("not ready", CAUGHT_UP_WITHIN, || match nabiz.get("/readyz")? {
        (503, reason) => Ok(reason),
        (status, body) => Err(format!("{status} {body}")),
    });
    let after = lost.elapsed();
    assert!(after > SHORT_SESSION - 2 * HEARTBEAT, "after {after:?}: {reason}");
    wait_for("the broker is named", CAUGHT_UP_WITHIN, || match nabiz.get("/readyz")? {
        (503, why) if why.contains("the session with the consumer group is over") => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    });
    kafka.restart();
    nabiz.wait_ready();
}
