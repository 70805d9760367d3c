//! The shape of a day of each class: the share of each step.
