//! The configuration in effect, and the counts of its reloads.
//!
//! They lie below `ingest`, which stores and publishes them, and the commands, which change them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nabiz_core::time::WallTime;

use crate::config_digest::ConfigDigest;

/// What is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOf {
    /// The whole configuration, on request.
    Configuration,
    /// Files that the configuration names, such as certificates, because their contents changed.
    Files,
}

/// The configuration in effect, as readers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigStatus {
    /// The digest of the effective configuration; `None` without a configuration (tests, demo).
    pub digest: Option<ConfigDigest>,
    /// Reloads that took effect since the process started.
    pub applied: u64,
    /// Reloads that were refused since the process started.
    pub refused: u64,
    /// The last reload of the configuration was refused: its file has mistakes.
    pub configuration_refused: bool,
    /// Files that it names have contents that were refused.
    pub files_refused: bool,
    /// When what is in effect was loaded; `None` without a configuration.
    pub loaded_at: Option<WallTime>,
}

impl ConfigStatus {
    /// Returns whether what was last read is in effect.
    pub fn is_last_reload_successful(&self) -> bool {
        !self.configuration_refused && !self.files_refused
    }
}

/// The status that the commands change and ingest publishes.
#[derive(Debug, Default)]
pub struct Reloads(Mutex<ConfigStatus>);

impl Reloads {
    /// Begins with the configuration that the process started with.
    pub fn new(digest: ConfigDigest, now: WallTime) -> Self {
        let status =
            ConfigStatus { digest: Some(digest), loaded_at: Some(now), ..ConfigStatus::default() };
        Reloads(Mutex::new(status))
    }

    /// Returns the present status.
    pub fn status(&self) -> ConfigStatus {
        self.lock().clone()
    }

    /// Sets the digest that is stored with checkpoints from now on.
    pub fn set_digest(&self, digest: ConfigDigest) {
        self.lock().digest = Some(digest);
    }

    /// Counts a reload that took effect.
    pub fn count_applied(&self, of: ReloadOf, now: WallTime) {
        let mut status = self.lock();
        status.applied += 1;
        status.loaded_at = Some(now);
        status.configuration_refused &= of == ReloadOf::Files;
    }

    /// Counts a reload that was refused.
    pub fn count_refused(&self, of: ReloadOf) {
        let mut status = self.lock();
        status.refused += 1;
        status.configuration_refused |= of == ReloadOf::Configuration;
    }

    /// Sets whether files have contents that were refused.
    pub fn set_files_refused(&self, are_refused: bool) {
        self.lock().files_refused = are_refused;
    }

    fn lock(&self) -> MutexGuard<'_, ConfigStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_the_configuration_stays_when_a_file_takes_effect() {
        let reloads = Reloads::default();
        assert!(reloads.status().is_last_reload_successful());
        reloads.count_refused(ReloadOf::Configuration);
        reloads.set_files_refused(true);
        reloads.count_refused(ReloadOf::Files);
        reloads.set_files_refused(false);
        reloads.count_applied(ReloadOf::Files, WallTime(1));
        let status = reloads.status();
        assert!(status.configuration_refused && !status.files_refused);
        assert!(!status.is_last_reload_successful());
        reloads.set_files_refused(true);
        reloads.count_refused(ReloadOf::Files);
        reloads.count_applied(ReloadOf::Configuration, WallTime(2));
        // Files of the other kind may still be refused.
        assert!(!reloads.status().is_last_reload_successful());
        reloads.set_files_refused(false);
        let status = reloads.status();
        assert!(status.is_last_reload_successful());
        assert_eq!((status.applied, status.refused), (2, 3));
        assert_eq!(status.loaded_at, Some(WallTime(2)));
    }
}
