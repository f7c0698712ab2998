//! The schemes' names and codes.

use serde::{Deserialize, Serialize};

macro_rules! scheme_ids {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal,
       $field:ident: $parameters:ident { $($keys:tt)* })*) => {
        /// A derivation scheme.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum SchemeId {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
            /// The scheme of a user's own program.
            #[serde(rename = "own")]
            Own,
        }

        impl SchemeId {
            /// Every scheme that is built in, in the order of the design's table.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$variant),*];

            /// Returns the name used in scenarios, on the command line and in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Own => "own",
                }
            }

            /// Returns the scheme's byte in a QR payload.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)*
                    // Records of the server begin with 255 where they have devices.
                    Self::Own => 254,
                }
            }
        }
    };
}

for_schemes!(scheme_ids);

impl SchemeId {
    /// Iterates over every scheme, the user's own included.
    pub fn with_own() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain([Self::Own])
    }

    /// Finds a scheme by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::with_own().find(|scheme| scheme.name() == name)
    }

    /// Finds a scheme by its byte in a QR payload.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::with_own().find(|scheme| scheme.code() == code)
    }
}
