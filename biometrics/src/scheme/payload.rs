//! The QR payload: what is printed in the symbol and presented to the server.

use super::id::SchemeId;
use crate::Error;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The format's version, the payload's first byte.
pub const VERSION: u8 = 2;
/// Bytes of body at most: a symbol of version 40 at level M carries 2,331 bytes (ISO/IEC 18004:2015, table 7).
pub const BODY_BYTES_MAX: usize = 2_048;
/// Bytes around the body: header and tag.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;
const HEADER_BYTES: usize = 4;
/// 64 bits of HMAC-SHA-256: a forger has three tries a payment page (NIST SP 800-107r1, 5.3.3, allows 32 and more).
const TAG_BYTES: usize = 8;

/// The key of the authentication tag.
#[derive(Clone)]
pub struct TagKey([u8; 32]);

impl TagKey {
    /// The key that everybody knows: the tag then only detects a misread or mixed-up symbol, and authenticates
    /// nothing.
    pub const PUBLIC: Self = Self(*b"biopay QR payload, a public key!");

    /// Takes a secret that whoever issues symbols shares with the server: nobody else can then make a payload that is
    /// looked at any further.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    fn tag(&self, content: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(content);
        let whole = mac.finalize().into_bytes();
        std::array::from_fn(|i| whole[i])
    }
}

/// The key is a secret, so it is never printed.
impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TagKey(…)")
    }
}

/// A scheme's output as it travels in the QR symbol.
///
/// Layout: version (1 byte), scheme (1 byte), bytes of body (2, little-endian), body, tag (the first 8 bytes of
/// HMAC-SHA-256 over all before it).
#[derive(Clone, PartialEq, Eq)]
pub struct QrPayload {
    /// The scheme that made the body.
    pub scheme: SchemeId,
    /// The scheme's own bytes, at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

impl QrPayload {
    /// Writes the payload's bytes under the public key.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.seal(&TagKey::PUBLIC)
    }

    /// Reads the payload's bytes under the public key.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::open(bytes, &TagKey::PUBLIC)
    }

    /// Writes the payload's bytes with a tag under a key.
    pub fn seal(&self, key: &TagKey) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.scheme.code()];
        bytes.extend((self.body.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.body);
        let tag = key.tag(&bytes);
        bytes.extend(tag);
        bytes
    }

    /// Reads the payload's bytes and checks their tag in constant time, before anything else of them is believed.
    ///
    /// # Errors
    /// [`Error::Malformed`] on a wrong length, tag, version or scheme.
    pub fn open(bytes: &[u8], key: &TagKey) -> Result<Self, Error> {
        let malformed = |why| Error::Malformed { what: "QR payload", why };
        if !(OVERHEAD_BYTES..=OVERHEAD_BYTES + BODY_BYTES_MAX).contains(&bytes.len()) {
            return Err(malformed("its length is out of range"));
        }
        let (content, tag) = bytes.split_at(bytes.len() - TAG_BYTES);
        if !bool::from(key.tag(content).ct_eq(tag)) {
            return Err(malformed("its tag does not match: it was misread, or made with another key"));
        }
        let (header, body) = content.split_at(HEADER_BYTES);
        if header[0] != VERSION {
            return Err(malformed("its version is unknown"));
        }
        let scheme = SchemeId::from_code(header[1]).ok_or(malformed("its scheme is unknown"))?;
        if usize::from(u16::from_le_bytes([header[2], header[3]])) != body.len() {
            return Err(malformed("its stated length differs from its body's length"));
        }
        Ok(Self { scheme, body: body.to_vec() })
    }
}

/// The body may be a template, so it is never printed.
impl std::fmt::Debug for QrPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrPayload").field("scheme", &self.scheme).field("body_bytes", &self.body.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(body: Vec<u8>) -> QrPayload {
        QrPayload { scheme: SchemeId::FuzzyCommitment, body }
    }

    proptest! {
        #[test]
        fn a_payload_round_trips_and_any_changed_byte_is_noticed(
            body in proptest::collection::vec(any::<u8>(), 0..80), at: prop::sample::Index, change in 1u8..,
        ) {
            let payload = payload(body);
            let mut bytes = payload.to_bytes();
            prop_assert_eq!(bytes.len(), payload.body.len() + OVERHEAD_BYTES);
            prop_assert_eq!(QrPayload::from_bytes(&bytes), Ok(payload));
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            // A forgery passes with 2^-64.
            prop_assert!(QrPayload::from_bytes(&bytes).is_err());
        }

        #[test]
        fn hostile_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(QrPayload::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn a_tag_of_another_key_is_refused() {
        let (own, other) = (TagKey::new([1; 32]), TagKey::new([2; 32]));
        let sealed = payload(vec![1, 2, 3]).seal(&own);
        assert!(QrPayload::open(&sealed, &own).is_ok());
        assert!(QrPayload::open(&sealed, &other).is_err() && QrPayload::from_bytes(&sealed).is_err());
    }

    #[test]
    fn the_tag_is_hmac_sha_256() {
        // RFC 4231, test case 2 has a short key; ours are 32 bytes, so its key is padded with zeros as HMAC does.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let tag = TagKey::new(key).tag(b"what do ya want for nothing?");
        assert_eq!(tag, [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn well_tagged_nonsense_is_refused() {
        let tagged = |content: &[u8]| [content, &TagKey::PUBLIC.tag(content)].concat();
        for content in [[1, 3, 0, 0], [2, 200, 0, 0], [2, 3, 1, 0]] {
            assert!(QrPayload::from_bytes(&tagged(&content)).is_err());
        }
        assert!(QrPayload::from_bytes(&tagged(&[2, 3, 0, 0])).is_ok());
    }
}
