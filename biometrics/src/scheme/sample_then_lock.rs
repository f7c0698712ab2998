//! The `sample-then-lock` scheme: one key in many digital lockers, each opened by a random subset of the bits.
//!
//! - **Construction.** Each of ℓ lockers draws its own s positions of the binary template from the public salt, and
//!   holds SHA-256(domain, salt, its number, the bits there) xor (key, zeros). A probe that is right in all s positions
//!   of any locker opens it, and the zeros tell. The payload is SHA-256(domain, salt, key), the record SHA-256 of the
//!   payload.
//! - **Parameters.** s and ℓ: with a bit error rate e a probe opens one with about ℓ (1 - e)^s.
//! - **Key bits.** s at most: a locker is opened by trying all 2^s subsets, off line, and correlated bits make fewer
//!   do. The key that is locked has 128 bits.
//! - **What is public.** The helper: salt and lockers. A locker's positions are drawn evenly, so that they tell nothing
//!   about which of the subject's bits are reliable.
//! - **Revocation.** Enrolling again draws a new key and salt. It is reusable: enrolments of the same finger under any
//!   number of salts leak no more than one, as long as subsets keep their entropy.
//! - **Linkage.** What is measured is the agreement of payloads and helpers bit by bit: salts, positions and hashes of
//!   two enrolments are independent, so that nothing is seen without opening a locker. An attacker who opens one of
//!   each by trying its 2^s subsets learns s bits of each template and links by those at common positions: that attack
//!   is not run, and the measured figure is a floor.
//! - **Source.** Canetti, Fuller, Paneth, Reyzin and Smith 2016, "Reusable fuzzy extractors for low-entropy
//!   distributions"; Cheon, Jeong, Kim and Lee 2018 and Simhadri, Steel and Fuller 2019 (what s costs in practice).

use super::equality::{self, SALT_BYTES};
use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::{Parameters, variations};
use super::parts::{DeviceToken, Enrolment, HelperData};
use super::payload::QrPayload;
use super::reference::mean_margins;
use crate::{BitString, Error, Template};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const HELPER_VERSION: u8 = 2;
const KEY_BYTES: usize = 16;
/// Zeros after the key: a wrong subset passes for right once in 2^32.
const ZERO_BYTES: usize = 4;
const LOCKER_BYTES: usize = KEY_BYTES + ZERO_BYTES;
/// Version, s, ℓ and the template's number of bits, two bytes each after the first.
const HEADER_BYTES: usize = 7;
const SUBSET_MAX: usize = 256;
const SUBSET_WORDS: usize = SUBSET_MAX / 64;
/// More lockers than this would not fit the 32,768 bytes of helper data that the protocol carries.
const LOCKERS_MAX: usize = 1_600;
const TEMPLATE_BITS_MAX: usize = 4_096;
/// Short, so that a locker of up to 64 bits costs one block of SHA-256.
const LOCKER_DOMAIN: &[u8] = b"biopay locker v2";

