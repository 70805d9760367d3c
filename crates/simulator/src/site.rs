//! The simulated site: queues, teams, the roster, and the volumes of a day.
//!
//! Volumes come from the first user's year: 1 073 711 phone calls, 335 000 of them served by the
//! IVR. The mean day has 1 073 711 / 365 = 2 942 calls. The default start is a Monday, and a Monday
//! carries exactly the mean day, so one simulated ordinary day times 365 is the year. The other
//! weekdays carry more and the weekend less; a whole week has the mean of the year.

use crate::local_time::{HOUR_MS, MINUTE_MS};
use crate::options::Scenario;

/// Source of the telephone system: calls, chats and agents, and its counts of them.
pub(crate) const ACD: &str = "acd";
/// Source of the system of messages, petitions and surveys.
pub(crate) const CRM: &str = "crm";
/// Source of the system of field work.
pub(crate) const FIELD: &str = "field";

/// Phone calls of the first user's year.
pub(crate) const CALLS_A_YEAR: f64 = 1_073_711.0;
/// Phone calls of that year that the IVR served.
pub(crate) const CONTAINED_A_YEAR: f64 = 335_000.0;
/// Share of calls whose caller leaves within the IVR.
pub(crate) const IVR_ABANDONED: f64 = 0.055;
/// Share of calls that end because the IVR fails.
pub(crate) const IVR_FAILED: f64 = 0.004;

/// A channel of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Phone,
    Email,
    Social,
    MobileApp,
    Chat,
    Petition,
}

impl Channel {
    pub(crate) const ALL: [Channel; 6] = [
        Channel::Phone,
        Channel::Email,
        Channel::Social,
        Channel::MobileApp,
        Channel::Chat,
        Channel::Petition,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Channel::Phone => "phone",
            Channel::Email => "email",
            Channel::Social => "social",
            Channel::MobileApp => "mobile_app",
            Channel::Chat => "chat",
            Channel::Petition => "petition",
        }
    }

    /// Returns whether the citizen waits on the line.
    pub(crate) fn is_immediate(self) -> bool {
        matches!(self, Channel::Phone | Channel::Chat)
    }

    /// Returns the source of the events of its contacts.
    pub(crate) fn source(self) -> &'static str {
        if self.is_immediate() { ACD } else { CRM }
    }

    /// Returns the contacts of the mean day.
    pub(crate) fn daily(self) -> f64 {
        match self {
            Channel::Phone => CALLS_A_YEAR / 365.0,
            Channel::Email => 210.0,
            Channel::Social => 90.0,
            Channel::MobileApp => 160.0,
            Channel::Chat => 130.0,
            Channel::Petition => 55.0,
        }
    }
}

/// Index into [`QUEUES`].
pub(crate) type QueueId = usize;

/// A queue of the site.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Id in events.
    pub(crate) id: &'static str,
    pub(crate) channel: Channel,
    /// Local times of day at which it opens and closes; `None` means that it is always open.
    pub(crate) open: Option<(i64, i64)>,
    /// Limit of waiting contacts at rate scale 1; the next contact leaves with reason `full`.
    pub(crate) capacity: Option<f64>,
    /// Unit that owes the citizen a follow-up, and the share of conversations after which it does.
    pub(crate) followup: Option<(&'static str, f64)>,
}

const DAYTIME: Option<(i64, i64)> = Some((8 * HOUR_MS, 20 * HOUR_MS));

pub(crate) const FAULT: QueueId = 0;
pub(crate) const BILLING: QueueId = 1;
pub(crate) const SUBSCRIPTION: QueueId = 2;
pub(crate) const GENERAL: QueueId = 3;
pub(crate) const WASTEWATER: QueueId = 4;
pub(crate) const EMAIL: QueueId = 5;
pub(crate) const SOCIAL: QueueId = 6;
pub(crate) const MOBILE_APP: QueueId = 7;
pub(crate) const CHAT: QueueId = 8;
pub(crate) const PETITION: QueueId = 9;

