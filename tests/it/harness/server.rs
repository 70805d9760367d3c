//! A served listener on a free port, and the numbers that it serves.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nabiz::http::{App, HistorySource, Limits, Refusals, RenderedMetrics, Security, serve};
use nabiz::readmodel::PublishedState;
use tokio::sync::oneshot;

use super::numbers;

/// Longest wait for anything.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// A server of its own thread and runtime, which ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub published: Arc<ArcSwap<PublishedState>>,
    pub refusals: Arc<Refusals>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(published: PublishedState) -> Server {
        Server::with(published, || numbers::NOW_MS, Limits::default())
    }

    pub fn with(published: PublishedState, clock: fn() -> i64, limits: Limits) -> Server {
        Server::secured(published, clock, limits, Security::default())
    }

    pub fn secured(
        published: PublishedState,
        clock: fn() -> i64,
        limits: Limits,
        security: Security,
    ) -> Server {
        Server::of(published, |app| App { clock, limits, security, ..app })
    }

    pub fn with_history(published: PublishedState, history: HistorySource) -> Server {
        Server::of(published, |app| App { history: Some(history), ..app })
    }

    fn of(published: PublishedState, change: impl FnOnce(App) -> App) -> Server {
        let published = Arc::new(ArcSwap::from_pointee(published));
        let metrics = |accept: Option<&str>, gzip: bool| {
            let text = format!("# accept {}\nnabiz_ready 1\n", accept.unwrap_or("none"));
            let body = match (accept, gzip) {
                (Some("application/broken"), _) => return Err("broken".into()),
                (_, true) => zipped(&text),
                (_, false) => text.into_bytes(),
            };
            Ok(RenderedMetrics { content_type: "text/plain; version=0.0.4", body: body.into() })
        };
        let app = change(App::new(published.clone(), Arc::new(metrics)));
        let refusals = Arc::clone(&app.refusals);
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener =
                    tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                bound
                    .send(listener.local_addr().expect("an address"))
                    .expect("the test waits for the address");
                serve(listener, app, async {
                    let _ = stopped.await;
                })
                .await
                .expect("served");
            });
        });
        let address = address.recv_timeout(DEADLINE).expect("the server starts");
        Server { address, published, refusals, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn publish(&self, published: PublishedState) {
        self.published.store(Arc::new(published));
    }

    /// Ends the server and gives the time that this took.
    pub fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.end();
        begun.elapsed()
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn zipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory")
}
