//! Reads the configuration of `serve` again, and looks at the files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;

use super::configuration;
use super::failure::Failure;
use super::parts::Parts;
use crate::config::{Config, OnReload};
use crate::config_digest::ConfigDigest;
use crate::http::Security;
use crate::ingest::{LedgerOptions, Topic, check_client_property, files_of_client};
use crate::readmodel::Reloads;
use crate::watched_files::{Contents, WatchedFiles};

/// The configuration in effect, and where it comes from.
pub(super) struct Reloader {
    path: PathBuf,
    config: Config,
    ledger: LedgerOptions,
    reloads: Arc<Reloads>,
    /// The programs of the mappings.
    programs: Programs,
    /// The certificate of HTTP and its key.
    http_files: WatchedFiles,
    /// Certificates, keys and secrets of the Kafka client.
    client_files: WatchedFiles,
}

/// A configuration, with the contents of its files from before any of them is used: a change since
/// then is noticed.
pub(super) struct Loaded {
    pub config: Config,
    http_files: WatchedFiles,
    client_files: WatchedFiles,
}

/// A configuration that is checked and can take effect.
pub(super) struct Candidate {
    config: Config,
    /// The certificate of HTTP, if it was read again.
    http_files: Option<WatchedFiles>,
    client_files: WatchedFiles,
    pub parts: Parts,
    pub digest: ConfigDigest,
    /// The keys whose values differ.
    pub changed: Vec<String>,
    /// Ingest must start again with it.
    pub restarts_ingest: bool,
}

/// The reasons for which nothing changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistakes(pub Vec<String>);

impl From<Failure> for Mistakes {
    /// Takes an error with several lines as several mistakes.
    fn from(failure: Failure) -> Self {
        Mistakes(failure.to_string().lines().map(str::to_owned).collect())
    }
}

/// A change of files, not yet in effect.
pub(super) enum FileChange {
    /// The certificate of HTTP or its key.
    Http(Contents),
    /// Files of the Kafka client, with what follows from them.
    Client(Contents, Result<Box<Candidate>, Mistakes>),
}

impl Reloader {
    /// Creates a reloader of the file at `path`, which was loaded. `parts` follow from it.
    pub(super) fn new(path: PathBuf, loaded: Loaded, parts: &Parts) -> Self {
        let Loaded { config, http_files, client_files } = loaded;
        Reloader {
            path,
            http_files,
            client_files,
            programs: programs(&parts.options.topics),
            config,
            ledger: parts.options.ledger.clone(),
            reloads: Arc::clone(&parts.options.reloads),
        }
    }

    /// Reads the configuration again, and checks it as `nabiz check` does. Nothing takes effect
    /// yet.
    ///
    /// # Errors
    /// Every mistake, and every key with another value that only a restart can use.
    pub(super) fn read(&self) -> Result<Candidate, Mistakes> {
        let Loaded { config, http_files, client_files } = load(&self.path)?;
        let changes = config.changes_since(&self.config);
        let refused: Vec<String> = changes
            .iter()
            .filter(|change| change.on_reload == OnReload::Refused)
            .map(|change| format!("{}: the new value needs a restart", change.key))
            .collect();
        if !refused.is_empty() {
            return Err(Mistakes(refused));
        }
        let restarts_ingest = changes.iter().any(|change| change.on_reload == OnReload::Ingest)
            || !self.client_files.is_in_use();
        let security = configuration::security(&config)?;
        let changed = changes.into_iter().map(|change| change.key).collect();
        let candidate = self.candidate(config, client_files, security, changed, restarts_ingest)?;
        Ok(Candidate { http_files: Some(http_files), ..candidate })
    }

    /// Looks for files whose contents changed. The configuration stays the one in effect, and HTTP
    /// keeps its `security`.
    pub(super) fn look_at_files(&mut self, security: &Security) -> Vec<FileChange> {
        let http = self.http_files.changed().map(FileChange::Http);
        let client = self.client_files.changed().map(|contents| {
            let candidate = self.with_changed_files(security.clone());
            FileChange::Client(contents, candidate.map(Box::new))
        });
        http.into_iter().chain(client).collect()
    }

