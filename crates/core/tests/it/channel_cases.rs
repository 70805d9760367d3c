//! The channel that an ending gives, where the start of its visit is not known. The frame is that of
//! [`crate::contract_cases`].

use nabiz_core::event::{ChannelId, EventPayload, LeftReason};
use nabiz_core::time::Millis;
use serde_json::json;

use crate::contract_cases::{Case, case};
use crate::oracle::Verdict::{Applied, Held};
use crate::oracle::world::WEB;

fn abandoned(case: Case, channel: ChannelId, wait_ms: Option<u64>) -> Case {
    case.say(EventPayload::Abandoned {
        contact: "c".into(),
        queue: "fault".into(),
        channel: Some(channel),
        wait: wait_ms.map(Millis),
    })
}

#[test]
fn complete_visit_has_the_channel_of_its_ending() {
    abandoned(case().at("10:00:10"), ChannelId::CHAT, Some(9_000))
        .outcome(Applied)
        .expect("fault/chat offered", 1)
        .expect("fault/chat abandoned", 1)
        .expect("fault offered", 0)
        .at("10:01:00")
        .say(EventPayload::LeftQueue {
            contact: "d".into(),
            queue: "fault".into(),
            channel: Some(WEB),
            reason: LeftReason::Full,
            wait: Some(Millis(0)),
        })
        .expect("fault/web left", 1)
        .at("10:02:00")
        .say(EventPayload::Answered {
            contact: "e".into(),
            queue: "fault".into(),
            channel: Some(ChannelId::CHAT),
            agent: None,
            wait: Some(Millis(5_000)),
        })
        .expect("fault/chat in_service", 1);
}

#[test]
fn visit_has_the_channel_of_its_start_when_that_is_known() {
    let open = case().at("10:00:00").queued("c", "fault").at("10:00:10");
    abandoned(open, ChannelId::CHAT, None)
        .expect("fault abandoned", 1)
        .expect("fault/chat abandoned", 0);
    abandoned(case().at("10:00:10"), ChannelId::CHAT, None)
        .outcome(Held)
        .at("10:00:00")
        .queued("c", "fault")
        .expect("fault abandoned", 1)
        .expect("fault/chat abandoned", 0);
}

#[test]
fn channel_of_an_ending_costs_the_field_when_it_has_a_fault() {
    let case = case().at("10:00:10").with("channel", json!("smoke"));
    abandoned(case, ChannelId::CHAT, Some(9_000))
        .outcome(Applied)
        .expect("dropped channel", 1)
        .expect("fault abandoned", 1);
}

#[test]
fn channel_of_a_reopening_counts_when_nothing_else_is_known() {
    let reopened = |case: Case| {
        case.at("10:01:00").say(EventPayload::Reopened {
            contact: "c".into(),
            queue: Some("fault".into()),
            channel: Some(WEB),
        })
    };
    reopened(case()).expect("fault/web reopened", 1).expect("fault/web open", 1);
    reopened(case().at("10:00:00").started("c", "social"))
        .expect("fault/social reopened", 1)
        .expect("fault/web reopened", 0);
    reopened(case().at("10:00:00").queued_as("c", "fault", "email"))
        .expect("fault/email reopened", 1)
        .expect("fault/web reopened", 0);
}
