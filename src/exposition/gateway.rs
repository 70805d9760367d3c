//! The metrics of the gateway.

use prometheus::TextEncoder;

use super::catalogue as c;
use super::family::Family;
use super::{process, text};
use crate::readmodel::{
    DenialReason, DeniedRequests, GATEWAY_DURATION_BOUNDS, GatewayCounts, TurnedAway, WebhookResult,
};

/// Returns the metrics of a gateway and of its process as text.
///
/// # Errors
/// Returns an error when the prometheus crate cannot encode the metrics of the process.
pub fn gateway_text(
    counts: &GatewayCounts,
    denied: &DeniedRequests,
) -> Result<String, prometheus::Error> {
    let mut requests = Family::new(&c::GATEWAY_REQUESTS);
    let mut turned_away = Family::new(&c::GATEWAY_TURNED_AWAY);
    let mut records = Family::new(&c::GATEWAY_RECORDS);
    let mut unkeyed = Family::new(&c::GATEWAY_UNKEYED_RECORDS);
    let mut durations = Family::new(&c::GATEWAY_DURATION);
    for path in &counts.paths {
        let name = path.path.as_str();
        for result in WebhookResult::ALL {
            requests.add(&[name, result.as_str()], None, path.result(result) as f64);
        }
        for reason in TurnedAway::ALL {
            turned_away.add(&[name, reason.as_str()], None, path.turned_away(reason) as f64);
        }
        records.add(&[name], None, path.records() as f64);
        unkeyed.add(&[name], None, path.unkeyed() as f64);
        durations.add_histogram(&[name], None, &GATEWAY_DURATION_BOUNDS, &path.durations());
    }
    let mut refused = Family::new(&c::HTTP_REFUSED);
    for reason in DenialReason::ALL {
        refused.add(&[reason.as_str()], None, denied.get(reason) as f64);
    }
    let reachable = if counts.is_reachable() { 1.0 } else { 0.0 };
    let mut body = text::encode(vec![
        requests,
        turned_away,
        records,
        unkeyed,
        durations,
        refused,
        Family::single(&c::GATEWAY_UNKNOWN_PATHS, &[], counts.unknown_paths() as f64),
        Family::single(&c::GATEWAY_KAFKA_REACHABLE, &[], reachable),
        Family::single(&c::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0),
    ]);
    let process = process::collector().map(|process| process.collect()).unwrap_or_default();
    TextEncoder::new().encode_utf8(&process, &mut body)?;
    Ok(body)
}
