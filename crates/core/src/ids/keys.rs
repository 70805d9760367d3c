//! One type of key for each kind of id, and the offset of a record.
//!
//! A key is a 128-bit keyed hash. It is never printed: with the secret key of the ledger, a guess
//! of the id can be checked against it.

use std::fmt;
use std::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A key by which tables and stored parts are addressed.
pub(crate) trait HashedId: Copy + Ord + Hash + Serialize + DeserializeOwned {
    /// Returns the 128-bit hash.
    fn get(self) -> u128;

    /// Returns the hash for a [`hashbrown::HashTable`]: the lower half of the key.
    fn table_hash(self) -> u64 {
        self.get() as u64
    }
}

/// Defines a newtype over a 128-bit keyed hash whose debug form hides the value.
macro_rules! hashed_key {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u128);

        impl HashedId for $name {
            fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

hashed_key! {
    /// The key of a contact id.
    ContactKey;
    /// The key of an agent id.
    AgentKey;
    /// The key of a follow-up id.
    FollowupKey;
    /// The key of a record's identity: its source and its id.
    RecordKey;
    /// The key of a record's source.
    SourceKey;
}

/// The identity of an agent's call: the contact, and the record with which the call began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallId {
    pub(crate) contact: ContactKey,
    pub(crate) record: Offset,
}

/// The position of a record in its log: a Kafka offset, or the line number of a file.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(pub i64);

impl Offset {
    /// Returns the position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Offset(self.0.saturating_add(1))
    }
}
