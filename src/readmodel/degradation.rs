//! Faults that leave the served numbers true.

use std::borrow::Cow;
use std::fmt;

use nabiz_core::ids::Offset;

use super::shard_label::ShardLabel;

/// A fault that withholds nothing: what is served is true, but it may be old, or something else
/// fails. `/readyz` stays 200 and shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Degradation {
    /// The partition that the fault is about; `None` for the whole process.
    pub label: Option<ShardLabel>,
    /// The offset that the fault is about.
    pub offset: Option<Offset>,
    /// What is wrong, for a person. It has no number that moves by itself, because each new text
    /// is logged.
    pub cause: Cow<'static, str>,
    /// What to do, for a person.
    pub remedy: Cow<'static, str>,
}

impl Degradation {
    /// Returns whether `other` is the same fault; its offset may have moved.
    pub fn is_same_fault(&self, other: &Degradation) -> bool {
        self.label == other.label && self.cause == other.cause
    }
}

/// One line for a person: `calls/0 at offset 5: CAUSE; REMEDY`.
impl fmt::Display for Degradation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "{label}")?;
            if let Some(offset) = self.offset {
                write!(f, " at offset {}", offset.0)?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}; {}", self.cause, self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_partition_offset_cause_and_remedy_when_they_are_known() {
        let whole = Degradation {
            label: None,
            offset: None,
            cause: "the disk is full".into(),
            remedy: "make room".into(),
        };
        assert_eq!(whole.to_string(), "the disk is full; make room");
        let label = ShardLabel { topic: "calls".into(), partition: 3 };
        let partition = Degradation { label: Some(label), offset: Some(Offset(5)), ..whole };
        assert_eq!(partition.to_string(), "calls/3 at offset 5: the disk is full; make room");
    }
}
