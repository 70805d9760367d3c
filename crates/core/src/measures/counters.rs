//! The one table of counters: it defines every count and sum of a (queue, channel) once.
//!
//! A group of the table becomes a struct of `u64` fields with `add`, `subtract` and iteration over
//! names and values. [`Totals`](super::Totals), [`WindowCounts`](super::WindowCounts) and
//! [`IntervalCounts`](super::IntervalCounts) contain the groups; the columns of the ledger, the
//! members of the API and the metrics take their names from here.
//!
//! The ledger stores a group as a list of numbers after its length. In a state that was stored
//! before a counter was added to the end of its group, that counter is read as 0. A state with more
//! counters than the program knows is refused, because the next checkpoint would lose them. So new
//! counters go to the end of a group, and the order never changes. The steps are in
//! docs/develop/adding-a-measure.md.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::{EndedBy, SelfServiceOutcome};
use crate::measures::fact::{VisitEnd, VisitOutcome};
use crate::time::Millis;

/// Expands to the name of a counter: the name in the table, or else the name of the field.
macro_rules! counter_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Defines a struct with its methods and its stored form for each group of the table.
macro_rules! counters {
    ($(
        $(#[doc = $doc:literal])+
        $group:ident { $($(#[doc = $field_doc:literal])+ $field:ident $(= $name:literal)?,)+ }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $group {
            $($(#[doc = $field_doc])+ pub $field: u64,)+
        }

        impl $group {
            /// The names of the counters, in the order of the table.
            pub const NAMES: &'static [&'static str] = &[$(counter_name!($field $($name)?)),+];

            /// Adds the counts of `more`, and stops each at [`u64::MAX`].
            pub fn add(&mut self, more: &Self) {
                $(self.$field = self.$field.saturating_add(more.$field);)+
            }

            /// Subtracts the counts of `less`, which were added before; no count goes below 0.
            pub fn subtract(&mut self, less: &Self) {
                $(self.$field = self.$field.saturating_sub(less.$field);)+
            }

            /// Returns each name with its value, in the order of the table.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                Self::NAMES.iter().copied().zip([$(self.$field),+])
            }

            /// Returns each name with a reference to its value, in the order of the table.
            pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut u64)> {
                Self::NAMES.iter().copied().zip([$(&mut self.$field),+])
            }
        }

        impl Serialize for $group {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq([$(self.$field),+])
            }
        }

        impl<'de> Deserialize<'de> for $group {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut counts = $group::default();
                deserializer.deserialize_seq(Values(&mut [$(&mut counts.$field),+]))?;
                Ok(counts)
            }
        }
    )+};
}

