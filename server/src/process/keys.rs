//! Keys from the configuration, or development keys with a warning.

use crate::config::{KeyConfig, TrailConfig, VaultKey, parse_key};
use crate::crypto::vault::KeyId;
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

/// Reads the vault's keys.
pub(crate) fn vault_keys(config: &KeyConfig) -> Result<BTreeMap<KeyId, Zeroizing<[u8; 32]>>, Error> {
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
pub(crate) fn opaque(config: &KeyConfig) -> Result<Zeroizing<[u8; 32]>, Error> {
    match &config.opaque {
        Some(text) => Ok(Zeroizing::new(parse_key("keys.opaque", text)?)),
        None => {
            warn_development("keys.opaque");
            Ok(Zeroizing::new(DEVELOPMENT_OPAQUE_KEY))
        }
    }
}

/// Reads the pepper.
pub(crate) fn pepper(config: &KeyConfig) -> Vec<u8> {
    config.pepper.as_ref().map_or_else(
        || {
            warn_development("keys.pepper");
            DEVELOPMENT_PEPPER.to_vec()
        },
        |pepper| pepper.clone().into_bytes(),
    )
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
