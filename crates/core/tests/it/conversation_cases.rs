//! Conversations, and the calls of agents that follow from them, as small cases with numbers worked
//! out by hand. The frame is that of [`crate::contract_cases`].

use nabiz_core::event::{AgentState, SelfServiceOutcome, TransferKind};
use nabiz_core::time::Millis;

use crate::contract_cases::{Case, case, case_with};
use crate::oracle::Verdict::{Applied, Duplicate, Held};
use crate::oracle::world::HOUR;

/// A contact that talks in `fault` with `ann`, and asks `billing` with `bob`.
fn consultation() -> Case {
    case()
        .at("10:00:00")
        .queued("c", "fault")
        .at("10:00:10")
        .answered_by("c", "fault", "ann")
        .at("10:01:00")
        .queued("c", "billing")
        .at("10:01:05")
        .answered_by("c", "billing", "bob")
}

mod answer {
    use super::*;

    #[test]
    fn answer_in_service_is_a_duplicate_when_it_has_a_wait() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered("c", "fault")
            .at("10:00:50")
            .answered("c", "fault")
            .outcome(Duplicate)
            .answered_after("c", "fault", 10_000)
            .outcome(Duplicate)
            .expect("fault answered", 1)
            .expect("fault in_service", 1);
    }

    #[test]
    fn answer_in_service_does_not_end_the_visit_in_another_queue() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered("c", "fault")
            .at("10:00:10")
            .queued("c", "billing")
            .at("10:00:50")
            .answered_after("c", "fault", 10_000)
            .outcome(Duplicate)
            .expect("billing waiting", 1);
    }

    #[test]
    fn second_answered_visit_replaces_the_conversation_of_its_queue() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered_by("c", "fault", "ann")
            .at("10:01:00")
            .queued("c", "fault")
            .at("10:01:10")
            .answered_by("c", "fault", "bob")
            .expect("fault answered", 2)
            .expect("fault in_service", 1)
            .expect("fault handled", 0)
            .expect("agents fault busy", 1)
            .expect("agents fault available", 1)
            .at("10:02:10")
            .ended("c")
            .expect("fault handle_ms", 60_000)
            .expect("agents fault available", 2);
    }

    #[test]
    fn ninth_conversation_drops_the_first() {
        let queues = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"];
        let mut case = case().at("10:00:00").answered_by("c", "fault", "ann");
        case = case.outcome(Held).queued("c", "fault").expect("fault in_service", 1);
        for queue in queues {
            case = case.answered_after("c", queue, 1);
        }
        case.expect("fault in_service", 0)
            .expect("q1 in_service", 1)
            .expect("q8 in_service", 1)
            .expect("fault handled", 0)
            .expect("agents fault available", 1);
    }
}

mod end {
    use super::*;

    #[test]
    fn end_without_a_queue_ends_all_conversations() {
        consultation()
            .at("10:02:05")
            .ended_with("c", Some(30_000), Some(5_000), Some(7_000))
            .outcome(Applied)
            // The talk, hold and wrap-up are those of the newest conversation.
            .expect("billing handle_ms", 42_000)
            .expect("fault handle_ms", 115_000)
            .expect("fault in_service", 0)
            .expect("billing in_service", 0)
            .expect("agents fault available", 1)
            .expect("agents billing available", 1);
    }

    #[test]
    fn end_without_a_queue_does_not_concern_a_later_conversation() {
        consultation()
            .at("10:00:40")
            .ended("c")
            .expect("fault handle_ms", 30_000)
            .expect("fault in_service", 0)
            .expect("billing in_service", 1);
    }

    #[test]
    fn end_before_all_answers_ends_the_first_conversation() {
        consultation()
            .at("10:00:00")
            .ended("c")
            .expect("fault handled", 1)
            .expect("fault handle_ms", 0)
            .expect("billing in_service", 1)
            .expect("skew", 1);
    }

