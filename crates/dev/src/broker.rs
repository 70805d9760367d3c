//! A real Apache Kafka broker: one KRaft node in a temporary folder, on loopback ports of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;

use super::acls::{self, Operation, Permission};
use super::{end, exit_within, free_port, kafka_class_path, signal, tail, try_wait_for, wait_for};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// The user of the listeners with SASL.
pub const USER: &str = "nabiz";
/// Its password.
pub const PASSWORD: &str = "pulse-of-the-test";

/// A broker that runs until it is dropped. It does not create topics on demand: each test creates
/// its own.
pub struct Kafka {
    class_path: String,
    folder: TempDir,
    plain: u16,
    sasl: u16,
    tls: u16,
    child: Mutex<Option<Child>>,
}

impl Kafka {
    /// Starts a broker of the caller's own, ready for clients.
    ///
    /// # Panics
    /// Where Kafka or Java is missing.
    pub fn start() -> Kafka {
        Kafka::start_with("")
    }

    /// Starts a broker as [`Kafka::start`] does, with further lines for its `server.properties`.
    pub fn start_with(properties: &str) -> Kafka {
        let folder =
            tempfile::Builder::new().prefix("nabiz-kafka-").tempdir().expect("a temporary folder");
        let kafka = Kafka {
            class_path: kafka_class_path(),
            folder,
            plain: free_port(),
            sasl: free_port(),
            tls: free_port(),
            child: Mutex::new(None),
        };
        kafka.make_certificate();
        kafka.write_properties(free_port(), properties);
        kafka.format();
        kafka.restart();
        kafka
    }

