//! The signals of the process: none of those that can be caught ends it without a clean stop.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Signals that may wait for the pipeline. More of the same are one.
const WAITING_MAX: usize = 8;

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

/// The requests that arrive as signals.
pub(super) struct Signals {
    requests: mpsc::Receiver<Request>,
}

impl Signals {
    /// Catches the signals from now on. Needs a runtime.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let (sender, requests) = mpsc::channel(WAITING_MAX);
        for (number, name, effect) in SIGNALS.into_iter().chain(of_linux()) {
            let mut received = signal(SignalKind::from_raw(number))
                .with_context(|| format!("cannot wait for {name}"))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while received.recv().await.is_some() {
                    match effect {
                        // If the channel is full, the same request waits already, or a stop does.
                        Effect::Request(request) => drop(sender.try_send(request)),
                        Effect::Nothing => {
                            tracing::warn!(signal = name, number, "signal has no use, ignored");
                        }
                    }
                }
            });
        }
        Ok(Signals { requests })
    }

    /// Waits for the next request.
    pub(super) async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(request) => request,
            // The tasks that send do not end before the runtime.
            None => std::future::pending().await,
        }
    }

    /// Returns the name of a signal that has asked to stop meanwhile, and forgets other requests.
    pub(super) fn take_stop(&mut self) -> Option<&'static str> {
        let mut stop = None;
        while let Ok(request) = self.requests.try_recv() {
            if let Request::Stop(name) = request {
                stop.get_or_insert(name);
            }
        }
        stop
    }
}
