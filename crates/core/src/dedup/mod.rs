//! Recognition of duplicates: the identities of the records of the last `dedup_horizon`.

mod chunked_queue;
mod window;

pub(crate) use window::DedupWindow;