    /// Returns the broker that the tests of this process share; the first caller starts it. It is
    /// for tests that leave it running and use topics and groups of their own.
    pub fn shared() -> &'static Kafka {
        static SHARED: OnceLock<(Kafka, Child)> = OnceLock::new();
        let (kafka, _) = SHARED.get_or_init(|| {
            let kafka = Kafka::start();
            let reaper = kafka.end_with_this_process();
            (kafka, reaper)
        });
        kafka
    }

    /// Starts a shell that waits for the end of this process, then kills the broker and removes its
    /// folder. A static is never dropped, and a killed process drops nothing. The shell reads from
    /// a pipe that only this process holds open, so every kind of end closes it.
    fn end_with_this_process(&self) -> Child {
        let script = r#"trap "" INT TERM; read -r _; kill -KILL "$1"; rm -rf "$2""#;
        let broker = self.child().as_ref().expect("a running broker").id().to_string();
        Command::new("sh")
            .args(["-c", script, "sh", &broker])
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs")
    }

    /// Returns the bootstrap address of the listener without authentication.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.plain)
    }

    /// Returns the bootstrap address of the listener with SASL (PLAIN or SCRAM-SHA-512) and without
    /// TLS.
    pub fn sasl_brokers(&self) -> String {
        format!("127.0.0.1:{}", self.sasl)
    }

    /// Returns the bootstrap address of the listener with SASL (SCRAM-SHA-512) over TLS.
    pub fn tls_brokers(&self) -> String {
        format!("localhost:{}", self.tls)
    }

    /// Returns the path of the certificate that verifies the TLS listener.
    pub fn ca(&self) -> PathBuf {
        self.path("certificate.pem")
    }

    /// Starts a stopped or killed broker on the same ports with the same data, and waits until it
    /// answers.
    pub fn restart(&self) {
        let mut child = self.child();
        assert!(child.is_none(), "the broker is running already");
        let started = self
            .java("kafka.Kafka")
            .arg(self.path("server.properties"))
            .stdout(self.open("stdout.log"))
            .stderr(self.open("stderr.log"))
            .spawn()
            .expect("java runs");
        *child = Some(started);
        drop(child);
        let probe: BaseConsumer = self
            .client()
            .set("log_level", "0")
            .create()
            .expect("a client of a written configuration");
        let ready = try_wait_for(READY_WITHIN, || {
            if let Some(status) =
                self.child().as_mut().and_then(|child| child.try_wait().ok().flatten())
            {
                panic!("kafka ended with {status}\n{}", self.logs());
            }
            match probe.fetch_metadata(None, Duration::from_secs(2)) {
                Ok(metadata) if metadata.brokers().is_empty() => {
                    Err("no broker in the metadata".to_owned())
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        });
        if let Err(error) = ready {
            panic!("kafka is not ready after {READY_WITHIN:?}: {error}\n{}", self.logs());
        }
    }

    /// Stops the broker with SIGTERM, and kills it if it runs on for too long.
    pub fn stop(&self) {
        if let Some(mut child) = self.child().take() {
            end(&mut child, STOP_WITHIN);
        }
    }

    /// Kills the broker, as a power cut does.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            signal(&child, "KILL");
            assert!(exit_within(&mut child, STOP_WITHIN).is_some(), "a killed broker ends");
        }
    }

    /// Creates a topic and waits until its partitions have a leader.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Creates a topic as [`Kafka::create_topic`] does, with settings of its own.
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(30)));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let results = runtime
            .block_on(admin.create_topics([&topic], &options))
            .expect("an answer of the broker");
        for result in results {
            result.expect("the topic is made");
        }
        wait_for_leaders(&admin, name, partitions);
    }

    /// Adds partitions to a topic until it has `partitions`, and waits until they have a leader.
    pub fn grow_topic(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(30)));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let grown = NewPartitions::new(name, partitions as usize);
        let results = runtime
            .block_on(admin.create_partitions([&grown], &options))
            .expect("an answer of the broker");
        for result in results {
            result.expect("the topic has grown");
        }
        wait_for_leaders(&admin, name, partitions);
    }

    /// Deletes a topic and waits until the broker does not know it.
    pub fn delete_topic(&self, name: &str) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let results = runtime
            .block_on(admin.delete_topics(&[name], &options))
            .expect("an answer of the broker");
        for result in results {
            result.expect("the topic is deleted");
        }
        wait_for(&format!("no topic {name}"), Duration::from_secs(30), || {
            let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(5))?;
            if metadata.topics().iter().all(|topic| topic.name() != name) {
                Ok(())
            } else {
                Err(anyhow::anyhow!("it is there"))
            }
        });
    }

    /// Deletes the records of a partition below an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(30)));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(before)).expect("an offset");
        let deleted = runtime
            .block_on(admin.delete_records(&offsets, &options))
            .expect("an answer of the broker");
        deleted
            .elements()
            .iter()
            .for_each(|element| element.error().expect("the records are deleted"));
    }

    /// Revokes the right of [`USER`] to read a topic. The user may still describe it. Clients
    /// without authentication keep all rights.
    pub fn deny_read(&self, topic: &str) {
        acls::add(&self.brokers(), topic, USER, Operation::Describe, Permission::Allow);
        acls::add(&self.brokers(), topic, USER, Operation::Read, Permission::Deny);
    }

    /// Takes all rights on a topic from [`USER`].
    pub fn deny_all(&self, topic: &str) {
        acls::add(&self.brokers(), topic, USER, Operation::All, Permission::Deny);
    }

    /// Gives everyone all rights on a topic again.
    pub fn allow_all(&self, topic: &str) {
        acls::remove_all(&self.brokers(), topic);
    }

    /// Returns a client configuration for the listener without authentication.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.brokers());
        config
    }

    /// Returns the end of the broker's logs.
    pub fn logs(&self) -> String {
        ["stdout.log", "stderr.log", "kafka.log"]
            .map(|name| format!("--- {name}\n{}", tail(&self.path(name), 20)))
            .join("\n")
    }

    /// Returns how often the broker has begun to rebalance a group, by its log.
    pub fn rebalances_of(&self, group: &str) -> usize {
        let log = std::fs::read_to_string(self.path("kafka.log")).expect("the log of the broker");
        let begins = format!("Preparing to rebalance group {group} in state ");
        log.lines().filter(|line| line.contains(&begins)).count()
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, name: &str) -> Stdio {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(self.path(name));
        Stdio::from(file.expect("a log file in the temporary folder"))
    }

    fn java(&self, class: &str) -> Command {
        let log_config = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log4j2.properties");
        let mut command = Command::new("java");
        command
            .args([
                "-Xms256m",
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.awt.headless=true",
            ])
            .arg(format!("-Dlog4j2.configurationFile={}", log_config.display()))
            .arg(format!("-Dnabiz.kafka.log={}", self.path("kafka.log").display()))
            .args(["-cp", &self.class_path, class])
            .stdin(Stdio::null());
        command
    }

    /// Creates a self-signed certificate for `localhost` and its key, in PEM, which both Kafka and
    /// librdkafka read.
    fn make_certificate(&self) {
        run(Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .arg("-keyout")
            .arg(self.path("key.pem"))
            .arg("-out")
            .arg(self.ca()));
        let key = std::fs::read_to_string(self.path("key.pem")).expect("the key");
        let certificate = std::fs::read_to_string(self.ca()).expect("the certificate");
        std::fs::write(self.path("keystore.pem"), format!("{key}{certificate}"))
            .expect("the key store");
    }

    fn write_properties(&self, controller: u16, more: &str) {
        let plain = self.plain;
        let sasl = self.sasl;
        let tls = self.tls;
        let data = self.path("data").display().to_string();
        let keystore = self.path("keystore.pem").display().to_string();
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             log.retention.ms=-1\n\
             log.message.timestamp.after.max.ms=9223372036854775807\n\
             listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://localhost:{tls}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=PLAINTEXT\n\
             sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
             listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";\n\
             listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={keystore}\n\
             log.dirs={data}\n\
             auto.create.topics.enable=false\n\
             offsets.topic.num.partitions=1\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.num.partitions=1\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS\n\
             allow.everyone.if.no.acl.found=true\n\
             share.coordinator.state.topic.replication.factor=1\n\
             share.coordinator.state.topic.min.isr=1\n\
             share.coordinator.state.topic.num.partitions=1\n\
             group.initial.rebalance.delay.ms=0\n\
             broker.session.timeout.ms=3000\n\
             broker.heartbeat.interval.ms=500\n\
             num.network.threads=2\n\
             num.io.threads=2\n\
             log.cleaner.dedupe.buffer.size=8388608\n\
             {more}"
        );
        std::fs::write(self.path("server.properties"), properties)
            .expect("the broker's configuration");
    }

    fn format(&self) {
        // Any 16 bytes in URL-safe base64 name a cluster.
        run(self
            .java("kafka.tools.StorageTool")
            .args(["format", "--cluster-id", "bmFiaXotdGVzdC0xMjM0NQ"])
            .args(["--add-scram", &format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]")])
            .arg("--config")
            .arg(self.path("server.properties")));
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        self.stop();
    }
}

fn wait_for_leaders(admin: &AdminClient<DefaultClientContext>, topic: &str, partitions: i32) {
    wait_for(&format!("leaders of topic {topic}"), Duration::from_secs(30), || {
        let metadata = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(5))?;
        let led = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions())
            .filter(|partition| partition.leader() >= 0)
            .count();
        if led == partitions as usize {
            Ok(())
        } else {
            Err(anyhow::anyhow!("{led} of {partitions} led"))
        }
    });
}

fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
