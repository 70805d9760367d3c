//! TODO

mod chunked_queue;
mod window;

pub(crate) use window::DedupWindow;
