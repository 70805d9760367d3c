//! Faults that leave the served numbers true, as JSON.

use nabiz_core::ids::Offset;
use serde::Serialize;

use crate::readmodel::Degradation;

/// The two members `degraded` and `degradations` of an answer; both are absent without a fault.
#[derive(Debug, Serialize)]
pub(super) struct Degradations {
    /// All faults in one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degradations: Vec<Fault>,
}

/// One fault.
#[derive(Debug, Serialize)]
struct Fault {
    /// Absent if the fault is about the whole process.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<Offset>,
    cause: String,
    remedy: String,
}

impl Degradations {
    /// Returns the members for these faults.
    pub(super) fn of(faults: &[Degradation]) -> Self {
        let text = faults.iter().map(Degradation::to_string).collect::<Vec<_>>().join(" | ");
        let fault = |fault: &Degradation| Fault {
            topic: fault.label.as_ref().map(|label| label.topic.to_string()),
            partition: fault.label.as_ref().map(|label| label.partition),
            offset: fault.offset,
            cause: fault.cause.to_string(),
            remedy: fault.remedy.to_string(),
        };
        Degradations {
            degraded: (!faults.is_empty()).then_some(text),
            degradations: faults.iter().map(fault).collect(),
        }
    }
}
