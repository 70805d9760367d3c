//! The ending of a visit.

use serde::{Deserialize, Serialize};

use crate::event::LeftReason;

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    Answered,
    Abandoned,
    Left(LeftReason),
    /// No ending came: the visit exceeded its longest wait, or its source restarted.
    Lost,
}
