//! A running gateway, and clients that sign as the vendors do.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use nabiz_dev::free_port;
use nabiz_dev::process::Nabiz;
use nabiz_dev::scrape::Scrape;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The secret of every path.
pub const SECRET: &str = "pulse-of-the-gateway";
/// The address that the vendors know. Nothing listens there.
const PUBLIC_URL: &str = "https://hooks.example.org/nabiz";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub retry_after: Option<String>,
}

/// A `nabiz gateway` with a configuration of its own.
pub struct Gateway {
    nabiz: Nabiz,
    address: String,
    agent: ureq::Agent,
    _folder: TempDir,
}

impl Gateway {
    /// Starts a gateway, and waits until it reaches Kafka. `more` are lines of `[gateway]`; a path
    /// has its path, topic, check and further lines.
    pub fn start(brokers: &str, more: &str, paths: &[(&str, &str, &str, &str)]) -> Gateway {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("secret"), format!("earlier\n{SECRET}\n"))
            .expect("a secret");
        let secret = folder.path().join("secret").display().to_string();
        let [address, metrics] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let mut text = format!(
            "[kafka]\nbrokers = {brokers:?}\n[gateway]\nlisten = {address:?}\n\
             metrics_listen = {metrics:?}\npublic_url = {PUBLIC_URL:?}\n{more}"
        );
        for (path, topic, check, lines) in paths {
            let _ = write!(
                text,
                "[[gateway.paths]]\npath = {path:?}\ntopic = {topic:?}\ncheck = {check:?}\n\
                 secret = {{ file = {secret:?} }}\n{lines}\n"
            );
        }
        let config = folder.path().join("gateway.toml");
        std::fs::write(&config, text).expect("the configuration");
        let mut nabiz = Nabiz::gateway(&config, &metrics);
        nabiz.wait_ready();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .build()
            .into();
        Gateway { nabiz, address, agent, _folder: folder }
    }

    /// Posts a body.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.agent.post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body))
    }

    /// Gets a path of the listener for webhooks.
    pub fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(format!("http://{}{path}", self.address)).call())
    }

    /// Sends the head of a request, with or without a token, and the first byte of its body.
    pub fn begin(&self, path: &str, length: usize, token: Option<&str>) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let token = token.map(|token| format!("Authorization: {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{token}\
             Content-Length: {length}\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream
    }

    /// Returns the status of `/readyz`.
    pub fn readyz(&self) -> Result<u16, String> {
        self.nabiz.get("/readyz").map(|(status, _)| status)
    }

    /// Scrapes its metrics.
    pub fn scrape(&self) -> Scrape {
        self.nabiz.scrape()
    }

    /// Returns its log.
    pub fn log(&self) -> String {
        self.nabiz.log()
    }
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.expect("an answer");
    let retry_after = response.headers().get("retry-after");
    Answer {
        retry_after: retry_after.map(|value| value.to_str().expect("text").to_owned()),
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string().expect("a body"),
    }
}

/// Reads what a connection answers until it ends.
pub fn read(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// Returns the Unix time in seconds.
pub fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn mac<M: Mac + KeyInit>(parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("a key");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the signature of a form that Twilio posts to a path.
pub fn twilio(path: &str, form: &[u8]) -> String {
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    fields.sort();
    let fields: String = fields.into_iter().flat_map(|(name, value)| [name, value]).collect();
    let address = format!("{PUBLIC_URL}{path}{fields}");
    STANDARD.encode(mac::<Hmac<Sha1>>(&[address.as_bytes()]))
}

/// Returns the path with the hash of a body as Twilio posts it, and the signature.
pub fn twilio_of_body(path: &str, body: &[u8]) -> (String, String) {
    let path = format!("{path}?bodySHA256={}", hex(&Sha256::digest(body)));
    let signature = twilio(&path, b"");
    (path, signature)
}

/// Returns the signature of Chatwoot.
pub fn chatwoot(time: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(&mac::<Hmac<Sha256>>(&[time.as_bytes(), b".", body])))
}

/// Returns the signature of Zammad.
pub fn zammad(body: &[u8]) -> String {
    format!("sha1={}", hex(&mac::<Hmac<Sha1>>(&[body])))
}

/// Returns the credentials of a user.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