const fn phone(
    id: &'static str,
    open: Option<(i64, i64)>,
    capacity: f64,
    followup: Option<(&'static str, f64)>,
) -> Queue {
    Queue { id, channel: Channel::Phone, open, capacity: Some(capacity), followup }
}

const fn written(
    id: &'static str,
    channel: Channel,
    followup: Option<(&'static str, f64)>,
) -> Queue {
    Queue { id, channel, open: None, capacity: None, followup }
}

/// Every queue. The CİMER petitions are in `petition`.
pub(crate) const QUEUES: [Queue; 10] = [
    phone("fault", None, 28.0, Some(("water_network", 0.30))),
    phone("billing", DAYTIME, 40.0, Some(("meters", 0.06))),
    phone("subscription", DAYTIME, 40.0, None),
    phone("general", None, 40.0, None),
    phone("wastewater", None, 40.0, Some(("wastewater_network", 0.35))),
    written("email", Channel::Email, None),
    written("social", Channel::Social, Some(("water_network", 0.10))),
    written("mobile_app", Channel::MobileApp, Some(("water_network", 0.25))),
    Queue {
        id: "chat",
        channel: Channel::Chat,
        open: Some((8 * HOUR_MS, 22 * HOUR_MS)),
        capacity: None,
        followup: None,
    },
    written("petition", Channel::Petition, Some(("meters", 0.10))),
];

/// Unit that calls back citizens who accepted a callback.
pub(crate) const CALLBACK_UNIT: &str = "callback";

/// Share of the calls by day for each phone queue.
pub(crate) const DAY_INTENTS: [(QueueId, f64); 5] = [
    (FAULT, FAULT_SHARE),
    (BILLING, 0.27),
    (SUBSCRIPTION, 0.16),
    (GENERAL, 0.14),
    (WASTEWATER, 0.10),
];

/// Share of the calls by night for each phone queue.
pub(crate) const NIGHT_INTENTS: [(QueueId, f64); 5] =
    [(FAULT, 0.56), (BILLING, 0.07), (SUBSCRIPTION, 0.05), (GENERAL, 0.17), (WASTEWATER, 0.15)];

/// Share of the daytime calls that report a fault.
pub(crate) const FAULT_SHARE: f64 = 0.33;
/// Factor of the fault calls in the burst.
pub(crate) const BURST_FACTOR: f64 = 8.0;
/// Length of the burst.
pub(crate) const BURST_MS: i64 = 40 * MINUTE_MS;
/// Local time of day at which the burst begins by default.
pub(crate) const BURST_TIME_OF_DAY_MS: i64 = 10 * HOUR_MS;

/// Index into [`TEAMS`].
pub(crate) type TeamId = usize;

/// The queues of each team. Agents of a team have the same skills.
pub(crate) const TEAMS: [&[QueueId]; 7] = [
    &[FAULT, BILLING, SUBSCRIPTION, GENERAL, WASTEWATER],
    &[FAULT, WASTEWATER, GENERAL],
    &[BILLING, SUBSCRIPTION, GENERAL],
    &[CHAT, GENERAL],
    &[EMAIL, MOBILE_APP],
    &[SOCIAL, MOBILE_APP],
    &[PETITION, EMAIL],
];

/// A shift of a team: local times of day and heads at rate scale 1.
#[derive(Debug)]
pub(crate) struct Shift {
    pub(crate) team: TeamId,
    pub(crate) begins_ms: i64,
    pub(crate) ends_ms: i64,
    pub(crate) heads: f64,
}

const fn shift(team: TeamId, begins_half_hour: i64, ends_half_hour: i64, heads: f64) -> Shift {
    Shift {
        team,
        begins_ms: begins_half_hour * 30 * MINUTE_MS,
        ends_ms: ends_half_hour * 30 * MINUTE_MS,
        heads,
    }
}

const ROSTER: &[Shift] = &[
    shift(0, 0, 16, 3.0),
    shift(0, 14, 30, 1.0),
    shift(1, 15, 31, 4.0),
    shift(2, 15, 31, 4.0),
    shift(0, 17, 35, 2.0),
    shift(1, 18, 36, 2.0),
    shift(2, 18, 36, 3.0),
    shift(0, 31, 48, 3.0),
    shift(1, 31, 48, 3.0),
    shift(2, 31, 44, 2.0),
    shift(3, 16, 32, 3.0),
    shift(3, 28, 44, 3.0),
    shift(4, 16, 34, 6.0),
    shift(5, 16, 32, 2.0),
    shift(5, 28, 44, 2.0),
    shift(6, 16, 34, 4.0),
];

const NIGHT_ROSTER: &[Shift] =
    &[shift(0, 0, 16, 3.0), shift(0, 16, 32, 3.0), shift(0, 32, 48, 3.0)];

/// Returns the roster of a scenario.
pub(crate) fn roster(scenario: Scenario) -> &'static [Shift] {
    match scenario {
        Scenario::OrdinaryDay | Scenario::PipeBurst => ROSTER,
        Scenario::Overnight => NIGHT_ROSTER,
    }
}

/// Returns the heads of a shift at a rate scale.
///
/// Staff grows a little slower than traffic, because a large team reaches the same waits at a
/// higher load per head (square-root staffing: Halfin and Whitt, Operations Research 29, 1981).
pub(crate) fn heads_at(heads: f64, rate_scale: f64) -> u32 {
    (heads * (0.9 * rate_scale + 0.1 * rate_scale.sqrt())).ceil().min(f64::from(u32::MAX)) as u32
}

/// Load of a day relative to the mean day, Monday first. The mean over the week is 1.
pub(crate) const WEEKDAY_LOAD: [f64; 7] = [1.00, 1.10, 1.10, 1.08, 1.07, 0.87, 0.78];

/// Share of the roster that works on a day, Monday first.
pub(crate) const WEEKDAY_STAFF: [f64; 7] = [1.0, 1.0, 1.0, 1.0, 1.0, 0.85, 0.75];

/// Relative arrivals of immediate channels by half hour of the local day.
pub(crate) const IMMEDIATE_PROFILE: [f64; 48] = [
    0.9, 0.7, 0.5, 0.4, 0.35, 0.3, 0.25, 0.25, 0.25, 0.3, 0.4, 0.5, 0.8, 1.1, 1.8, 2.6, 4.4, 6.0,
    7.2, 7.6, 7.8, 7.7, 7.3, 6.9, 5.8, 5.4, 5.9, 6.4, 6.6, 6.5, 6.3, 6.1, 5.8, 5.3, 4.5, 3.9, 3.4,
    3.1, 2.9, 2.8, 2.7, 2.6, 2.5, 2.3, 2.0, 1.7, 1.4, 1.1,
];

/// Relative arrivals of written channels by half hour of the local day: later, and with a peak in
/// the evening.
pub(crate) const WRITTEN_PROFILE: [f64; 48] = [
    1.2, 1.0, 0.7, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.2, 0.3, 0.3, 0.5, 0.7, 1.0, 1.4, 2.2, 3.2, 4.2,
    4.8, 5.0, 5.0, 4.8, 4.5, 4.0, 3.8, 4.0, 4.3, 4.5, 4.5, 4.3, 4.1, 3.8, 3.5, 3.2, 3.0, 2.9, 2.8,
    2.8, 2.9, 3.1, 3.2, 3.2, 3.0, 2.7, 2.3, 1.9, 1.5,
];

/// Load at every hour of the overnight scenario, relative to the mean half hour of a day.
pub(crate) const OVERNIGHT_LOAD: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn week_has_the_mean_of_the_year_when_monday_is_the_mean_day() {
        let week: f64 = WEEKDAY_LOAD.iter().sum();
        assert!((week - 7.0).abs() < 1e-9, "{week}");
        assert_eq!(WEEKDAY_LOAD[0], 1.0);
    }

    #[test]
    fn queues_have_a_team_and_intents_add_up_when_summed() {
        for (queue, of) in QUEUES.iter().enumerate() {
            assert!(TEAMS.iter().any(|queues| queues.contains(&queue)), "{}", of.id);
        }
        for intents in [DAY_INTENTS, NIGHT_INTENTS] {
            let sum: f64 = intents.iter().map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
    }

    #[test]
    fn staff_grows_slower_than_traffic_when_the_scale_rises() {
        assert_eq!(heads_at(4.0, 1.0), 4);
        assert_eq!(heads_at(4.0, 0.001), 1);
        assert!((3600..3700).contains(&heads_at(4.0, 1000.0)));
    }
}
