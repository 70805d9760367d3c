//! What is done with a batch that cannot be decoded.

/// What is done with a batch that the client cannot decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUndecodable {
    /// The partition stands still, and the process says so.
    #[default]
    Stop,
    /// Its offsets are passed over, counted and written to the dead-letter topic.
    Skip,
}

impl OnUndecodable {
    /// Every choice with its word in the configuration.
    pub(super) const ALL: [(OnUndecodable, &'static str); 2] =
        [(OnUndecodable::Stop, "stop"), (OnUndecodable::Skip, "skip")];
}
