//! A shrunk trend of the level of days.