    #[test]
    fn end_of_a_queue_without_its_conversation_ends_no_other() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered("c", "fault")
            .at("10:01:05")
            .ended_in("c", "billing", None)
            .outcome(Applied)
            .expect("fault in_service", 1)
            .expect("fault handled", 0);
    }

    #[test]
    fn second_end_is_a_duplicate() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered("c", "fault")
            .at("10:01:05")
            .ended("c")
            .at("10:01:06")
            .ended_with("c", Some(90_000), None, None)
            .outcome(Duplicate)
            .ended_in("c", "fault", Some(90_000))
            .outcome(Duplicate)
            .expect("fault handled", 1)
            .expect("fault handle_ms", 60_000);
    }

    #[test]
    fn second_end_is_a_duplicate_when_a_later_visit_was_abandoned() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered("c", "fault")
            .at("10:00:20")
            .queued("c", "fault")
            .at("10:00:30")
            .abandoned("c", "fault")
            .at("10:01:05")
            .ended("c")
            .ended_with("c", Some(90_000), None, None)
            .outcome(Duplicate)
            .advance("10:02:00")
            .expect("fault handled", 1);
    }

    #[test]
    fn end_after_the_longest_service_counts_its_own_talk_time() {
        case_with(|settings| settings.queues[1].1.max_service = Some(Millis(300_000)))
            .at("10:00:00")
            .queued_as("c", "fault", "chat")
            .at("10:00:05")
            .answered("c", "fault")
            .advance("10:05:05.001")
            .expect("fault/chat in_service", 0)
            .at("10:10:05")
            .ended_with("c", Some(600_000), None, None)
            .expect("fault/chat handle_ms", 600_000)
            .ended_with("c", Some(600_000), None, None)
            .outcome(Duplicate)
            .expect("fault/chat handled", 1);
    }

    #[test]
    fn conversation_past_the_longest_service_renews_the_memory_of_the_contact() {
        let case = || {
            case()
                .at("10:00:00")
                .line("c|fault|NONE|ENTERQUEUE||0|1")
                .at("10:00:05")
                .line("c|fault|ann|CONNECT|5|d|3")
                .advance("14:00:05.001")
                .expect("fault in_service", 0)
        };
        case()
            .at("15:00:05")
            .line("c|fault|ann|COMPLETECALLER|5|18000|1")
            .outcome(Applied)
            .expect("fault answered", 1)
            .expect("fault handle_ms", 18_000_000)
            .line("c|fault|ann|COMPLETEAGENT|5|18000|1")
            .outcome(Duplicate);
        // Past the horizon, the call is not known any more.
        case()
            .advance("15:00:05.001")
            .at("15:00:05.001")
            .line("c|fault|ann|COMPLETECALLER|5|18000|1")
            .expect("fault answered", 2);
    }

    #[test]
    fn handle_time_is_in_the_channel_of_the_conversation() {
        case()
            .at("10:00:00")
            .queued_as("c", "fault", "phone")
            .at("10:00:05")
            .answered("c", "fault")
            .at("10:00:10")
            .queued_as("c", "billing", "chat")
            .at("10:01:05")
            .ended_in("c", "fault", None)
            .expect("fault/phone handle_ms", 60_000)
            .expect("fault/chat handled", 0);
    }

    #[test]
    fn early_end_ends_its_conversation_when_the_answer_comes() {
        case()
            .at("10:00:00")
            .queued_as("c", "fault", "chat")
            .at("10:00:40")
            .ended_with("c", Some(20_000), None, None)
            .outcome(Applied)
            .expect("fault/chat handled", 0)
            .at("10:00:10")
            .answered_by("c", "fault", "ann")
            .expect("fault/chat in_service", 0)
            .expect("fault/chat handle_ms", 20_000)
            .expect("agents fault available", 1)
            .advance("10:01:40")
            .expect("agent_ms fault busy", 30_000);
    }

    #[test]
    fn early_end_counts_its_talk_time_past_the_reorder_grace() {
        case()
            .at("10:00:00")
            .ended_in("c", "fault", Some(20_000))
            .expect("fault handled", 0)
            .advance("10:00:30")
            .expect("fault handled", 0)
            .advance("10:00:30.001")
            .expect("fault handle_ms", 20_000)
            // The answer comes later still: the handle time does not count again.
            .at("09:59:30")
            .answered_after("c", "fault", 5_000)
            .expect("fault in_service", 0)
            .expect("fault handled", 1);
    }

    #[test]
    fn early_end_without_a_talk_time_waits_for_its_answer_past_the_grace() {
        case()
            .at("10:00:00")
            .ended_in("c", "fault", None)
            .advance("10:10:00")
            .expect("fault handled", 0)
            .at("09:59:30")
            .answered_after("c", "fault", 5_000)
            .expect("fault in_service", 0)
            .expect("fault handle_ms", 30_000);
    }

    #[test]
    fn second_early_end_is_a_duplicate_within_the_grace() {
        case()
            .at("10:00:00")
            .ended_in("c", "fault", Some(20_000))
            .at("10:00:01")
            .ended_with("c", Some(30_000), None, None)
            .outcome(Duplicate)
            .ended_in("c", "billing", Some(40_000))
            .outcome(Applied)
            .expect("fault handle_ms", 20_000)
            .end_of_replay()
            .expect("billing handle_ms", 40_000);
    }

    #[test]
    fn early_end_before_the_open_visit_is_not_that_of_the_visit() {
        case()
            .at("10:00:00")
            .ended_with("c", Some(20_000), None, None)
            .at("10:00:10")
            .queued("c", "fault")
            .at("10:00:20")
            .ended_with("c", Some(5_000), None, None)
            .outcome(Applied)
            .at("10:00:15")
            .answered("c", "fault")
            .expect("fault in_service", 0)
            .expect("fault handle_ms", 25_000);
    }

    #[test]
    fn early_end_keeps_its_contact_until_the_grace_is_over() {
        case_with(|settings| {
            settings.windows.dedup_horizon = settings.windows.reorder_grace;
            settings.windows.reorder_grace = Millis(HOUR as u64);
        })
        .at("10:00:00")
        .ended_in("c", "fault", Some(20_000))
        .advance("11:00:00")
        .expect("fault handled", 0)
        .advance("11:00:00.001")
        .expect("fault handled", 1);
    }

    #[test]
    fn self_service_ends_conversations_without_a_handle_time() {
        consultation()
            .at("10:02:00")
            .self_service("c", SelfServiceOutcome::Contained)
            .expect("fault in_service", 0)
            .expect("billing in_service", 0)
            .expect("fault handled", 0)
            .expect("agents fault available", 1);
    }
}

