//! What the store keeps of a login: a password hash, or an OPAQUE record.

use super::opaque::OpaqueRecord;
use super::password::StoredPassword;

/// Marks an OPAQUE record. A password hash begins with its memory cost, which is at least 8 KiB and so never zero.
const OPAQUE: u8 = 0;

/// What the server checks a login against.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The password's hash.
    Password(StoredPassword),
    /// What the handset registered; the server has never seen the password.
    Opaque(OpaqueRecord),
}

/// The error of a stored login that this program did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored login cannot be read")]
pub struct CannotRead;

impl Credential {
    /// Writes it for the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Password(stored) => postcard::to_stdvec(stored).expect("plain numbers have a form in postcard"),
            Self::Opaque(record) => [&[OPAQUE], record.as_bytes()].concat(),
        }
    }

    /// Reads it back.
    ///
    /// # Errors
    ///
    /// [`CannotRead`] for anything that [`Self::to_bytes`] would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CannotRead> {
        match bytes.split_first() {
            Some((&OPAQUE, record)) => Ok(Self::Opaque(OpaqueRecord::new(record.to_vec()).ok_or(CannotRead)?)),
            _ => match postcard::take_from_bytes::<StoredPassword>(bytes) {
                Ok((stored, [])) if stored.cost().is_valid() => Ok(Self::Password(stored)),
                _ => Err(CannotRead),
            },
        }
    }

    /// Returns the password's hash, where it is one.
    pub fn into_password(self) -> Option<StoredPassword> {
        match self {
            Self::Password(stored) => Some(stored),
            Self::Opaque(_) => None,
        }
    }

    /// Returns the OPAQUE record, where it is one.
    pub fn into_opaque(self) -> Option<OpaqueRecord> {
        match self {
            Self::Opaque(record) => Some(record),
            Self::Password(_) => None,
        }
    }
}
