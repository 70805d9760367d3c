//! Counts that are parts of other counts: callbacks, ends by party, pauses by reason. The frame is
//! that of [`crate::contract_cases`].

use nabiz_core::event::{AgentState, EndedBy, EventPayload, LeftReason};
use nabiz_core::time::Millis;
use serde_json::json;

use crate::contract_cases::{Case, case};
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

mod end {
    use super::*;

    fn ended(case: Case, queue: Option<&'static str>, talk_ms: Option<u64>, by: EndedBy) -> Case {
        case.say(EventPayload::Ended {
            contact: "c".into(),
            queue: queue.map(Into::into),
            talk: talk_ms.map(Millis),
            hold: None,
            wrap_up: None,
            ended_by: Some(by),
            implied: None,
        })
    }

    fn answered() -> Case {
        case().at("10:00:00").queued("c", "fault").at("10:00:10").answered("c", "fault")
    }

    #[test]
    fn end_counts_by_its_party_and_a_second_one_nowhere() {
        let case = ended(answered().at("10:01:00"), None, Some(40_000), EndedBy::Customer)
            .expect("fault ended customer", 1);
        ended(case.at("10:01:01"), Some("fault"), None, EndedBy::System)
            .outcome(Duplicate)
            .expect("fault ended customer", 1)
            .expect("fault ended system", 0)
            .end_of_replay()
            .expect("fault ended system", 0);
    }

    #[test]
    fn end_counts_nowhere_when_it_tells_no_party() {
        let parties = ["agent", "customer", "system"].map(|by| format!("fault ended {by}"));
        let none = |case: Case| parties.iter().fold(case, |case, name| case.expect(name, 0));
        none(answered().at("10:01:00").ended("c").expect("fault handled", 1));
        none(
            answered()
                .at("10:01:00")
                .with("ended_by", json!("the cat"))
                .ended_by("c", EndedBy::Agent)
                .expect("fault handled", 1)
                .expect("dropped ended_by", 1),
        );
    }

    #[test]
    fn end_of_several_conversations_counts_once_with_the_newest() {
        let case = answered().at("10:00:20").queued("c", "billing").at("10:00:25");
        let case = case.answered("c", "billing").at("10:00:30").queued("c", "mail");
        ended(case.at("10:01:00"), None, None, EndedBy::Customer)
            .expect("billing ended customer", 1)
            .expect("fault ended customer", 0)
            .expect("mail waiting", 0)
            .end_of_replay()
            .expect("mail ended customer", 0)
            .expect("billing ended customer", 1);
    }

    #[test]
    fn end_that_is_read_before_its_answer_counts_with_the_conversation() {
        ended(case().at("10:01:00"), None, Some(30_000), EndedBy::Customer)
            .expect("none ended customer", 0)
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:30")
            .answered("c", "fault")
            .expect("fault ended customer", 1)
            .end_of_replay()
            .expect("fault ended customer", 1);
    }

    #[test]
    fn end_counts_once_when_its_answer_comes_after_the_grace() {
        ended(case().at("10:01:00"), Some("fault"), None, EndedBy::Customer)
            .advance("10:01:30.001")
            .expect("fault ended customer", 1)
            .at("10:00:50")
            .answered_after("c", "fault", 5_000)
            .outcome(Applied)
            .expect("fault handled", 1)
            .expect("fault ended customer", 1);
    }

    #[test]
    fn pending_ending_counts_with_its_visit_and_when_another_ending_replaces_it() {
        let waiting = || case().at("10:00:00").queued("c", "fault").at("10:00:10");
        ended(waiting(), None, None, EndedBy::System)
            .expect("fault ended system", 0)
            .advance("10:00:40.001")
            .expect("fault left", 1)
            .expect("fault ended system", 1);
        ended(waiting(), None, None, EndedBy::Customer)
            .left("c", "fault", LeftReason::Timeout)
            .expect("fault ended customer", 1)
            .end_of_replay()
            .expect("fault ended customer", 1)
            .expect("fault abandoned", 0);
    }

    #[test]
    fn end_after_another_ending_counts_once_its_grace_is_over() {
        let abandoned = case().at("10:00:00").queued("c", "fault").at("10:00:10");
        let abandoned = abandoned.abandoned("c", "fault");
        let case = ended(abandoned, None, None, EndedBy::Customer);
        ended(case.expect("fault ended customer", 0), None, None, EndedBy::Customer)
            .outcome(Duplicate)
            .advance("10:00:40.001")
            .expect("fault ended customer", 1);
    }

