//! Enums whose values are written by name in files, on command lines and in reports.

/// Declares an enum whose values have names, and generates its list, its names and its lookup from the one declaration.
///
/// ```
/// biopay_biometrics::named_enum! {
///     /// A season.
///     pub enum Season {
///         /// The warm one.
///         Summer = "summer",
///         /// The cold one.
///         Winter = "winter",
///     }
/// }
/// assert_eq!(Season::ALL, [Season::Summer, Season::Winter]);
/// assert_eq!(Season::from_name("winter"), Some(Season::Winter));
/// assert_eq!(Season::Summer.name(), "summer");
/// ```
#[macro_export]
macro_rules! named_enum {
    ($(#[$attribute:meta])* pub enum $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $enum {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl $enum {
            /// Every value, in the order of the declaration.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Returns the name used in files, on command lines and in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Finds a value by its name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.name() == name)
            }
        }
    };
}
