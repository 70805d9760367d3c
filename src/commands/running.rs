//! The parts of a running pipeline, and their replacement by those of another configuration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::failure::Failure;
use super::parts::Parts;
use super::reload::{Candidate, FileChange, Mistakes, Reloader};
use super::signals::Signals;
use crate::clock::system_time;
use crate::http::{self, HistorySource, Security};
use crate::ingest::{Ingest, KnownClock, StartError};
use crate::readmodel::{PublishedState, ReloadOf, Reloads};

/// Longest time from the signal to the end of the process, and from the end of ingest to its next
/// start.
pub(super) const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// The reason for which the pipeline stops.
#[derive(Debug)]
pub(super) enum Stop {
    Requested(&'static str),
    Failed(String),
}

/// A running pipeline.
pub(super) struct Running {
    /// `None` where ingest has ended for a reload that did not come to its end.
    ingest: Option<Ingest>,
    /// What is in effect.
    parts: Parts,
    published: Arc<ArcSwap<PublishedState>>,
    security: Arc<ArcSwap<Security>>,
    history: Arc<ArcSwapOption<HistorySource>>,
    address: SocketAddr,
    reloader: Option<Reloader>,
}

/// Why a candidate did not take effect.
enum NotApplied {
    /// Ingest does not start with it, and runs as before.
    Refused(Mistakes),
    Stop(Stop),
}

impl Running {
    pub(super) fn new(
        ingest: Ingest,
        parts: Parts,
        published: Arc<ArcSwap<PublishedState>>,
        security: Arc<ArcSwap<Security>>,
        history: Arc<ArcSwapOption<HistorySource>>,
        address: SocketAddr,
        reloader: Option<Reloader>,
    ) -> Self {
        Running { ingest: Some(ingest), parts, published, security, history, address, reloader }
    }

    /// Returns why ingest cannot continue, if so.
    pub(super) fn failure(&self) -> Option<String> {
        self.ingest.as_ref().and_then(Ingest::failure)
    }

    /// Ends ingest. Returns whether everything is stored and closed.
    pub(super) fn stop(self) -> bool {
        self.ingest.is_none_or(|ingest| ingest.stop(STOP_WITHIN))
    }

    fn reloads(&self) -> &Reloads {
        &self.parts.options.reloads
    }

    /// Reads the configuration again. It takes effect as a whole, or nothing changes. Blocks.
    ///
    /// # Errors
    /// Returns the reason to stop, if there is one.
    pub(super) fn reload(&mut self, signals: &mut Signals) -> Result<(), Stop> {
        let Some(reloader) = &self.reloader else { return Err(Stop::Requested("SIGHUP")) };
        tracing::info!("configuration is read again");
        match reloader.read() {
            Ok(candidate) => {
                self.decide(ReloadOf::Configuration, candidate, signals)?;
            }
            Err(mistakes) => self.refuse(ReloadOf::Configuration, &mistakes),
        }
        Ok(())
    }

