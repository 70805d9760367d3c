//! How a visit ends.

use serde::{Deserialize, Serialize};

use crate::event::LeftReason;

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    Answered,
    Abandoned,
    Left(LeftReason),
    /// No ending ever came: too old, or its source is gone.
    Lost,
}
