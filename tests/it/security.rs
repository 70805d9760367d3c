//! TLS, credentials and limits against a served listener; and that no secret is ever shown.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::harness::numbers::{NOW_MS, published, snapshot};
use crate::harness::serial;
use crate::harness::server::{DEADLINE, Server};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nabiz::config::Config;
use nabiz::http::{Authentication, Limits, Security, SecurityError, Tls};
use nabiz::readmodel::DenialReason;
use nabiz::secret::SecretHash;
use nabiz_core::time::WallTime;
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
};

const TOKEN: &str = "tok-8c1Fq2-Zx";
const PASSWORD: &str = "pw: şifre 4Kd9";
const WRONG: &str = "wrong-5Hu3-secret";
const PATHS: [&str; 9] = [
    "/",
    "/metrics",
    "/readyz",
    "/api/v1/queues",
    "/api/v1/queues/fault",
    "/api/v1/stream",
    "/api/v1/status",
    "/nowhere",
    "/healthz/",
];

/// A self-signed certificate for `localhost` in files of its own.
struct Certificate {
    folder: tempfile::TempDir,
    trust: RootCertStore,
}

impl Certificate {
    fn new() -> Certificate {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = write_certificate(folder.path());
        Certificate { folder, trust }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn tls(&self) -> Tls {
        Tls::load(&self.certificate(), &self.key()).expect("a certificate")
    }

    fn toml(&self) -> String {
        format!("tls_certificate = {:?}\ntls_key = {:?}\n", self.certificate(), self.key())
    }
}

/// Writes another certificate into a folder. Returns a store that trusts only this certificate.
pub(crate) fn write_certificate(folder: &Path) -> RootCertStore {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).expect("a certificate");
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let mut trust = RootCertStore::empty();
    trust.add(made.cert.der().clone()).expect("a certificate");
    trust
}

fn authentication() -> Authentication {
    let hash = |secret: &str| SecretHash::of(secret.as_bytes()).expect("a hash");
    let users = BTreeMap::from([("wall".to_string(), hash(PASSWORD))]);
    Authentication::new(Some(hash(TOKEN)), users).expect("random numbers")
}

fn serve(limits: Limits, tls: Option<Arc<Tls>>, authentication: Option<Authentication>) -> Server {
    let security = Security { tls, authentication: authentication.map(Arc::new) };
    Server::secured(published(snapshot(), true), || WallTime(NOW_MS), limits, security)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).expect("connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

/// Sends a request and reads the head of the answer.
fn head(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            break;
        }
    }
    head
}

