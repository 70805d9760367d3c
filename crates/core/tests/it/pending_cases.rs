//! Visits that end without an ending of their own: by `contact.ended`, and by replies. The frame is
//! that of [`crate::contract_cases`].

use nabiz_core::event::EndedBy;
use nabiz_core::event::EventPayload::SourceRestarted;
use nabiz_core::event::LeftReason;
use nabiz_core::time::Millis;

use crate::contract_cases::{Case, case, case_with};
use crate::oracle::Verdict::{Applied, Duplicate, Held};

/// A contact that has waited in `fault` since 10:00:00.
fn waiting() -> Case {
    case().at("10:00:00").queued("c", "fault").expect("fault waiting", 1)
}

mod end {
    use super::*;

    #[test]
    fn visit_is_abandoned_past_the_grace_when_an_end_says_no_more() {
        waiting()
            .at("10:00:15")
            .ended("c")
            .outcome(Applied)
            .expect("fault waiting", 0)
            .expect("fault abandoned", 0)
            .advance("10:00:45")
            .expect("fault missed", 0)
            .advance("10:00:45.001")
            .expect("fault abandoned", 1)
            .expect("fault abandon_wait_ms", 15_000)
            .expect("fault missed", 0)
            .expect("fault handled", 0);
    }

    #[test]
    fn visit_is_answered_past_the_grace_when_the_end_has_a_talk_time() {
        waiting()
            .at("10:01:00")
            .ended_with("c", Some(40_000), Some(3_000), Some(2_000))
            .end_of_replay()
            .expect("fault answered", 1)
            .expect("fault wait_ms", 15_000)
            .expect("fault met", 1)
            .expect("fault handle_ms", 45_000)
            .expect("fault in_service", 0)
            .ended("c")
            .outcome(Duplicate);
    }

    #[test]
    fn implied_answer_is_not_before_the_start() {
        waiting()
            .at("10:00:30")
            .ended_with("c", Some(40_000), None, None)
            .end_of_replay()
            .expect("fault wait_ms", 0)
            .expect("fault handle_ms", 40_000);
    }

    #[test]
    fn end_by_the_agent_implies_an_answer_without_a_handle_time() {
        waiting()
            .at("10:00:10")
            .ended_by("c", EndedBy::Agent)
            .end_of_replay()
            .expect("fault answered", 1)
            .expect("fault handled", 0);
    }

    #[test]
    fn end_by_the_system_closes_the_visit() {
        waiting()
            .at("10:00:10")
            .ended_by("c", EndedBy::System)
            .end_of_replay()
            .expect("fault left", 1)
            .expect("fault abandoned", 0);
    }

    #[test]
    fn pending_visit_is_missed_when_its_implied_wait_is_over_the_target() {
        waiting()
            .at("10:00:30")
            .ended_with("c", Some(5_000), None, None)
            .expect("fault missed", 1)
            .expect("fault waiting_over_target", 0)
            .end_of_replay()
            .expect("fault missed", 1)
            .expect("fault wait_ms", 25_000);
    }

    #[test]
    fn other_ending_within_the_grace_replaces_the_pending_one() {
        waiting()
            .at("10:00:10")
            .ended_with("c", Some(5_000), None, None)
            .left("c", "fault", LeftReason::Timeout)
            .expect("fault left", 1)
            .end_of_replay()
            .expect("fault answered", 0)
            .expect("fault handled", 0);
        waiting()
            .at("10:00:40")
            .ended_with("c", Some(30_000), None, None)
            .at("10:00:09")
            .answered("c", "fault")
            .expect("fault wait_ms", 9_000)
            .expect("fault handle_ms", 30_000)
            .expect("fault in_service", 0);
    }

    #[test]
    fn visit_has_ended_when_the_next_record_of_its_contact_is_past_the_grace() {
        let pending = || waiting().at("10:00:10").ended("c");
        pending()
            .at("10:00:40")
            .abandoned("c", "fault")
            .outcome(Applied)
            .expect("fault abandon_wait_ms", 40_000);
        pending()
            .at("10:00:40.001")
            .abandoned("c", "fault")
            .outcome(Held)
            .expect("fault abandon_wait_ms", 10_000)
            .expect("fault abandoned", 1);
        pending()
            .at("10:00:40.001")
            .queued("c", "billing")
            .expect("fault abandon_wait_ms", 10_000)
            .expect("billing waiting", 1);
    }

    #[test]
    fn end_before_the_visit_or_of_another_queue_does_not_concern_it() {
        waiting()
            .at("09:59:59")
            .ended("c")
            .at("10:00:10")
            .ended_in("c", "billing", None)
            .expect("fault waiting", 1)
            .end_of_replay()
            .expect("fault waiting", 1);
    }

    #[test]
    fn start_read_after_its_end_makes_a_pending_visit() {
        case()
            .at("10:00:20")
            .ended("c")
            .at("10:00:00")
            .queued("c", "fault")
            .expect("fault waiting", 0)
            .advance("10:00:50.001")
            .expect("fault abandoned", 1)
            .at("10:01:00")
            .ended("d")
            .advance("10:01:30.001")
            .at("10:00:55")
            .queued("d", "fault")
            .expect("fault waiting", 1);
    }

