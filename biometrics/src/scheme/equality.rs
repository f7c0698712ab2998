//! What the schemes share whose payload is a digest of a key: the payload, the server's record, and its verification.

use super::id::SchemeId;
use super::parts::{ComparisonDecision, ServerRecord};
use super::payload::QrPayload;
use crate::{BitString, Error};
use rand::Rng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes of salt in a helper.
pub(super) const SALT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;

/// Makes the payload of a key: SHA-256 over the parts, each preceded by its length, under the scheme's own domain.
pub(super) fn payload_of(scheme: SchemeId, parts: &[&[u8]]) -> QrPayload {
    let mut hash = Sha256::new_with_prefix(format!("biopay {} key v2", scheme.name()));
    for part in parts {
        hash.update((part.len() as u32).to_le_bytes());
        hash.update(part);
    }
    QrPayload { scheme, body: hash.finalize().to_vec() }
}

/// Makes the server's record: a digest of the digest, so that the database alone lets nobody present a payload.
///
/// # Errors
/// [`Error::Malformed`] when the payload is not a digest of this scheme.
pub(super) fn record_of(scheme: SchemeId, payload: &QrPayload) -> Result<ServerRecord, Error> {
    if payload.scheme != scheme || payload.body.len() != DIGEST_BYTES {
        return Err(Error::Malformed { what: "payload", why: "it is not a digest of this scheme" });
    }
    let prefix = format!("biopay {} record v1", scheme.name());
    Ok(ServerRecord(Sha256::new_with_prefix(prefix).chain_update(&payload.body).finalize().to_vec()))
}

/// Compares a payload with a record in constant time.
pub(super) fn verify(scheme: SchemeId, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
    let accepted = record_of(scheme, payload).is_ok_and(|presented| bool::from(presented.0.ct_eq(&record.0)));
    ComparisonDecision { accepted, score: None }
}

/// Draws a salt.
pub(super) fn salt(rng: &mut dyn Rng) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    salt
}

/// Draws a key.
pub(super) fn random_bits(count: usize, rng: &mut dyn Rng) -> BitString {
    let mut bytes = vec![0u8; count.div_ceil(8)];
    rng.fill_bytes(&mut bytes);
    BitString::from_bits((0..count).map(|i| bytes[i / 8] >> (i % 8) & 1 == 1))
}
