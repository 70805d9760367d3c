//! A forecast of counts for each step of coming days.