counters! {
    /// Counts of visits by outcome, in totals, windows and intervals.
    VisitCounts {
        /// Visits that entered the queue.
        offered,
        /// A: visits that were answered.
        answered,
        /// N: visits that were answered with a wait of at most T.
        answered_in_target,
        /// Ab: visits that were abandoned while waiting.
        abandoned,
        /// AbT: visits that were abandoned with a wait of at most T.
        abandoned_in_target,
        /// AbS: visits that were abandoned with a wait of at most S.
        abandoned_short,
    }

    /// Counts of service-level events, in totals, windows and intervals.
    ServiceLevelCounts {
        /// Events that met the target.
        met = "service_level_met",
        /// Events that missed the target.
        missed = "service_level_missed",
    }

    /// Counts of other events of contacts, in totals and intervals.
    ContactCounts {
        /// Offers that the agent did not take.
        not_answered,
        /// Contacts that were handed over while in service.
        transfers,
        /// Issues that were reopened.
        reopened,
        /// Service-level misses that were revoked, at the times of the misses.
        service_level_revoked,
        /// Visits of citizens who are called back, at their entry.
        callbacks,
        /// Ends by the agent.
        ended_by_agent,
        /// Ends by the citizen.
        ended_by_customer,
        /// Ends by the system.
        ended_by_system,
    }

    /// Sums of durations, and the count of handle times, in windows and intervals.
    DurationSums {
        /// Sum of the waits of answered visits, in milliseconds.
        wait_sum_ms,
        /// Sum of the waits of abandoned visits, in milliseconds.
        abandon_wait_sum_ms,
        /// Conversations with a handle time.
        handled,
        /// Sum of handle times, in milliseconds.
        handle_sum_ms,
    }

    /// Counts and sums of responses and survey answers, in intervals.
    ResponseSums {
        /// First responses.
        first_responses,
        /// Sum of first response times on the queue's clock, in milliseconds.
        first_response_sum_ms,
        /// Resolutions.
        resolutions,
        /// Sum of resolution times on the queue's clock, in milliseconds.
        resolution_sum_ms,
        /// Survey answers.
        surveys,
        /// Sum of survey scores.
        survey_score_sum,
        /// First responses of at most the queue's target.
        first_responses_in_target,
        /// Resolutions of at most the queue's target.
        resolutions_in_target,
    }

    /// Counts of the visits that entered in an interval, by their ending. An ending counts in the
    /// interval of the entry, so the visits that entered and have no ending yet are `offered`
    /// without the four endings.
    CohortCounts {
        /// Visits that were answered.
        arrived_answered,
        /// Visits that were abandoned while waiting.
        arrived_abandoned,
        /// Visits that left in another way.
        arrived_left,
        /// Visits whose ending never came.
        arrived_lost,
        /// Visits that were answered with a wait of at most T.
        arrived_answered_in_target,
        /// Visits that were abandoned with a wait of at most S.
        arrived_abandoned_short,
    }

    /// Sums of waits that [`DurationSums`] does not have, and what the measured patience needs, in
    /// intervals.
    WaitSums {
        /// Sum of the waits of visits that left, in milliseconds.
        left_wait_sum_ms,
        /// Sum of the waits of lost visits, in milliseconds.
        lost_wait_sum_ms,
        /// Sum of max(0, wait - S) over answered, abandoned and left visits that are no callbacks,
        /// in milliseconds.
        wait_beyond_short_sum_ms,
        /// Visits that are no callbacks and were abandoned with a wait above S.
        abandoned_beyond_short,
    }

    /// Counts of contacts that reach the centre, in the arrivals of the interval history.
    ArrivalCounts {
        /// Contacts started.
        contacts,
        /// Contacts that were served without a person.
        self_service_contained,
        /// Contacts that continued from self-service in a queue.
        self_service_to_queue,
        /// Contacts that left within self-service.
        self_service_abandoned,
        /// Contacts whose self-service failed.
        self_service_failed,
    }

    /// Counts and times of the follow-ups of a unit, in the interval history.
    UnitCounts {
        /// Follow-ups opened.
        opened,
        /// Follow-ups whose citizen was informed.
        informed,
        /// Informed follow-ups whose opening is known.
        timed,
        /// Sum of the follow-up times of these, in milliseconds.
        informed_sum_ms,
    }
}

