//! The values in messages. Each is checked where it is made, on construction and on arrival alike.

use crate::Error;
use serde::{Deserialize, Serialize};

/// Defines a string with a rule, checked on construction and on deserialisation alike.
macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $what:literal, $why:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a string.
            ///
            /// # Errors
            ///
            /// [`Error::Value`] when it breaks the type's rule.
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                let text = text.into();
                let rule: fn(&str) -> bool = $rule;
                if rule(&text) { Ok(Self(text)) } else { Err(Error::Value { what: $what, why: $why }) }
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

/// Derives `Debug` and `Display` that show the text, for values that may be shown.
macro_rules! shown {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_string! {
    /// The name of an account; compared byte for byte.
    LoginName, "login name", "1 to 64 bytes without control characters",
    |text| (1..=64).contains(&text.len()) && !text.chars().any(char::is_control)
}
shown!(LoginName);

checked_string! {
    /// The merchant who is paid.
    Merchant, "merchant", "1 to 40 printable ASCII characters",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}
shown!(Merchant);

checked_string! {
    /// A currency of ISO 4217, by its three letters.
    Currency, "currency", "three capital letters of ISO 4217, of a currency that money is paid in",
    |text| iso_currency::Currency::from_code(text).is_some_and(|currency| currency.exponent().is_some())
}
shown!(Currency);

impl Currency {
    /// Returns how many decimal digits the minor unit has: 2 for cents, 0 where there is none (ISO 4217, table A.1).
    pub fn exponent(&self) -> u16 {
        let known = iso_currency::Currency::from_code(&self.0).and_then(iso_currency::Currency::exponent);
        known.expect("the type holds only currencies with a minor unit")
    }
}

checked_string! {
    /// The key that makes a retry recognisable: one key of one account means one charge, however often it is sent.
    IdempotencyKey, "idempotency key", "1 to 64 printable ASCII characters",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| (0x21..0x7f).contains(&b))
}
shown!(IdempotencyKey);

checked_string! {
    /// The number of an account at the bank (ISO/IEC 7812-1: at most 19 digits). Shown by its last four digits only.
    BankAccount, "bank account", "12 to 19 digits",
    |text| (12..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

impl std::fmt::Debug for BankAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "…{}", &self.0[self.0.len() - 4..])
    }
}

checked_string! {
    /// A merchant's own name for an order.
    OrderId, "order", "1 to 40 printable ASCII characters",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}
shown!(OrderId);

checked_string! {
    /// The name of a payment at server and bank (ISO 8583 data element 37).
    Reference, "reference", "12 letters and digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}
shown!(Reference);

/// An amount of money in the currency's smallest unit, such as cents; never negative or zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct MinorUnits(u64);

impl MinorUnits {
    /// The largest amount: the twelve digits of ISO 8583's data element 4.
    pub const MAX: u64 = 999_999_999_999;

    /// Wraps an amount.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when it is zero or does not fit twelve digits.
    pub fn new(amount: u64) -> Result<Self, Error> {
        if (1..=Self::MAX).contains(&amount) {
            Ok(Self(amount))
        } else {
            Err(Error::Value { what: "amount", why: "1 to 999,999,999,999 minor units" })
        }
    }

    /// Returns the number of minor units.
    pub fn value(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for MinorUnits {
    type Error = Error;

    fn try_from(amount: u64) -> Result<Self, Error> {
        Self::new(amount)
    }
}

impl From<MinorUnits> for u64 {
    fn from(amount: MinorUnits) -> Self {
        amount.0
    }
}

/// The identifier of a payment, drawn by the server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentId(pub u128);

impl std::fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The channel binding of a connection, which both of its ends can compute and nobody between them can: TLS keying material
/// exported under [`Self::LABEL`] (RFC 9266). The server refuses a login that carries another connection's.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelBinding(pub [u8; Self::BYTES]);

impl ChannelBinding {
    /// How many bytes are exported.
    pub const BYTES: usize = 32;
    /// The exporter's label (RFC 9266, section 4).
    pub const LABEL: &[u8] = b"EXPORTER-Channel-Binding";
}

impl std::fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChannelBinding(redacted)")
    }
}

/// Defines opaque bytes with a limit, which print as their length alone.
macro_rules! limited_bytes {
    ($(#[$doc:meta])* $name:ident, $what:literal, $why:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
        pub struct $name(Vec<u8>);

        impl $name {
            /// The most bytes it holds.
            pub const BYTES_MAX: usize = $limit;

            /// Checks and wraps bytes.
            ///
            /// # Errors
            ///
            /// [`Error::Value`] when there are more than [`Self::BYTES_MAX`].
            pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
                let bytes = bytes.into();
                if bytes.len() > Self::BYTES_MAX {
                    return Err(Error::Value { what: $what, why: $why });
                }
                Ok(Self(bytes))
            }

            /// Returns the bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<Vec<u8>> for $name {
            type Error = Error;

            fn try_from(bytes: Vec<u8>) -> Result<Self, Error> {
                Self::new(bytes)
            }
        }

        impl From<$name> for Vec<u8> {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
            }
        }
    };
}

limited_bytes! {
    /// A QR payload as it came out of the symbol. Only the derivation scheme knows its meaning.
    PayloadBytes, "QR payload", "at most 2,331 bytes (ISO/IEC 18004, version 40 at level M)", 2_331
}
limited_bytes! {
    /// One message of an OPAQUE exchange; the longest, a login's response, has 320 bytes.
    OpaqueBytes, "OPAQUE message", "at most 512 bytes", 512
}
limited_bytes! {
    /// A PNG image of a QR symbol.
    ImageBytes, "image", "at most 32,768 bytes of PNG", 32_768
}
limited_bytes! {
    /// The public helper data that a second device fetches after login.
    HelperBytes, "helper data", "at most 32,768 bytes", 32_768
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_their_rules_are_refused() {
        assert!(LoginName::new("").is_err());
        assert!(LoginName::new("a\nb").is_err());
        assert!(["eur", "ZZZ", "XXX", "XAU", ""].iter().all(|code| Currency::new(*code).is_err()));
        let exponents = ["EUR", "JPY", "BHD"].map(|code| Currency::new(code).unwrap().exponent());
        assert_eq!(exponents, [2, 0, 3]);
        assert!(BankAccount::new("123").is_err());
        assert!(BankAccount::new("12345678901x").is_err());
        assert!(MinorUnits::new(0).is_err());
        assert!(MinorUnits::new(MinorUnits::MAX + 1).is_err());
        assert!(PayloadBytes::new(vec![0; PayloadBytes::BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn deserialisation_checks_too() {
        let hostile = postcard::to_stdvec("eur").unwrap();
        assert!(postcard::from_bytes::<Currency>(&hostile).is_err());
        let hostile = postcard::to_stdvec(&0u64).unwrap();
        assert!(postcard::from_bytes::<MinorUnits>(&hostile).is_err());
    }

    #[test]
    fn a_bank_account_shows_its_last_four_digits_only() {
        let account = BankAccount::new("4000001234567890").unwrap();
        assert_eq!(format!("{account:?}"), "…7890");
    }
}
