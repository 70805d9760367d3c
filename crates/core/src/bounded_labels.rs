//! A bounded table of label values: past the bound, values share the label `other`.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The label of everything past a bound.
pub(crate) const OTHER_LABEL: &str = "other";

/// A bounded table of values by label, for labels other than queues: entry points and units.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BoundedLabels<T> {
    by_name: HashMap<Arc<str>, T>,
    limit: usize,
    /// How often a new label was counted as `other`.
    refused: u64,
}

impl<T: Default> BoundedLabels<T> {
    /// Creates a table of at most `limit` labels, and `other`.
    pub(crate) fn new(limit: usize) -> Self {
        BoundedLabels { by_name: HashMap::new(), limit, refused: 0 }
    }

    /// Returns the value of a label, and the label under which it is counted. Without a name, the
    /// label is `unknown`.
    pub(crate) fn entry(&mut self, name: Option<&str>) -> (Arc<str>, &mut T) {
        let label = name.unwrap_or("unknown");
        let kept = match self.by_name.get_key_value(label) {
            Some((kept, _)) => kept.clone(),
            None if self.by_name.len() < self.limit => label.into(),
            None => return self.refuse(),
        };
        (kept.clone(), self.by_name.entry(kept).or_default())
    }

    /// Returns the value of `other`, and its label, for a label that is not listed.
    pub(crate) fn refuse(&mut self) -> (Arc<str>, &mut T) {
        self.refused += 1;
        let other = match self.by_name.get_key_value(OTHER_LABEL) {
            Some((other, _)) => other.clone(),
            None => OTHER_LABEL.into(),
        };
        (other.clone(), self.by_name.entry(other).or_default())
    }

    /// Drops the labels whose value `is_used` refuses, so that others have room.
    pub(crate) fn retain(&mut self, is_used: impl Fn(&T) -> bool) {
        self.by_name.retain(|_, value| is_used(value));
    }

    /// Restores stored labels. The bound stays that of the settings.
    pub(crate) fn restore(&mut self, stored: BoundedLabels<T>) {
        self.by_name = stored.by_name;
        self.refused = stored.refused;
    }

    /// Returns the values.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_name.values_mut()
    }

    /// Returns the labels with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.by_name.iter()
    }

    /// Returns how often a new label was counted as `other`.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}
