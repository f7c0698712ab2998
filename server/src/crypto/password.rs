//! Password hashes: argon2id (RFC 9106) with a pepper, in memory that each thread keeps.
//!
//! Costs and peppers change while accounts stay. Each hash has its cost and the number of its pepper. While hashes of
//! several costs are in the store, a refused login costs one hash of each of them, whoever it names: otherwise its time
//! would tell which names exist. A right login with an old cost or pepper is hashed again.

use crate::env::{CostClass, Env, Overloaded};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use biopay_protocol::Secret;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;
/// How long anybody waits for a hash that was accepted. The hashing threads give way to all other work and may be slow on
/// a busy machine; a pool that has not answered by then hangs.
const HASH_MAX: Duration = Duration::from_secs(30);

/// The cost of a hash. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// The number of a pepper.
pub type PepperId = u32;

/// What the store keeps of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPassword {
    cost: HashCost,
    salt: [u8; SALT_BYTES],
    tag: [u8; TAG_BYTES],
    /// Written beside it, since hashes from before peppers had numbers have none.
    #[serde(skip)]
    pepper: PepperId,
}

impl StoredPassword {
    /// Returns what it cost.
    pub fn cost(&self) -> HashCost {
        self.cost
    }

    /// Returns the number of its pepper.
    pub fn pepper(&self) -> PepperId {
        self.pepper
    }

    pub(super) fn with_pepper(self, pepper: PepperId) -> Self {
        Self { pepper, ..self }
    }
}

/// The peppers, keys that are kept outside the store, and which of them new hashes take.
#[derive(Clone)]
pub struct Peppers {
    current: PepperId,
    all: BTreeMap<PepperId, Arc<Zeroizing<Vec<u8>>>>,
}

impl Peppers {
    /// Takes the peppers. New hashes take the one of number `current`, or the one of the highest number; `None` when
    /// that one is not there.
    pub fn new(all: BTreeMap<PepperId, Zeroizing<Vec<u8>>>, current: Option<PepperId>) -> Option<Self> {
        let current = current.or(all.keys().next_back().copied())?;
        let all: BTreeMap<_, _> = all.into_iter().map(|(id, pepper)| (id, Arc::new(pepper))).collect();
        all.contains_key(&current).then_some(Self { current, all })
    }

    /// Returns the number of the pepper that new hashes take.
    pub fn current(&self) -> PepperId {
        self.current
    }
}

/// How passwords are hashed from now on.
struct Setting {
    cost: HashCost,
    peppers: Peppers,
    /// The costs of hashes that are in use, that of new ones included.
    costs: BTreeSet<HashCost>,
    /// What an unknown name is checked against, so that it costs what a known one does.
    dummy: StoredPassword,
}

/// The result of a check.
#[derive(Default)]
pub struct Checked {
    /// Whether the password is the one that was stored.
    pub is_right: bool,
    /// The same password with the cost and the pepper of new hashes, where it was right and they have changed.
    pub renewed: Option<StoredPassword>,
}

/// The hashing of passwords, with its cost and its peppers, which can be exchanged while logins go on.
pub struct Passwords {
    env: Env,
    setting: RwLock<Arc<Setting>>,
}

impl Passwords {
    /// Takes the cost of new hashes and the only pepper.
    pub fn new(env: Env, cost: HashCost, pepper: Vec<u8>) -> Self {
        let all = BTreeMap::from([(0, Arc::new(Zeroizing::new(pepper)))]);
        Self::with_peppers(env, cost, Peppers { current: 0, all })
    }

    /// Takes the cost of new hashes and the peppers.
    pub fn with_peppers(env: Env, cost: HashCost, peppers: Peppers) -> Self {
        let dummy = StoredPassword { cost, salt: env.random(), tag: env.random(), pepper: peppers.current };
        let setting = Setting { cost, peppers, costs: BTreeSet::from([cost]), dummy };
        Self { env, setting: RwLock::new(Arc::new(setting)) }
    }

