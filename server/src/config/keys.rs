//! Secrets in the configuration: the keys that protect what the store keeps, and where secrets are read from.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The keys that protect what the store keeps. Without them the server uses development keys and warns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyConfig {
    /// What passwords are hashed with besides their salt: any text. It is pepper number 0.
    pub pepper: Option<String>,
    /// More peppers, with numbers from 1. An old one stays here as long as passwords are hashed with it.
    pub peppers: Vec<PepperKey>,
    /// The number of the pepper that new hashes take: the highest by default. To exchange a pepper, add the new one with
    /// this key still at the old number, send every server a SIGHUP, then change this key and send another.
    pub hash_with: Option<u32>,
    /// The key of OPAQUE logins, 64 hexadecimal digits; every such account depends on it for ever.
    pub opaque: Option<String>,
    /// The keys that seal records.
    pub vault: Vec<VaultKey>,
    /// The number of the key that seals new records: the highest by default. To exchange a key, add the new one with
    /// this key still at the old number, send every server a SIGHUP, then change this key and send another, run
    /// `biopay-server --rotate-keys`, and then remove the old one.
    pub seal_with: Option<u32>,
}

impl KeyConfig {
    pub(super) fn each_secret(
        &mut self,
        act: &mut dyn FnMut(&str, &mut String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(pepper) = &mut self.pepper {
            act("keys.pepper", pepper)?;
        }
        if let Some(opaque) = &mut self.opaque {
            act("keys.opaque", opaque)?;
        }
        self.peppers.iter_mut().try_for_each(|pepper| act("keys.peppers", &mut pepper.pepper))?;
        self.vault.iter_mut().try_for_each(|key| act("keys.vault", &mut key.key))
    }
}

/// A pepper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PepperKey {
    /// Its number, from 1, which stays with it.
    pub id: u32,
    /// Any text.
    pub pepper: String,
}

/// A key that seals records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VaultKey {
    /// Its number, which stays with it.
    pub id: u32,
    /// 64 hexadecimal digits.
    pub key: String,
}

const FILE: &str = "file:";
const CREDENTIAL: &str = "credential:";

/// Returns whether a value names the place of a secret instead of the secret.
pub(super) fn is_reference(text: &str) -> bool {
    text.starts_with(FILE) || text.starts_with(CREDENTIAL)
}

/// Returns what may be shown in place of a secret: where it is kept, or nothing of it.
pub fn mask_secret(text: &str) -> String {
    if is_reference(text) { text.to_owned() } else { "(masked)".to_owned() }
}

/// Reads what a reference names, without the end of its last line; other text is returned as it is.
///
/// # Errors
///
/// [`Error::File`] when it cannot be read, [`Error::Config`] where systemd gave this process no credentials.
pub fn read_reference(key: &str, text: &str) -> Result<String, Error> {
    let path = match text.strip_prefix(FILE) {
        Some(path) => PathBuf::from(path),
        None if text.starts_with(CREDENTIAL) => resolve_path(key, Path::new(text))?,
        None => return Ok(text.to_owned()),
    };
    let content = std::fs::read_to_string(&path).map_err(|error| Error::File { path: path.clone(), error })?;
    let content = content.strip_suffix('\n').unwrap_or(&content);
    if content.is_empty() {
        return Err(Error::Config(format!("{key}: {} is empty", path.display())));
    }
    Ok(content.to_owned())
}

/// Turns `credential:NAME` into the path of systemd's file; other paths are returned as they are.
pub(super) fn resolve_path(key: &str, path: &Path) -> Result<PathBuf, Error> {
    let Some(name) = path.to_str().and_then(|text| text.strip_prefix(CREDENTIAL)) else { return Ok(path.into()) };
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        Error::Config(format!("{key} names the credential {name:?}, and systemd gave this process none"))
    })?;
    if name.is_empty() || name.contains('/') {
        return Err(Error::Config(format!("{key}: {name:?} is not the name of a credential")));
    }
    Ok(Path::new(&folder).join(name))
}

/// Masks the password in `scheme://user:password@host/...?password=...`.
pub(super) fn mask_password(store: &str) -> String {
    let (place, query) = store.split_once('?').map_or((store, None), |(place, query)| (place, Some(query)));
    let parts = place.split_once("://").and_then(|(scheme, rest)| {
        let (user, place) = rest.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:(masked)@{place}"))
    });
    let place = parts.unwrap_or_else(|| place.to_owned());
    let mask = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=(masked)"),
        _ => pair.to_owned(),
    };
    let query = query.map(|query| query.split('&').map(mask).collect::<Vec<_>>().join("&"));
    query.map_or_else(|| place.clone(), |query| format!("{place}?{query}"))
}

/// Reads a key in hexadecimal digits.
///
/// # Errors
///
/// [`Error::Config`], without the key, when it does not have exactly `2 * N` digits.
pub fn parse_key<const N: usize>(name: &str, text: &str) -> Result<[u8; N], Error> {
    let wrong = || Error::Config(format!("{name} needs {} hexadecimal digits", 2 * N));
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut key = [0; N];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(key)
}
