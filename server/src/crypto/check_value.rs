//! Check values: what a store keeps of each key that something in it depends on, so that another key is noticed when a
//! server starts, and not when the first payment fails.

use super::password::{HashCost, PepperId, tag_in};
use super::vault::KeyId;
use crate::env::Env;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const SALT_BYTES: usize = 16;
/// What is hashed under the key.
const TEXT: &str = "biopay check value";
/// A pepper is any text, so a value that is quick to compute would help whoever guesses it with the store in hand.
const PEPPER_COST: HashCost = HashCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
/// The other keys have 256 random bits.
const KEY_COST: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

/// The name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// A key that seals records.
    Vault(KeyId),
    /// A pepper.
    Pepper(PepperId),
    /// The key of OPAQUE logins.
    Opaque,
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Vault(id) => write!(f, "vault/{id}"),
            Self::Pepper(id) => write!(f, "pepper/{id}"),
            Self::Opaque => f.write_str("opaque"),
        }
    }
}

impl std::str::FromStr for KeyName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once('/') {
            None if text == "opaque" => Ok(Self::Opaque),
            Some(("vault", id)) => id.parse().map(Self::Vault).map_err(drop),
            Some(("pepper", id)) => id.parse().map(Self::Pepper).map_err(drop),
            _ => Err(()),
        }
    }
}

/// A configured key.
pub struct NamedKey {
    /// Its name, which stays with it.
    pub name: KeyName,
    /// The key itself.
    pub key: Zeroizing<Vec<u8>>,
}

impl NamedKey {
    /// Computes a value to keep in the store.
    pub fn check_value(&self, env: &Env) -> Vec<u8> {
        let salt: [u8; SALT_BYTES] = env.random();
        [salt.as_slice(), &self.compute(&salt)].concat()
    }

    /// Returns whether a value was computed with the same key.
    pub fn matches(&self, value: &[u8]) -> bool {
        value.split_at_checked(SALT_BYTES).is_some_and(|(salt, tag)| self.compute(salt).ct_eq(tag).into())
    }

    fn compute(&self, salt: &[u8]) -> Vec<u8> {
        let cost = match self.name {
            KeyName::Pepper(_) => PEPPER_COST,
            KeyName::Vault(_) | KeyName::Opaque => KEY_COST,
        };
        // Once, at the start: its memory is not kept.
        tag_in(&mut Vec::new(), TEXT, salt, cost, &self.key).map(Vec::from).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_matches() {
        for name in [KeyName::Vault(7), KeyName::Pepper(0), KeyName::Opaque] {
            assert_eq!(name.to_string().parse(), Ok(name));
            let key = |byte: u8| NamedKey { name, key: Zeroizing::new(vec![byte; 32]) };
            let value = key(1).check_value(&crate::env::system::env(1, 1));
            assert!(key(1).matches(&value) && !key(2).matches(&value));
            assert!(!key(1).matches(&value[..20]) && !key(1).matches(&[]));
        }
    }
}
