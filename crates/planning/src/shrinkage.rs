//! Agents to schedule for the agents that have to be there.
//!
//! `scheduled = ceil(agents / (1 - s))`. The shrinkage `s` has two parts that follow each other: of
//! those who are scheduled, some are absent (holiday, illness, training), and those who came pause.
//! So `1 - s = (1 - absence) * (1 - paused share)`. The paused share can be measured; absence
//! cannot, because an agent who is not there leaves no event: it has to be given.

use crate::input::{InputError, check, not_negative};

/// What agents did with their time, in seconds, summed over agents who were logged in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AgentTime {
    /// Seconds in which agents were paused.
    pub paused_seconds: f64,
    /// Seconds in which agents waited for a contact.
    pub available_seconds: f64,
    /// Seconds in which agents served contacts.
    pub busy_seconds: f64,
    /// Seconds of wrap-up.
    pub wrap_up_seconds: f64,
}

impl AgentTime {
    /// Returns the paused share of the time, 0 to 1; `None` where there is no time.
    ///
    /// # Errors
    ///
    /// A number is negative or not finite.
    pub fn paused_share(&self) -> Result<Option<f64>, InputError> {
        not_negative("paused seconds", self.paused_seconds)?;
        not_negative("available seconds", self.available_seconds)?;
        not_negative("busy seconds", self.busy_seconds)?;
        not_negative("wrap-up seconds", self.wrap_up_seconds)?;
        let all =
            self.paused_seconds + self.available_seconds + self.busy_seconds + self.wrap_up_seconds;
        Ok((all > 0.0).then(|| self.paused_seconds / all))
    }
}

/// The greatest share of shrinkage: above it, the number of agents to schedule says nothing.
pub const MAX_SHRINKAGE: f64 = 0.95;

/// The share of scheduled time in which an agent is not there for contacts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shrinkage(f64);

impl Shrinkage {
    /// Everybody who is scheduled is there all the time.
    pub const NONE: Self = Self(0.0);

    /// Returns a shrinkage of `share`, 0 to [`MAX_SHRINKAGE`].
    ///
    /// # Errors
    ///
    /// `share` is out of its bounds.
    pub fn new(share: f64) -> Result<Self, InputError> {
        check("shrinkage", "0 to 0.95", share, |x| (0.0..=MAX_SHRINKAGE).contains(&x)).map(Self)
    }

    /// Returns the shrinkage of agents, some of whom are absent, while the others pause.
    ///
    /// # Errors
    ///
    /// A share, or both together, is out of the bounds of [`new`](Self::new).
    pub fn combined(absence: f64, paused_share: f64) -> Result<Self, InputError> {
        let (absence, paused) = (Self::new(absence)?, Self::new(paused_share)?);
        Self::new(absence.0 + paused.0 - absence.0 * paused.0)
    }

    /// Returns the share.
    pub fn share(self) -> f64 {
        self.0
    }

    /// Returns how many agents to schedule, so that `agents` are there.
    pub fn scheduled(self, agents: u32) -> u32 {
        whole_agents(f64::from(agents) / (1.0 - self.0))
    }
}

/// Returns the least whole number of agents that is not below `agents`.
///
/// A number within a billionth of a whole one is that whole one: a rounding error of the division
/// must not cost an agent.
pub(crate) fn whole_agents(agents: f64) -> u32 {
    // The cast saturates, which is what a number past the type needs.
    (agents * (1.0 - 1e-9)).ceil().max(0.0) as u32
}
