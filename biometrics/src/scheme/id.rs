//! The schemes' names and codes.

use serde::{Deserialize, Serialize};

macro_rules! scheme_ids {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal,
       $field:ident: $parameters:ident { $($keys:tt)* })*) => {
        /// A derivation scheme.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum SchemeId {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl SchemeId {
            /// Every scheme, in the order of the design's table.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$variant),*];

            /// Returns the name used in scenarios, on the command line and in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the scheme's byte in a QR payload.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

for_schemes!(scheme_ids);

impl SchemeId {
    /// Finds a scheme by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Finds a scheme by its byte in a QR payload.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.code() == code)
    }
}
