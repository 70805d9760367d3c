//! A headless Chromium, driven over the DevTools protocol.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// The browser needs longer to start than anything that is tested.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A browser process; it ends when dropped.
pub struct Browser {
    process: Child,
    port: u16,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts Chromium.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start() -> Browser {
        Browser::start_with(&[])
    }

    /// Starts Chromium with environment variables of its own, such as `TZ`.
    pub fn start_with(environment: &[(&str, &str)]) -> Browser {
        let profile = tempfile::tempdir().expect("a folder");
        let program = std::env::var("NABIZ_CHROMIUM").unwrap_or_else(|_| "chromium".into());
        let spawned = Command::new(&program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args([
                "--disable-sync",
                "--lang=en-GB",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut process =
            spawned.unwrap_or_else(|error| panic!("{program}: {error}; run scripts/install-tools"));
        let stderr = process.stderr.take().expect("piped");
        let (found, port) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that a full pipe never blocks the browser.
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let address = line.strip_prefix("DevTools listening on ws://127.0.0.1:");
                if let Some(port) =
                    address.and_then(|rest| rest.split('/').next()?.parse::<u16>().ok())
                {
                    let _ = found.send(port);
                }
            }
        });
        let mut browser = Browser { process, port: 0, _profile: profile };
        browser.port =
            port.recv_timeout(START_DEADLINE).expect("chromium opens its debugging port");
        browser
    }

    /// Opens a page in a viewport of `width` by `height` pixels.
    pub fn open(&self, url: &str, width: u32, height: u32) -> Page {
        let mut made = ureq::put(format!("http://127.0.0.1:{}/json/new?about:blank", self.port))
            .send_empty()
            .expect("a new tab");
        let tab: Value =
            serde_json::from_str(&made.body_mut().read_to_string().expect("a text")).expect("JSON");
        let address = tab["webSocketDebuggerUrl"].as_str().expect("an address");
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        stream.set_read_timeout(Some(START_DEADLINE)).expect("a timeout");
        let (socket, _) = tungstenite::client(address, stream).expect("a web socket");
        let mut page = Page {
            socket,
            tab: tab["id"].as_str().expect("an id").to_owned(),
            sent: 0,
            faults: Vec::new(),
        };
        for domain in ["Runtime", "Log", "Page", "Inspector"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        page.call("Emulation.setDeviceMetricsOverride", size);
        page.call("Page.navigate", json!({"url": url}));
        let loaded =
            format!("location.href === {} && document.readyState === 'complete'", json!(url));
        page.wait_for(&loaded, &json!(true), START_DEADLINE);
        page
    }

    /// Closes a page.
    pub fn close(&self, page: Page) {
        let url = format!("http://127.0.0.1:{}/json/close/{}", self.port, page.tab);
        ureq::get(url).call().expect("the tab closes");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An open tab.
pub struct Page {
    socket: WebSocket<TcpStream>,
    tab: String,
    sent: u64,
    faults: Vec<String>,
}

impl Page {
    /// Calls a method of the protocol and returns its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.sent += 1;
        let id = self.sent;
        let message = json!({"id": id, "method": method, "params": params}).to_string();
        self.socket.send(Message::text(message)).expect("sent");
        loop {
            let message = self.socket.read().expect("an answer of the browser");
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            self.faults.extend(fault(&answer));
            if answer["id"] == id {
                return if answer["error"].is_null() {
                    Ok(answer["result"].clone())
                } else {
                    Err(answer)
                };
            }
        }
    }

    /// Evaluates a JavaScript expression and returns its value.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_evaluate(&mut self, expression: &str) -> Result<Value, Value> {
        let answer = self.try_call(
            "Runtime.evaluate",
            json!({"expression": expression, "returnByValue": true}),
        )?;
        if answer["exceptionDetails"].is_null() {
            Ok(answer["result"]["value"].clone())
        } else {
            Err(answer)
        }
    }

    /// Waits until an expression has a value, at most until `deadline`.
    ///
    /// # Panics
    /// Where it has another value at the deadline.
    pub fn wait_for(&mut self, expression: &str, expected: &Value, deadline: Duration) {
        if let Err(why) = self.try_wait_for(expression, expected, deadline) {
            panic!("{why}");
        }
    }

    /// Waits as [`Page::wait_for`] does, and returns an error when the expression still has another
    /// value at the deadline.
    pub fn try_wait_for(
        &mut self,
        expression: &str,
        expected: &Value,
        deadline: Duration,
    ) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            // While a page loads there may be no context to evaluate in.
            let value = self.try_evaluate(expression);
            if value.as_ref() == Ok(expected) {
                return Ok(());
            }
            if begun.elapsed() >= deadline {
                return Err(format!(
                    "{expression} is {value:?} and not {expected} after {deadline:?}"
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the exceptions and console errors that the page had reported by the last call.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Follows the system's dark or light preference.
    pub fn prefer(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Returns a PNG of the page, with the part beyond the viewport if `whole` is set.
    pub fn screenshot(&mut self, whole: bool) -> Vec<u8> {
        let answer = self.call(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": whole}),
        );
        let data = answer["data"].as_str().expect("an image");
        base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
    }
}

/// Returns the text of an event of the protocol that reports an error, or `None` for any other
/// message.
fn fault(message: &Value) -> Option<String> {
    let params = &message["params"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match message["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            let details = &params["exceptionDetails"];
            Some(format!(
                "{} {}",
                text(&details["text"]),
                text(&details["exception"]["description"])
            ))
        }
        "Runtime.consoleAPICalled"
            if ["error", "assert"].map(Some).contains(&params["type"].as_str()) =>
        {
            let arguments = params["args"].as_array().into_iter().flatten();
            let words = arguments.map(|one| {
                text(if one["value"].is_null() { &one["description"] } else { &one["value"] })
            });
            Some(words.collect::<Vec<_>>().join(" "))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => Some(format!(
            "{} {}",
            text(&params["entry"]["text"]),
            params["entry"]["url"].as_str().unwrap_or_default()
        )),
        "Inspector.targetCrashed" => Some("the page has crashed".to_owned()),
        _ => None,
    }
}
