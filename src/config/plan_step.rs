//! The length of the rows of a plan.

/// The length of the rows of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanStep {
    /// A quarter of an hour.
    QuarterHour,
    /// Half an hour.
    HalfHour,
    /// An hour.
    Hour,
}

impl PlanStep {
    /// Every step with its word.
    pub const ALL: [(PlanStep, &'static str); 3] =
        [(PlanStep::QuarterHour, "15m"), (PlanStep::HalfHour, "30m"), (PlanStep::Hour, "1h")];

    /// Returns the step of a word.
    pub fn from_word(word: &str) -> Option<PlanStep> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(step, _)| step)
    }

    /// Returns the minutes of a row.
    pub fn minutes(self) -> u16 {
        match self {
            PlanStep::QuarterHour => 15,
            PlanStep::HalfHour => 30,
            PlanStep::Hour => 60,
        }
    }
}
