//! `nabiz gateway` between real HTTP and a real broker: signatures, records, limits, and that what
//! was answered 200 is in the topic.

mod client;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Incoming, length, read_all};
use nabiz_dev::wait_for;
use serde_json::json;

use self::client::{Answer, Gateway, basic, chatwoot, now_s, twilio, twilio_of_body, zammad};
use crate::harness::serial;

const WITHIN: Duration = Duration::from_secs(30);
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn key(record: &Incoming) -> Option<String> {
    record.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned())
}

fn value(record: &Incoming) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}

/// Posts a request that has to be accepted, and the same one with a changed header or body that has
/// to be refused. Returns the records.
fn accepted_and_forged(
    kafka: &Kafka,
    gateway: &Gateway,
    (path, topic): (&str, &str),
    body: &[u8],
    genuine: &[(&str, &str)],
    forged: &[(&str, &str)],
) -> Vec<Incoming> {
    assert_eq!(gateway.post(path, genuine, body).status, 200, "{path}\n{}", gateway.log());
    let before = length(kafka, topic);
    let answer = gateway.post(path, forged, body);
    assert_eq!(answer.status, 401, "{path}: {}", answer.body);
    // Another body under the genuine signature.
    let other = [body, b" "].concat();
    let is_signed = !genuine.iter().any(|(name, _)| *name == "authorization");
    if is_signed {
        assert_eq!(gateway.post(path, genuine, &other).status, 401, "{path}");
    }
    // No signature at all.
    let bare: Vec<(&str, &str)> = genuine.iter().copied().take(1).collect();
    assert_eq!(gateway.post(path, &bare, body).status, 401, "{path}");
    let records = read_all(kafka, topic);
    assert_eq!((records.len() as u64, before), (before, length(kafka, topic)), "{path}");
    records
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn genuine_webhook_is_a_record_and_a_forged_one_is_401_for_each_vendor() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let topic = |name: &str| format!("gateway.{name}");
    for name in ["twilio", "calls", "chatwoot", "zammad", "pbx", "token"] {
        kafka.create_topic(&topic(name), 1);
    }
    let gateway = Gateway::start(
        &kafka.brokers(),
        "",
        &[
            ("/twilio", &topic("twilio"), "twilio", "key = { pointer = '/data/payload/task_sid' }"),
            ("/calls", &topic("calls"), "twilio", "key = { field = 'CallSid' }"),
            (
                "/chatwoot",
                &topic("chatwoot"),
                "chatwoot",
                "key = { pointer = ['/conversation/id', '/id'] }",
            ),
            ("/zammad", &topic("zammad"), "zammad", "key = { pointer = '/ticket/id' }"),
            (
                "/pbx",
                &topic("pbx"),
                "basic",
                "user = 'pbx'\nkey = { field = 'call_uuid' }\nheaders = ['X-Request-Id']",
            ),
            ("/token", &topic("token"), "token", ""),
        ],
    );

    // An array of CloudEvents becomes a record for each.
    let event = |task: &str| json!({"id": task, "data": {"payload": {"task_sid": task}}});
    let body = json!([event("WT1"), event("WT2"), {"id": "worker"}]).to_string();
    let (address, signature) = twilio_of_body("/twilio", body.as_bytes());
    let records = accepted_and_forged(
        kafka,
        &gateway,
        (&address, &topic("twilio")),
        body.as_bytes(),
        &[JSON, ("x-twilio-signature", &signature), ("i-twilio-idempotency-token", "tok-1")],
        &[JSON, ("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
    );
    assert_eq!(
        records.iter().map(key).collect::<Vec<_>>(),
        [Some("WT1".to_owned()), Some("WT2".to_owned()), None]
    );
    assert_eq!(value(&records[0]), event("WT1").to_string());
    for record in &records {
        assert_eq!(record.header("I-Twilio-Idempotency-Token").as_deref(), Some("tok-1"));
    }

    // A form becomes an object; the signature covers its sorted fields.
    let body = b"CallSid=CA1&CallStatus=completed&To=x%2By&Duration=7";
    let signature = twilio("/calls?x=1", body);
    let records = accepted_and_forged(
        kafka,
        &gateway,
        ("/calls?x=1", &topic("calls")),
        body,
        &[FORM, ("x-twilio-signature", &signature)],
        &[FORM, ("x-twilio-signature", &twilio("/calls", body))],
    );
    assert_eq!(key(&records[0]).as_deref(), Some("CA1"));
    let expected = r#"{"CallSid":"CA1","CallStatus":"completed","Duration":"7","To":"x+y"}"#;
    assert_eq!(value(&records[0]), expected);

    let body = br#"{ "event":"message_created", "id": 9, "conversation": {"id": 4} }"#;
    let time = now_s().to_string();
    let signature = chatwoot(&time, body);
    let late = (now_s() - 301).to_string();
    let records = accepted_and_forged(
        kafka,
        &gateway,
        ("/chatwoot", &topic("chatwoot")),
        body,
        &[
            JSON,
            ("x-chatwoot-timestamp", &time),
            ("x-chatwoot-signature", &signature),
            ("x-chatwoot-delivery", "d-1"),
        ],
        // Genuine, and sent again too late.
        &[JSON, ("x-chatwoot-timestamp", &late), ("x-chatwoot-signature", &chatwoot(&late, body))],
    );
    assert_eq!(key(&records[0]).as_deref(), Some("4"));
    assert_eq!(value(&records[0]).as_bytes(), body, "the bytes stay");
    assert_eq!(records[0].header("X-Chatwoot-Delivery").as_deref(), Some("d-1"));

    let body = br#"{"ticket":{"id":81}}"#;
    let signature = zammad(body);
    let records = accepted_and_forged(
        kafka,
        &gateway,
        ("/zammad", &topic("zammad")),
        body,
        &[
            JSON,
            ("x-hub-signature", &signature),
            ("x-zammad-delivery", "z-1"),
            ("x-zammad-trigger", "nabiz reopened"),
        ],
        &[JSON, ("x-hub-signature", &signature.replace("sha1=", "sha1=0"))],
    );
    assert_eq!(key(&records[0]).as_deref(), Some("81"));
    let headers = ["X-Zammad-Delivery", "X-Zammad-Trigger"].map(|name| records[0].header(name));
    assert_eq!(headers, [Some("z-1".to_owned()), Some("nabiz reopened".to_owned())]);

    let records = accepted_and_forged(
        kafka,
        &gateway,
        ("/pbx", &topic("pbx")),
        b"event=hangup&call_uuid=u-1",
        &[FORM, ("authorization", &basic("pbx", client::SECRET)), ("x-request-id", "r-1")],
        &[FORM, ("authorization", &basic("pbx", "other"))],
    );
    assert_eq!(key(&records[0]).as_deref(), Some("u-1"));
    assert_eq!(records[0].headers, [("X-Request-Id".to_owned(), b"r-1".to_vec())]);

    let records = accepted_and_forged(
        kafka,
        &gateway,
        ("/token", &topic("token")),
        b"{}",
        &[JSON, ("authorization", &format!("Bearer {}", client::SECRET))],
        &[JSON, ("authorization", "Bearer other")],
    );
    assert_eq!((key(&records[0]), records[0].headers.len()), (None, 0));

    let scrape = gateway.scrape();
    let of = |name: &str, labels: &[(&str, &str)]| scrape.value(name, labels).unwrap_or(-1.0);
    assert_eq!(of("nabiz_gateway_records_total", &[("path", "/twilio")]), 3.0);
    assert_eq!(of("nabiz_gateway_unkeyed_records_total", &[("path", "/twilio")]), 1.0);
    let refused = [("path", "/zammad"), ("result", "unauthorized")];
    assert_eq!(of("nabiz_gateway_requests_total", &refused), 3.0);
    assert_eq!(scrape.sum("nabiz_gateway_turned_away_total", &[]), 0.0);
    let posts = of("nabiz_gateway_request_duration_seconds_count", &[("path", "/zammad")]);
    assert_eq!(posts, 4.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn request_out_of_bounds_is_refused_and_no_content_is_logged_or_answered() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    kafka.create_topic("gateway.bounds", 1);
    // Brokers take up to a mebibyte, so this topic refuses what the gateway lets through.
    kafka.create_topic_with("gateway.narrow", 1, &[("max.message.bytes", "600")]);
    let gateway = Gateway::start(
        &kafka.brokers(),
        "max_body_bytes = 2048\n",
        &[
            ("/hook", "gateway.bounds", "token", ""),
            ("/narrow", "gateway.narrow", "token", ""),
            ("/slow", "gateway.bounds", "token", "requests_per_second = 2"),
        ],
    );
    let token = format!("Bearer {}", client::SECRET);
    let authorized = [JSON, ("authorization", token.as_str())];
    let post = |path: &str, body: &[u8]| gateway.post(path, &authorized, body);
    let text = |length: usize| json!({"secret": "s".repeat(length)}).to_string();
    let mut answers: Vec<(u16, Answer)> = vec![
        (404, post("/other", b"{\"secret\":1}")),
        (404, post("/hook/", b"{\"secret\":1}")),
        (404, post("/metrics", b"{}")),
        (400, post("/hook", b"{\"secret\":")),
        (400, post("/hook", b"secret")),
        (400, post("/hook", b"\"secret \xff\"")),
        (413, post("/hook", text(2048).as_bytes())),
        (413, post("/narrow", text(1500).as_bytes())),
        (405, gateway.get("/hook")),
    ];
    let plain = [("content-type", "text/plain"), authorized[1]];
    answers.push((400, gateway.post("/hook", &plain, b"secret")));
    for (expected, answer) in &answers {
        assert_eq!(answer.status, *expected, "{}", answer.body);
        assert!(!answer.body.contains("secret"), "{}", answer.body);
    }
    assert_eq!(length(kafka, "gateway.bounds") + length(kafka, "gateway.narrow"), 0);
    // The bound itself is allowed.
    assert_eq!(post("/hook", text(2048 - text(0).len()).as_bytes()).status, 200);
    assert_eq!(post("/hook", b"[]").status, 400);
    assert_eq!(length(kafka, "gateway.bounds"), 1);

    let statuses: Vec<u16> = (0..20).map(|_| post("/slow", b"{\"secret\":1}").status).collect();
    let limited = statuses.iter().filter(|status| **status == 429).count();
    assert!(limited > 0 && statuses[0] == 200, "{statuses:?}");
    let scrape = gateway.scrape();
    let away = [("path", "/slow"), ("reason", "rate")];
    assert_eq!(scrape.value("nabiz_gateway_turned_away_total", &away), Some(limited as f64));
    assert_eq!(scrape.value("nabiz_gateway_unknown_paths_total", &[]), Some(3.0));

    let log = gateway.log();
    assert!(log.contains("webhooks turned away"), "{log}");
    assert!(!log.contains("secret") && !log.contains(client::SECRET), "{log}");
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn request_is_503_when_too_many_are_under_way_or_its_body_does_not_arrive() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    kafka.create_topic("gateway.busy", 1);
    let gateway = Gateway::start(
        &kafka.brokers(),
        "max_in_flight = 1\ntimeout = '3s'\n",
        &[("/hook", "gateway.busy", "token", "")],
    );
    let token = format!("Bearer {}", client::SECRET);
    let post = || gateway.post("/hook", &[JSON, ("authorization", &token)], b"{}").status;
    // Without credentials nobody takes a place.
    let stranger = gateway.begin("/hook", 100, None);
    let answer = client::read(stranger);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    // The first record of a producer takes longer than the others.
    wait_for("a producer that knows the topic", Duration::from_secs(30), || match post() {
        200 => Ok(()),
        status => Err(format!("{status}")),
    });
    let slow = gateway.begin("/hook", 100, Some(&token));
    // A post that came first would take the place, and the slow one would be turned away.
    std::thread::sleep(Duration::from_millis(300));
    // Once the slow one holds the only place.
    wait_for("a busy gateway", Duration::from_secs(2), || match post() {
        503 => Ok(()),
        status => Err(format!("{status}")),
    });
    let answer = client::read(slow);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(post(), 200);
    let scrape = gateway.scrape();
    let of = |result: &str| {
        let labels = [("path", "/hook"), ("result", result)];
        scrape.value("nabiz_gateway_requests_total", &labels).unwrap_or_default()
    };
    assert!(of("busy") >= 1.0 && of("incomplete") == 1.0, "{} busy", of("busy"));
    let away = [("path", "/hook"), ("reason", "busy")];
    assert_eq!(scrape.value("nabiz_gateway_turned_away_total", &away), Some(of("busy")));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn webhook_is_503_and_counted_while_the_broker_is_away() {
    let _shared = serial::shared();
    let kafka = Kafka::start();
    kafka.create_topic("gateway.away", 1);
    let gateway = Gateway::start(
        &kafka.brokers(),
        "timeout = '1s'\n",
        &[("/hook", "gateway.away", "token", "")],
    );
    let token = format!("Bearer {}", client::SECRET);
    let post = || gateway.post("/hook", &[JSON, ("authorization", &token)], b"{\"id\":1}");
    assert_eq!(post().status, 200);
    kafka.kill();
    let began = Instant::now();
    let answer = post();
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.retry_after.as_deref(), Some("5"));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    wait_for("not ready", WITHIN, || match gateway.readyz()? {
        503 => Ok(()),
        status => Err(format!("{status}")),
    });
    let scrape = gateway.scrape();
    let away = [("path", "/hook"), ("reason", "kafka")];
    assert_eq!(scrape.value("nabiz_gateway_turned_away_total", &away), Some(1.0));
    assert_eq!(scrape.value("nabiz_gateway_kafka_reachable", &[]), Some(0.0));

    kafka.restart();
    wait_for("accepted again", WITHIN, || match post().status {
        200 => Ok(()),
        status => Err(format!("{status}\n{}", gateway.log())),
    });
    wait_for("ready again", WITHIN, || match gateway.readyz()? {
        200 => Ok(()),
        status => Err(format!("{status}")),
    });
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn every_acknowledged_post_is_in_the_topic_when_the_broker_restarts() {
    const POSTS: usize = 1000;
    const CLIENTS: usize = 8;
    let _shared = serial::shared();
    let kafka = Kafka::start();
    kafka.create_topic("gateway.restart", 3);
    let gateway = Gateway::start(
        &kafka.brokers(),
        "timeout = '1500ms'\n",
        &[(
            "/hook",
            "gateway.restart",
            "token",
            "key = { pointer = '/id' }\nrequests_per_second = 100000",
        )],
    );
    let token = format!("Bearer {}", client::SECRET);
    let next = AtomicUsize::new(0);
    let (acknowledged, refused): (Vec<usize>, Vec<usize>) = std::thread::scope(|scope| {
        let post = || {
            let mut answers = Vec::new();
            loop {
                let id = next.fetch_add(1, Ordering::Relaxed);
                if id >= POSTS {
                    return answers;
                }
                let body = format!("{{\"id\":{id}}}");
                let headers = [JSON, ("authorization", token.as_str())];
                answers.push((id, gateway.post("/hook", &headers, body.as_bytes()).status));
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(post)).collect();
        wait_for("a third of the posts", WITHIN, || match next.load(Ordering::Relaxed) {
            many if many >= POSTS / 3 => Ok(()),
            few => Err(format!("{few} posts")),
        });
        kafka.kill();
        kafka.restart();
        let answers: Vec<(usize, u16)> =
            clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        let unexpected = answers.iter().find(|(_, status)| !matches!(status, 200 | 503));
        assert_eq!(unexpected, None);
        let with = |wanted: u16| {
            let those = answers.iter().filter(|(_, status)| *status == wanted);
            those.map(|(id, _)| *id).collect()
        };
        (with(200), with(503))
    });
    println!("{} acknowledged, {} refused", acknowledged.len(), refused.len());
    assert_eq!(acknowledged.len() + refused.len(), POSTS);
    let written: BTreeSet<usize> = read_all(&kafka, "gateway.restart")
        .iter()
        .filter_map(|record| key(record)?.parse().ok())
        .collect();
    let lost: Vec<&usize> = acknowledged.iter().filter(|id| !written.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and not in the topic: {lost:?}");
    assert!(acknowledged.len() > POSTS / 2 && !refused.is_empty(), "{} refused", refused.len());
    let away = gateway.scrape().sum("nabiz_gateway_turned_away_total", &[("path", "/hook")]);
    assert_eq!(away, refused.len() as f64);
}
