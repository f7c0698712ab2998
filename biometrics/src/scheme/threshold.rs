//! What the schemes share whose payload the server keeps and compares within a threshold.

use super::interface::Scheme;
use super::parts::{ComparisonDecision, ServerRecord};
use super::payload::QrPayload;
use super::symbols::PayloadSymbols;
use crate::{BitString, Error};

/// Most bits that such a payload may hold.
pub(super) const BITS_MAX: usize = 4_096;
/// Numbers of an embedding.
pub(super) const EMBEDDING_NUMBERS: usize = 128;
/// Bits that each of them takes in a payload.
pub(super) const EMBEDDING_DEPTH: usize = 4;
/// 1 - acos(0.39)/π: a cosine of 0.39 is where one in 10,000 non-mated pairs of embeddings match.
pub(super) const EMBEDDING_THRESHOLD: f32 = 0.627;
const LENGTH_BYTES: usize = 2;

/// A scheme whose payloads are bits that are more or less similar.
pub(super) trait Similarity: Scheme {
    /// The least similarity that is accepted.
    fn threshold(&self) -> f32;

    /// Reads a payload's body.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not of this scheme and its parameters.
    fn bits(&self, body: &[u8]) -> Result<BitString, Error>;

    /// Compares two bodies; in [0, 1], larger is more similar.
    fn similarity(&self, a: &BitString, b: &BitString) -> f32;
}

/// Reads the layout of a payload of bits.
pub(super) fn symbols_of(payload: &QrPayload) -> Option<PayloadSymbols> {
    let count = PayloadSymbols::number(payload, 0)?;
    Some(PayloadSymbols { header_bytes: LENGTH_BYTES, bits: 1, values: 2, count })
}

/// Keeps the payload's body.
///
/// # Errors
/// [`Error::Malformed`] when the payload is not of this scheme.
pub(super) fn record_of(scheme: &impl Similarity, payload: &QrPayload) -> Result<ServerRecord, Error> {
    bits_of(scheme, payload)?;
    Ok(ServerRecord(payload.body.clone()))
}

/// Accepts a payload that is similar enough to the record's; anything malformed is rejected without a score.
pub(super) fn verify(scheme: &impl Similarity, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
    match (scheme.bits(&record.0), bits_of(scheme, payload)) {
        (Ok(reference), Ok(probe)) if reference.len() == probe.len() => {
            let score = scheme.similarity(&reference, &probe);
            ComparisonDecision { accepted: score >= scheme.threshold(), score: Some(score) }
        }
        _ => ComparisonDecision::REJECTED,
    }
}

/// Reads a payload.
///
/// # Errors
/// [`Error::Malformed`] when it is not of this scheme.
pub(super) fn bits_of(scheme: &impl Similarity, payload: &QrPayload) -> Result<BitString, Error> {
    if payload.scheme != scheme.id() {
        return Err(Error::Malformed { what: "payload", why: "it is of another scheme" });
    }
    scheme.bits(&payload.body)
}

/// Writes the number of bits (2 bytes, little-endian) and the packed bits.
pub(super) fn body_of(bits: &BitString) -> Vec<u8> {
    let mut body = (bits.len() as u16).to_le_bytes().to_vec();
    body.extend(bits.to_bytes());
    body
}

/// Reads what [`body_of`] wrote.
///
/// # Errors
/// [`Error::Malformed`], naming `what`, unless there are 1 to 4,096 bits and as many as it says.
pub(super) fn parse(what: &'static str, body: &[u8]) -> Result<BitString, Error> {
    let malformed = |why| Error::Malformed { what, why };
    let (length, packed) = body.split_first_chunk::<LENGTH_BYTES>().ok_or(malformed("it is cut short"))?;
    let length = usize::from(u16::from_le_bytes(*length));
    if length == 0 || length > BITS_MAX {
        return Err(malformed("its number of bits is out of range"));
    }
    BitString::from_bytes(packed, length).ok_or(malformed("its bytes do not match its number of bits"))
}
