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