/// The parameters of `sample-then-lock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockerParameters {
    /// Bits that open a locker s, 8 to 256.
    pub subset: usize,
    /// Lockers ℓ, 1 to 1,600.
    pub lockers: usize,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme sample-then-lock --enrol 3 --subjects 60 --quality 0.9`: 11
/// false rejects in 180 and no false accept in 10,620; at the default quality 78 and 1.
impl Default for LockerParameters {
    fn default() -> Self {
        Self { subset: 32, lockers: 1_000 }
    }
}

/// Subsets that tuning tries.
const SUBSETS_TRIED: [usize; 9] = [12, 16, 20, 24, 28, 32, 40, 48, 64];

impl Parameters for LockerParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(SampleThenLock::new(*self)?))
    }

    fn candidates(&self) -> Vec<(String, Self)> {
        variations(self, SUBSETS_TRIED.map(|s| (format!("{s} bits"), s)), |p, s| p.subset = s)
    }
}

/// The scheme that locks a key under random subsets of the template's bits.
#[derive(Clone, Copy, Debug)]
pub struct SampleThenLock {
    parameters: LockerParameters,
}

impl SampleThenLock {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: LockerParameters) -> Result<Self, Error> {
        if !(8..=SUBSET_MAX).contains(&parameters.subset) {
            return Err(Error::Parameter { name: "locker subset", why: "it must be 8 to 256 bits" });
        }
        if !(1..=LOCKERS_MAX).contains(&parameters.lockers) {
            return Err(Error::Parameter { name: "lockers", why: "there must be 1 to 1600" });
        }
        Ok(Self { parameters })
    }

    fn payload(&self, salt: &[u8], key: &[u8]) -> QrPayload {
        equality::payload_of(SchemeId::SampleThenLock, &[salt, key])
    }

    /// Returns each locker's pad under the bits, in order.
    fn pads(&self, bits: &BitString, salt: [u8; SALT_BYTES]) -> impl Iterator<Item = [u8; LOCKER_BYTES]> {
        let seed = Sha256::new_with_prefix(LOCKER_DOMAIN).chain_update(salt).finalize();
        let mut stream = ChaCha20Rng::from_seed(seed.into());
        let mut drawn = vec![0; self.parameters.subset * DRAW_BYTES];
        let salted = Sha256::new_with_prefix(LOCKER_DOMAIN).chain_update(salt);
        (0..self.parameters.lockers as u32).map(move |number| {
            stream.fill_bytes(&mut drawn);
            let mut words = [0u64; SUBSET_WORDS];
            for (i, draw) in drawn.as_chunks().0.iter().enumerate() {
                words[i / 64] |= u64::from(bits.bit(position(*draw, bits.len()))) << (i % 64);
            }
            pad(salted.clone(), number, &words[..self.parameters.subset.div_ceil(64)])
        })
    }

    /// Tries the first locker with a guess of its bits, and returns the payload if it opens: one guess of an offline
    /// search, which needs no record to be checked.
    ///
    /// Shape: as many bits as open a locker.
    ///
    /// # Errors
    /// [`Error::FailedToDerive`] when it stays shut; [`Error::Malformed`] for other helper data or parameters.
    pub fn payload_of_subset(&self, helper: &HelperData, bits: &BitString) -> Result<QrPayload, Error> {
        let header = Helper::from_bytes(&helper.0)?;
        let helper = self.read_helper(&helper.0, header.template_bits)?;
        let salted = Sha256::new_with_prefix(LOCKER_DOMAIN).chain_update(helper.salt);
        let content = xor(pad(salted, 0, bits.words()), helper.lockers[0]);
        if content[KEY_BYTES..] == [0; ZERO_BYTES] {
            Ok(self.payload(&helper.salt, &content[..KEY_BYTES]))
        } else {
            Err(Error::FailedToDerive)
        }
    }

    fn read_helper<'a>(&self, bytes: &'a [u8], template_bits: usize) -> Result<Helper<'a>, Error> {
        let helper = Helper::from_bytes(bytes)?;
        if (helper.subset, helper.lockers.len()) != (self.parameters.subset, self.parameters.lockers) {
            return Err(malformed("it was made with other parameters"));
        }
        if helper.template_bits != template_bits {
            return Err(malformed("it was made from a template of another length"));
        }
        Ok(helper)
    }
}

impl Scheme for SampleThenLock {
    fn id(&self) -> SchemeId {
        SchemeId::SampleThenLock
    }

    fn key_bits(&self) -> Option<usize> {
        Some(self.parameters.subset.min(8 * KEY_BYTES))
    }

    /// A wrong template gives nothing at all: each locker has a check of its own.
    fn proves_derivations(&self) -> bool {
        true
    }

    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let margins = mean_margins(references)?;
        if !(self.parameters.subset..=TEMPLATE_BITS_MAX).contains(&margins.len()) {
            return Err(Error::FailureToEnrol("the template has fewer bits than open a locker"));
        }
        let bits = BitString::from_bits(margins.iter().map(|&m| m > 0.0));
        let salt = equality::salt(rng);
        let mut content = [0; LOCKER_BYTES];
        rng.fill_bytes(&mut content[..KEY_BYTES]);
        let lockers: Vec<_> = self.pads(&bits, salt).map(|pad| xor(pad, content)).collect();
        let helper = Helper { subset: self.parameters.subset, template_bits: margins.len(), salt, lockers: &lockers };
        Ok(Enrolment { payload: self.payload(&salt, &content[..KEY_BYTES]), helper: HelperData(helper.to_bytes()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let helper = self.read_helper(&helper.0, probe.bits().len())?;
        let opened = self.pads(probe.bits(), helper.salt).zip(helper.lockers).map(|(pad, &l)| xor(pad, l));
        let content = opened.into_iter().find(|content| content[KEY_BYTES..] == [0; ZERO_BYTES]);
        content.map(|content| self.payload(&helper.salt, &content[..KEY_BYTES])).ok_or(Error::FailedToDerive)
    }
}

/// Bytes that a position is drawn from.
const DRAW_BYTES: usize = 4;

/// Maps a draw to 0..bits: with at most 4,096 bits no position is likelier than another by more than one in a million.
fn position(draw: [u8; DRAW_BYTES], bits: usize) -> usize {
    ((u64::from(u32::from_le_bytes(draw)) * bits as u64) >> 32) as usize
}

/// Returns a locker's pad; `salted` has taken in the domain and the salt.
fn pad(salted: Sha256, number: u32, bits: &[u64]) -> [u8; LOCKER_BYTES] {
    let mut hash = salted.chain_update(number.to_le_bytes());
    bits.iter().for_each(|word| hash.update(word.to_le_bytes()));
    let digest = hash.finalize();
    std::array::from_fn(|i| digest[i])
}

fn xor(a: [u8; LOCKER_BYTES], b: [u8; LOCKER_BYTES]) -> [u8; LOCKER_BYTES] {
    std::array::from_fn(|i| a[i] ^ b[i])
}

/// What the helper bytes say. Layout: version (1 byte), s, ℓ, template bits (2 bytes each, little-endian), salt (16),
/// lockers (20 each).
struct Helper<'a> {
    subset: usize,
    template_bits: usize,
    salt: [u8; SALT_BYTES],
    lockers: &'a [[u8; LOCKER_BYTES]],
}

impl<'a> Helper<'a> {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![HELPER_VERSION];
        let numbers = [self.subset, self.lockers.len(), self.template_bits];
        numbers.iter().for_each(|&n| bytes.extend((n as u16).to_le_bytes()));
        bytes.extend(self.salt);
        self.lockers.iter().for_each(|locker| bytes.extend(locker));
        bytes
    }

    fn from_bytes(bytes: &'a [u8]) -> Result<Self, Error> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(malformed("it is cut short"))?;
        if header[0] != HELPER_VERSION {
            return Err(malformed("its version is unknown"));
        }
        let number = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(malformed("it is cut short"))?;
        let (lockers, []) = rest.as_chunks::<LOCKER_BYTES>() else { return Err(malformed("a locker is cut short")) };
        if lockers.len() != number(3) {
            return Err(malformed("its number of lockers differs from the stated one"));
        }
        Ok(Self { subset: number(1), template_bits: number(5), salt: *salt, lockers })
    }
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "sample-then-lock helper data", why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;

    fn template(bits: impl Iterator<Item = bool>) -> Template {
        Template::new(vec![1.0], bits.map(|b| if b { 1.0 } else { -1.0 }).collect())
    }

    #[test]
    fn it_opens_as_often_as_the_error_rate_says() {
        let scheme = SampleThenLock::new(LockerParameters { subset: 24, lockers: 100 }).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let bits: Vec<bool> = (0..512).map(|_| rng.random()).collect();
        let enrolment = scheme.enrol(&[template(bits.iter().copied())], None, &mut rng).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        for (rate, least, most) in [(0.0, 100, 100), (0.1, 95, 100), (0.5, 0, 0)] {
            let opened = (0..100).filter(|_| {
                let probe = template(bits.iter().map(|b| b ^ (rng.random::<f64>() < rate)));
                let derived = scheme.derive(&probe, &enrolment.helper, None);
                derived.is_ok_and(|payload| scheme.verify(&record, &payload).accepted)
            });
            // At 0.1 one locker opens with 0.9^24 = 8 %, all 100 stay shut with 2.5e-4: more than 5 of 100 below 1e-12.
            // At 0.5 one opens with 2^-24.
            let opened = opened.count();
            assert!((least..=most).contains(&opened), "rate {rate}: {opened} of 100");
        }
    }

    #[test]
    fn the_helper_fits_the_protocol_at_its_largest() {
        let scheme = SampleThenLock::new(LockerParameters { subset: 32, lockers: LOCKERS_MAX }).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let enrolment = scheme.enrol(&[template((0..256).map(|i| i % 2 == 0))], None, &mut rng).unwrap();
        assert!(enrolment.helper.0.len() <= 32_768, "{}", enrolment.helper.0.len());
    }

    #[test]
    fn impossible_parameters_and_templates_are_refused() {
        for (subset, lockers) in [(7, 10), (257, 10), (32, 0), (32, 1_601)] {
            assert!(SampleThenLock::new(LockerParameters { subset, lockers }).is_err());
        }
        let scheme = SampleThenLock::new(LockerParameters::default()).unwrap();
        let short = [template((0..31).map(|_| true))];
        let enrolled = scheme.enrol(&short, None, &mut ChaCha8Rng::seed_from_u64(3));
        assert!(matches!(enrolled, Err(Error::FailureToEnrol(_))));
    }
}
