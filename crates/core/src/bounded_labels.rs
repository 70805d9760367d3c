//! A bounded table of label values.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Label of what a bound folded together.
pub(crate) const OTHER_LABEL: &str = "other";

/// A bounded table of label values outside queues: entry points, units.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BoundedLabels<T> {
    by_name: HashMap<Arc<str>, T>,
    limit: usize,
    refused: u64,
}

impl<T: Default> BoundedLabels<T> {
    /// At most `limit` values, and `other`.
    pub(crate) fn new(limit: usize) -> Self {
        BoundedLabels { by_name: HashMap::new(), limit, refused: 0 }
    }

    /// The entry of a label, and its name after the bound was applied.
    pub(crate) fn entry(&mut self, name: Option<&str>) -> (Arc<str>, &mut T) {
        let wanted = name.unwrap_or("unknown");
        let kept = match self.by_name.get_key_value(wanted) {
            Some((kept, _)) => kept.clone(),
            None if self.by_name.len() < self.limit => wanted.into(),
            None => {
                self.refused += 1;
                OTHER_LABEL.into()
            }
        };
        (kept.clone(), self.by_name.entry(kept).or_default())
    }

    /// Takes over stored labels, under the bound of now.
    pub(crate) fn take_over(&mut self, stored: BoundedLabels<T>) {
        self.by_name = stored.by_name;
        self.refused = stored.refused;
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_name.values_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.by_name.iter()
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}