    #[test]
    fn end_of_all_conversations_ends_the_open_visit_too() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:10")
            .answered("c", "fault")
            .at("10:01:00")
            .queued("c", "billing")
            .at("10:01:05")
            .ended_with("c", Some(50_000), None, None)
            .expect("fault handle_ms", 50_000)
            .expect("billing waiting", 0)
            .end_of_replay()
            .expect("billing abandon_wait_ms", 5_000)
            .expect("billing handled", 0);
    }

    #[test]
    fn first_of_two_ends_counts() {
        waiting()
            .at("10:00:10")
            .ended("c")
            .at("10:00:12")
            .ended_with("c", Some(5_000), None, None)
            .outcome(Duplicate)
            .end_of_replay()
            .expect("fault abandon_wait_ms", 10_000);
    }

    #[test]
    fn end_of_another_queue_takes_the_place_of_the_pending_ending_and_settles_it() {
        waiting()
            .at("10:00:10")
            .ended("c")
            .at("10:00:12")
            .ended_in("c", "billing", Some(5_000))
            .outcome(Duplicate)
            .expect("fault abandoned", 0);
        waiting()
            .at("10:00:10")
            .ended_in("c", "fault", None)
            .at("10:00:12")
            .ended_in("c", "billing", Some(5_000))
            .outcome(Applied)
            .expect("fault abandon_wait_ms", 10_000)
            // The visit has ended: its own ending comes too late.
            .at("10:00:09")
            .answered("c", "fault")
            .outcome(Duplicate)
            // The end of the other queue is at hand for its answer.
            .at("10:00:04")
            .queued("c", "billing")
            .at("10:00:07")
            .answered("c", "billing")
            .expect("billing handle_ms", 5_000)
            .expect("billing in_service", 0);
    }

    #[test]
    fn later_visit_leaves_the_pending_ending_standing() {
        waiting()
            .at("10:00:10")
            .ended("c")
            .at("10:00:12")
            .queued("c", "fault")
            .outcome(Applied)
            .expect("fault abandoned", 1)
            .expect("fault waiting", 1)
            .at("10:00:20")
            .ended_with("c", Some(3_000), None, None)
            .at("10:00:21")
            .queued("c", "billing")
            .expect("fault answered", 1)
            .expect("fault left", 0)
            .expect("billing waiting", 1);
    }

    #[test]
    fn loss_after_the_end_leaves_the_pending_ending_standing() {
        waiting()
            .at("10:00:10")
            .ended("c")
            .at("10:00:11")
            .say(SourceRestarted)
            .expect("fault lost", 0)
            .say(SourceRestarted)
            .end_of_replay()
            .expect("fault abandoned", 1)
            .expect("fault lost", 0);
        waiting()
            .at("10:00:10")
            .ended("c")
            .at("10:00:09")
            .say(SourceRestarted)
            .expect("fault lost", 1);
        case_with(|settings| settings.queues[1].1.max_wait = Some(Millis(20_000)))
            .at("10:00:00")
            .queued("c", "fault")
            .queued("d", "fault")
            .at("10:00:20")
            .ended("c")
            .advance("10:00:30")
            .expect("fault lost", 1)
            .end_of_replay()
            .expect("fault abandoned", 1);
    }
}

mod reply {
    use super::*;

    #[test]
    fn reply_answers_the_open_visit_and_begins_no_conversation() {
        waiting()
            .at("10:00:05")
            .replied("c")
            .expect("fault answered", 1)
            .expect("fault wait_ms", 5_000)
            .expect("fault met", 1)
            .expect("fault in_service", 0)
            .at("10:00:06")
            .replied("c")
            .expect("fault answered", 1);
    }

    #[test]
    fn chat_makes_no_orphan_when_its_agent_answers_and_replies_ten_times() {
        let mut chat = waiting().at("10:00:05").answered_by("c", "fault", "ann");
        for minute in ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10"] {
            chat = chat
                .at(&format!("10:{minute}:00"))
                .replied("c")
                .outcome(Applied)
                .answered_by("c", "fault", "ann")
                .outcome(Duplicate);
        }
        chat.at("10:11:05")
            .ended("c")
            .expect("fault handle_ms", 11 * 60_000)
            .end_of_replay()
            .expect("records orphan", 0)
            .expect("fault answered", 1)
            .expect("fault handled", 1);
    }

    #[test]
    fn reply_of_another_queue_or_before_the_visit_does_not_answer_it() {
        waiting()
            .at("10:00:05")
            .replied_in("c", "billing")
            .at("09:59:59")
            .replied("c")
            .expect("fault answered", 0)
            .expect("fault waiting", 1);
    }

    #[test]
    fn reply_read_before_the_start_answers_within_the_grace() {
        let early = || case().at("10:00:10").replied("c");
        early()
            .advance("10:00:40")
            .at("10:00:02")
            .queued("c", "fault")
            .expect("fault answered", 1)
            .expect("fault wait_ms", 8_000);
        early()
            .advance("10:00:40.001")
            .at("10:00:02")
            .queued("c", "fault")
            .expect("fault waiting", 1);
        early().at("10:00:11").queued("c", "fault").expect("fault waiting", 1);
    }

    #[test]
    fn earliest_early_reply_answers() {
        case()
            .at("10:00:10")
            .replied("c")
            .at("10:00:05")
            .replied("c")
            .at("10:00:08")
            .replied("c")
            .at("10:00:02")
            .queued("c", "fault")
            .expect("fault wait_ms", 3_000);
    }

    #[test]
    fn reply_after_a_pending_ending_is_no_other_ending() {
        waiting()
            .at("10:00:10")
            .ended("c")
            .at("10:00:11")
            .replied("c")
            .expect("fault answered", 0)
            .at("10:00:10")
            .replied("c")
            .expect("fault answered", 1)
            .expect("fault wait_ms", 10_000);
    }
}
