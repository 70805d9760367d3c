//! Counts of which others are a part: callbacks, ends by party, pauses by reason. The frame is that
//! of [`crate::contract_cases`].

use serde_json::json;

use crate::contract_cases::case;
use crate::oracle::Verdict::{Applied, Duplicate};

mod callback {
    use super::*;

    #[test]
    fn callback_is_in_all_counts_of_visits_and_once_more_apart() {
        case()
            .at("10:00:00")
            .called_back("c", "fault")
            .called_back("c", "fault")
            .outcome(Duplicate)
            .at("10:00:10")
            .queued("d", "fault")
            .expect("fault callbacks", 1)
            .expect("fault offered", 2)
            .expect("fault waiting", 2)
            .at("10:00:40")
            .answered("c", "fault")
            .expect("fault answered", 1)
            .expect("fault missed", 2)
            .expect("fault wait_ms", 40_000)
            .expect("fault callbacks", 1);
    }

    #[test]
    fn callback_is_counted_when_its_ending_is_read_first() {
        case()
            .at("10:00:10")
            .answered("c", "fault")
            .at("10:00:00")
            .called_back("c", "fault")
            .outcome(Applied)
            .expect("fault callbacks", 1)
            .expect("fault answered", 1);
    }

    #[test]
    fn visit_is_no_callback_when_the_field_has_a_fault() {
        case()
            .at("10:00:00")
            .with("is_callback", json!("yes"))
            .called_back("c", "fault")
            .outcome(Applied)
            .expect("dropped is_callback", 1)
            .expect("fault offered", 1)
            .expect("fault callbacks", 0);
    }
}
