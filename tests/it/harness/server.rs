//! A served listener on a free port, and the numbers that it serves.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use nabiz::exposition::{ContentCoding, MetricsFormat};
use nabiz::http::{App, HistorySource, Limits, Security, serve};
use nabiz::readmodel::{DeniedRequests, PublishedState};
use nabiz_core::time::WallTime;
use tokio::sync::oneshot;

use super::numbers;

/// Longest wait for anything.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// A server with its own thread and runtime, which ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub published: Arc<ArcSwap<PublishedState>>,
    pub denied: Arc<DeniedRequests>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(published: PublishedState) -> Server {
        Server::with(published, || WallTime(numbers::NOW_MS), Limits::default())
    }

    pub fn with(published: PublishedState, clock: fn() -> WallTime, limits: Limits) -> Server {
        Server::secured(published, clock, limits, Security::default())
    }

    pub fn secured(
        published: PublishedState,
        clock: fn() -> WallTime,
        limits: Limits,
        security: Security,
    ) -> Server {
        let security = Arc::new(ArcSwap::from_pointee(security));
        Server::of(published, |app| App { clock, limits, security, ..app })
    }

    pub fn with_history(published: PublishedState, history: HistorySource) -> Server {
        Server::of(published, |app| App {
            history: Arc::new(ArcSwapOption::from_pointee(history)),
            ..app
        })
    }

    fn of(published: PublishedState, change: impl FnOnce(App) -> App) -> Server {
        let published = Arc::new(ArcSwap::from_pointee(published));
        let text = "nabiz_ready 1\n";
        let metrics = |format, coding| match (format, coding) {
            (MetricsFormat::Protobuf, _) => Err(std::io::Error::other("broken").into()),
            (MetricsFormat::Text, ContentCoding::Gzip) => Ok(zipped(text).into()),
            (MetricsFormat::Text, ContentCoding::Identity) => Ok(text.into()),
        };
        let app = change(App::new(published.clone(), Arc::new(metrics)));
        let denied = Arc::clone(&app.denied);
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
        Server { address, published, denied, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn publish(&self, published: PublishedState) {
        self.published.store(Arc::new(published));
    }

    /// Stops the server and returns the time that this took.
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
