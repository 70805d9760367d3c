//! Enums of words on the wire.

/// Defines an enum of words on the wire, each with its text. The order of the variants is stored.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the discriminants.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Returns the word on the wire and in labels.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $label),+ }
            }

            /// Returns the value of a word on the wire.
            pub fn from_wire(word: &str) -> Option<Self> {
                match word { $($label => Some($name::$variant),)+ _ => None }
            }

            /// Returns the position in [`Self::ALL`].
            pub fn index(self) -> usize {
                self as usize
            }
        }
    };
}

pub(super) use labels;
