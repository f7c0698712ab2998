//! Password hashes: argon2id (RFC 9106) with a pepper, in memory that each thread keeps.

use crate::env::{CostClass, Env, Overloaded};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use biopay_protocol::Secret;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// The cost of a hash. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// The most that one hash may cost: 4 GiB, and seconds rather than minutes. A stored or configured cost above it is a
/// mistake or an attack; argon2's own check of it overflows.
const MEMORY_KIB_MAX: u32 = 4 * 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

impl HashCost {
    fn params(self) -> Option<Params> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return None;
        }
        Params::new(self.memory_kib, self.passes, self.lanes, Some(TAG_BYTES)).ok()
    }

    /// Returns whether argon2 allows these costs.
    pub fn is_valid(self) -> bool {
        self.params().is_some()
    }
}

/// What the store keeps of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPassword {
    cost: HashCost,
    salt: [u8; SALT_BYTES],
    tag: [u8; TAG_BYTES],
}

impl StoredPassword {
    /// Returns what it cost.
    pub fn cost(&self) -> HashCost {
        self.cost
    }
}

/// The hashing of passwords, with its cost and its pepper.
pub struct Passwords {
    env: Env,
    cost: HashCost,
    pepper: Arc<Zeroizing<Vec<u8>>>,
    /// What an unknown name is checked against, so that it costs what a known one does.
    dummy: StoredPassword,
}

impl Passwords {
    /// Takes the cost of new hashes and the pepper, a key kept outside the store.
    pub fn new(env: Env, cost: HashCost, pepper: Vec<u8>) -> Self {
        let dummy = StoredPassword { cost, salt: env.random(), tag: env.random() };
        Self { env, cost, pepper: Arc::new(Zeroizing::new(pepper)), dummy }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the pool takes no more work.
    pub async fn hash(&self, password: Secret) -> Result<StoredPassword, Overloaded> {
        let (cost, salt) = (self.cost, self.env.random());
        let pepper = self.pepper.clone();
        let tag = self.env.run(CostClass::PasswordHash, move || tag(&password, &salt, cost, &pepper)).await?;
        Ok(StoredPassword { cost, salt, tag: tag.ok_or(Overloaded)? })
    }

    /// Checks a password; `None` stands for a name that nobody has, costs the same and is never right.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the pool takes no more work.
    pub async fn verify(&self, password: Secret, stored: Option<StoredPassword>) -> Result<bool, Overloaded> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let pepper = self.pepper.clone();
        let (cost, salt) = (stored.cost, stored.salt);
        let computed = self.env.run(CostClass::PasswordHash, move || tag(&password, &salt, cost, &pepper)).await?;
        let equal = computed.is_some_and(|tag| bool::from(tag.ct_eq(&stored.tag)));
        Ok(equal && known)
    }
}

thread_local! {
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Computes argon2id; `None` when the cost is outside what argon2 allows.
fn tag(password: &Secret, salt: &[u8], cost: HashCost, pepper: &[u8]) -> Option<[u8; TAG_BYTES]> {
    let params = cost.params()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    MEMORY.with_borrow_mut(|memory| {
        if memory.len() < blocks {
            memory.resize(blocks, Block::default());
        }
        let mut tag = [0; TAG_BYTES];
        let password = password.expose().as_bytes();
        argon2.hash_password_into_with_memory(password, salt, &mut tag, &mut memory[..blocks]).ok()?;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(pepper: &[u8]) -> Passwords {
        let cost = HashCost { memory_kib: 64, passes: 1, lanes: 1 };
        Passwords::new(crate::env::system::env(1, 16), cost, pepper.to_vec())
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    #[test]
    fn a_cost_beyond_reason_is_refused() {
        let cost = |memory_kib, passes, lanes| HashCost { memory_kib, passes, lanes };
        assert!(HashCost::default().is_valid());
        let beyond = [cost(MEMORY_KIB_MAX + 1, 1, 1), cost(64, PASSES_MAX + 1, 1), cost(64, 1, u32::MAX)];
        assert!(beyond.into_iter().all(|cost| !cost.is_valid()));
    }

    #[tokio::test]
    async fn only_the_same_password_and_pepper_verify() {
        let (passwords, other) = (passwords(b"pepper"), passwords(b"other"));
        let stored = passwords.hash(secret("right")).await.unwrap();
        assert_eq!(passwords.verify(secret("right"), Some(stored.clone())).await, Ok(true));
        assert_eq!(passwords.verify(secret("wrong"), Some(stored.clone())).await, Ok(false));
        assert_eq!(passwords.verify(secret("right"), None).await, Ok(false));
        assert_eq!(other.verify(secret("right"), Some(stored)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_full_queue_sheds_before_hashing() {
        let cost = HashCost { memory_kib: 8 * 1024, passes: 3, lanes: 1 };
        let passwords = Arc::new(Passwords::new(crate::env::system::env(1, 1), cost, Vec::new()));
        let many = (0..8).map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash(secret("x")).await.is_err() })
        });
        let mut shed = 0;
        for task in many.collect::<Vec<_>>() {
            shed += u32::from(task.await.unwrap());
        }
        assert!((1..8).contains(&shed), "{shed} of 8 were shed");
    }
}