mod transfer {
    use super::*;

    #[test]
    fn blind_transfer_ends_the_conversation_of_its_queue() {
        consultation()
            .at("10:02:05")
            .transferred("c", Some("fault"), TransferKind::Blind)
            .expect("fault transfers", 1)
            .expect("fault handle_ms", 115_000)
            .expect("agents fault available", 1)
            .expect("billing in_service", 1)
            .ended_in("c", "fault", Some(90_000))
            .outcome(Duplicate);
    }

    #[test]
    fn blind_transfer_without_a_queue_ends_the_newest_conversation() {
        consultation()
            .at("10:02:05")
            .transferred("c", None, TransferKind::Blind)
            .expect("billing handle_ms", 60_000)
            .expect("fault in_service", 1);
    }

    #[test]
    fn attended_transfer_ends_no_conversation() {
        consultation()
            .at("10:02:05")
            .transferred("c", Some("fault"), TransferKind::Attended)
            .expect("fault transfers", 1)
            .expect("fault in_service", 1)
            .expect("agents fault busy", 1);
    }
}

mod restart {
    use nabiz_core::event::EventPayload::SourceRestarted;

    use super::*;

    #[test]
    fn conversation_belongs_to_the_source_of_its_visit() {
        case()
            .from("one")
            .at("10:00:00")
            .queued("c", "fault")
            .from("two")
            .at("10:00:05")
            .answered_by("c", "fault", "ann")
            .at("10:00:10")
            .answered_by("d", "fault", "bob")
            .outcome(Held)
            .answered_after("d", "fault", 1_000)
            .expect("fault in_service", 2)
            .from("one")
            .at("10:01:00")
            .say(SourceRestarted)
            .expect("fault in_service", 1)
            .expect("fault handled", 0)
            .expect("agents fault available", 1)
            .from("two")
            .say(SourceRestarted)
            .expect("fault in_service", 0);
    }

