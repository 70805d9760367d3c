//! Chaos without the label `shard`: each series is a sum over all partitions of the topics. A
//! process that is killed while it joins the group stays a member until its session times out, and
//! the process after it gets a part of the partitions. A sum over a part would be less than the sum
//! before, which Prometheus takes for a counter that restarted.
//!
//! Bounded by `NABIZ_CHAOS_CHAINS`, the number of chains of kills.

use super::*;

const PARTITIONS: i32 = 4;
/// The session timeout of the group's members.
const SESSION: Duration = Duration::from_secs(6);
/// Kills within one session timeout.
const KILLS_OF_A_CHAIN: usize = 3;
const RECORDS: usize = 6_000;

/// The observations of a scraper of sums.
#[derive(Default)]
struct SumWatch {
    counters: Watch,
    /// Scrapes that had contact metrics.
    served: u64,
    /// The largest number of contact and record counters in a scrape.
    series: usize,
}

impl SumWatch {
    fn see(&mut self, process: u32, scrape: &Scrape) {
        self.counters.see(process, scrape);
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

    /// Kills the process again and again before the group has noticed, and starts it each time.
    fn kill_in_a_chain(&mut self) {
        for _ in 0..KILLS_OF_A_CHAIN {
            if let Some(running) = lock(&self.one).take() {
                running.kill();
            }
            *lock(&self.one) = Some(self.pipeline.serve());
            self.pause(500..4_000);
        }
        // The members of the last killed process are in the group for this long.
        thread::sleep(SESSION * 3 / 2);
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

    fn run(mut self, kafka: &Kafka, chains: usize) -> SumWatch {
        let (events, truth) = stream(RECORDS, PARTITIONS);
        let stop = Arc::new(AtomicBool::new(false));
        let places = vec![Arc::clone(&self.one), Arc::clone(&self.two)];
        let watch = scraper(places, Arc::clone(&stop), SumWatch::default(), SumWatch::see);
        let topic = self.topic.clone();
        let mut parts = events.chunks(events.len().div_ceil(chains + 2));
        let mut produce_next = || {
            if let Some(part) = parts.next() {
                produce(kafka, &topic, part);
            }
        };
        produce_next();
        thread::sleep(Duration::from_secs(1));
        for _ in 0..chains {
            produce_next();
            self.kill_in_a_chain();
        }
        produce_next();
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
    let chains = bound("NABIZ_CHAOS_CHAINS", 2);
    let kafka = Kafka::start();
    let began = Instant::now();
    let watches: Vec<(usize, SumWatch)> = thread::scope(|scope| {
        let groups = [2, 3].map(|workers| {
            let kafka = &kafka;
            (workers, scope.spawn(move || Group::start(kafka, workers).run(kafka, chains)))
        });
        groups.map(|(workers, group)| (workers, group.join().expect("the group ends"))).into()
    });
    for (workers, watch) in &watches {
        report!(
            "chaos of sums, {workers} workers: {} kills, {} scrapes, {} with numbers, {} counters, \
             {} fell, {:.0} s",
            chains * KILLS_OF_A_CHAIN,
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
        assert!(watch.served > 20 && watch.series > 100, "too little was seen");
    }
}