    /// Exchanges cost and peppers for all logins from now on; the costs of hashes that are in use stay known.
    pub fn renew(&self, cost: HashCost, peppers: Peppers) {
        let dummy = StoredPassword { cost, salt: self.env.random(), tag: self.env.random(), pepper: peppers.current };
        let mut setting = self.setting.write().unwrap_or_else(PoisonError::into_inner);
        let mut costs = setting.costs.clone();
        costs.insert(cost);
        *setting = Arc::new(Setting { cost, peppers, costs, dummy });
    }

    /// Notes that hashes of a cost are in use.
    pub fn note_cost(&self, cost: HashCost) {
        if !self.setting().costs.contains(&cost) {
            let mut setting = self.setting.write().unwrap_or_else(PoisonError::into_inner);
            let Setting { cost: new, peppers, dummy, .. } = &**setting;
            let (new, peppers, dummy) = (*new, peppers.clone(), dummy.clone());
            let mut costs = setting.costs.clone();
            costs.insert(cost);
            *setting = Arc::new(Setting { cost: new, peppers, costs, dummy });
        }
    }

    fn setting(&self) -> Arc<Setting> {
        self.setting.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the pool takes no more work, or has not done it in time.
    pub async fn hash(&self, password: Secret) -> Result<StoredPassword, Overloaded> {
        let (setting, salt) = (self.setting(), self.env.random());
        self.run(move || setting.hash(&password, salt)).await?.ok_or(Overloaded)
    }

    /// Runs a hash, as long as anybody waits for one.
    async fn run<T: Send + 'static>(&self, hash: impl FnOnce() -> T + Send + 'static) -> Result<T, Overloaded> {
        let hashed = self.env.within(HASH_MAX, self.env.run(CostClass::PasswordHash, hash)).await;
        hashed.unwrap_or_else(|| {
            tracing::error!(
                seconds = HASH_MAX.as_secs(),
                "a password was not hashed in time: the hashing threads hang"
            );
            Err(Overloaded)
        })
    }

    /// Returns whether a password is right; as [`Self::check`].
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the pool takes no more work, or has not done it in time.
    pub async fn verify(&self, password: Secret, stored: Option<StoredPassword>) -> Result<bool, Overloaded> {
        Ok(self.check(password, stored).await?.is_right)
    }

    /// Checks a password; `None` stands for a name that nobody has, costs the same as a wrong password and is never
    /// right.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the pool takes no more work, or has not done it in time.
    pub async fn check(&self, password: Secret, stored: Option<StoredPassword>) -> Result<Checked, Overloaded> {
        if let Some(stored) = &stored {
            self.note_cost(stored.cost);
        }
        let (setting, salt) = (self.setting(), self.env.random());
        self.run(move || setting.check(&password, stored.as_ref(), salt)).await
    }
}

impl Setting {
    fn hash(&self, password: &Secret, salt: [u8; SALT_BYTES]) -> Option<StoredPassword> {
        let (cost, pepper) = (self.cost, self.peppers.current);
        let tag = tag(password.expose(), &salt, cost, &self.peppers.all[&pepper])?;
        Some(StoredPassword { cost, salt, tag, pepper })
    }

    fn check(&self, password: &Secret, stored: Option<&StoredPassword>, salt: [u8; SALT_BYTES]) -> Checked {
        let against = stored.unwrap_or(&self.dummy);
        let pepper = self.peppers.all.get(&against.pepper);
        if pepper.is_none() {
            tracing::error!(pepper = against.pepper, "a password cannot be checked: its pepper is not configured");
        }
        let is_known = stored.is_some() && pepper.is_some();
        let pepper = pepper.unwrap_or(&self.peppers.all[&self.peppers.current]);
        let computed = tag(password.expose(), &against.salt, against.cost, pepper);
        let is_equal = computed.is_some_and(|tag| bool::from(tag.ct_eq(&against.tag)));
        if is_equal && is_known {
            let is_old = (against.cost, against.pepper) != (self.cost, self.peppers.current);
            let renewed = if is_old { self.hash(password, salt) } else { None };
            return Checked { is_right: true, renewed };
        }
        for &cost in self.costs.iter().filter(|&&cost| cost != against.cost) {
            std::hint::black_box(tag(password.expose(), &against.salt, cost, pepper));
        }
        Checked::default()
    }
}

