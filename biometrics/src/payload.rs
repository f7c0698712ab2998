//! The QR payload: what is printed in the symbol and presented to the server.

use crate::Error;
use crate::scheme::SchemeId;
use sha2::{Digest, Sha256};

/// The format's version, the payload's first byte.
pub const VERSION: u8 = 1;
/// Bytes of body at most: a symbol of version 40 at level M carries 2,331 bytes (ISO/IEC 18004:2015, table 7).
pub const BODY_BYTES_MAX: usize = 2_048;
const CHECK_BYTES: usize = 4;

/// Holds a scheme's output as it travels in the QR symbol.
///
/// Layout: version (1 byte), scheme (1 byte), body, check (the first 4 bytes of SHA-256 over all before it, which
/// tells a misread symbol from a wrong one; it is no authentication).
#[derive(Clone, PartialEq, Eq)]
pub struct QrPayload {
    /// The scheme that made the body.
    pub scheme: SchemeId,
    /// The scheme's own bytes.
    pub body: Vec<u8>,
}

impl QrPayload {
    /// Writes the payload's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.scheme.code()];
        bytes.extend_from_slice(&self.body);
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check[..CHECK_BYTES]);
        bytes
    }

    /// Reads the payload's bytes.
    ///
    /// Errors: [`Error::Malformed`] on a wrong length, version, scheme or check.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why| Error::Malformed { what: "QR payload", why };
        if bytes.len() < 2 + CHECK_BYTES || bytes.len() > 2 + BODY_BYTES_MAX + CHECK_BYTES {
            return Err(malformed("its length is out of range"));
        }
        let (content, check) = bytes.split_at(bytes.len() - CHECK_BYTES);
        if Sha256::digest(content)[..CHECK_BYTES] != *check {
            return Err(malformed("its check bytes do not match: the symbol was misread"));
        }
        if content[0] != VERSION {
            return Err(malformed("its version is unknown"));
        }
        let scheme = SchemeId::from_code(content[1]).ok_or(malformed("its scheme is unknown"))?;
        Ok(Self { scheme, body: content[2..].to_vec() })
    }
}

/// The body may be a template, so it is never printed.
impl std::fmt::Debug for QrPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrPayload").field("scheme", &self.scheme).field("body_bytes", &self.body.len()).finish()
    }
}
