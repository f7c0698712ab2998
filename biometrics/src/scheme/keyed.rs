//! What the schemes share whose projection is keyed by a record's salt and, where there is one, a device token.

use super::equality::{SALT_BYTES, salt};
use super::id::SchemeId;
use super::parts::DeviceToken;
use crate::Error;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

const VERSION: u8 = 1;

/// The helper data of such a scheme. Layout: version (1 byte), whether a token belongs to it (1 byte, 0 or 1), salt
/// (16).
pub(super) struct KeyedHelper {
    is_bound_to_token: bool,
    salt: [u8; SALT_BYTES],
}

impl KeyedHelper {
    /// Draws the helper of a new record.
    pub(super) fn draw(token: Option<&DeviceToken>, rng: &mut dyn Rng) -> Self {
        Self { is_bound_to_token: token.is_some(), salt: salt(rng) }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.is_bound_to_token)];
        bytes.extend(self.salt);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why| Error::Malformed { what: "helper data", why };
        let (header, salt) = bytes.split_first_chunk::<2>().ok_or(malformed("it is cut short"))?;
        let is_bound_to_token = match header {
            [VERSION, 0] => false,
            [VERSION, 1] => true,
            _ => return Err(malformed("its version is unknown")),
        };
        let salt = salt.try_into().map_err(|_| malformed("its salt has another length"))?;
        Ok(Self { is_bound_to_token, salt })
    }

    /// Opens the stream that the record's projections are drawn from: SHA-256 of scheme, salt and token is its key.
    ///
    /// # Errors
    /// [`Error::MissingToken`].
    pub(super) fn stream(&self, scheme: SchemeId, token: Option<&DeviceToken>) -> Result<ChaCha20Rng, Error> {
        let mut hash = Sha256::new_with_prefix(format!("biopay {} projection v1", scheme.name()));
        hash.update(self.salt);
        if self.is_bound_to_token {
            hash.update(token.ok_or(Error::MissingToken)?.0);
        }
        Ok(ChaCha20Rng::from_seed(hash.finalize().into()))
    }
}
