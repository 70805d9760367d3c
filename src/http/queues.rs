//! The numbers of every queue as JSON. They are built once for each published state.

mod model;

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use model::{Model, Queue};
use nabiz_core::time::WallTime;
use serde::Serialize;

use super::degradations::Degradations;
use super::status::{Readiness, withheld};
use super::time::{age_ms, rfc3339};
use crate::readmodel::PublishedState;

/// The answer to a request for the numbers.
pub(super) enum QueuesAnswer {
    Numbers(Numbers),
    /// The numbers are withheld: while catching up they would be those of the past, and without
    /// confirmation they could be those of a former owner.
    CatchingUp(Readiness),
}

/// `/api/v1/queues`
#[derive(Serialize)]
pub(super) struct Numbers {
    as_of: Option<String>,
    /// Wall clock minus stream time; negative if the clock of the source is ahead.
    age_ms: Option<i64>,
    ready: bool,
    #[serde(flatten)]
    degradations: Degradations,
    #[serde(flatten)]
    model: Arc<Model>,
}

/// `/api/v1/queues/{queue}`
#[derive(Serialize)]
pub(super) struct OneQueue<'a> {
    as_of: &'a Option<String>,
    age_ms: Option<i64>,
    ready: bool,
    #[serde(flatten)]
    queue: &'a Queue,
}

impl Numbers {
    /// Returns one queue by its id.
    pub(super) fn queue(&self, id: &str) -> Option<OneQueue<'_>> {
        let queue = self.model.queues.iter().find(|queue| &*queue.queue == id)?;
        Some(OneQueue { as_of: &self.as_of, age_ms: self.age_ms, ready: self.ready, queue })
    }
}

/// Keeps the model of the newest published state.
#[derive(Default)]
pub(super) struct QueuesCache(ArcSwapOption<(Arc<PublishedState>, Arc<Model>)>);

impl QueuesCache {
    /// Returns the answer for `published` at the wall time `now`.
    pub(super) fn answer(&self, published: &Arc<PublishedState>, now: WallTime) -> QueuesAnswer {
        if let Some(reason) = published.withheld_because(Instant::now()) {
            return QueuesAnswer::CatchingUp(withheld(published, reason));
        }
        let model = match &*self.0.load() {
            Some(kept) if Arc::ptr_eq(&kept.0, published) => kept.1.clone(),
            _ => {
                let model = Arc::new(Model::of(&published.settings, &published.merged));
                self.0.store(Some(Arc::new((published.clone(), model.clone()))));
                model
            }
        };
        let stream_time = published.merged.stream_time;
        QueuesAnswer::Numbers(Numbers {
            as_of: stream_time.and_then(rfc3339),
            age_ms: stream_time.map(|stream_time| age_ms(now, stream_time)),
            ready: true,
            degradations: Degradations::of(&published.health.degraded),
            model,
        })
    }
}
