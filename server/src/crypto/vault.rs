//! Envelope encryption of what the store keeps: AES-256-GCM, a data key a record, wrapped by a key-encryption key.
//!
//! ```text
//! ┌───────┬────────┬────────────┬────────────────────┬────────────┬────────────────┐
//! │ 1     │ key id │ nonce (12) │ data key, wrapped  │ nonce (12) │ content, sealed│
//! │ byte  │ 4      │            │ 32 + 16            │            │ n + 16         │
//! └───────┴────────┴────────────┴────────────────────┴────────────┴────────────────┘
//! ```
//! The record's context (what it is, and whose) is authenticated with both, so that a sealed PIN cannot be moved to
//! another account.

use crate::env::Env;
use crate::planted::{PlantedBug, count, planted};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const WRAPPED_BYTES: usize = KEY_BYTES + TAG_BYTES;
const HEADER_BYTES: usize = 1 + 4;

/// The error of a sealed record that cannot be opened: another key, another context, or damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed record cannot be opened with the configured keys")]
pub struct CannotOpen;

/// The number of a key-encryption key.
pub type KeyId = u32;

/// The keys that seal and open records, which can be exchanged while records are sealed and opened.
pub struct Vault {
    env: Env,
    keys: RwLock<Arc<VaultKeys>>,
}

/// Key-encryption keys, and which of them seals new records.
pub struct VaultKeys {
    current: KeyId,
    keys: BTreeMap<KeyId, LessSafeKey>,
}

impl VaultKeys {
    /// Takes the keys. New records are sealed with the one of number `current`, or with the one of the highest number;
    /// `None` when that one is not there.
    pub fn new(keys: BTreeMap<KeyId, Zeroizing<[u8; KEY_BYTES]>>, current: Option<KeyId>) -> Option<Self> {
        let current = current.or(keys.keys().next_back().copied())?;
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(id, key)| (id, key_of(&key))).collect();
        keys.contains_key(&current).then_some(Self { current, keys })
    }
}

impl Vault {
    /// Takes the key-encryption keys; new records are sealed with the one of the highest number.
    pub fn new(env: Env, keys: BTreeMap<KeyId, Zeroizing<[u8; KEY_BYTES]>>) -> Option<Self> {
        VaultKeys::new(keys, None).map(|keys| Self::with_keys(env, keys))
    }

    /// Takes the key-encryption keys.
    pub fn with_keys(env: Env, keys: VaultKeys) -> Self {
        Self { env, keys: RwLock::new(Arc::new(keys)) }
    }

    /// Exchanges the keys for all records from now on.
    pub fn renew(&self, keys: VaultKeys) {
        if planted(PlantedBug::LiveRotation) {
            return;
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<VaultKeys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of the key that seals new records.
    pub fn current(&self) -> KeyId {
        self.keys().current
    }

    /// Returns the number of the key that a record was sealed with.
    pub fn key_id(sealed: &[u8]) -> Option<KeyId> {
        let header = sealed.first_chunk::<HEADER_BYTES>()?;
        (header[0] == FORMAT).then(|| u32::from_be_bytes([header[1], header[2], header[3], header[4]]))
    }

    /// Seals a record for its context.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let data_key = Zeroizing::new(self.env.random::<KEY_BYTES>());
        let keys = self.keys();
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(&keys.current.to_be_bytes());
        self.append(&mut sealed, &keys.keys[&keys.current], context, data_key.as_slice());
        self.append(&mut sealed, &key_of(&data_key), context, plain);
        sealed
    }

    /// Opens a record.
    ///
    /// # Errors
    ///
    /// [`CannotOpen`], without saying which of the reasons it is.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let keys = self.keys();
        let key = keys.keys.get(&Self::key_id(sealed).ok_or(CannotOpen)?).ok_or(CannotOpen)?;
        let rest = &sealed[HEADER_BYTES..];
        let (wrapped, content) = rest.split_at_checked(NONCE_LEN + WRAPPED_BYTES).ok_or(CannotOpen)?;
        let data_key = unseal(key, context, wrapped)?;
        let data_key: &[u8; KEY_BYTES] = data_key.as_slice().try_into().map_err(|_| CannotOpen)?;
        unseal(&key_of(data_key), context, content)
    }

    fn append(&self, sealed: &mut Vec<u8>, key: &LessSafeKey, context: &str, plain: &[u8]) {
        let mut nonce: [u8; NONCE_LEN] = self.env.random();
        if planted(PlantedBug::NonceReused) {
            nonce[4..].copy_from_slice(&count().to_be_bytes());
            nonce[..4].fill(0);
        }
        let mut content = Zeroizing::new(plain.to_vec());
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut content)
            .expect("AES-GCM seals anything shorter than 64 GiB");
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&content);
        sealed.extend_from_slice(tag.as_ref());
    }
}

fn key_of(bytes: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("the key has AES-256's length"))
}

fn unseal(key: &LessSafeKey, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    let (nonce, content) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
    let mut content = Zeroizing::new(content.to_vec());
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut content);
    let length = plain.map_err(|_| CannotOpen)?.len();
    content.truncate(length);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vault(keys: &[KeyId]) -> Vault {
        let keys = keys.iter().map(|&id| (id, Zeroizing::new([id as u8; KEY_BYTES]))).collect();
        Vault::new(crate::env::system::env(1, 1), keys).unwrap()
    }

    proptest! {
        #[test]
        fn only_its_own_context_opens_a_record(plain in proptest::collection::vec(any::<u8>(), 0..100)) {
            let vault = vault(&[1]);
            let sealed = vault.seal("pin/1", &plain);
            prop_assert_eq!(&**vault.open("pin/1", &sealed).unwrap(), &plain);
            prop_assert_eq!(vault.open("pin/2", &sealed), Err(CannotOpen));
        }

        #[test]
        fn damage_anywhere_is_noticed(at in 0usize..120, bit in 0u8..8) {
            let vault = vault(&[1]);
            let mut sealed = vault.seal("pin/1", b"1234");
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(vault.open("pin/1", &sealed), Err(CannotOpen));
        }

        #[test]
        fn rubbish_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(vault(&[1]).open("x", &bytes), Err(CannotOpen));
        }
    }

    #[test]
    fn an_old_key_opens_and_the_newest_seals() {
        let sealed = vault(&[1]).seal("x", b"old");
        let rotated = vault(&[1, 2]);
        assert_eq!(&**rotated.open("x", &sealed).unwrap(), b"old");
        assert_eq!(Vault::key_id(&rotated.seal("x", b"new")), Some(2));
        assert_eq!(vault(&[2]).open("x", &sealed), Err(CannotOpen));
    }

    #[test]
    fn a_new_key_opens_before_it_seals() {
        let keys = |ids: &[KeyId], current| {
            VaultKeys::new(ids.iter().map(|&id| (id, Zeroizing::new([id as u8; KEY_BYTES]))).collect(), current)
        };
        let (one, other) = (vault(&[1]), vault(&[1]));
        one.renew(keys(&[1, 2], Some(1)).unwrap());
        assert_eq!(one.current(), 1);
        other.renew(keys(&[1, 2], Some(2)).unwrap());
        let (by_one, by_other) = (one.seal("x", b"a"), other.seal("x", b"b"));
        assert_eq!((Vault::key_id(&by_one), Vault::key_id(&by_other)), (Some(1), Some(2)));
        assert!(one.open("x", &by_other).is_ok() && other.open("x", &by_one).is_ok());
        assert!(keys(&[1, 2], Some(3)).is_none() && keys(&[], None).is_none());
    }
}
