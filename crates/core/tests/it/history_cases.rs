//! Counts by arrival, sums of waits and responses in target, which only the interval history has.
//! The frame is that of [`crate::contract_cases`]; intervals last 15 minutes.

use nabiz_core::event::{EventPayload, LeftReason};
use nabiz_core::time::Millis;

use crate::contract_cases::{Case, case_with};
use crate::oracle::Verdict::{Applied, Duplicate, Held};
use crate::oracle::world::MINUTE;

fn case() -> Case {
    case_with(|settings| settings.history_interval = Some(Millis(15 * MINUTE as u64)))
}

mod arrival {
    use super::*;

    #[test]
    fn ending_counts_where_the_visit_entered_when_it_ends_in_a_later_interval() {
        case()
            .at("10:14:50")
            .queued("c", "fault")
            .queued("d", "fault")
            .queued("e", "fault")
            .queued("f", "fault")
            .at("10:15:10")
            .answered("c", "fault")
            .at("10:15:11")
            .answered("d", "fault")
            .at("10:16:00")
            .left("e", "fault", LeftReason::Timeout)
            .history()
            .expect(
                "10:00:00",
                "fault",
                &[
                    ("offered", 4),
                    ("answered", 0),
                    ("arrived_answered", 2),
                    ("arrived_answered_in_target", 1),
                    ("arrived_left", 1),
                    ("arrived_abandoned", 0),
                    ("left_wait_sum_ms", 0),
                ],
            )
            .expect(
                "10:15:00",
                "fault",
                &[
                    ("offered", 0),
                    ("answered", 2),
                    ("answered_in_target", 1),
                    ("arrived_answered", 0),
                    ("left_wait_sum_ms", 70_000),
                ],
            );
    }

    #[test]
    fn abandonment_is_short_when_its_wait_is_at_most_s() {
        case()
            .at("10:14:59")
            .queued("c", "fault")
            .queued("d", "fault")
            .at("10:15:04")
            .abandoned("c", "fault")
            .at("10:15:04.001")
            .abandoned("d", "fault")
            .history()
            .expect(
                "10:00:00",
                "fault",
                &[("arrived_abandoned", 2), ("arrived_abandoned_short", 1)],
            )
            .expect(
                "10:15:00",
                "fault",
                &[("abandoned_beyond_short", 1), ("wait_beyond_short_sum_ms", 1)],
            );
    }

    #[test]
    fn visit_is_lost_once_where_it_entered_when_its_ending_comes_after_the_loss() {
        let lost = |case: Case| {
            case.at("10:00:00").queued("c", "fault").advance("12:00:00.001").at("12:05:00")
        };
        let arrived_lost = &[("offered", 1), ("arrived_lost", 1), ("arrived_answered", 0)];
        // Without a wait the ending is held and becomes an orphan.
        lost(case())
            .answered("c", "fault")
            .outcome(Held)
            .history()
            .expect("10:00:00", "fault", arrived_lost)
            .expect("12:00:00", "fault", &[("lost_wait_sum_ms", 2 * 3_600_000)]);
        // With its wait it tells of the visit that was lost.
        lost(case()).answered_after("c", "fault", 7_500_000).outcome(Duplicate).history().expect(
            "10:00:00",
            "fault",
            arrived_lost,
        );
        // A wait that begins after the loss is another visit.
        lost(case())
            .answered_after("c", "fault", 60_000)
            .outcome(Applied)
            .history()
            .expect("10:00:00", "fault", arrived_lost)
            .expect("12:00:00", "fault", &[("offered", 1), ("arrived_answered", 1)]);
    }

    #[test]
    fn entry_is_the_end_less_the_wait_when_an_ending_completes_its_visit() {
        case()
            .at("10:15:10")
            .answered_after("c", "fault", 11_000)
            .outcome(Applied)
            .abandoned_after("d", "fault", 30_000)
            .history()
            .expect(
                "10:00:00",
                "fault",
                &[
                    ("offered", 2),
                    ("arrived_answered", 1),
                    ("arrived_answered_in_target", 1),
                    ("arrived_abandoned", 1),
                    ("arrived_abandoned_short", 0),
                ],
            )
            .expect("10:15:00", "fault", &[("answered", 1), ("arrived_answered", 0)]);
    }

    #[test]
    fn ending_counts_at_the_entry_when_the_ending_is_read_first() {
        case()
            .at("10:15:05")
            .answered("c", "fault")
            .outcome(Held)
            .at("10:14:55")
            .queued("c", "fault")
            .outcome(Applied)
            .history()
            .expect("10:00:00", "fault", &[("offered", 1), ("arrived_answered_in_target", 1)])
            .expect("10:15:00", "fault", &[("answered", 1), ("arrived_answered_in_target", 0)]);
    }

    #[test]
    fn each_visit_has_its_ending_when_a_contact_moves_to_another_queue() {
        case()
            .at("10:14:00")
            .queued("c", "fault")
            .at("10:16:00")
            .queued("c", "billing")
            .at("10:31:00")
            .answered("c", "billing")
            .history()
            .expect("10:00:00", "fault", &[("offered", 1), ("arrived_left", 1)])
            .expect("10:15:00", "fault", &[("left_wait_sum_ms", 120_000), ("arrived_left", 0)])
            .expect("10:15:00", "billing", &[("offered", 1), ("arrived_answered", 1)])
            .expect("10:30:00", "billing", &[("answered", 1), ("arrived_answered", 0)]);
    }

