//! The mappings that nabiz ships, by name.

/// The filters of nabiz that are written in jq.
pub(crate) const PRELUDE: &str = include_str!("prelude.jq");

/// A mapping that nabiz ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The name in a configuration.
    pub name: &'static str,
    /// What it reads, in a few words.
    pub summary: &'static str,
    /// The program.
    pub code: &'static str,
}

macro_rules! shipped {
    ($($name:literal: $summary:literal,)*) => {
        /// All shipped mappings, by name.
        pub const SHIPPED: &[Shipped] = &[$(Shipped {
            name: $name,
            summary: $summary,
            code: include_str!(concat!("../../../deploy/mappings/", $name, ".jq")),
        },)*];
    };
}

shipped! {
    "amazon_connect": "Amazon Connect contact events and agent events",
    "asterisk_ami": "Asterisk AMI: waiting calls as the exchange counts them",
    "chatwoot": "Chatwoot webhooks",
    "freeswitch_callcenter": "FreeSWITCH mod_callcenter events",
    "generic_csv_row": "Rows of a table or a daily CSV: petitions, walk-ins",
    "genesys_cloud": "Genesys Cloud events by EventBridge",
    "queue_log_row": "Rows of Asterisk's queue_log table, by Kafka Connect JDBC or Debezium",
    "twilio_taskrouter": "Twilio TaskRouter events by Event Streams",
    "zammad": "Zammad webhooks",
}

/// Returns a shipped mapping; `None` for an unknown name.
pub fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|mapping| mapping.name == name)
}
