//! Strings and bytes that must not be seen: passwords, PINs, codes.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret string: never printed, and wiped when dropped.
///
/// At most [`Secret::BYTES_MAX`] bytes, so that nobody can make the server hash a megabyte.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret(SecretString);

impl Secret {
    /// The longest secret in bytes (NIST SP 800-63B asks for at least 64 characters).
    pub const BYTES_MAX: usize = 256;

    /// Wraps a secret.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Value`] when it is longer than [`Self::BYTES_MAX`].
    pub fn new(secret: impl Into<String>) -> Result<Self, crate::Error> {
        let mut secret = secret.into();
        if secret.len() > Self::BYTES_MAX {
            secret.zeroize();
            return Err(crate::Error::Value { what: "secret", why: "at most 256 bytes" });
        }
        // Copied to its exact length, and the first copy wiped: shrinking it in place may leave one behind.
        let exact: Box<str> = secret.as_str().into();
        secret.zeroize();
        Ok(Self(exact.into()))
    }

    /// Returns the secret. The name is easy to find in a review.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Secret {}

impl TryFrom<String> for Secret {
    type Error = crate::Error;

    fn try_from(secret: String) -> Result<Self, crate::Error> {
        Self::new(secret)
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.expose().into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("hunter2").unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn an_endless_secret_is_refused() {
        assert!(Secret::new("x".repeat(257)).is_err());
        assert!(Secret::new("x".repeat(256)).is_ok());
    }
}
