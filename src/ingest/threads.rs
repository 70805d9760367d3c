//! Named threads.

use std::thread::{self, JoinHandle};

use super::error::StartError;

/// Starts a thread with a name.
pub(super) fn spawn(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new()
        .name(name.clone())
        .spawn(body)
        .map_err(|source| StartError::Thread { name, source })
}