    fn with_changed_files(&self, security: Security) -> Result<Candidate, Mistakes> {
        let mut config = self.config.clone();
        let client_files = read_client_files(&mut config)?;
        let changed = config.changes_since(&self.config);
        let changed = changed.into_iter().map(|change| change.key).collect();
        self.candidate(config, client_files, security, changed, true)
    }

    fn candidate(
        &self,
        config: Config,
        client_files: WatchedFiles,
        security: Security,
        changed: Vec<String>,
        restarts_ingest: bool,
    ) -> Result<Candidate, Mistakes> {
        let mut parts = Parts::of(&config, security, self.ledger.clone())?;
        parts.options.reloads = Arc::clone(&self.reloads);
        let programs = programs(&parts.options.topics);
        let restarts_ingest = restarts_ingest || programs != self.programs;
        if restarts_ingest {
            parts.options.check().map_err(Failure::usage)?;
        }
        let digest = digest(&config, &self.ledger, &programs);
        let http_files = None;
        Ok(Candidate { config, http_files, client_files, parts, digest, changed, restarts_ingest })
    }

    /// Records that a candidate is in effect, and returns its parts.
    pub(super) fn accept(&mut self, candidate: Candidate) -> Parts {
        self.config = candidate.config;
        self.programs = programs(&candidate.parts.options.topics);
        self.client_files = candidate.client_files;
        if let Some(http_files) = candidate.http_files {
            self.http_files = http_files;
        }
        candidate.parts
    }

    /// Records whether the changed certificate of HTTP is in use.
    pub(super) fn decide_http(&mut self, contents: Contents, is_in_use: bool) {
        if is_in_use {
            self.http_files.accept(contents);
        } else {
            self.http_files.refuse(contents);
        }
    }

    /// Records that the Kafka client cannot use its changed files, unless they take effect.
    pub(super) fn refuse_client(&mut self, contents: Contents) {
        self.client_files.refuse(contents);
    }

    /// Records that refused files of the Kafka client may be usable later.
    pub(super) fn try_client_again(&mut self) {
        self.client_files.try_again();
    }

    /// Returns whether the last look found files that were refused.
    pub(super) fn are_files_refused(&self) -> bool {
        self.http_files.are_refused() || self.client_files.are_refused()
    }
}

/// Returns the files of the certificate of HTTP, with their present contents.
fn http_files(config: &Config) -> WatchedFiles {
    let tls = config.http.tls.iter();
    WatchedFiles::new(tls.flat_map(|tls| [tls.certificate.clone(), tls.key.clone()]).collect())
}

/// Returns the files of the Kafka client with their present contents, and reads the values that are
/// in files again, after that.
fn read_client_files(config: &mut Config) -> Result<WatchedFiles, Mistakes> {
    let Some(kafka) = &mut config.kafka else { return Ok(WatchedFiles::new(Vec::new())) };
    let values = kafka.client_files.values().cloned();
    let files =
        WatchedFiles::new(files_of_client(&kafka.client).into_iter().chain(values).collect());
    kafka.reread_files(check_client_property).map_err(Mistakes)?;
    Ok(files)
}

/// Loads the configuration file at `path`.
///
/// # Errors
/// Returns a usage failure with every mistake.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let mut config = configuration::load(path)?;
    let client_files = read_client_files(&mut config)
        .map_err(|Mistakes(mistakes)| Failure::Usage(anyhow!("{}", mistakes.join("\n"))))?;
    let http_files = http_files(&config);
    Ok(Loaded { config, http_files, client_files })
}

/// The hash of each mapping by its topic.
pub(super) type Programs = BTreeMap<String, [u8; 32]>;

/// Returns the hashes of the programs of mapped topics.
pub(super) fn programs(topics: &[Topic]) -> Programs {
    let hash = |topic: &Topic| Some((topic.name.clone(), topic.format.program_hash()?));
    topics.iter().filter_map(hash).collect()
}

/// Returns the digest of a configuration and its mappings with the key of its ledger.
pub(super) fn digest(config: &Config, ledger: &LedgerOptions, programs: &Programs) -> ConfigDigest {
    let mut text = config.reveal();
    for (topic, hash) in programs {
        text.push_str(&format!("\n{topic}: {hash:02x?}"));
    }
    ConfigDigest::new(&ledger.hash_key, &text)
}