    #[test]
    fn loss_by_a_restart_renews_the_memory_of_the_contact() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:50:00")
            .say(SourceRestarted)
            .advance("11:50:00")
            .at("11:50:00")
            .abandoned_after("c", "fault", 6_600_000)
            .outcome(Duplicate)
            .expect("fault offered", 1);
    }

    #[test]
    fn conversation_ended_by_a_restart_renews_the_memory_of_the_contact() {
        let case = case()
            .at("10:00:00")
            .line("c|fault|NONE|ENTERQUEUE||0|1")
            .at("10:00:10")
            .line("c|fault|ann|CONNECT|10|d|3")
            .at("11:30:00")
            .line("NONE|NONE|NONE|QUEUESTART|")
            .expect("fault in_service", 0)
            .at("12:30:00")
            .line("c|fault|ann|COMPLETECALLER|10|8990|1")
            .outcome(Applied)
            .expect("fault answered", 1)
            .expect("fault handle_ms", 8_990_000);
        // A call that nothing has renewed for longer than the horizon is not known any more.
        case.advance("13:30:00.001")
            .at("13:30:00.001")
            .line("c|fault|ann|COMPLETEAGENT|10|1|1")
            .expect("fault answered", 2);
    }
}

mod agent {
    use super::*;

    #[test]
    fn call_ends_with_the_longest_service() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:05")
            .answered_by("c", "fault", "ann")
            .advance("14:00:05")
            .expect("agents fault busy", 1)
            .expect("fault in_service", 1)
            .advance("20:00:00")
            .expect("agents fault available", 1)
            .expect("agent_ms fault busy", 4 * 3_600_000)
            .expect("agent_ms fault available", 6 * 3_600_000 - 65_000);
    }

    #[test]
    fn explicit_states_count_beside_calls() {
        case()
            .at("10:00:00")
            .agent("ann", AgentState::Available, &["fault"])
            .at("10:00:05")
            .answered_after("c", "fault", 1_000)
            .queued("d", "fault")
            .at("10:00:10")
            .answered_by("d", "fault", "ann")
            .expect("agents fault busy", 1)
            .agent("ann", AgentState::Paused, &[])
            .expect("agents fault busy", 1)
            .agent("ann", AgentState::Offline, &[])
            .expect("agents fault offline", 1)
            .agent("ann", AgentState::Busy, &[])
            .ended("d")
            .expect("agents fault busy", 1);
    }

    #[test]
    fn call_adds_its_queue_with_the_state_of_the_agent() {
        case()
            .at("10:00:00")
            .agent("ann", AgentState::Paused, &[])
            .expect("agents none paused", 1)
            .at("10:00:05")
            .queued("c", "fault")
            .answered_by("c", "fault", "ann")
            .expect("agents fault busy", 1)
            .expect("agents none busy", 0)
            .at("10:00:10")
            .ended("c")
            .expect("agents fault paused", 1);
    }

    #[test]
    fn call_adds_no_queue_when_the_queues_are_known() {
        case()
            .at("10:00:00")
            .agent("ann", AgentState::Available, &["billing"])
            .at("10:00:05")
            .queued("c", "fault")
            .answered_by("c", "fault", "ann")
            .expect("agents billing busy", 1)
            .expect("agents fault busy", 0);
    }

    #[test]
    fn unpausing_changes_only_who_is_paused() {
        case()
            .at("10:00:00")
            .line("NONE|fault|ann|ADDMEMBER|")
            .line("NONE|billing|ann|ADDMEMBER|PAUSED")
            .line("NONE|desk|ann|REMOVEMEMBER|")
            .at("10:00:05")
            .line("NONE|desk|ann|UNPAUSE|")
            .expect("agents desk offline", 1)
            .line("NONE|NONE|ann|UNPAUSEALL|")
            .expect("agents fault available", 1)
            .expect("agents billing available", 1)
            .expect("agents desk offline", 1)
            .line("NONE|NONE|ann|PAUSEALL|")
            .at("10:00:06")
            .line("NONE|billing|ann|UNPAUSE|")
            .expect("agents fault paused", 1)
            .expect("agents billing available", 1)
            .line("NONE|office|bob|UNPAUSE|");
    }

    #[test]
    fn wrap_up_lasts_as_long_as_the_line_says() {
        case()
            .at("10:00:00")
            .line("NONE|fault|ann|ADDMEMBER|")
            .line("NONE|billing|ann|REMOVEMEMBER|")
            .line("NONE|NONE|ann|WRAPUPSTART|30")
            .expect("agents fault wrap_up", 1)
            .expect("agents billing offline", 1)
            .at("10:00:10")
            .line("1.1|fault|ann|CONNECT|1|1.2|1")
            .expect("agents fault busy", 1)
            .at("10:00:20")
            .line("1.1|fault|ann|COMPLETEAGENT|1|10|1")
            .expect("agents fault wrap_up", 1)
            .advance("10:00:30.001")
            .expect("agents fault available", 1)
            .advance("10:01:40")
            .expect("agent_ms fault wrap_up", 20_000)
            .expect("agent_ms fault busy", 10_000)
            .expect("agent_ms fault available", 10_000);
    }

    #[test]
    fn explicit_change_ends_a_wrap_up() {
        case()
            .at("10:00:00")
            .line("NONE|fault|ann|ADDMEMBER|")
            .line("NONE|NONE|ann|WRAPUPSTART|30")
            .at("10:00:05")
            .line("NONE|fault|ann|PAUSE|")
            .expect("agents fault paused", 1)
            .line("NONE|NONE|ann|WRAPUPSTART|30")
            .expect("agents fault wrap_up", 1);
    }
}

