//! Records that are older than the open visit of their contact, as where the records of two sources
//! arrive out of order. The frame is that of [`crate::contract_cases`].

use nabiz_core::event::TransferKind;

use crate::contract_cases::{Case, case};
use crate::oracle::Verdict::{Applied, Duplicate, Held};

/// A contact that waits in `billing` (T 10 s) since 10:00:30.
fn waiting() -> Case {
    case().at("10:00:30").queued("c", "billing")
}

mod another_queue {
    use super::*;

    #[test]
    fn older_start_is_a_duplicate_and_its_ending_with_a_wait_a_complete_visit() {
        waiting()
            .at("10:00:10")
            .queued("c", "fault")
            .outcome(Duplicate)
            .expect("fault offered", 0)
            .expect("billing waiting", 1)
            .at("10:00:22")
            .answered_after("c", "fault", 12_000)
            .outcome(Applied)
            .expect("fault wait_ms", 12_000)
            .expect("fault in_service", 1)
            .expect("billing left_transfer", 0)
            .expect("billing waiting", 1)
            // The open visit stays the last one.
            .transferred("c", None, TransferKind::Attended)
            .expect("billing transfers", 1)
            .at("10:00:35")
            .answered("c", "billing")
            .expect("billing wait_ms", 5_000)
            .expect("billing met", 1)
            .expect("skew", 0);
    }

    #[test]
    fn record_at_the_start_of_the_open_visit_is_not_older() {
        waiting()
            .queued("c", "fault")
            .outcome(Applied)
            .expect("billing left_transfer", 1)
            .expect("fault waiting", 1);
    }

    #[test]
    fn older_ending_without_a_wait_is_held_until_its_start_comes() {
        waiting()
            .at("10:00:20")
            .abandoned("c", "fault")
            .outcome(Held)
            .expect("billing waiting", 1)
            .at("10:00:08")
            .queued("c", "fault")
            .outcome(Applied)
            .expect("fault offered", 1)
            .expect("fault abandon_wait_ms", 12_000)
            .expect("fault waiting", 0)
            .expect("billing waiting", 1)
            .expect("records held", 0)
            .expect("skew", 0);
        waiting()
            .at("10:00:20")
            .abandoned("c", "fault")
            .advance("10:01:00.001")
            .expect("records orphan", 1)
            .expect("billing waiting", 1);
    }

    #[test]
    fn older_record_leaves_the_issue_in_the_queue_of_the_open_visit() {
        case()
            .at("10:00:00")
            .started("m", "email")
            .at("10:00:30")
            .queued("m", "mail")
            .at("10:00:20")
            .answered_after("m", "office", 5_000)
            .expect("office/email answered", 1)
            .expect("mail open", 1)
            .expect("office open", 0);
    }

    #[test]
    fn older_record_revokes_no_miss() {
        waiting()
            .advance("10:02:00")
            .expect("billing missed", 1)
            .at("10:00:20")
            .answered_after("c", "fault", 5_000)
            .expect("billing revoked", 0)
            .expect("billing 5m missed", 1)
            .expect("billing waiting_over_target", 1);
    }

    #[test]
    fn older_answer_leaves_the_pending_ending_to_the_open_visit() {
        waiting()
            .at("10:00:40")
            .ended("c")
            .expect("billing waiting", 0)
            .at("10:00:20")
            .answered_after("c", "fault", 5_000)
            .expect("fault in_service", 1)
            .end_of_replay()
            .expect("billing abandon_wait_ms", 10_000)
            .expect("fault in_service", 1);
    }
}

mod same_queue {
    use super::*;

    #[test]
    fn negative_difference_revokes_no_miss_and_is_not_met() {
        waiting()
            .advance("10:01:00")
            .expect("billing missed", 1)
            .at("10:00:29")
            .answered("c", "billing")
            .expect("billing answered", 1)
            .expect("billing wait_ms", 0)
            .expect("billing revoked", 0)
            .expect("billing 1m missed", 1)
            .expect("billing met", 0)
            .expect("skew", 1);
    }

    #[test]
    fn negative_difference_is_met_when_no_miss_was_recorded() {
        waiting()
            .at("10:00:29")
            .answered("c", "billing")
            .expect("billing met", 1)
            .expect("billing missed", 0);
    }

    #[test]
    fn implied_answer_of_an_older_end_is_a_complete_visit() {
        case()
            .at("10:05:00")
            .line("c|fault|NONE|ENTERQUEUE||0|1")
            .at("10:00:40")
            .line("c|fault|ann|COMPLETECALLER|10|15|1")
            .outcome(Applied)
            .expect("fault offered", 2)
            .expect("fault wait_ms", 10_000)
            .expect("fault handle_ms", 15_000)
            .expect("fault in_service", 0)
            .expect("fault waiting", 1)
            .expect("skew", 0)
            .at("10:05:07")
            .line("c|fault|ann|CONNECT|7|d|3")
            .expect("fault wait_ms", 17_000)
            .expect("fault waiting", 0);
    }

    #[test]
    fn implied_answer_before_the_start_ends_the_visit_when_its_end_is_not_older() {
        // The seconds of the line are rounded.
        case()
            .at("10:05:00")
            .line("c|fault|NONE|ENTERQUEUE||0|1")
            .at("10:05:20")
            .line("c|fault|ann|COMPLETECALLER|0|21|1")
            .expect("fault offered", 1)
            .expect("fault answered", 1)
            .expect("fault waiting", 0);
    }
}
