//! Errors of a forecast, and the least error that chance allows.
