//! The texts of a plan.

use nabiz_planning::day::DayClass;
use nabiz_planning::staffing::Reason;

use super::learned::AhtBasis;
use super::whole::{Method, Missing};

const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Returns the word of a kind of day; that of a noted day is its name.
pub fn class_word(class: &DayClass) -> &str {
    match class {
        DayClass::Weekday(number) => {
            WEEKDAYS.get(usize::from(*number)).copied().unwrap_or("weekday")
        }
        DayClass::Holiday => "holiday",
        DayClass::Noted(name) => name,
    }
}

/// Returns why a number is missing.
pub fn missing_words(missing: Missing) -> String {
    match missing {
        Missing::Closed => "closed".to_string(),
        Missing::TooFewLikeDays { found, needed } => {
            format!("too few like days: {found} of {needed}")
        }
        Missing::StepNotKnown => "no like day knows this step".to_string(),
        Missing::NoHandleTime => "no handle time: no contact was handled".to_string(),
        Missing::GoalNotReachable => "no number of agents reaches the target".to_string(),
        Missing::OutOfBounds => "the numbers are outside of what the formulas take".to_string(),
    }
}

pub(super) fn method_word(method: Method) -> &'static str {
    match method {
        Method::ErlangA => "erlang_a",
        Method::ErlangC => "erlang_c",
        Method::Backlog => "backlog",
    }
}

pub(super) fn aht_word(basis: AhtBasis) -> &'static str {
    match basis {
        AhtBasis::LikeDays => "like_days",
        AhtBasis::TimeOfDay => "time_of_day",
        AhtBasis::AllContacts => "all_contacts",
    }
}

pub(super) fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::ServiceLevel => "service_level",
        Reason::Occupancy => "occupancy",
        Reason::Abandonment => "abandonment",
        Reason::Minimum => "minimum",
    }
}
