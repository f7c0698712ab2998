//! What a fuzzy commitment publishes.

use super::parameters::{CommitmentParameters, HelperKey, Permutation, Selection};
use crate::scheme::equality::SALT_BYTES;
use crate::scheme::parts::{DeviceToken, HelperData};
use crate::{BitString, Error};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

const HELPER_VERSION: u8 = 2;
const HELPER_DOMAIN: &[u8] = b"biopay fuzzy-commitment helper v1";
/// Set in the header where the offset is under a token.
const BOUND: u8 = 2;
pub(super) const SEED_BYTES: usize = 32;
/// Version and code (1 byte each), n, k and the template's bits (2 each), selection and permutation (1 each).
const HEADER_BYTES: usize = 10;

/// What the helper bytes say after their header. Layout: salt (16 bytes), permutation seed (32), with `reliable`
/// selection a map over the template's bits, code offset (n bits, under the token's stream where it is bound to one).
pub(super) struct Helper {
    /// Whether the offset is under a device token.
    pub(super) is_bound: bool,
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) seed: [u8; SEED_BYTES],
    pub(super) selected: BitString,
    pub(super) offset: BitString,
}

impl Helper {
    /// Writes the header of the helper's form, then the helper. `template_bits` is the length of the enrolled template.
    pub(super) fn to_bytes(&self, form: &Form, template_bits: usize) -> Vec<u8> {
        let mut bytes = form.header(template_bits, self.is_bound).to_vec();
        bytes.extend(self.salt);
        bytes.extend(self.seed);
        if form.parameters.selection == Selection::Reliable {
            bytes.extend(self.selected.to_bytes());
        }
        bytes.extend(self.offset.to_bytes());
        bytes
    }

    /// Puts the offset under a token, or takes it from under it; what is bound to none stays as it is.
    ///
    /// # Errors
    /// [`Error::MissingToken`].
    pub(super) fn with_token(self, token: Option<&DeviceToken>) -> Result<Self, Error> {
        if !self.is_bound {
            return Ok(self);
        }
        let token = token.ok_or(Error::MissingToken)?;
        let key = Sha256::new_with_prefix(HELPER_DOMAIN).chain_update(self.salt).chain_update(token.0).finalize();
        let mut stream = ChaCha20Rng::from_seed(key.into());
        let mut draws = vec![0; self.offset.len().div_ceil(8)];
        stream.fill_bytes(&mut draws);
        let mask = BitString::from_bits((0..self.offset.len()).map(|i| draws[i / 8] >> (i % 8) & 1 == 1));
        Ok(Self { offset: self.offset.xor(&mask), ..self })
    }
}

/// What a scheme's helpers have in common: its parameters, and the sizes of its code.
pub(super) struct Form {
    pub(super) parameters: CommitmentParameters,
    /// Bits of a codeword.
    pub(super) length: usize,
    /// Bits of a key.
    pub(super) key_bits: usize,
}

impl Form {
    fn header(&self, template_bits: usize, is_bound: bool) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        (header[0], header[1]) = (HELPER_VERSION, self.parameters.code.number());
        for (i, number) in [self.length, self.key_bits, template_bits].into_iter().enumerate() {
            header[2 + 2 * i..][..2].copy_from_slice(&(number as u16).to_le_bytes());
        }
        header[8] = u8::from(self.parameters.selection == Selection::Reliable);
        header[9] = u8::from(self.parameters.permutation == Permutation::Systematic) | if is_bound { BOUND } else { 0 };
        header
    }

    /// Reads a helper without a probe, of as many template bits as it says itself.
    pub(super) fn read_whole(&self, helper: &HelperData) -> Result<Helper, Error> {
        let template_bits = helper.0.get(6..8).ok_or(malformed("it is cut short"))?;
        self.read(&helper.0, u16::from_le_bytes([template_bits[0], template_bits[1]]).into())
    }

    /// Reads a helper for a template of so many bits.
    ///
    /// # Errors
    /// [`Error::Malformed`] for helper data of another scheme, other parameters or another length.
    pub(super) fn read(&self, bytes: &[u8], template_bits: usize) -> Result<Helper, Error> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(malformed("it is cut short"))?;
        if header[0] != HELPER_VERSION {
            return Err(malformed("its version is unknown"));
        }
        let is_bound = header[9] & BOUND != 0;
        let may_be_bound = self.parameters.helper_key == HelperKey::Token;
        if *header != self.header(template_bits, is_bound && may_be_bound) || template_bits < self.length {
            return Err(malformed("it was made with another code, or from a template of another length"));
        }
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(malformed("it is cut short"))?;
        let (seed, rest) = rest.split_first_chunk::<SEED_BYTES>().ok_or(malformed("it is cut short"))?;
        let (selected, offset) = match self.parameters.selection {
            Selection::All => (first_bits(template_bits, self.length), rest),
            Selection::Reliable => read_map(rest, template_bits, self.length)?,
        };
        let offset = BitString::from_bytes(offset, self.length);
        Ok(Helper {
            is_bound,
            salt: *salt,
            seed: *seed,
            selected,
            offset: offset.ok_or(malformed("its offset has another length than the code"))?,
        })
    }
}

fn read_map(bytes: &[u8], template_bits: usize, count: usize) -> Result<(BitString, &[u8]), Error> {
    let (map, rest) = bytes.split_at_checked(template_bits.div_ceil(8)).ok_or(malformed("it is cut short"))?;
    let selected = BitString::from_bytes(map, template_bits).ok_or(malformed("its bit map has spare bits set"))?;
    if selected.count_ones() as usize != count {
        return Err(malformed("it selects another number of bits than the code is long"));
    }
    Ok((selected, rest))
}

/// Marks the first `count` bits.
pub(super) fn first_bits(of: usize, count: usize) -> BitString {
    BitString::from_bits((0..of).map(|i| i < count))
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "fuzzy-commitment helper data", why }
}
