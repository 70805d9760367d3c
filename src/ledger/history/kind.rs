//! The tables of the history that can be asked for.

/// What the rows of a history are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Visits, by queue and channel.
    #[default]
    Visits,
    /// Contacts and outcomes of self-service, by channel and entry point.
    Arrivals,
    /// Follow-ups, by unit.
    Units,
    /// Survey answers, by queue, channel and score.
    Scores,
    /// Paused time of agents as heads, by reason.
    Pauses,
    /// Time of agents as heads.
    Agents,
}

impl Kind {
    /// Every value with its name.
    pub const NAMED: [(Kind, &'static str); 6] = [
        (Kind::Visits, "visits"),
        (Kind::Arrivals, "arrivals"),
        (Kind::Units, "units"),
        (Kind::Scores, "scores"),
        (Kind::Pauses, "pauses"),
        (Kind::Agents, "agents"),
    ];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        Self::NAMED.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Returns whether the rows are of one queue each.
    pub fn has_queues(self) -> bool {
        matches!(self, Kind::Visits | Kind::Scores)
    }

    /// Returns whether the rows are of one channel each.
    pub fn has_channels(self) -> bool {
        matches!(self, Kind::Visits | Kind::Scores | Kind::Arrivals)
    }
}
