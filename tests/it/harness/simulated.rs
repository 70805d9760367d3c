//! Records of a simulation, as a producer writes them.

use nabiz_dev::client::Outgoing;
use nabiz_simulator::{SimulatedEvent, Simulation};
use serde_json::Value;

fn outgoing(event: SimulatedEvent, partition: Option<i32>) -> Outgoing {
    Outgoing {
        key: event.key,
        value: event.json.into_bytes(),
        timestamp_ms: event.time_ms,
        partition,
    }
}

/// Returns the truth of a finite simulation and all its events. After them comes one event for each
/// partition, which advances the partition to the last stream time.
pub fn simulated(mut simulation: Simulation, partitions: i32) -> (Vec<Outgoing>, Value) {
    let mut events: Vec<Outgoing> =
        simulation.by_ref().map(|event| outgoing(event, None)).collect();
    events.extend(
        (0..partitions).map(|partition| outgoing(simulation.closing_event(), Some(partition))),
    );
    let truth = serde_json::to_value(simulation.truth()).expect("the truth is JSON");
    (events, truth)
}