    #[test]
    fn end_of_a_dropped_conversation_counts_with_its_visit() {
        let lost = answered().say(EventPayload::SourceRestarted).expect("fault in_service", 0);
        let case = ended(lost.at("10:01:00"), None, None, EndedBy::Agent);
        ended(case.expect("fault ended agent", 1), None, None, EndedBy::Agent)
            .outcome(Duplicate)
            .expect("fault ended agent", 1);
    }

    #[test]
    fn lines_of_a_queue_log_tell_the_party_and_those_of_transfers_none() {
        case()
            .at("10:01:00")
            .line("1|fault|a|COMPLETEAGENT|10|20|1")
            .expect("fault ended agent", 1)
            .line("2|fault|a|COMPLETECALLER|10|20|1")
            .expect("fault ended customer", 1)
            .line("3|fault|a|BLINDTRANSFER|200|out|10|20|1")
            .expect("fault handled", 3)
            .expect("fault ended system", 0)
            .expect("fault ended agent", 1)
            .expect("fault ended customer", 1);
    }
}

mod pause {
    use super::*;

    fn paused(case: Case, reason: Option<&'static str>) -> Case {
        case.say(EventPayload::AgentStateChanged {
            agent: "a".into(),
            state: AgentState::Paused,
            reason: reason.map(Into::into),
            queues: Some(vec!["fault".into()]),
        })
    }

    /// Time is booked a minute behind stream time.
    const LATENESS: &str = "10:21:00";

    #[test]
    fn paused_time_counts_by_reason_and_all_together() {
        let case = paused(case().at("10:00:00"), Some("lunch"));
        let case = paused(case.at("10:05:00"), None);
        let case = paused(case.at("10:06:00"), Some("lunch"));
        case.at("10:10:00")
            .agent("a", AgentState::Available, &["fault"])
            .advance(LATENESS)
            .expect("paused_ms fault lunch", 9 * 60_000)
            .expect("paused_ms fault none", 60_000)
            .expect("agent_ms fault paused", 10 * 60_000)
            .expect("agent_ms fault available", 10 * 60_000);
    }

    #[test]
    fn late_pause_moves_the_time_that_is_not_booked() {
        let case = paused(case().at("10:00:00"), Some("lunch"));
        let case = case.at("10:01:30").agent("b", AgentState::Busy, &["fault"]);
        paused(case.at("10:01:00"), Some("meeting"))
            .advance(LATENESS)
            .expect("paused_ms fault lunch", 60_000)
            .expect("paused_ms fault meeting", 19 * 60_000);
    }

    #[test]
    fn reason_has_no_effect_when_the_agent_is_not_paused() {
        let case = case().at("10:00:00").say(EventPayload::AgentStateChanged {
            agent: "a".into(),
            state: AgentState::Offline,
            reason: Some("lunch".into()),
            queues: Some(vec!["fault".into()]),
        });
        case.advance(LATENESS).expect("paused_ms fault lunch", 0);
    }

    #[test]
    fn pause_has_no_reason_when_the_field_has_a_fault() {
        let case = paused(case().at("10:00:00").with("reason", json!(["lunch"])), Some("lunch"));
        case.outcome(Applied)
            .expect("dropped reason", 1)
            .advance(LATENESS)
            .expect("paused_ms fault none", 20 * 60_000);
    }

    #[test]
    fn call_in_a_pause_is_no_pause_and_the_reason_stays() {
        let case = paused(case().at("10:00:00"), Some("lunch"));
        case.at("10:05:00")
            .queued("c", "fault")
            .answered_by("c", "fault", "a")
            .at("10:07:00")
            .ended("c")
            .advance(LATENESS)
            .expect("agent_ms fault busy", 2 * 60_000)
            .expect("paused_ms fault lunch", 18 * 60_000);
    }

    #[test]
    fn lines_of_a_queue_log_give_the_reason() {
        case()
            .at("10:00:00")
            .line("NONE|fault|a|ADDMEMBER|PAUSED")
            .at("10:01:00")
            .line("NONE|fault|a|PAUSE|lunch")
            .at("10:03:00")
            .line("NONE|NONE|a|PAUSEALL|meeting")
            .at("10:06:00")
            .line("NONE|fault|a|UNPAUSE|lunch")
            .advance(LATENESS)
            .expect("paused_ms fault none", 60_000)
            .expect("paused_ms fault lunch", 2 * 60_000)
            .expect("paused_ms fault meeting", 3 * 60_000)
            .expect("agent_ms fault available", 14 * 60_000);
    }
}
