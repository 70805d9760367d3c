//! Follow-ups: a unit owes the citizen an answer. Field work is done at any hour; citizens are
//! informed by day.

use crate::behaviour::{between_ms, chance, lognormal_ms};
use crate::event_writer::Id;
use crate::local_time::{HOUR_MS, MINUTE_MS, day_begins_ms, local_day};
use crate::simulation::Simulation;
use crate::site::{CALLBACK_UNIT, FIELD};
use crate::steps::{Followup, Step};

impl Simulation {
    /// Opens a follow-up of a contact.
    pub(crate) fn open_followup(&mut self, unit: &'static str, contact_number: u64) {
        self.followups += 1;
        let followup = Followup { number: self.followups, unit, opened_ms: self.now_ms };
        let is_callback = unit == CALLBACK_UNIT;
        let due_ms = self.now_ms + if is_callback { 4 * HOUR_MS } else { 24 * HOUR_MS };
        let mut draft = self.begin(FIELD, "followup.opened", Id::Followup(followup.number));
        self.writer.id(&mut draft, "followup_id", Id::Followup(followup.number));
        draft.word("unit", unit);
        self.writer.id(&mut draft, "contact_id", Id::Contact(contact_number));
        self.writer.time(&mut draft, "due", due_ms);
        self.emit(draft);
        self.ground_truth.followup_opened(self.now_ms, unit);
        if is_callback {
            self.plan_answer(followup, 25 * MINUTE_MS);
        } else {
            let work_ms = lognormal_ms(&mut self.rng, (3 * HOUR_MS) as f64, 0.8, 10 * MINUTE_MS);
            self.plan_in(work_ms, Step::FieldWorkDone { followup });
        }
    }

    /// Writes that the field work is done, and plans the answer to the citizen.
    pub(crate) fn field_work_done(&mut self, followup: Followup) {
        let mut draft = self.begin(FIELD, "followup.work_done", Id::Followup(followup.number));
        self.writer.id(&mut draft, "followup_id", Id::Followup(followup.number));
        draft.word("unit", followup.unit);
        self.emit(draft);
        self.plan_answer(followup, 35 * MINUTE_MS);
    }

    /// Plans when the citizen is informed: after about `median_ms`, between eight in the morning
    /// and nine in the evening.
    fn plan_answer(&mut self, followup: Followup, median_ms: i64) {
        let delay_ms = lognormal_ms(&mut self.rng, median_ms as f64, 0.7, MINUTE_MS);
        let time_ms = self.now_ms + delay_ms;
        let (day, of_day_ms) = local_day(time_ms);
        let day_to_wait_for = match of_day_ms / HOUR_MS {
            0..8 => Some(day),
            21.. => Some(day + 1),
            _ => None,
        };
        let time_ms = match day_to_wait_for {
            Some(day) => day_begins_ms(day) + 8 * HOUR_MS + between_ms(&mut self.rng, 0, HOUR_MS),
            None => time_ms,
        };
        self.event_queue.plan(time_ms, Step::CitizenInformed { followup });
    }

    /// Writes and counts the answer to the citizen.
    pub(crate) fn citizen_informed(&mut self, followup: Followup) {
        let mut draft = self.begin(FIELD, "followup.informed", Id::Followup(followup.number));
        self.writer.id(&mut draft, "followup_id", Id::Followup(followup.number));
        draft.word("unit", followup.unit);
        draft.word("channel", if chance(&mut self.rng, 0.8) { "phone" } else { "mobile_app" });
        self.emit(draft);
        let after_ms = self.now_ms - followup.opened_ms;
        self.ground_truth.followup_informed(self.now_ms, followup.unit, after_ms);
    }
}
