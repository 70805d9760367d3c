//! The degradations that are about the clock.

use crate::readmodel::{Degradation, ShardLabel};

/// Returns the degradation of a partition whose stream time is ahead of the clock.
pub(super) fn stream_ahead(label: &ShardLabel) -> Degradation {
    Degradation {
        label: Some(label.clone()),
        offset: None,
        cause: "stream time is ahead of the clock of the host".into(),
        remedy: "check the clock; if it is right, stop nabiz and set stream time back: nabiz \
                 ledger rewind"
            .into(),
    }
}

/// What keeps a decision of the clock from being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// No checkpoint passes a record whose dead letter is not written.
    DeadLetters,
    /// The ledger stores no checkpoint.
    Ledger,
}

/// Returns the degradation of a partition whose numbers stand still because a decision of the clock
/// is not stored.
pub(super) fn decision_not_stored(label: &ShardLabel, obstacle: Obstacle) -> Degradation {
    let (cause, remedy) = match obstacle {
        Obstacle::DeadLetters => (
            "the numbers stand still: a record is ahead of the clock, and dead letters that are \
             not written hold back the checkpoint that decides its time",
            "look at the dead-letter topic, and whether the user of nabiz may write it; then check \
             the clock of the source",
        ),
        Obstacle::Ledger => (
            "the numbers stand still: a record is ahead of the clock, and the ledger does not \
             store the checkpoint that decides its time",
            "make room on the disk of the ledger, or end the process that locks it; then check the \
             clock of the source",
        ),
    };
    Degradation {
        label: Some(label.clone()),
        offset: None,
        cause: cause.into(),
        remedy: remedy.into(),
    }
}

/// Returns the degradation of a clock that most sources are ahead of.
pub(super) fn behind_sources() -> Degradation {
    Degradation {
        label: None,
        offset: None,
        cause: "the newest records of most sources are ahead of the clock of the host".into(),
        remedy: "check the clock, then those of the sources; until then times ahead are believed, \
                 and stream time does not advance without records"
            .into(),
    }
}

/// Returns the degradation of a wall clock that has jumped.
pub(super) fn jumped() -> Degradation {
    Degradation {
        label: None,
        offset: None,
        cause: "the wall clock of the host has jumped".into(),
        remedy: "check the clock and its synchronisation; it is followed once it has been steady \
                 for a minute"
            .into(),
    }
}
