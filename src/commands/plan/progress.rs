//! The progress of a plan on standard error, once it takes more than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A plan that is made faster than this shows no progress.
const QUIET: Duration = Duration::from_secs(1);
const SCALE: f64 = 1000.0;

/// A bar that appears late, and goes when it is dropped.
pub(super) struct PlanProgress {
    begun: Instant,
    bar: ProgressBar,
}

impl PlanProgress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(SCALE as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg:10} {bar:40} {percent} %") {
            bar.set_style(style);
        }
        PlanProgress { begun: Instant::now(), bar }
    }

    /// Shows the share that is done of a part.
    pub(super) fn show(&mut self, part: &'static str, share: f64) {
        if self.bar.is_hidden() && self.begun.elapsed() >= QUIET {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(part);
        self.bar.set_position((share.clamp(0.0, 1.0) * SCALE) as u64);
    }
}

impl Drop for PlanProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
