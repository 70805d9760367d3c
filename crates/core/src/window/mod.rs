//! Panes, sliding windows and the business day. Nothing here reads a clock: stream time is an
//! argument.
//!
//! With pane width w and stream time t, the current pane is c = floor(t / w). A window of k panes
//! covers the event times from (c - k + 1) * w up to t. Panes align to the Unix epoch.

mod agent_time;
mod layout;
mod pane;
mod series;
mod wait_counts;

pub(crate) use agent_time::{AgentTime, DenseAgentTime};
pub(crate) use layout::{PaneIndex, PaneLayout, WindowCursor};
#[cfg(test)]
pub(crate) use series::panes_of_slice;
pub(crate) use series::{ChangedPanes, SeriesWindows, StoredDay, series_of_pane};
