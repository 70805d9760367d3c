//! The live page and its stream behind nginx, below a path.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::numbers::{published, snapshot, with_waiting};
use crate::harness::serial;
use crate::harness::server::{DEADLINE, Server};
use nabiz_dev::browser::Browser;
use nabiz_dev::{end, free_port, wait_for};
use serde_json::json;

/// A first paint on a busy machine.
const PAINT: Duration = Duration::from_secs(20);

/// An nginx that serves nabiz below `/nabiz/`; ended when dropped.
struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx with the block of docs/operate/security.md.
    fn before(server: &Server) -> Nginx {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let path = folder.path().display();
        let configuration = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 64; }}
             http {{
                 access_log off;
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                 fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;
                 scgi_temp_path {path}/scgi;
                          server {{
                     listen 127.0.0.1:{port};
                     location = /nabiz {{ return 301 /nabiz/; }}
                     location /nabiz/ {{
                         proxy_pass http://{}/;
                         proxy_http_version 1.1;
                         proxy_read_timeout 1h;
                     }}
                 }}
             }}",
            server.address
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("written");
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Nginx { child, port, _folder: folder };
        wait_for("nginx", DEADLINE, || TcpStream::connect(("127.0.0.1", port)).map(drop));
        nginx
    }

    /// Sends a request for a path. The connection closes after the answer.
    fn request(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
            .expect("sent");
        stream
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        end(&mut self.child, DEADLINE);
    }
}

/// Reads until the text has appeared.
fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 65_536];
    while !text.contains(wanted) {
        let read = stream.read(&mut buffer).expect("more of the answer in time");
        assert!(read > 0, "the answer ends without {wanted:?}: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

#[test]
#[ignore = "needs nginx (make test)"]
fn proxy_passes_each_event_of_the_stream_at_once() {
    let _shared = serial::shared();
    // A small event, which fills no buffer.
    let server = Server::start(published(snapshot(), false));
    let nginx = Nginx::before(&server);
    let mut stream = nginx.request("/nabiz/api/v1/stream");
    let first = read_until(&mut stream, "event: catching_up");
    assert!(first.len() < 1460, "{first}");
    server.publish(published(with_waiting("fault", 77), true));
    read_until(&mut stream, "\"waiting\":77");
}

#[test]
#[ignore = "needs nginx and Chromium (make test)"]
fn page_works_below_a_path() {
    let _shared = serial::shared();
    let browser = Browser::start();
    let server = Server::start(published(snapshot(), true));
    let nginx = Nginx::before(&server);
    let waiting = "document.querySelector('[data-queue=\"fault\"] [data-field=\"waiting\"]')\
                   ?.textContent ?? null";
    let mut page = browser.open(&format!("http://127.0.0.1:{}/nabiz/", nginx.port), 1920, 1080);
    page.wait_for(waiting, &json!("14"), PAINT);
    server.publish(published(with_waiting("fault", 77), true));
    page.wait_for(waiting, &json!("77"), DEADLINE);
    page.wait_for("document.getElementById('connection').dataset.state", &json!("live"), DEADLINE);
}
