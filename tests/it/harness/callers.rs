//! Callers of the queue `support`, and the wait until they are counted.

use std::time::Duration;

use nabiz_dev::client::Outgoing;
use nabiz_dev::process::Nabiz;
use nabiz_dev::scrape::Scrape;

/// Longest wait until callers are counted.
const WITHIN: Duration = Duration::from_secs(60);

/// Returns the record of a caller who enters the queue at `time_ms`.
pub fn caller(name: &str, time_ms: i64, timestamp_ms: i64) -> Outgoing {
    let time = jiff::Timestamp::from_millisecond(time_ms).expect("a time");
    let value = format!(
        r#"{{"specversion":"1.0","id":"{name}","source":"/test","type":"contact.queued",
           "time":"{time}",
           "data":{{"contact_id":"{name}","queue":"support","channel":"phone"}}}}"#
    );
    Outgoing { key: name.to_owned(), value: value.into_bytes(), timestamp_ms, partition: None }
}

/// Waits until exactly `count` callers are counted, all on the phone, and returns that scrape.
pub fn wait_offered(nabiz: &Nabiz, count: usize) -> Scrape {
    nabiz.scrape_until("all callers", WITHIN, |scrape| {
        let offered = |labels: &[(&str, &str)]| scrape.sum("nabiz_visits_offered_total", labels);
        let of_queue = offered(&[("queue", "support")]);
        let on_phone = offered(&[("queue", "support"), ("channel", "phone")]);
        if of_queue == count as f64 && on_phone == of_queue {
            Ok(())
        } else {
            Err(format!("{of_queue} of {count} callers, {on_phone} of them on the phone"))
        }
    })
}
