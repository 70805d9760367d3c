//! A configuration of `nabiz serve` in a temporary folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::free_port;
use super::process::Nabiz;

/// The dead-letter topic of a pipeline.
pub const DEAD_LETTERS: &str = "dead";

/// The configuration of a `nabiz serve`, which can be started again with the same ledger and
/// address.
pub struct Pipeline {
    folder: TempDir,
    brokers: String,
    group: String,
    address: String,
    dead_letters: String,
    topics: Vec<(String, &'static str)>,
    client: BTreeMap<String, String>,
    workers: usize,
    instance_id: Option<&'static str>,
    shard_label: bool,
    idle_advance: bool,
    on_undecodable: Option<&'static str>,
}

impl Pipeline {
    /// Returns a pipeline without topics. `name` is its consumer group; its dead-letter topic is
    /// `name` with `.` and [`DEAD_LETTERS`].
    pub fn new(brokers: String, name: &str) -> Pipeline {
        Pipeline {
            folder: tempfile::Builder::new()
                .prefix("nabiz-pipeline-")
                .tempdir()
                .expect("a temporary folder"),
            brokers,
            group: name.to_owned(),
            address: format!("127.0.0.1:{}", free_port()),
            dead_letters: format!("{name}.{DEAD_LETTERS}"),
            topics: Vec::new(),
            client: BTreeMap::new(),
            workers: 2,
            instance_id: None,
            shard_label: false,
            idle_advance: false,
            on_undecodable: None,
        }
    }

    /// Keeps its files, with the ledger and the log, in a folder of `disk`.
    pub fn on(mut self, disk: &Path) -> Pipeline {
        self.folder = tempfile::Builder::new()
            .prefix("nabiz-pipeline-")
            .tempdir_in(disk)
            .expect("a temporary folder");
        self
    }

    /// Reads with this many workers instead of two.
    pub fn workers(mut self, workers: usize) -> Pipeline {
        self.workers = workers;
        self
    }

    /// Makes the workers static members of the group.
    pub fn instance_id(mut self, id: &'static str) -> Pipeline {
        self.instance_id = Some(id);
        self
    }

    /// Adds the label of the partition to contact metrics, for several instances of one group.
    pub fn shard_label(mut self) -> Pipeline {
        self.shard_label = true;
        self
    }

    /// Advances stream time with the clock at the end of a log.
    pub fn idle_advance(mut self) -> Pipeline {
        self.idle_advance = true;
        self
    }

    /// Sets what is done with a batch that cannot be decoded.
    pub fn on_undecodable(mut self, choice: &'static str) -> Pipeline {
        self.on_undecodable = Some(choice);
        self
    }

    /// Adds a topic.
    pub fn topic(mut self, name: &str, format: &'static str) -> Pipeline {
        self.topics.push((name.to_owned(), format));
        self
    }

    /// Adds a topic whose records the program in a file of the folder turns into events.
    pub fn mapped_topic(mut self, name: &str, program: &str) -> Pipeline {
        self.topics.push((name.to_owned(), "mapped"));
        self.write_mapping(program);
        self
    }

    /// Writes the program of the mapped topics.
    pub fn write_mapping(&self, program: &str) {
        std::fs::write(self.mapping(), program).expect("the program of the mapping");
    }

    /// Returns the path of the program of the mapped topics.
    fn mapping(&self) -> PathBuf {
        self.folder.path().join("ours.jq")
    }

    /// Passes a property to the Kafka client.
    pub fn client(mut self, key: &str, value: &str) -> Pipeline {
        self.client.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Returns the dead-letter topic, which the test creates.
    pub fn dead_letters(&self) -> &str {
        &self.dead_letters
    }

    /// Returns the path of the configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("nabiz.toml")
    }

    /// Returns the path of the ledger.
    pub fn ledger(&self) -> PathBuf {
        self.folder.path().join("nabiz.db")
    }

    /// Starts `nabiz serve`.
    pub fn serve(&self) -> Nabiz {
        self.serve_at("nabiz.toml", &self.address)
    }

    /// Starts a second `nabiz serve` of the same group and ledger, on a port of its own.
    pub fn serve_another(&self) -> Nabiz {
        self.serve_at("another.toml", &format!("127.0.0.1:{}", free_port()))
    }

    fn serve_at(&self, file: &str, address: &str) -> Nabiz {
        let path = self.folder.path().join(file);
        std::fs::write(&path, self.toml(address)).expect("the configuration");
        Nabiz::serve(&path, address)
    }

    fn toml(&self, address: &str) -> String {
        let mut text = format!(
            "[kafka]\nbrokers = {:?}\ngroup = {:?}\ndead_letter_topic = {:?}\nworkers = {}\n",
            self.brokers, self.group, self.dead_letters, self.workers
        );
        if let Some(id) = self.instance_id {
            let _ = writeln!(text, "instance_id = {id:?}");
        }
        if let Some(choice) = self.on_undecodable {
            let _ = writeln!(text, "on_undecodable = {choice:?}");
        }
        for (name, format) in &self.topics {
            let _ = write!(text, "[[kafka.topics]]\nname = {name:?}\nformat = {format:?}\n");
            if *format == "mapped" {
                let file = self.mapping().display().to_string();
                let _ = writeln!(text, "mapping = {{ file = {file:?} }}");
            }
        }
        text.push_str("[kafka.client]\n");
        for (key, value) in &self.client {
            let _ = writeln!(text, "{key:?} = {value:?}");
        }
        let _ = write!(
            text,
            "[windows]\nidle_advance = {}\n[metrics]\nshard_label = {}\n[http]\nlisten = {:?}\n[ledger]\npath = {:?}\n\
             [queues.support]\nname = \"Destek\"\naliases = [\"600\"]\n",
            self.idle_advance,
            self.shard_label,
            address,
            self.ledger().display().to_string()
        );
        text
    }
}