impl CohortCounts {
    /// Returns the visits that have an ending.
    pub fn ended(&self) -> u64 {
        [self.arrived_answered, self.arrived_abandoned, self.arrived_left, self.arrived_lost]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Counts the ending of a visit.
    pub(crate) fn count(&mut self, end: &VisitEnd, target_wait: Millis, short_abandon: Millis) {
        match end.outcome {
            VisitOutcome::Answered => {
                self.arrived_answered += 1;
                self.arrived_answered_in_target += u64::from(end.wait <= target_wait);
            }
            VisitOutcome::Abandoned => {
                self.arrived_abandoned += 1;
                self.arrived_abandoned_short += u64::from(end.wait <= short_abandon);
            }
            VisitOutcome::Left(_) => self.arrived_left += 1,
            VisitOutcome::Lost => self.arrived_lost += 1,
        }
    }
}

impl WaitSums {
    /// Adds the wait of a visit that ended.
    pub(crate) fn sum(&mut self, end: &VisitEnd, short_abandon: Millis) {
        let wait = end.wait;
        match end.outcome {
            VisitOutcome::Answered | VisitOutcome::Abandoned => {}
            VisitOutcome::Left(_) => self.left_wait_sum_ms += wait.get(),
            VisitOutcome::Lost => {
                self.lost_wait_sum_ms += wait.get();
                return;
            }
        }
        if !end.waits_on_line || wait <= short_abandon {
            return;
        }
        self.wait_beyond_short_sum_ms += wait.get() - short_abandon.get();
        self.abandoned_beyond_short += u64::from(end.outcome == VisitOutcome::Abandoned);
    }
}

impl ArrivalCounts {
    /// Counts an outcome of self-service.
    pub(crate) fn count_self_service(&mut self, outcome: SelfServiceOutcome) {
        let count = match outcome {
            SelfServiceOutcome::Contained => &mut self.self_service_contained,
            SelfServiceOutcome::ToQueue => &mut self.self_service_to_queue,
            SelfServiceOutcome::Abandoned => &mut self.self_service_abandoned,
            SelfServiceOutcome::Failed => &mut self.self_service_failed,
        };
        *count += 1;
    }
}

impl ContactCounts {
    /// Returns the number of ends by a party.
    pub fn ended(&self, by: EndedBy) -> u64 {
        match by {
            EndedBy::Agent => self.ended_by_agent,
            EndedBy::Customer => self.ended_by_customer,
            EndedBy::System => self.ended_by_system,
        }
    }

    /// Counts an end by a party.
    pub(crate) fn count_end(&mut self, by: EndedBy) {
        let count = match by {
            EndedBy::Agent => &mut self.ended_by_agent,
            EndedBy::Customer => &mut self.ended_by_customer,
            EndedBy::System => &mut self.ended_by_system,
        };
        *count += 1;
    }
}

/// A visitor that reads a stored list of numbers into the counters of a group.
struct Values<'a, 'c>(&'a mut [&'c mut u64]);

impl<'de> Visitor<'de> for Values<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} counters", self.0.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        for counter in self.0.iter_mut() {
            match values.next_element()? {
                Some(value) => **counter = value,
                None => return Ok(()),
            }
        }
        match values.next_element::<u64>()? {
            Some(_) => Err(A::Error::custom("a newer version wrote more counters than are known")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_that_was_not_stored_is_zero() {
        let stored = postcard::to_stdvec(&vec![5_u64, 4]).unwrap();
        let counts: VisitCounts = postcard::from_bytes(&stored).unwrap();
        assert_eq!(counts, VisitCounts { offered: 5, answered: 4, ..VisitCounts::default() });
    }

    #[test]
    fn counter_that_is_not_known_is_an_error() {
        let stored =
            postcard::to_stdvec(&vec![1_u64; ServiceLevelCounts::NAMES.len() + 1]).unwrap();
        postcard::from_bytes::<ServiceLevelCounts>(&stored).unwrap_err();
    }

    #[test]
    fn group_is_read_as_it_was_stored() {
        let mut counts = ResponseSums::default();
        for (number, (_, value)) in (1..).zip(counts.iter_mut()) {
            *value = number;
        }
        let stored = postcard::to_stdvec(&counts).unwrap();
        assert_eq!(postcard::from_bytes::<ResponseSums>(&stored).unwrap(), counts);
        assert_eq!(stored, [8, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn subtract_undoes_add_and_sums_stop_at_the_end() {
        let more = ServiceLevelCounts { met: 3, missed: 2 };
        let mut sum = ServiceLevelCounts { met: 1, missed: 0 };
        sum.add(&more);
        assert_eq!(sum, ServiceLevelCounts { met: 4, missed: 2 });
        sum.subtract(&more);
        assert_eq!(sum, ServiceLevelCounts { met: 1, missed: 0 });
        sum.missed = u64::MAX;
        sum.add(&more);
        assert_eq!(sum.missed, u64::MAX);
    }

    #[test]
    fn names_are_those_of_the_contract() {
        let counts = ServiceLevelCounts { met: 7, missed: 9 };
        let named: Vec<(&str, u64)> = counts.iter().collect();
        assert_eq!(named, [("service_level_met", 7), ("service_level_missed", 9)]);
        assert_eq!(VisitCounts::NAMES[2], "answered_in_target");
    }
}
