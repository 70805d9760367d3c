//! Partitions that are added to a topic while it is read.

use std::time::Instant;

use super::*;

/// The longest time until added partitions are noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn added_partition_withholds_sums_until_it_is_read() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "grown").topic("grown.calls", "cloudevents");
    // Of more than one partition, so that calls drive no agents, before and after.
    kafka.create_topic("grown.calls", 2);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (first, added, truth) = simulated_hour_before_and_after_growth();
    assert!(first.len() > 100 && added.len() > 100);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "grown.calls", &first);
    let before = nabiz.scrape_until("the first partitions read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "grown.calls", first.len() as u64)
    });

    kafka.grow_topic("grown.calls", 3);
    let grown = Instant::now();
    produce(kafka, "grown.calls", &added);
    let reason = wait_for("not ready", NOTICED_WITHIN, || match nabiz.get("/readyz")? {
        (503, reason) => Ok(reason),
        (status, body) => Err(format!("{status} {body}")),
    });
    assert!(grown.elapsed() < NOTICED_WITHIN, "noticed after {:?}: {reason}", grown.elapsed());
    nabiz.wait_ready();
    let all = (first.len() + added.len()) as u64;
    let after = nabiz.scrape_until("the new partition read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "grown.calls", all)
    });
    assert_eq!(contact_metrics_fallen(&after, &before), Vec::<String>::new());
    assert_truth(&truth, &after);
}
