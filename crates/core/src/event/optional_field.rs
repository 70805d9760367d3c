//! Optional fields, and the faults that cost a field and not its record.

use crate::event::labels::labels;

labels! {
    /// A field that a record may lack: the value of the `field` label.
    OptionalField {
        /// The data of a type without required fields.
        Data = "data",
        /// The number, address or page that was reached.
        EntryPoint = "entry_point",
        /// The place in the menu.
        Menu = "menu",
        /// The channel.
        Channel = "channel",
        /// The priority in the queue.
        Priority = "priority",
        /// The position on entry.
        Position = "position",
        /// Whether the citizen is called back.
        IsCallback = "is_callback",
        /// The agent, or an agent whose name is not UTF-8.
        Agent = "agent",
        /// How long it rang.
        RingMs = "ring_ms",
        /// The wait.
        WaitMs = "wait_ms",
        /// The queue, or a queue whose name is not UTF-8.
        Queue = "queue",
        /// The queue that a transfer leaves.
        FromQueue = "from_queue",
        /// The queue that a transfer goes to.
        ToQueue = "to_queue",
        /// The kind of a transfer.
        Kind = "kind",
        /// The talk.
        TalkMs = "talk_ms",
        /// The hold.
        HoldMs = "hold_ms",
        /// The work after the contact.
        WrapUpMs = "wrap_up_ms",
        /// The party that ended the conversation.
        EndedBy = "ended_by",
        /// The contact of a follow-up, or a call id that is not UTF-8.
        ContactId = "contact_id",
        /// The callback unit.
        Unit = "unit",
        /// The time by which a follow-up is due.
        Due = "due",
        /// The reason of an agent's state.
        Reason = "reason",
        /// The queues of an agent.
        Queues = "queues",
        /// The longest wait by the count of the source.
        OldestWaitMs = "oldest_wait_ms",
    }
}

/// The faults of a record that cost a field and not the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldFaults {
    /// One bit for each dropped [`OptionalField`].
    dropped: u32,
    negative_durations: u8,
}

impl FieldFaults {
    /// Records that a field was left out, or that a name was not UTF-8. A field counts once.
    pub fn record_dropped(&mut self, field: OptionalField) {
        self.dropped |= 1 << (field as u32);
    }

    /// Records a negative duration, which was read as 0.
    pub fn record_negative_duration(&mut self) {
        self.negative_durations = self.negative_durations.saturating_add(1);
    }

    /// Returns the dropped fields, in the order of [`OptionalField::ALL`].
    pub fn dropped(self) -> impl Iterator<Item = OptionalField> {
        OptionalField::ALL
            .iter()
            .copied()
            .filter(move |field| self.dropped & (1 << (*field as u32)) != 0)
    }

    /// Returns the number of negative durations.
    pub fn negative_durations(self) -> u64 {
        u64::from(self.negative_durations)
    }

    /// Returns whether the record has no such fault.
    pub fn is_empty(self) -> bool {
        self == FieldFaults::default()
    }
}
