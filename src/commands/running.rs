//! The parts of a running pipeline, and their replacement by those of another configuration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::failure::Failure;
use super::parts::Parts;
use super::reload::{Candidate, FileChange, Mistakes, Reloader};
use super::signals::Signals;
use crate::clock::system_time;
use crate::http::{self, HistorySource, Security};
use crate::ingest::{EarlierRun, Ingest, StartError};
use crate::readmodel::{PublishedState, ReloadOf, Reloads, ShardLabel};
use crate::watched_files::Contents;

/// Longest time from the signal to the end of the process, and from the end of ingest to its next
/// start.
pub(super) const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// Time between two attempts to start ingest.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// Time between two looks for a request to stop.
const STOP_POLL: Duration = Duration::from_millis(50);

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
    /// Ingest cannot store its state now, and runs as before.
    NotStored(Mistakes),
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
            Ok(candidate) => self.decide(ReloadOf::Configuration, candidate, signals),
            Err(mistakes) => {
                self.refuse(ReloadOf::Configuration, &mistakes);
                Ok(())
            }
        }
    }

    /// Uses the files that changed. Blocks.
    ///
    /// # Errors
    /// Returns the reason to stop, if there is one.
    pub(super) fn look_at_files(&mut self, signals: &mut Signals) -> Result<(), Stop> {
        let security = self.security.load_full();
        let reloader = self.reloader.as_mut();
        let changes = reloader.map(|it| it.look_at_files(&security)).unwrap_or_default();
        self.note_refused_files();
        for change in changes {
            match change {
                FileChange::Http(contents) => {
                    self.reload_certificate(contents);
                }
                FileChange::Client(contents, candidate) => {
                    tracing::info!("files of the kafka client have changed");
                    if let Some(reloader) = &mut self.reloader {
                        reloader.refuse_client(contents);
                    }
                    match candidate {
                        Ok(candidate) => self.decide(ReloadOf::Files, *candidate, signals)?,
                        Err(mistakes) => self.refuse(ReloadOf::Files, &mistakes),
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the certificate of HTTP again.
    fn reload_certificate(&mut self, contents: Contents) {
        let Some(tls) = self.security.load().tls.clone() else { return };
        let result = tls.reload();
        if let Some(reloader) = &mut self.reloader {
            reloader.decide_http(contents, result.is_ok());
        }
        match result {
            Ok(_) => {
                tracing::info!("certificate reloaded");
                self.note_refused_files();
                self.reloads().count_applied(ReloadOf::Files, system_time());
            }
            Err(error) => self.refuse(ReloadOf::Files, &Failure::usage(error).into()),
        }
    }

    /// Publishes whether files are refused at present.
    fn note_refused_files(&self) {
        if let Some(reloader) = &self.reloader {
            self.reloads().set_files_refused(reloader.are_files_refused());
        }
    }

    /// Logs and counts that nothing changes.
    fn refuse(&self, of: ReloadOf, mistakes: &Mistakes) {
        self.note_refused_files();
        self.reloads().count_refused(of);
        for mistake in &mistakes.0 {
            tracing::error!(mistake, "reload refused, nothing has changed");
        }
    }

    /// Lets a candidate take effect, or refuses it, and counts that.
    fn decide(
        &mut self,
        of: ReloadOf,
        candidate: Candidate,
        signals: &mut Signals,
    ) -> Result<(), Stop> {
        let began = Instant::now();
        let (changed, restarts_ingest) = (candidate.changed.clone(), candidate.restarts_ingest);
        match self.apply(candidate, signals) {
            Ok(()) => {
                self.note_refused_files();
                self.reloads().count_applied(of, system_time());
                tracing::info!(
                    changed = ?changed,
                    restarts_ingest,
                    took_ms = began.elapsed().as_millis() as u64,
                    "configuration reloaded"
                );
                Ok(())
            }
            Err(NotApplied::Refused(mistakes)) => {
                self.refuse(of, &mistakes);
                Ok(())
            }
            Err(NotApplied::NotStored(mistakes)) => {
                if let Some(reloader) = &mut self.reloader
                    && of == ReloadOf::Files
                {
                    reloader.try_client_again();
                }
                self.refuse(of, &mistakes);
                Ok(())
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
        let planning = &candidate.parts.planning;
        let history = history.map(|history| {
            let source = history.with_settings(Arc::clone(settings));
            Arc::new(source.planning_by(Arc::clone(planning)))
        });
        self.history.store(history);
        if let Some(reloader) = &mut self.reloader {
            self.parts = reloader.accept(candidate);
        }
        Ok(())
    }

    /// Ends ingest at a checkpoint, and starts it again with the parts of a candidate; if that
    /// fails, or if the checkpoint is not stored, with the parts that were in effect.
    fn restart_ingest(
        &mut self,
        candidate: &Candidate,
        signals: &mut Signals,
    ) -> Result<(), NotApplied> {
        if let Some(trouble) = self.ingest.as_ref().and_then(Ingest::ledger_trouble) {
            let mistake = format!("no checkpoint can be stored now: {trouble}");
            return Err(NotApplied::NotStored(Mistakes(vec![mistake])));
        }
        let Some(ingest) = self.ingest.take() else { return Ok(()) };
        let ended = ingest.stop_to_start_again(STOP_WITHIN);
        if let Some(name) = signals.take_stop() {
            return Err(NotApplied::Stop(Stop::Requested(name)));
        }
        let unstored = ended.unstored();
        let refused = if unstored.is_empty() {
            // No checkpoint of the earlier rules is on its way any more.
            let earlier = self.reloads().status().digest;
            self.reloads().set_digest(candidate.digest);
            let Err(error) = self.start(&candidate.parts, ended.clone()) else { return Ok(()) };
            if let Some(earlier) = earlier {
                self.reloads().set_digest(earlier);
            }
            NotApplied::Refused(start_failure(error).into())
        } else {
            NotApplied::NotStored(Mistakes(unstored.iter().map(not_stored).collect()))
        };
        self.start_as_before(&ended, signals).map_err(NotApplied::Stop)?;
        Err(refused)
    }

    /// Starts ingest with the parts that were in effect. While the machine does not let it, waits
    /// for that.
    fn start_as_before(&mut self, ended: &EarlierRun, signals: &mut Signals) -> Result<(), Stop> {
        let parts = self.parts.clone();
        loop {
            let Err(error) = self.start(&parts, ended.clone()) else { return Ok(()) };
            match start_failure(error) {
                Failure::Running(error) => {
                    tracing::error!(error = format!("{error:#}"), "ingest not started, retrying");
                }
                other => return Err(Stop::Failed(other.to_string())),
            }
            let retry_at = Instant::now() + RETRY_PAUSE;
            while Instant::now() < retry_at {
                if let Some(name) = signals.take_stop() {
                    return Err(Stop::Requested(name));
                }
                thread::sleep(STOP_POLL);
            }
        }
    }

    fn start(&mut self, parts: &Parts, ended: EarlierRun) -> Result<(), StartError> {
        let (options, settings) = (parts.options.clone(), Arc::clone(&parts.settings));
        let published = Arc::clone(&self.published);
        self.ingest = Some(Ingest::start_again(options, settings, published, ended)?);
        Ok(())
    }
}

/// Returns why a configuration is refused. Its rules would count again what was published.
fn not_stored(label: &ShardLabel) -> String {
    format!("the last checkpoint of {label} is not stored")
}

/// Returns a running failure where the machine is at fault, else a usage failure.
pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Thread { .. } | StartError::Ledger(_) => Failure::Running(error.into()),
        _ => Failure::usage(error),
    }
}