mod implied {
    use super::*;

    #[test]
    fn end_of_a_call_without_a_connect_answers_the_open_visit() {
        case()
            .at("10:00:00")
            .line("1.1|fault|NONE|ENTERQUEUE||x|1")
            .at("10:01:00")
            .line("1.1|fault|ann|COMPLETECALLER|12|48|1")
            .outcome(Applied)
            .expect("fault answered", 1)
            .expect("fault wait_ms", 12_000)
            .expect("fault handle_ms", 48_000)
            .expect("fault in_service", 0)
            .expect("agents fault available", 1)
            .advance("10:03:00")
            .expect("agent_ms fault busy", 48_000)
            .line("1.1|fault|ann|COMPLETEAGENT|12|48|1")
            .outcome(Duplicate)
            .at("10:00:12")
            .line("1.1|fault|ann|CONNECT|12|1.2|1")
            .outcome(Duplicate);
    }

    #[test]
    fn transfer_without_a_connect_is_a_complete_visit() {
        case()
            .at("10:01:00")
            .line("1.1|fault|ann|BLINDTRANSFER|1|x|12|48|1")
            .expect("fault offered", 1)
            .expect("fault answered", 1)
            .expect("fault handle_ms", 48_000)
            .expect("fault transfers", 1);
    }

    #[test]
    fn implied_answer_has_no_handle_time_when_the_talk_time_is_absent() {
        case()
            .at("10:01:00")
            .line("1.1|fault|ann|COMPLETECALLER|12")
            .expect("fault answered", 1)
            .expect("fault wait_ms", 12_000)
            .expect("fault handled", 0)
            .expect("fault in_service", 0);
    }

    #[test]
    fn implied_answer_before_the_end_of_a_known_visit_is_a_duplicate() {
        case()
            .at("10:00:00")
            .line("1.1|fault|NONE|ENTERQUEUE||x|1")
            .at("10:00:30")
            .line("1.1|fault|NONE|ABANDON|1|1|30")
            .at("10:00:40")
            .line("1.1|fault|ann|COMPLETECALLER|12|20|1")
            .outcome(Duplicate)
            .expect("fault answered", 0);
    }
}
