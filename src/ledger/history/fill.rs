//! The rows that a filled history has in each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange};

use super::query::{By, Query};

/// Queue and channel of a row; an empty text where the row is over all of them.
pub(super) type RowKey = (Arc<str>, Arc<str>);

/// Returns the key of the row to which the numbers of a queue and channel belong.
pub(super) fn row_key(by: By, queue: Arc<str>, channel: Arc<str>) -> RowKey {
    match by {
        By::QueueAndChannel => (queue, channel),
        By::Queue => (queue, Arc::default()),
        By::Channel => (Arc::default(), channel),
        By::All => (Arc::default(), Arc::default()),
    }
}

/// The rows of each step, with the queues of each.
#[derive(Debug, Default)]
pub(super) struct FilledRows {
    queues: BTreeMap<RowKey, Vec<Arc<str>>>,
}

impl FilledRows {
    /// Creates the rows of the queues that are configured and wanted, and of the pairs that have
    /// numbers in the period.
    pub(super) fn new(
        settings: &Settings,
        query: &Query,
        seen: impl Iterator<Item = (Arc<str>, Arc<str>)>,
    ) -> FilledRows {
        let configured = settings.queues.iter().map(|(queue, of_queue)| {
            (Arc::from(queue.as_str()), Arc::from(settings.channels.name(of_queue.channel)))
        });
        let mut rows = FilledRows::default();
        for (queue, channel) in configured.chain(seen) {
            if !query.wants_queue(&queue) || !query.wants_channel(&channel) {
                continue;
            }
            let queues = rows.queues.entry(row_key(query.by, queue.clone(), channel)).or_default();
            if !queues.contains(&queue) {
                queues.push(queue);
            }
        }
        rows
    }

    /// Returns the queues that a row is over.
    pub(super) fn queues_of(&self, key: &RowKey) -> &[Arc<str>] {
        self.queues.get(key).map_or(&[], Vec::as_slice)
    }

    /// Returns every row, and with `only_open` only those with a queue that is open in `range`.
    pub(super) fn in_step<'a>(
        &'a self,
        settings: &'a Settings,
        range: TimeRange,
        only_open: bool,
    ) -> impl Iterator<Item = &'a RowKey> {
        let is_open = move |queue: &Arc<str>| {
            let hours = settings.queue(queue).opening_hours.as_ref();
            hours.is_none_or(|hours| hours.open_between(range.start, range.end) > Millis::ZERO)
        };
        self.queues
            .iter()
            .filter(move |(_, queues)| !only_open || queues.iter().any(is_open))
            .map(|(key, _)| key)
    }
}