/// Returns the head of the answer to a GET with an `Authorization` header.
fn get(server: &Server, path: &str, authorization: &str) -> String {
    let header = if authorization.is_empty() {
        String::new()
    } else {
        format!("authorization: {authorization}\r\n")
    };
    head(connect(server), &request(path, &format!("{header}connection: close\r\n")))
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Connects and completes the TLS handshake.
fn secure(
    server: &Server,
    trust: &RootCertStore,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsStream, std::io::Error> {
    secure_on(connect(server), trust, versions)
}

/// Returns whether a listener serves a certificate that a client with this store trusts.
pub(crate) fn is_trusted(address: &str, trust: &RootCertStore) -> bool {
    let Ok(stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    secure_on(stream, trust, &[&TLS13]).is_ok()
}

fn secure_on(
    stream: TcpStream,
    trust: &RootCertStore,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsStream, std::io::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(trust.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

fn status(server: &Server, trust: &RootCertStore) -> Value {
    let mut stream = secure(server, trust, &[&TLS13]).expect("TLS");
    stream.write_all(request("/api/v1/status", "connection: close\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and an orderly end");
    serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn tls_1_2_and_1_3_serve_every_path() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let server = serve(Limits::default(), Some(Arc::new(certificate.tls())), None);
    for version in [&TLS12, &TLS13] {
        for path in ["/", "/metrics", "/healthz", "/api/v1/queues", "/api/v1/stream"] {
            let mut stream = secure(&server, &certificate.trust, &[version]).expect("TLS");
            assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
            let head = head(&mut stream, &request(path, ""));
            assert!(head.starts_with("HTTP/1.1 200"), "{version:?} {path}: {head}");
        }
    }
}

#[test]
fn plain_http_gets_no_answer_from_a_tls_port() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let server = serve(Limits::default(), Some(Arc::new(certificate.tls())), None);
    let mut stream = connect(&server);
    stream.write_all(request("/metrics", "").as_bytes()).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1."), "{answer:?}");
    until("the count", || status(&server, &certificate.trust)["failed_handshakes"] == 1);
}

#[test]
fn silent_handshake_times_out_and_blocks_no_other_client() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let limits = Limits {
        connections: 2,
        handshake_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = serve(limits, Some(Arc::new(certificate.tls())), None);
    let mut silent = connect(&server);
    // The beginning of a record that never ends.
    silent.write_all(&[0x16, 3, 1, 2, 0, 1]).expect("sent");
    assert_eq!(status(&server, &certificate.trust)["failed_handshakes"], 0);
    let mut rest = Vec::new();
    let end = silent.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(
        !matches!(end, Err(std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)),
        "{end:?}"
    );

    // Silent connections take all places: the oldest makes room at once.
    let mut silent = connect(&server);
    let _newer = connect(&server);
    assert_eq!(status(&server, &certificate.trust)["ready"], true);
    assert!(server.denied.get(DenialReason::Connections) >= 1);
    assert_eq!(silent.read(&mut [0; 1]).expect("closed"), 0);
}

#[test]
fn silent_connections_keep_no_request_out() {
    let _shared = serial::shared();
    let limits = Limits { connections: 64, ..Limits::default() };
    let server = serve(limits, None, None);
    // Half of them begin a request and do not end it.
    let _silent: Vec<TcpStream> = (0..500)
        .map(|number| {
            let mut silent = connect(&server);
            if number % 2 == 0 {
                let _ = silent.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc");
            }
            silent
        })
        .collect();
    for path in ["/healthz", "/metrics"] {
        let begun = Instant::now();
        assert!(head(connect(&server), &request(path, "")).starts_with("HTTP/1.1 200"), "{path}");
        // Without room they would wait for the timeout of the headers, 30 seconds.
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}: {:?}", begun.elapsed());
    }
    assert!(server.denied.get(DenialReason::Connections) >= 400);
}

#[test]
fn connection_that_reads_a_stream_makes_no_room() {
    let _shared = serial::shared();
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = serve(limits, None, None);
    let mut stream = connect(&server);
    stream.write_all(request("/api/v1/stream", "").as_bytes()).expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("the answer begins");
    assert_eq!(&first, b"HTTP/1.1 200");
    let _silent: Vec<TcpStream> = (0..20).map(|_| connect(&server)).collect();
    assert!(head(connect(&server), &request("/healthz", "")).starts_with("HTTP/1.1 200"));
    // The stream goes on.
    server.publish(published(snapshot(), false));
    let mut text = String::new();
    while !text.contains("catching_up") {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).expect("more of the stream");
        assert!(read > 0, "the stream ended");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[test]
fn shutdown_does_not_wait_for_handshakes_and_closes_streams() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let server = serve(Limits::default(), Some(Arc::new(certificate.tls())), None);
    let _silent = connect(&server);
    let mut stream = secure(&server, &certificate.trust, &[&TLS13]).expect("TLS");
    assert!(head(&mut stream, &request("/api/v1/stream", "")).starts_with("HTTP/1.1 200"));
    let took = server.stop();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("closed as TLS is closed");
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends in order");
}

#[test]
fn request_limits_hold_when_tls_is_on() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = serve(limits, Some(Arc::new(certificate.tls())), None);
    let answer =
        |request: &str| head(secure(&server, &certificate.trust, &[&TLS13]).expect("TLS"), request);
    let many =
        |count: usize| (0..count).map(|index| format!("x-{index}: 1\r\n")).collect::<String>();
    assert!(answer(&request("/healthz", &many(60))).starts_with("HTTP/1.1 200"));
    assert!(answer(&request("/healthz", &many(70))).starts_with("HTTP/1.1 431"));
    assert!(
        answer(&request("/healthz", &format!("x: {}\r\n", "a".repeat(20_000))))
            .starts_with("HTTP/1.1 431")
    );
    assert!(answer(&request("/healthz", "content-length: 5\r\n")).starts_with("HTTP/1.1 413"));
    assert!(
        answer("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
            .starts_with("HTTP/1.1 405")
    );

    // A head that arrives too slowly ends the connection.
    let mut slow = secure(&server, &certificate.trust, &[&TLS13]).expect("TLS");
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").expect("sent");
    let mut rest = Vec::new();
    let end = slow.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(
        !matches!(end, Err(std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)),
        "{end:?}"
    );
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
}

#[test]
fn server_reloads_a_changed_certificate_unless_it_is_invalid() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let tls = Arc::new(certificate.tls());
    let server = serve(Limits::default(), Some(tls.clone()), None);
    assert!(!tls.reload().expect("the same files"));

    let trust = write_certificate(certificate.folder.path());
    assert!(secure(&server, &trust, &[&TLS13]).is_err(), "the old one is still served");
    assert!(tls.reload().expect("another certificate"));
    assert_eq!(status(&server, &trust)["ready"], true);
    assert!(secure(&server, &certificate.trust, &[&TLS13]).is_err());

    // While the files are being replaced, certificate and key do not match.
    let other = Certificate::new();
    std::fs::copy(other.key(), certificate.key()).expect("copied");
    let error = tls.reload().expect_err("another's key").to_string();
    assert!(error.contains("key.pem") && error.contains("cannot be used together"), "{error}");
    assert_eq!(status(&server, &trust)["ready"], true);
    std::fs::copy(other.certificate(), certificate.certificate()).expect("copied");
    assert!(tls.reload().expect("now they do"));
    assert_eq!(status(&server, &other.trust)["ready"], true);
}

#[test]
fn every_path_but_healthz_needs_credentials() {
    let _shared = serial::shared();
    let server = serve(Limits::default(), None, Some(authentication()));
    let right = [format!("Bearer {TOKEN}"), format!("bEARER {TOKEN}"), basic("wall", PASSWORD)];
    let wrong = [
        String::new(),
        format!("Bearer {WRONG}"),
        format!("Bearer {PASSWORD}").replace('ş', "s"),
        TOKEN.to_string(),
        basic("wall", WRONG),
        basic("wall", TOKEN),
        basic("nobody", PASSWORD),
        basic("", TOKEN),
        "Basic !".to_string(),
    ];
    for path in PATHS {
        for authorization in &wrong {
            let head = get(&server, path, authorization);
            assert!(head.starts_with("HTTP/1.1 401"), "{path} {authorization}: {head}");
            assert!(
                head.contains("www-authenticate: Basic realm=\"nabiz\", charset=\"UTF-8\"\r\n"),
                "{head}"
            );
            assert!(head.contains("www-authenticate: Bearer realm=\"nabiz\"\r\n"), "{head}");
            assert!(head.contains("cache-control: no-store\r\n"), "{head}");
        }
        for authorization in &right {
            let head = get(&server, path, authorization);
            let expected = if path == "/nowhere" || path == "/healthz/" {
                "HTTP/1.1 404"
            } else {
                "HTTP/1.1 200"
            };
            assert!(head.starts_with(expected), "{path} {authorization}: {head}");
        }
    }
    for authorization in right.iter().chain(&wrong) {
        assert!(get(&server, "/healthz", authorization).starts_with("HTTP/1.1 200"));
    }
    // A request with two headers is refused, because it is unclear which one counts.
    let two = format!("authorization: Bearer {TOKEN}\r\nauthorization: Bearer {WRONG}\r\n");
    assert!(head(connect(&server), &request("/metrics", &two)).starts_with("HTTP/1.1 401"));
    // Requests without credentials are not counted, because every browser begins with one.
    let expected = PATHS.len() * (wrong.len() - 1) + 1;
    assert_eq!(status_of(&server)["refused_credentials"], json!(expected));
}

fn status_of(server: &Server) -> Value {
    let mut answer = String::new();
    let mut stream = connect(server);
    let header = format!("authorization: Bearer {TOKEN}\r\nconnection: close\r\n");
    stream.write_all(request("/api/v1/status", &header).as_bytes()).expect("sent");
    stream.read_to_string(&mut answer).expect("an answer");
    serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
}

#[test]
fn known_credentials_are_accepted_during_a_flood_of_wrong_ones() {
    let _shared = serial::shared();
    let server = serve(Limits::default(), None, Some(authentication()));
    assert!(get(&server, "/metrics", &format!("Bearer {TOKEN}")).starts_with("HTTP/1.1 200"));
    let flood: Vec<TcpStream> = (0..50)
        .map(|index| {
            let mut stream = connect(&server);
            let header = format!("authorization: Bearer {WRONG}-{index}\r\nconnection: close\r\n");
            stream.write_all(request("/metrics", &header).as_bytes()).expect("sent");
            stream
        })
        .collect();
    for _ in 0..3 {
        assert!(get(&server, "/metrics", &format!("Bearer {TOKEN}")).starts_with("HTTP/1.1 200"));
    }
    for mut stream in flood {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(
            answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 503"),
            "{answer}"
        );
    }
}

/// Returns the buffer that collects the logs of this process from the first call on.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    struct Sink(&'static Mutex<Vec<u8>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the log").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    LOG.get_or_init(|| {
        let log: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || Sink(log))
            .init();
        log
    })
}