thread_local! {
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Computes argon2id in memory that this thread keeps for the next hash; `None` when the cost is outside what argon2
/// allows.
fn tag(password: &str, salt: &[u8], cost: HashCost, pepper: &[u8]) -> Option<[u8; TAG_BYTES]> {
    MEMORY.with_borrow_mut(|memory| tag_in(memory, password, salt, cost, pepper))
}

/// Computes argon2id in memory that grows to what it needs.
pub(super) fn tag_in(
    memory: &mut Vec<Block>,
    password: &str,
    salt: &[u8],
    cost: HashCost,
    pepper: &[u8],
) -> Option<[u8; TAG_BYTES]> {
    let params = cost.params()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let mut tag = [0; TAG_BYTES];
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut tag, &mut memory[..blocks]).ok()?;
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{BoxFuture, Clock, Cpu, Work, system};

    fn passwords(pepper: &[u8]) -> Passwords {
        let cost = HashCost { memory_kib: 64, passes: 1, lanes: 1 };
        Passwords::new(system::env(1, 16), cost, pepper.to_vec())
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

    fn numbered(ids: &[PepperId], current: PepperId) -> Peppers {
        let all = ids.iter().map(|&id| (id, Zeroizing::new(format!("pepper {id}").into_bytes()))).collect();
        Peppers::new(all, Some(current)).unwrap()
    }

    #[tokio::test]
    async fn an_old_hash_verifies_and_is_renewed_by_a_right_password_alone() {
        let cost = |memory_kib| HashCost { memory_kib, passes: 1, lanes: 1 };
        let passwords = Passwords::with_peppers(system::env(1, 16), cost(64), numbered(&[1], 1));
        let old = passwords.hash(secret("right")).await.unwrap();
        passwords.renew(cost(128), numbered(&[1, 2], 2));
        assert!(passwords.check(secret("wrong"), Some(old.clone())).await.unwrap().renewed.is_none());
        let checked = passwords.check(secret("right"), Some(old.clone())).await.unwrap();
        let renewed = checked.renewed.unwrap();
        assert_eq!((checked.is_right, renewed.cost(), renewed.pepper()), (true, cost(128), 2));
        let again = passwords.check(secret("right"), Some(renewed.clone())).await.unwrap();
        assert!(again.is_right && again.renewed.is_none());
        // Once the old pepper is gone, its hashes are never right.
        passwords.renew(cost(128), numbered(&[2], 2));
        assert_eq!(passwords.verify(secret("right"), Some(old)).await, Ok(false));
        assert_eq!(passwords.verify(secret("right"), Some(renewed)).await, Ok(true));
    }

    /// A pool that accepts every hash and does none.
    struct Hangs;

    impl Cpu for Hangs {
        fn submit(&self, _: CostClass, _: Work) -> Result<BoxFuture<'static, ()>, Overloaded> {
            Ok(Box::pin(std::future::pending()))
        }
    }

    /// The machine's clock, on which a limit of seconds is one of milliseconds.
    struct Fast(system::SystemClock);

    impl Clock for Fast {
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }

        fn unix_ms(&self) -> u64 {
            self.0.unix_ms()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.0.sleep(duration / 1_000)
        }
    }

    #[tokio::test]
    async fn a_pool_that_hangs_makes_nobody_wait_for_ever() {
        let cost = HashCost { memory_kib: 64, passes: 1, lanes: 1 };
        let stored = Passwords::new(system::env(1, 16), cost, Vec::new()).hash(secret("right")).await.unwrap();
        let clock = Arc::new(Fast(system::SystemClock::new()));
        let env = Env { clock, cpu: Arc::new(Hangs), ..system::env(1, 16) };
        let hanging = Passwords::new(env, cost, Vec::new());
        assert!(hanging.hash(secret("right")).await.is_err());
        assert_eq!(hanging.verify(secret("right"), Some(stored)).await, Err(Overloaded));
    }

    #[tokio::test]
    async fn a_full_queue_sheds_before_hashing() {
        let cost = HashCost { memory_kib: 8 * 1024, passes: 3, lanes: 1 };
        let passwords = Arc::new(Passwords::new(system::env(1, 1), cost, Vec::new()));
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
