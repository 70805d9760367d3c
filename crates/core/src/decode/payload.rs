//! The data of each event type: from captured fields to an [`EventPayload`].

use crate::decode::fields::{Field, Fields};
use crate::event::{
    AgentState, COUNT_MAX, Channels, EndedBy, EventPayload, LeftReason, Reason, Rejection,
    SCALE_MAX, SelfServiceOutcome, TransferKind,
};

/// Reads the data fields of one event type.
pub(crate) type Reader =
    for<'a> fn(&mut Fields<'a>, &Channels) -> Result<EventPayload<'a>, Rejection>;

/// Returns the reader of an event type; `None` where the vocabulary has no such type.
///
/// A reader checks every field of its type, also those that the core does not use: required fields
/// first, then optional ones, both in the order of the contract. The first fault of a required
/// field is reported.
pub(crate) fn reader(kind: &str) -> Option<Reader> {
    Some(match kind {
        "contact.started" => contact_started,
        "contact.self_service" => self_service,
        "contact.queued" => queued,
        "contact.alerted" => alerted,
        "contact.not_answered" => not_answered,
        "contact.answered" => answered,
        "contact.abandoned" => abandoned,
        "contact.left_queue" => left_queue,
        "contact.replied" => replied,
        "contact.transferred" => transferred,
        "contact.ended" => ended,
        "contact.resolved" => resolved,
        "contact.reopened" => reopened,
        "followup.opened" => followup_opened,
        "followup.work_done" => followup_work_done,
        "followup.informed" => followup_informed,
        "survey.answered" => survey_answered,
        "agent.state_changed" => agent_state_changed,
        "queue.observed" => queue_observed,
        "source.restarted" => source_restarted,
        _ => return None,
    })
}

type Read<'a> = Result<EventPayload<'a>, Rejection>;

fn contact_started<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let channel = fields.channel(channels)?;
    let entry_point = fields.optional_text(Field::EntryPoint);
    Ok(EventPayload::ContactStarted { contact, channel, entry_point })
}

fn self_service<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let outcome =
        fields.word(Field::Outcome, SelfServiceOutcome::ALL, SelfServiceOutcome::as_str)?;
    let entry_point = fields.optional_text(Field::EntryPoint);
    fields.optional_text(Field::Menu);
    Ok(EventPayload::SelfService { contact, outcome, entry_point })
}

fn queued<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.text(Field::Queue)?;
    let channel = fields.optional_channel(channels);
    fields.optional_integer(Field::Priority, 0, COUNT_MAX);
    fields.optional_integer(Field::Position, 0, COUNT_MAX);
    let is_callback = fields.optional_bool(Field::IsCallback).unwrap_or(false);
    Ok(EventPayload::Queued { contact, queue, channel, is_callback })
}

fn alerted<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.text(Field::Queue)?;
    fields.text(Field::Agent)?;
    Ok(EventPayload::Alerted { contact, queue })
}

fn not_answered<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.text(Field::Queue)?;
    fields.text(Field::Agent)?;
    fields.optional_duration(Field::RingMs);
    Ok(EventPayload::NotAnswered { contact, queue })
}

fn answered<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.text(Field::Queue)?;
    let channel = fields.optional_channel(channels);
    let agent = fields.optional_text(Field::Agent);
    let wait = fields.optional_duration(Field::WaitMs);
    Ok(EventPayload::Answered { contact, queue, channel, agent, wait })
}

fn abandoned<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.text(Field::Queue)?;
    let channel = fields.optional_channel(channels);
    let wait = fields.optional_duration(Field::WaitMs);
    Ok(EventPayload::Abandoned { contact, queue, channel, wait })
}

fn left_queue<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.text(Field::Queue)?;
    let reason = fields.word(Field::Reason, LeftReason::ALL, LeftReason::as_str)?;
    let channel = fields.optional_channel(channels);
    let wait = fields.optional_duration(Field::WaitMs);
    Ok(EventPayload::LeftQueue { contact, queue, channel, reason, wait })
}

fn replied<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    fields.optional_text(Field::Agent);
    let queue = fields.optional_text(Field::Queue);
    Ok(EventPayload::Replied { contact, queue })
}

fn transferred<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let from_queue = fields.optional_text(Field::FromQueue);
    let to_queue = fields.optional_text(Field::ToQueue);
    let kind = fields.optional_word(Field::Kind, TransferKind::ALL, TransferKind::as_str);
    Ok(EventPayload::Transferred { contact, from_queue, to_queue, kind })
}

fn ended<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.optional_text(Field::Queue);
    let talk = fields.optional_duration(Field::TalkMs);
    let hold = fields.optional_duration(Field::HoldMs);
    let wrap_up = fields.optional_duration(Field::WrapUpMs);
    let ended_by = fields.optional_word(Field::EndedBy, EndedBy::ALL, EndedBy::as_str);
    Ok(EventPayload::Ended { contact, queue, talk, hold, wrap_up, ended_by, implied: None })
}

fn resolved<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.optional_text(Field::Queue);
    Ok(EventPayload::Resolved { contact, queue })
}

fn reopened<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    let queue = fields.optional_text(Field::Queue);
    let channel = fields.optional_channel(channels);
    Ok(EventPayload::Reopened { contact, queue, channel })
}

// A missing `unit` counts as the unit `unknown`, so that no reader of a follow-up requires it.

fn followup_opened<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let followup = fields.text(Field::FollowupId)?;
    let unit = fields.optional_text(Field::Unit);
    fields.optional_text(Field::ContactId);
    let due = fields.optional_time(Field::Due);
    Ok(EventPayload::FollowupOpened { followup, unit, due })
}

fn followup_work_done<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let followup = fields.text(Field::FollowupId)?;
    let unit = fields.optional_text(Field::Unit);
    Ok(EventPayload::FollowupWorkDone { followup, unit })
}

fn followup_informed<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let followup = fields.text(Field::FollowupId)?;
    let unit = fields.optional_text(Field::Unit);
    fields.optional_channel(channels);
    Ok(EventPayload::FollowupInformed { followup, unit })
}

fn survey_answered<'a>(fields: &mut Fields<'a>, channels: &Channels) -> Read<'a> {
    let contact = fields.text(Field::ContactId)?;
    // The range of `score` is checked before `scale` narrows it, so that each fault names its
    // field.
    let score = fields.integer(Field::Score, 1, SCALE_MAX)?;
    let scale = fields.integer(Field::Scale, 1, SCALE_MAX)?;
    if score > scale {
        return Err(Rejection::new(Reason::OutOfRange, "score must be 1 to scale"));
    }
    let queue = fields.optional_text(Field::Queue);
    let channel = fields.optional_channel(channels);
    Ok(EventPayload::SurveyAnswered { contact, score: score as u16, queue, channel })
}

fn agent_state_changed<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let agent = fields.text(Field::Agent)?;
    let state = fields.word(Field::State, AgentState::ALL, AgentState::as_str)?;
    let reason = fields.optional_text(Field::Reason);
    let queues = fields.optional_texts(Field::Queues);
    Ok(EventPayload::AgentStateChanged { agent, state, reason, queues })
}

fn queue_observed<'a>(fields: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    let queue = fields.text(Field::Queue)?;
    let waiting = fields.integer(Field::Waiting, 0, COUNT_MAX)?;
    let oldest_wait = fields.optional_duration(Field::OldestWaitMs);
    Ok(EventPayload::QueueObserved { queue, waiting, oldest_wait })
}

fn source_restarted<'a>(_: &mut Fields<'a>, _: &Channels) -> Read<'a> {
    Ok(EventPayload::SourceRestarted)
}
