//! What the store keeps of a login: a password hash, or an OPAQUE record.

use super::opaque::OpaqueRecord;
use super::password::{PepperId, StoredPassword};

/// Marks an OPAQUE record. A password hash begins with its memory cost, which is at least 8 KiB and so never below 8.
const OPAQUE: u8 = 0;
/// Marks a password hash after the number of its pepper; without the mark the number is zero.
const PEPPERED: u8 = 1;

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
            Self::Password(stored) => {
                let hash = postcard::to_stdvec(stored).expect("plain numbers have a form in postcard");
                match stored.pepper() {
                    0 => hash,
                    pepper => [&[PEPPERED], pepper.to_be_bytes().as_slice(), &hash].concat(),
                }
            }
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
            Some((&PEPPERED, rest)) => {
                let (pepper, hash) = rest.split_first_chunk().ok_or(CannotRead)?;
                // Zero has the other spelling.
                let pepper = Some(PepperId::from_be_bytes(*pepper)).filter(|&pepper| pepper > 0);
                Ok(Self::Password(read_hash(hash)?.with_pepper(pepper.ok_or(CannotRead)?)))
            }
            _ => read_hash(bytes).map(Self::Password),
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

fn read_hash(bytes: &[u8]) -> Result<StoredPassword, CannotRead> {
    match postcard::take_from_bytes::<StoredPassword>(bytes) {
        Ok((stored, [])) if stored.cost().is_valid() => Ok(stored),
        _ => Err(CannotRead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::password::{HashCost, Passwords, Peppers};
    use zeroize::Zeroizing;

    #[tokio::test]
    async fn the_number_of_a_pepper_reads_back() {
        let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        for number in [0, 1, 7, u32::MAX] {
            let peppers = Peppers::new([(number, Zeroizing::new(vec![1]))].into(), None).unwrap();
            let passwords = Passwords::with_peppers(crate::env::system::env(1, 1), cost, peppers);
            let hash = passwords.hash(biopay_protocol::Secret::new("x").unwrap()).await.unwrap();
            let bytes = Credential::Password(hash).to_bytes();
            assert_eq!(bytes[0] == PEPPERED, number > 0);
            let read = Credential::from_bytes(&bytes).unwrap();
            assert_eq!(read.into_password().unwrap().pepper(), number);
            assert!(Credential::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