    /// Uses the files that changed. Blocks.
    ///
    /// # Errors
    /// Returns the reason to stop, if there is one.
    pub(super) fn look_at_files(&mut self, signals: &mut Signals) -> Result<(), Stop> {
        let security = self.security.load_full();
        let reloader = self.reloader.as_ref();
        let changes = reloader.map(|it| it.look_at_files(&security)).unwrap_or_default();
        for change in changes {
            match change {
                FileChange::Http(contents) => {
                    let is_in_use = self.reload_certificate();
                    if let Some(reloader) = &mut self.reloader {
                        reloader.decide_http(contents, is_in_use);
                    }
                }
                FileChange::Client(contents, candidate) => {
                    tracing::info!("files of the kafka client have changed");
                    let is_in_use = match candidate {
                        Ok(candidate) => self.decide(ReloadOf::Files, *candidate, signals)?,
                        Err(mistakes) => {
                            self.refuse(ReloadOf::Files, &mistakes);
                            false
                        }
                    };
                    if !is_in_use && let Some(reloader) = &mut self.reloader {
                        reloader.refuse_client(contents);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the certificate of HTTP again, and returns whether it is in use.
    fn reload_certificate(&self) -> bool {
        let Some(tls) = self.security.load().tls.clone() else { return true };
        match tls.reload() {
            Ok(_) => {
                tracing::info!("certificate reloaded");
                self.reloads().count_applied(ReloadOf::Files, system_time());
                true
            }
            Err(error) => {
                self.refuse(ReloadOf::Files, &Failure::usage(error).into());
                false
            }
        }
    }

    /// Logs and counts that nothing changes.
    fn refuse(&self, of: ReloadOf, mistakes: &Mistakes) {
        self.reloads().count_refused(of);
        for mistake in &mistakes.0 {
            tracing::error!(mistake, "reload refused, nothing has changed");
        }
    }

    /// Lets a candidate take effect, and counts it. Returns whether it is in effect.
    fn decide(
        &mut self,
        of: ReloadOf,
        candidate: Candidate,
        signals: &mut Signals,
    ) -> Result<bool, Stop> {
        let began = Instant::now();
        let (changed, restarts_ingest) = (candidate.changed.clone(), candidate.restarts_ingest);
        match self.apply(candidate, signals) {
            Ok(()) => {
                self.reloads().count_applied(of, system_time());
                tracing::info!(
                    changed = ?changed,
                    restarts_ingest,
                    took_ms = began.elapsed().as_millis() as u64,
                    "configuration reloaded"
                );
                Ok(true)
            }
            Err(NotApplied::Refused(mistakes)) => {
                self.refuse(of, &mistakes);
                Ok(false)
            }
            Err(NotApplied::Stop(stop)) => Err(stop),
        }
    }

    fn apply(&mut self, candidate: Candidate, signals: &mut Signals) -> Result<(), NotApplied> {
        let digest = candidate.digest;
        if candidate.restarts_ingest {
            self.restart_ingest(&candidate, signals)?;
        } else {
            self.reloads().set_digest(digest);
        }
        http::warn_if_exposed(self.address, &candidate.parts.security);
        self.security.store(Arc::new(candidate.parts.security.clone()));
        let settings = &candidate.parts.settings;
        let history = self.history.load_full();
        let history = history.map(|history| Arc::new(history.with_settings(Arc::clone(settings))));
        self.history.store(history);
        if let Some(reloader) = &mut self.reloader {
            self.parts = reloader.accept(candidate);
        }
        Ok(())
    }

    /// Ends ingest at a checkpoint, and starts it again with the parts of a candidate; if that
    /// fails, with the parts that were in effect.
    fn restart_ingest(
        &mut self,
        candidate: &Candidate,
        signals: &mut Signals,
    ) -> Result<(), NotApplied> {
        let Some(ingest) = self.ingest.take() else { return Ok(()) };
        let clock = ingest.known_clock();
        ingest.stop(STOP_WITHIN);
        if let Some(name) = signals.take_stop() {
            return Err(NotApplied::Stop(Stop::Requested(name)));
        }
        let earlier = self.reloads().status().digest;
        self.reloads().set_digest(candidate.digest);
        let Err(error) = self.start(&candidate.parts, clock.clone()) else { return Ok(()) };
        if let Some(earlier) = earlier {
            self.reloads().set_digest(earlier);
        }
        let mistakes = Mistakes::from(start_failure(error));
        let parts = self.parts.clone();
        match self.start(&parts, clock) {
            Ok(()) => Err(NotApplied::Refused(mistakes)),
            Err(error) => Err(NotApplied::Stop(Stop::Failed(start_failure(error).to_string()))),
        }
    }

    fn start(&mut self, parts: &Parts, clock: KnownClock) -> Result<(), StartError> {
        let (options, settings) = (parts.options.clone(), Arc::clone(&parts.settings));
        let published = Arc::clone(&self.published);
        self.ingest = Some(Ingest::start_again(options, settings, published, clock)?);
        Ok(())
    }
}

/// Returns a running failure where the machine is at fault, else a usage failure.
pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Thread { .. } | StartError::Ledger(_) => Failure::Running(error.into()),
        _ => Failure::usage(error),
    }
}
