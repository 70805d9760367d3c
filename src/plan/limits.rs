//! What a plan may cost, and why there is none.

use crate::ledger::LedgerError;

/// The most rows of a plan.
pub const ROWS_MAX: usize = 200_000;

/// The reason why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The plan cannot be written; in memory this does not happen.
    #[error("cannot write")]
    Output(#[from] std::io::Error),
    /// The plan would be too long.
    #[error("the plan has {rows} rows, expected at most {ROWS_MAX}: ask for fewer days or queues")]
    TooLong {
        /// Its rows.
        rows: usize,
    },
    /// The simulation would take too long.
    #[error(
        "simulate: {contacts:.0} contacts of {name} would be simulated, expected at most {most:.0}: \
         ask for fewer days"
    )]
    TooMuchToSimulate {
        /// The queue or pool.
        name: String,
        /// Its contacts, in all replications.
        contacts: f64,
        /// The most that are allowed.
        most: f64,
    },
    /// Nobody waits for the plan any more.
    #[error("the plan was cancelled")]
    Cancelled,
}

/// What a plan may cost.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Asked again and again; once it returns true, the plan ends with [`PlanError::Cancelled`].
    pub is_cancelled: &'a dyn Fn() -> bool,
    /// The most contacts of a queue or pool that are simulated, over all replications.
    pub simulated_max: f64,
}

impl Limits<'_> {
    /// No limits, for a person who waits at a terminal and can stop the program.
    pub const NONE: Limits<'static> =
        Limits { is_cancelled: &|| false, simulated_max: f64::INFINITY };

    pub(super) fn check(&self) -> Result<(), PlanError> {
        if (self.is_cancelled)() { Err(PlanError::Cancelled) } else { Ok(()) }
    }
}
