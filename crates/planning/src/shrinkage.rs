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

#[cfg(test)]
mod tests {
    use super::{AgentTime, Shrinkage, whole_agents};

    #[test]
    fn scheduled_agents_are_rounded_up_and_not_by_a_rounding_error() {
        let scheduled = |agents, share| Shrinkage::new(share).unwrap().scheduled(agents);
        assert_eq!((scheduled(14, 0.30), scheduled(16, 0.32), scheduled(0, 0.5)), (20, 24, 0));
        // Whole answers, for which the division gives a little more or less.
        for whole in 1..2_000_u32 {
            for percent in [10, 20, 25, 30, 40, 45, 60, 70] {
                let agents = whole * (100 - percent);
                let share = f64::from(percent) / 100.0;
                assert_eq!(scheduled(agents, share), whole * 100, "{agents} at {percent} %");
                assert_eq!(scheduled(agents + 1, share), {
                    (u64::from(agents + 1) * 100).div_ceil(u64::from(100 - percent)) as u32
                });
            }
        }
        assert_eq!(whole_agents(f64::INFINITY), u32::MAX);
    }

    #[test]
    fn shares_of_absence_and_pauses_follow_each_other() {
        let both = Shrinkage::combined(0.2, 0.1).unwrap();
        assert!((both.share() - 0.28).abs() < 1e-15);
        assert_eq!(both.scheduled(72), 100);
        assert!(Shrinkage::combined(0.9, 0.9).is_err() && Shrinkage::new(-0.1).is_err());
    }

    #[test]
    fn paused_share_is_of_all_time_and_absent_without_any() {
        let time = AgentTime {
            paused_seconds: 30.0,
            available_seconds: 20.0,
            busy_seconds: 45.0,
            wrap_up_seconds: 5.0,
        };
        assert_eq!(time.paused_share().unwrap(), Some(0.3));
        assert_eq!(AgentTime::default().paused_share().unwrap(), None);
        assert!(AgentTime { busy_seconds: -1.0, ..time }.paused_share().is_err());
    }
}