    #[test]
    fn wait_of_the_event_decides_the_target_and_not_the_entry() {
        case()
            .at("10:14:00")
            .queued("c", "fault")
            .at("10:16:00")
            .answered_after("c", "fault", 5_000)
            .history()
            .expect(
                "10:00:00",
                "fault",
                &[("arrived_answered", 1), ("arrived_answered_in_target", 1)],
            )
            .expect("10:15:00", "fault", &[("answered_in_target", 1), ("arrived_answered", 0)]);
    }

    #[test]
    fn visit_has_its_ending_at_the_entry_when_the_end_is_before_it() {
        case()
            .at("10:15:00")
            .queued("c", "fault")
            .at("10:14:59")
            .answered("c", "fault")
            .outcome(Applied)
            .expect("skew", 1)
            .history()
            .expect(
                "10:15:00",
                "fault",
                &[("answered_in_target", 1), ("arrived_answered_in_target", 1)],
            );
    }

    #[test]
    fn end_of_the_contact_ends_the_visit_where_it_entered_once_its_grace_is_over() {
        let ended = || case().at("10:14:50").queued("c", "fault").at("10:15:10").ended("c");
        ended().history().expect("10:00:00", "fault", &[("offered", 1), ("arrived_abandoned", 0)]);
        ended()
            .advance("10:15:40.001")
            .history()
            .expect("10:00:00", "fault", &[("offered", 1), ("arrived_abandoned", 1)])
            .expect("10:15:00", "fault", &[("abandoned", 1), ("arrived_abandoned", 0)]);
    }

    #[test]
    fn visit_is_lost_where_it_entered_when_its_source_restarts() {
        case()
            .at("10:14:00")
            .queued("c", "fault")
            .at("10:20:00")
            .say(EventPayload::SourceRestarted)
            .history()
            .expect("10:00:00", "fault", &[("arrived_lost", 1)])
            .expect("10:15:00", "fault", &[("lost_wait_sum_ms", 360_000), ("arrived_lost", 0)]);
    }
}

mod patience {
    use super::*;

    #[test]
    fn waits_beyond_s_of_answered_abandoned_and_left_visits_count() {
        case()
            .at("10:00:00")
            .queued("a", "fault")
            .queued("b", "fault")
            .queued("c", "fault")
            .queued("d", "fault")
            .at("10:00:04")
            .answered("a", "fault")
            .at("10:00:08")
            .answered("b", "fault")
            .at("10:00:15")
            .abandoned("c", "fault")
            .at("10:01:05")
            .left("d", "fault", LeftReason::Callback)
            .history()
            .expect(
                "10:00:00",
                "fault",
                &[
                    ("wait_beyond_short_sum_ms", 3_000 + 10_000 + 60_000),
                    ("abandoned_beyond_short", 1),
                    ("left_wait_sum_ms", 65_000),
                    ("lost_wait_sum_ms", 0),
                ],
            );
    }

    #[test]
    fn callback_and_lost_visit_tell_nothing() {
        case()
            .at("10:00:00")
            .called_back("c", "fault")
            .called_back("d", "fault")
            .queued("e", "fault")
            .at("10:02:00")
            .abandoned("c", "fault")
            .left("d", "fault", LeftReason::Timeout)
            .say(EventPayload::SourceRestarted)
            .history()
            .expect(
                "10:00:00",
                "fault",
                &[
                    ("wait_beyond_short_sum_ms", 0),
                    ("abandoned_beyond_short", 0),
                    ("abandoned", 1),
                    ("left_wait_sum_ms", 120_000),
                    ("lost_wait_sum_ms", 120_000),
                    ("arrived_abandoned", 1),
                ],
            );
    }

    #[test]
    fn callback_tells_nothing_when_its_ending_is_read_first() {
        case()
            .at("10:01:00")
            .abandoned("c", "fault")
            .outcome(Held)
            .at("10:00:00")
            .called_back("c", "fault")
            .outcome(Applied)
            .history()
            .expect("10:00:00", "fault", &[("wait_beyond_short_sum_ms", 0), ("abandoned", 1)]);
    }
}

mod response {
    use super::*;

    #[test]
    fn response_is_in_target_when_it_takes_the_target_on_the_clock_of_the_queue() {
        // Four hours for the response, eight for the resolution, from 08:00 to 17:30.
        let history = |replied: &str, resolved: &str| {
            case()
                .at("07:00:00")
                .started("m", "email")
                .queued("m", "office")
                .at(replied)
                .replied("m")
                .at(resolved)
                .resolved("m")
                .history()
        };
        history("12:00:00", "16:00:00")
            .expect("12:00:00", "office", &[("first_responses_in_target", 1)])
            .expect("16:00:00", "office", &[("resolutions_in_target", 1)]);
        history("12:00:00.001", "16:00:00.001")
            .expect(
                "12:00:00",
                "office",
                &[("first_responses", 1), ("first_responses_in_target", 0)],
            )
            .expect("16:00:00", "office", &[("resolutions", 1), ("resolutions_in_target", 0)]);
    }
}
