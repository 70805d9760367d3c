//! The signals of the process: none of those that can be caught ends it without a clean stop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// What the pipeline does on a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Stops, because of the signal with this name.
    Stop(&'static str),
    /// Reads the configuration again.
    Reload,
}

/// The effect of a signal.
#[derive(Clone, Copy)]
enum Effect {
    Request(Request),
    /// It is logged. By default it would end the process.
    Nothing,
}

const fn stop(name: &'static str) -> Effect {
    Effect::Request(Request::Stop(name))
}

/// Signals by number. `SIGPIPE` is missing: the runtime of Rust ignores it. So are those of faults
/// of the program, which cannot go on.
const SIGNALS: [(i32, &str, Effect); 11] = [
    (libc::SIGTERM, "SIGTERM", stop("SIGTERM")),
    (libc::SIGINT, "SIGINT", stop("SIGINT")),
    (libc::SIGQUIT, "SIGQUIT", stop("SIGQUIT")),
    // The limit of CPU time. SIGKILL follows soon.
    (libc::SIGXCPU, "SIGXCPU", stop("SIGXCPU")),
    (libc::SIGHUP, "SIGHUP", Effect::Request(Request::Reload)),
    (libc::SIGUSR1, "SIGUSR1", Effect::Nothing),
    (libc::SIGUSR2, "SIGUSR2", Effect::Nothing),
    (libc::SIGALRM, "SIGALRM", Effect::Nothing),
    (libc::SIGVTALRM, "SIGVTALRM", Effect::Nothing),
    (libc::SIGPROF, "SIGPROF", Effect::Nothing),
    // The write then fails as on a full disk.
    (libc::SIGXFSZ, "SIGXFSZ", Effect::Nothing),
];

/// More signals of Linux: that of sockets, that of a failing power supply, one that nothing sends,
/// and those for applications.
#[cfg(target_os = "linux")]
fn of_linux() -> impl Iterator<Item = (i32, &'static str, Effect)> {
    let named = [
        (libc::SIGPWR, "SIGPWR", stop("SIGPWR")),
        (libc::SIGIO, "SIGIO", Effect::Nothing),
        (libc::SIGSTKFLT, "SIGSTKFLT", Effect::Nothing),
    ];
    let real_time = (libc::SIGRTMIN()..=libc::SIGRTMAX())
        .map(|number| (number, "a real-time signal", Effect::Nothing));
    named.into_iter().chain(real_time)
}

#[cfg(not(target_os = "linux"))]
fn of_linux() -> impl Iterator<Item = (i32, &'static str, Effect)> {
    std::iter::empty()
}

/// The requests that wait for the pipeline. Several of the same are one, and none is lost.
#[derive(Default)]
struct Waiting {
    requests: Mutex<Requests>,
    arrived: Notify,
}

#[derive(Default)]
struct Requests {
    /// The name of the first signal that asks to stop.
    stop: Option<&'static str>,
    reload: bool,
}

impl Waiting {
    fn add(&self, request: Request) {
        let mut requests = self.lock();
        match request {
            Request::Stop(name) => drop(requests.stop.get_or_insert(name)),
            Request::Reload => requests.reload = true,
        }
        drop(requests);
        self.arrived.notify_one();
    }

    /// Returns the most urgent request.
    fn take(&self) -> Option<Request> {
        let mut requests = self.lock();
        let stop = requests.stop.take().map(Request::Stop);
        stop.or_else(|| std::mem::take(&mut requests.reload).then_some(Request::Reload))
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests that arrive as signals.
pub(super) struct Signals {
    waiting: Arc<Waiting>,
}

impl Signals {
    /// Catches the signals from now on. Needs a runtime.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let waiting = Arc::new(Waiting::default());
        for (number, name, effect) in SIGNALS.into_iter().chain(of_linux()) {
            let mut received = signal(SignalKind::from_raw(number))
                .with_context(|| format!("cannot wait for {name}"))?;
            let waiting = Arc::clone(&waiting);
            tokio::spawn(async move {
                while received.recv().await.is_some() {
                    match effect {
                        Effect::Request(request) => waiting.add(request),
                        Effect::Nothing => {
                            tracing::warn!(signal = name, number, "signal has no use, ignored");
                        }
                    }
                }
            });
        }
        Ok(Signals { waiting })
    }

    /// Waits for the next request.
    pub(super) async fn next(&mut self) -> Request {
        loop {
            if let Some(request) = self.waiting.take() {
                return request;
            }
            self.waiting.arrived.notified().await;
        }
    }

    /// Returns the name of a signal that has asked to stop meanwhile. A request to reload waits on.
    pub(super) fn take_stop(&mut self) -> Option<&'static str> {
        self.waiting.lock().stop.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Returns the request that waits, if there is one.
    async fn next(signals: &mut Signals) -> Option<Request> {
        tokio::time::timeout(Duration::from_secs(1), signals.next()).await.ok()
    }

    #[tokio::test]
    async fn reload_waits_on_when_a_stop_is_looked_for() {
        let mut signals = Signals { waiting: Arc::default() };
        signals.waiting.add(Request::Reload);
        assert_eq!(signals.take_stop(), None);
        assert_eq!(next(&mut signals).await, Some(Request::Reload));
        assert_eq!(signals.waiting.take(), None);
    }

    #[tokio::test]
    async fn stop_is_not_lost_when_many_reloads_wait() {
        let mut signals = Signals { waiting: Arc::default() };
        (0..100).for_each(|_| signals.waiting.add(Request::Reload));
        signals.waiting.add(Request::Stop("SIGTERM"));
        signals.waiting.add(Request::Stop("SIGINT"));
        assert_eq!(signals.take_stop(), Some("SIGTERM"));
        assert_eq!(next(&mut signals).await, Some(Request::Reload));
        assert_eq!(signals.waiting.take(), None);
    }
}
