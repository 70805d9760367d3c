//! The types that tie jaq to our values.

use jaq_core::Lut;
use jaq_core::data::{DataT, HasLut};
use jiff::tz::TimeZone;

use crate::value::Value;

/// The data type that our values and native filters belong to.
pub(crate) struct Run;

/// What native filters find beside their input.
#[derive(Clone)]
pub(crate) struct RunData<'a> {
    filters: &'a Lut<Run>,
    /// The zone of local times.
    pub(crate) time_zone: &'a TimeZone,
}

impl<'a> RunData<'a> {
    pub(crate) fn new(filters: &'a Lut<Run>, time_zone: &'a TimeZone) -> Self {
        RunData { filters, time_zone }
    }
}

impl DataT for Run {
    type V<'a> = Value;
    type Data<'a> = RunData<'a>;
}

impl<'a> HasLut<'a, Run> for RunData<'a> {
    fn lut(&self) -> &'a Lut<Run> {
        self.filters
    }
}
