//! Chaos without the label `shard`: each series is a sum over all partitions of the topics. A
//! process that is killed while it joins the group stays a member until its session times out, and
//! the process after it may get a part of the partitions. A sum over a part would be less than the
//! sum before, which Prometheus takes for a counter that restarted.
//!
//! Bounded by `NABIZ_CHAOS_PARTS`: how often a process is to get a part.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;

use super::*;

const PARTITIONS: i32 = 4;
/// The session timeout of the group's members.
const SESSION: Duration = Duration::from_secs(6);
/// The members of a killed process lead the group in about half of the cases. Then it assigns
/// nothing until they are gone, and the next pair of kills is tried. At most this many pairs for
/// each part.
const PAIRS_MAX: usize = 3;
/// Scrapes of one process with a part of the partitions. Fewer can be a process that is about to
/// know all its partitions.
const SCRAPES_OF_A_PART: usize = 10;
const RECORDS: usize = 6_000;

/// The observations of a scraper of sums.
#[derive(Default)]
struct SumWatch {
    counters: Watch,
    /// Scrapes of each process with a part of the partitions.
    parts: BTreeMap<u32, usize>,
    /// Processes that had a part for some time.
    processes_with_a_part: Arc<AtomicUsize>,
    /// Scrapes that had contact metrics.
    served: u64,
    /// The largest number of contact and record counters in a scrape.
    series: usize,
}

impl SumWatch {
    fn see(&mut self, process: u32, scrape: &Scrape) {
        self.counters.see(process, scrape);
        let held: BTreeSet<&String> = scrape
            .series("nabiz_consumer_lag_records")
            .filter_map(|(labels, _)| labels.get("partition"))
            .collect();
        if (1..PARTITIONS as usize).contains(&held.len()) {
            let scrapes = self.parts.entry(process).or_default();
            *scrapes += 1;
            if *scrapes == SCRAPES_OF_A_PART {
                self.processes_with_a_part.fetch_add(1, Ordering::Relaxed);
            }
        }
        let series = scrape.counters().filter(|(key, _)| !is_of_the_process(&key.0)).count();
        if series == 0 {
            return;
        }
        self.served += 1;
        if series < self.series {
            self.counters.fallen.push(format!("{series} counters after {}", self.series));
        }
        self.series = self.series.max(series);
    }
}

/// One group of workers, with one ledger and the places of two processes.
struct Group {
    topic: String,
    pipeline: Pipeline,
    one: Place,
    two: Place,
    rng: ChaCha8Rng,
}

impl Group {
    fn start(kafka: &Kafka, workers: usize) -> Group {
        let topic = format!("summed.{workers}");
        let pipeline = Pipeline::new(kafka.brokers(), &topic)
            .topic(&topic, "cloudevents")
            .workers(workers)
            .client("session.timeout.ms", &SESSION.as_millis().to_string())
            .client("heartbeat.interval.ms", "500");
        kafka.create_topic(&topic, PARTITIONS);
        kafka.create_topic(pipeline.dead_letters(), 1);
        let mut first = pipeline.serve();
        first.wait_ready();
        let one = Arc::new(Mutex::new(Some(first)));
        let rng = ChaCha8Rng::seed_from_u64(workers as u64);
        Group { topic, pipeline, one, two: Place::default(), rng }
    }

    fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        thread::sleep(Duration::from_millis(self.rng.random_range(milliseconds)));
    }

    /// Kills the process, and kills the next one while it waits for the members of the first.
    fn kill_twice(&mut self) {
        let began = Instant::now();
        for _ in 0..2 {
            if let Some(running) = lock(&self.one).take() {
                running.kill();
            }
            *lock(&self.one) = Some(self.pipeline.serve());
            self.pause(1_000..3_500);
        }
        // The members of the second process are in the group for another session.
        thread::sleep((SESSION * 9 / 4).saturating_sub(began.elapsed()));
    }

    /// Starts the next process before the one before is stopped.
    fn start_rolling(&mut self) {
        *lock(&self.two) = Some(self.pipeline.serve_another());
        self.pause(3_000..4_000);
        if let Some(running) = lock(&self.one).take() {
            running.terminate(Duration::from_secs(10));
        }
        let next = lock(&self.two).take();
        *lock(&self.one) = next;
        self.pause(1_000..2_000);
    }

    fn run(mut self, kafka: &Kafka, parts: usize) -> SumWatch {
        let (events, truth) = stream(RECORDS, PARTITIONS);
        let stop = Arc::new(AtomicBool::new(false));
        let places = vec![Arc::clone(&self.one), Arc::clone(&self.two)];
        let watch = SumWatch::default();
        let with_a_part = Arc::clone(&watch.processes_with_a_part);
        let watch = scraper(places, Arc::clone(&stop), watch, SumWatch::see);
        let topic = self.topic.clone();
        let pairs = parts * PAIRS_MAX;
        let mut chunks = events.chunks(events.len().div_ceil(pairs + 2));
        for _ in 0..pairs {
            // Numbers from before the kills.
            chunks.next().into_iter().for_each(|chunk| produce(kafka, &topic, chunk));
            thread::sleep(Duration::from_secs(1));
            self.kill_twice();
            if with_a_part.load(Ordering::Relaxed) >= parts {
                break;
            }
        }
        chunks.for_each(|chunk| produce(kafka, &topic, chunk));
        self.start_rolling();

        let total = nabiz_dev::wait_for("everything read", SETTLED_WITHIN, || {
            let (_, text) = match &*lock(&self.one) {
                Some(running) => running.get("/metrics")?,
                None => return Err("no process".to_owned()),
            };
            let scrape = Scrape::parse(&text);
            let read = scrape.sum("nabiz_records_total", &[("topic", topic.as_str())]);
            match read == events.len() as f64 {
                true => Ok(scrape),
                false => Err(format!("{read} of {} records", events.len())),
            }
        });
        stop.store(true, Ordering::Relaxed);
        let watch = watch.join().expect("the scraper ends");
        let differences = truth::differences(&truth, &total, &[]);
        assert!(differences.is_empty(), "differences:\n{}", differences.join("\n"));
        if let Some(running) = lock(&self.one).take() {
            running.terminate(Duration::from_secs(10));
        }
        assert_history(&self.pipeline, &truth);
        watch
    }
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn summed_counters_never_fall_when_members_of_killed_processes_linger() {
    let _alone = serial::alone();
    let parts = bound("NABIZ_CHAOS_PARTS", 1);
    let kafka = Kafka::start();
    let began = Instant::now();
    let watches: Vec<(usize, SumWatch)> = thread::scope(|scope| {
        let groups = [2, 3].map(|workers| {
            let kafka = &kafka;
            (workers, scope.spawn(move || Group::start(kafka, workers).run(kafka, parts)))
        });
        groups.map(|(workers, group)| (workers, group.join().expect("the group ends"))).into()
    });
    for (workers, watch) in &watches {
        report!(
            "chaos of sums, {workers} workers: {} processes had a part, {} scrapes, {} with numbers, \
             {} counters, {} fell, {:.0} s",
            watch.processes_with_a_part.load(Ordering::Relaxed),
            watch.counters.scrapes,
            watch.served,
            watch.series,
            watch.counters.fallen.len(),
            began.elapsed().as_secs_f64()
        );
    }
    for (workers, watch) in watches {
        let fallen = watch.counters.fallen;
        let some = &fallen[..fallen.len().min(20)];
        assert!(
            fallen.is_empty(),
            "{workers} workers, {} fell:\n{}",
            fallen.len(),
            some.join("\n")
        );
        assert!(watch.served > 5 && watch.series > 100, "too little was seen");
    }
}