#[test]
fn logs_and_answers_never_show_credentials_when_they_are_wrong() {
    let _shared = serial::shared();
    let log = log();
    let server = serve(Limits::default(), None, Some(authentication()));
    let presented = [
        format!("Bearer {WRONG}"),
        basic("wall", WRONG),
        basic("visitor-7Qa", WRONG),
        format!("Bearer {TOKEN}"),
        basic("wall", PASSWORD),
    ];
    let answers: String = presented
        .iter()
        .map(|authorization| {
            let mut stream = connect(&server);
            let headers = format!("authorization: {authorization}\r\nconnection: close\r\n");
            stream.write_all(request("/metrics", &headers).as_bytes()).expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer
        })
        .collect();
    assert!(answers.contains("\"the credentials are wrong\""), "{answers}");
    drop(server);
    let logged = String::from_utf8_lossy(&log.lock().expect("the log")).into_owned();
    assert!(logged.contains("requests with wrong credentials denied"), "{logged}");
    let encoded = presented
        .iter()
        .filter_map(|authorization| authorization.split_once(' '))
        .map(|(_, rest)| rest);
    for secret in encoded.chain([WRONG, TOKEN, PASSWORD, "visitor-7Qa", "$argon2id"]) {
        assert!(!logged.contains(secret), "the log has {secret}");
        assert!(!answers.contains(secret), "an answer has {secret}");
    }
}

