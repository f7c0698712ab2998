//! Keys from the configuration, or development keys with a warning.

use crate::config::{KeyConfig, PepperKey, TrailConfig, VaultKey, parse_key};
use crate::crypto::check_value::{KeyName, NamedKey};
use crate::crypto::password::{PepperId, Peppers};
use crate::crypto::vault::{KeyId, VaultKeys};
use crate::error::Error;
use crate::iso8583::pin_block::PinKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key that the server uses where none is configured. It is public, and protects nothing.
const DEVELOPMENT_PIN_KEY: [u8; 16] = *b"biopay dev PIN k";
const DEVELOPMENT_VAULT_KEY: [u8; 32] = *b"biopay development vault key 001";
const DEVELOPMENT_OPAQUE_KEY: [u8; 32] = *b"biopay development OPAQUE key 01";
const DEVELOPMENT_TRAIL_KEY: [u8; 32] = *b"biopay development trail key 001";
const DEVELOPMENT_PEPPER: &[u8] = b"biopay development pepper";

/// Reads the PIN key's bytes.
pub(crate) fn pin_key_bytes(configured: Option<&str>) -> Result<Zeroizing<[u8; 16]>, Error> {
    match configured {
        Some(text) => Ok(Zeroizing::new(parse_key("pin-key", text)?)),
        None => {
            warn_development("pin-key");
            Ok(Zeroizing::new(DEVELOPMENT_PIN_KEY))
        }
    }
}

/// Reads the PIN key; without one, the development key.
///
/// # Errors
///
/// [`Error::Config`] for text that is not a key.
pub fn pin_key(configured: Option<&str>) -> Result<Arc<PinKey>, Error> {
    Ok(Arc::new(PinKey::new(*pin_key_bytes(configured)?)))
}

/// Every key that something in the store depends on.
pub(crate) struct Keys {
    vault: BTreeMap<KeyId, Zeroizing<[u8; 32]>>,
    seal_with: Option<KeyId>,
    peppers: BTreeMap<PepperId, Zeroizing<Vec<u8>>>,
    hash_with: Option<PepperId>,
    opaque: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Reads them from the configuration.
    pub(crate) fn read(config: &KeyConfig) -> Result<Self, Error> {
        let (vault, peppers, opaque) = (vault_keys(config)?, peppers(config)?, opaque(config)?);
        Ok(Self { vault, seal_with: config.seal_with, peppers, hash_with: config.hash_with, opaque })
    }

    /// Returns the keys of the vault.
    pub(crate) fn vault(&self) -> Result<VaultKeys, Error> {
        VaultKeys::new(self.vault.clone(), self.seal_with)
            .ok_or_else(|| Error::Config("keys.seal-with is not the number of a key in keys.vault".into()))
    }

    /// Returns the peppers.
    pub(crate) fn peppers(&self) -> Result<Peppers, Error> {
        Peppers::new(self.peppers.clone(), self.hash_with)
            .ok_or_else(|| Error::Config("keys.hash-with is not the number of a pepper".into()))
    }

    /// Returns the key of OPAQUE logins.
    pub(crate) fn opaque(&self) -> Zeroizing<[u8; 32]> {
        self.opaque.clone()
    }

    /// Returns every key under its name.
    pub(crate) fn named(&self) -> Vec<NamedKey> {
        let plain = |key: &Zeroizing<[u8; 32]>| Zeroizing::new(key.to_vec());
        let vault = self.vault.iter().map(|(&id, key)| NamedKey { name: KeyName::Vault(id), key: plain(key) });
        let peppers = self.peppers.iter().map(|(&id, key)| NamedKey { name: KeyName::Pepper(id), key: key.clone() });
        vault.chain(peppers).chain([NamedKey { name: KeyName::Opaque, key: plain(&self.opaque) }]).collect()
    }
}

/// Reads the vault's keys.
pub(super) fn vault_keys(config: &KeyConfig) -> Result<BTreeMap<KeyId, Zeroizing<[u8; 32]>>, Error> {
    if config.vault.is_empty() {
        warn_development("keys.vault");
        return Ok(BTreeMap::from([(1, Zeroizing::new(DEVELOPMENT_VAULT_KEY))]));
    }
    let mut keys = BTreeMap::new();
    for VaultKey { id, key } in &config.vault {
        if keys.insert(*id, Zeroizing::new(parse_key("keys.vault", key)?)).is_some() {
            return Err(Error::Config(format!("keys.vault has number {id} twice")));
        }
    }
    Ok(keys)
}

/// Reads the key of OPAQUE logins.
fn opaque(config: &KeyConfig) -> Result<Zeroizing<[u8; 32]>, Error> {
    match &config.opaque {
        Some(text) => Ok(Zeroizing::new(parse_key("keys.opaque", text)?)),
        None => {
            warn_development("keys.opaque");
            Ok(Zeroizing::new(DEVELOPMENT_OPAQUE_KEY))
        }
    }
}

/// Reads the peppers.
fn peppers(config: &KeyConfig) -> Result<BTreeMap<PepperId, Zeroizing<Vec<u8>>>, Error> {
    let first = config.pepper.iter().map(|pepper| (0, pepper));
    let mut peppers = BTreeMap::new();
    for (id, pepper) in first.chain(config.peppers.iter().map(|PepperKey { id, pepper }| (*id, pepper))) {
        if peppers.insert(id, Zeroizing::new(pepper.clone().into_bytes())).is_some() {
            return Err(Error::Config(format!("keys.peppers has number {id} twice; keys.pepper is number 0")));
        }
    }
    if peppers.is_empty() {
        warn_development("keys.pepper");
        peppers.insert(0, Zeroizing::new(DEVELOPMENT_PEPPER.to_vec()));
    }
    Ok(peppers)
}

/// Reads the key of the trail.
pub(crate) fn trail(config: &TrailConfig) -> Result<Zeroizing<[u8; 32]>, Error> {
    match &config.key {
        Some(text) => Ok(Zeroizing::new(parse_key("trail.key", text)?)),
        None => {
            warn_development("trail.key");
            Ok(Zeroizing::new(DEVELOPMENT_TRAIL_KEY))
        }
    }
}

fn warn_development(key: &str) {
    tracing::warn!(
        key,
        "key not configured: using the public development key, which protects nothing; configure one for real money"
    );
}