fn nabiz(arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nabiz"))
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

/// Returns the exit code, and both outputs as one text.
fn check(toml: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nabiz.toml");
    std::fs::write(&path, toml).expect("a file");
    let done = nabiz(&["check", "--config", path.to_str().expect("a path")], "", variables);
    let shown = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(shown).expect("text"))
}

fn hash_secret(secret: &str) -> String {
    let done = nabiz(&["hash-secret"], &format!("{secret}\n"), &[]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let hash = String::from_utf8(done.stdout).expect("text");
    assert!(!hash.contains(secret) && hash.ends_with('\n') && done.stderr.is_empty(), "{hash}");
    hash.trim_end().to_string()
}

/// Loads the protection that a configuration names.
fn load(http: &nabiz::config::Http) -> Result<Security, SecurityError> {
    let tls_files = http.tls.as_ref().map(|files| (&*files.certificate, &*files.key));
    Security::load(tls_files, http.bearer_token_hash.clone(), http.basic_auth.clone())
}

#[test]
fn server_requires_credentials_when_hashes_of_the_command_are_configured() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let (token, password) = (hash_secret(TOKEN), hash_secret(PASSWORD));
    assert_ne!(hash_secret(TOKEN), token, "there is no salt");
    let toml = format!(
        "[http]\n{}basic_auth = {{ wall = \"{password}\", 'o p' = \"{password}\" }}",
        certificate.toml()
    );
    let variables = [("NABIZ_HTTP__BEARER_TOKEN_HASH".to_string(), token.clone())];
    let config =
        Config::parse(&toml, "nabiz.toml", variables.into_iter()).expect("a configuration");
    let security = load(&config.http).expect("a certificate");
    let server = Server::secured(
        published(snapshot(), true),
        || WallTime(NOW_MS),
        Limits::default(),
        security,
    );
    let cases = [
        (format!("Bearer {TOKEN}"), 200),
        (basic("wall", PASSWORD), 200),
        (basic("o p", PASSWORD), 200),
        (basic("wall", TOKEN), 401),
    ];
    for (authorization, code) in cases {
        let stream = secure(&server, &certificate.trust, &[&TLS13]).expect("TLS");
        let head =
            head(stream, &request("/metrics", &format!("authorization: {authorization}\r\n")));
        assert!(head.starts_with(&format!("HTTP/1.1 {code}")), "{authorization}: {head}");
    }

    let (code, shown) = check(&toml, &[("NABIZ_HTTP__BEARER_TOKEN_HASH", &token)]);
    assert_eq!(code, Some(0), "{shown}");
    for line in [
        "\nbearer_token_hash = \"***\"\n",
        "\nbasic_auth = { \"o p\" = \"***\", wall = \"***\" }\n",
        &certificate.toml(),
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(!shown.contains("argon2id") && !format!("{config:?}").contains("argon2id"));
    // The printed configuration does not grant access: its hashes have to be filled in first.
    let (code, refused) = check(&shown, &[]);
    assert_eq!(code, Some(2), "{refused}");
}

#[test]
fn configuration_rejects_a_plain_secret_without_showing_it() {
    let _shared = serial::shared();
    let file = [
        format!("[http]\nbearer_token_hash = '{WRONG}'"),
        format!("[http]\nbearer_token_hash = ['{WRONG}']"),
        format!("[http]\nbasic_auth = {{ wall = '{WRONG}' }}"),
        format!("[http]\nbasic_auth = 'wall:{WRONG}'"),
        format!("[http]\nbasic_auth = ['wall:{WRONG}']"),
        format!("[http.basic_auth]\nwall = {{ password = '{WRONG}' }}"),
        format!(
            "[http]\ntls_key = '''-----BEGIN PRIVATE KEY-----\n{WRONG}'''\ntls_certificate = 'a'"
        ),
    ];
    let none = ("NABIZ_LOG", "info".to_string());
    let variables = [
        ("NABIZ_HTTP__BEARER_TOKEN_HASH", WRONG.to_string()),
        ("NABIZ_HTTP__BASIC_AUTH", format!("wall:{WRONG}")),
        ("NABIZ_HTTP__BASIC_AUTH", format!("{{ wall = \"{WRONG}\" }}")),
        ("NABIZ_HTTP__BASIC_AUTH", format!("{{ wall = {WRONG} }}")),
        ("NABIZ_HTTP__BASIC_AUTH", WRONG.to_string()),
        ("NABIZ_HTTP__TLS_KEY", format!("-----BEGIN PRIVATE KEY-----{WRONG}")),
    ];
    let cases = file
        .into_iter()
        .map(|toml| (toml, &none))
        .chain(variables.iter().map(|one| (String::new(), one)));
    for (toml, (name, value)) in cases {
        let (code, shown) = check(&toml, &[(name, value)]);
        assert_eq!(code, Some(2), "{toml} {name}={value}: {shown}");
        assert!(!shown.contains(WRONG), "{toml} {name}: {shown}");
        let says =
            ["expected", "allowed", "TOML value"].into_iter().any(|word| shown.contains(word));
        assert!(says, "{shown}");
    }
}

#[test]
fn configuration_rejects_an_unusable_certificate() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let other = Certificate::new();
    let folder = certificate.folder.path();
    std::fs::write(folder.join("empty.pem"), "").expect("written");
    std::fs::write(
        folder.join("broken.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .expect("written");
    let (good, key) = (certificate.certificate(), certificate.key());
    let cases = [
        (
            folder.join("none.pem"),
            key.clone(),
            "http.tls_certificate: the file ",
            "none.pem cannot be read",
        ),
        (
            good.clone(),
            folder.join("none.pem"),
            "http.tls_key: the file ",
            "none.pem cannot be read",
        ),
        (
            folder.join("empty.pem"),
            key.clone(),
            "http.tls_certificate: ",
            "empty.pem holds no certificate",
        ),
        (
            good.clone(),
            folder.join("empty.pem"),
            "http.tls_key: ",
            "empty.pem holds no private key",
        ),
        (good.clone(), good.clone(), "http.tls_key: ", "certificate.pem holds no private key"),
        (
            folder.join("broken.pem"),
            key.clone(),
            "http.tls_certificate: ",
            "cannot be used together",
        ),
        (good.clone(), other.key(), "http.tls_certificate: ", "cannot be used together"),
        (folder.to_path_buf(), key.clone(), "http.tls_certificate: ", "cannot be read"),
    ];
    for (certificate, key, start, end) in cases {
        let toml = format!("[http]\ntls_certificate = {certificate:?}\ntls_key = {key:?}\n");
        let (code, shown) = check(&toml, &[]);
        assert_eq!(code, Some(2), "{toml}{shown}");
        assert!(shown.contains(start) && shown.contains(end), "{toml}{shown}");
    }
    for (key, needed) in [("tls_key", "tls_certificate"), ("tls_certificate", "tls_key")] {
        let (code, shown) = check(&format!("[http]\n{key} = 'a.pem'"), &[]);
        assert_eq!(code, Some(2));
        assert!(shown.contains(&format!("http.{key}: http.{needed} is needed too")), "{shown}");
    }
}

#[test]
fn kafka_client_properties_are_read_from_files() {
    let _shared = serial::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("password");
    let toml = format!(
        "[kafka]\nbrokers = 'a:1'\ntopics = [{{ name = 'calls' }}]\n[kafka.client]\n\
         'sasl.password' = {{ file = {secret:?} }}\nclient.id = {{ file = {secret:?} }}\n"
    );
    for end in ["", "\n", "\r\n"] {
        std::fs::write(&secret, format!("{PASSWORD}{end}")).expect("written");
        let config =
            Config::parse(&toml, "nabiz.toml", std::iter::empty()).expect("a configuration");
        let kafka = config.kafka.as_ref().expect("kafka");
        let expected =
            ["client.id", "sasl.password"].map(|key| (key.to_string(), PASSWORD.to_string()));
        assert_eq!(kafka.client, expected);
        let (code, shown) = check(&toml, &[]);
        assert_eq!(code, Some(0), "{shown}");
        assert!(
            shown.contains(&format!("\n\"sasl.password\" = {{ file = {secret:?} }}\n")),
            "{shown}"
        );
        assert!(!shown.contains(PASSWORD) && !format!("{config:?}").contains(PASSWORD), "{shown}");
    }

    let broken = [
        (None, "password cannot be read"),
        (Some(Vec::new()), "password is empty"),
        (Some(b"\n".to_vec()), "password is empty"),
        (Some(vec![0xff]), "password is not UTF-8"),
        (Some(vec![b'a'; 65_537]), "password is larger than 65536 bytes"),
    ];
    for (contents, expected) in broken {
        match contents {
            Some(bytes) => std::fs::write(&secret, bytes).expect("written"),
            None => std::fs::remove_file(&secret).expect("removed"),
        }
        let (code, shown) = check(&toml, &[]);
        assert_eq!(code, Some(2), "{shown}");
        assert!(
            shown.contains("kafka.client.\"sasl.password\": the file ") && shown.contains(expected),
            "{shown}"
        );
    }
    // A value that librdkafka refuses may be a secret too.
    std::fs::write(&secret, WRONG).expect("written");
    let (code, shown) =
        check(&format!("[kafka.client]\n'security.protocol' = {{ file = {secret:?} }}"), &[]);
    assert_eq!(
        (code, shown.contains("security.protocol"), shown.contains(WRONG)),
        (Some(2), true, false),
        "{shown}"
    );
}

#[test]
fn defaults_are_unprotected_only_on_loopback() {
    let _shared = serial::shared();
    let config = Config::defaults();
    assert!(config.http.listen.ip().is_loopback());
    let security = load(&config.http).expect("nothing to load");
    assert!(security.tls.is_none() && security.authentication.is_none());
}

#[test]
fn debug_output_shows_no_secret() {
    let _shared = serial::shared();
    let certificate = Certificate::new();
    let security = Security {
        tls: Some(Arc::new(certificate.tls())),
        authentication: Some(Arc::new(authentication())),
    };
    let shown = format!("{security:?}");
    assert!(
        shown.contains("certificate.pem")
            && !shown.contains("argon2id")
            && !shown.contains("PRIVATE"),
        "{shown}"
    );
}

/// A `nabiz serve` that waits for a broker, with room for few files; ended when dropped.
struct Process {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Process {
    fn serve(http: &str, files: u32) -> Process {
        let folder = tempfile::tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port")
            .port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.path().join("nabiz.toml");
        let ledger = folder.path().join("nabiz.db").display().to_string();
        let toml = format!(
            "[kafka]\nbrokers = \"127.0.0.1:1\"\ngroup = \"g\"\ndead_letter_topic = \"dead\"\nworkers = 1\n\
             [[kafka.topics]]\nname = \"calls\"\n[ledger]\npath = {ledger:?}\n[http]\nlisten = {address:?}\n{http}\n"
        );
        std::fs::write(&config, toml).expect("a configuration");
        let child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {files}; exec \"$0\" serve --config \"$1\"")])
            .args([env!("CARGO_BIN_EXE_nabiz").as_ref(), config.as_os_str()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nabiz starts");
        Process { child, address, _folder: folder }
    }

    fn get(&self, path: &str, authorization: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let header = format!("authorization: {authorization}\r\nconnection: close\r\n");
        stream.write_all(request(path, &header).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn refused(&self, reason: &str) -> Option<u64> {
        let metrics = self.get("/metrics", &format!("Bearer {TOKEN}")).ok()?;
        let name = format!("nabiz_http_refused_total{{reason=\"{reason}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn process_counts_refusals_and_recovers_when_file_descriptors_run_out() {
    let _shared = serial::shared();
    let process = Process::serve(&format!("bearer_token_hash = {:?}", hash_secret(TOKEN)), 64);
    until("metrics", || process.refused("credentials") == Some(0));
    assert_eq!(process.refused("accept"), Some(0));
    for _ in 0..3 {
        assert!(
            process
                .get("/metrics", &format!("Bearer {WRONG}"))
                .expect("an answer")
                .starts_with("HTTP/1.1 401")
        );
    }
    assert_eq!(process.refused("credentials"), Some(3));

    let greedy: Vec<TcpStream> =
        (0..64).map(|_| TcpStream::connect(&process.address).expect("connected")).collect();
    std::thread::sleep(Duration::from_millis(500));
    drop(greedy);
    until("an answer again", || process.refused("accept") > Some(0));
    assert_eq!(process.refused("credentials"), Some(3));
}
