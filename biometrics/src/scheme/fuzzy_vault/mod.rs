//! The `fuzzy-vault` scheme: a polynomial hidden among the elements of the template's set, without chaff.
//!
//! - **Construction.** The template's first u margins are a universe of u elements, and the t largest of them are its
//!   set A. The record's own permutation relabels them as elements of GF(2^16). The helper publishes
//!   V(X) = Π(X - a) + κ(X), the product over A and a random secret polynomial κ of k coefficients. On a probe's set,
//!   V equals κ wherever the sets overlap; κ is found when they share at least (t + k)/2 elements. The payload is
//!   SHA-256(domain, salt, κ), the record SHA-256 of the payload.
//! - **Parameters.** u, t, k, and whether each record has labels of its own. With t = 24 and k = 9 it opens at an
//!   overlap of 17 and never at 16.
//! - **Key bits.** log2 [C(u, k) / C(t, k)]: an attacker with V guesses k elements of A, and the check of a guess is
//!   free; 31 bits at (224, 24, 9). κ itself has 16 k bits. Elements that are likelier than others give less.
//! - **What is public.** The helper: salt, permutation seed, V.
//! - **Revocation.** Enrolling again draws a new κ, salt and permutation. Without the permutation, two vaults of one
//!   subject are linked by their overlap ([`overlap`]); the systematic order is there to measure that.
//! - **Sources.** Juels and Sudan 2002 (the vault); Dodis, Ostrovsky, Reyzin and Smith 2008, 5.1 (without chaff);
//!   Tams, Mihailescu and Munk 2015 (implementation for fingerprints, security estimate); Gao 2003 (the decoder).

pub mod overlap;

use super::equality::{self, SALT_BYTES};
use super::fuzzy_commitment::Permutation;
use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::{Parameters, variations};
use super::parts::{DeviceToken, Enrolment, HelperData};
use super::payload::QrPayload;
use super::reference::mean_margins;
use crate::code::Field;
use crate::code::interpolation::{evaluate, reconstruct, with_roots};
use crate::{Error, Template};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const HELPER_VERSION: u8 = 1;
const SEED_BYTES: usize = 32;
/// Version, u, t and k, two bytes each after the first.
const HEADER_BYTES: usize = 7;
const UNIVERSE_MAX: usize = 1_024;
const FIELD_DEGREE: u32 = 16;

/// The parameters of `fuzzy-vault`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct VaultParameters {
    /// Elements of the universe u, at most 1,024 and at most the template's bits.
    pub universe: usize,
    /// Elements of a set t.
    pub set: usize,
    /// Coefficients of the secret polynomial k.
    pub coefficients: usize,
    /// Whose order the labels are in.
    pub permutation: Permutation,
}

/// The published size. Measured by `biopay evaluate --modality fingerprint --scheme all --subjects 60 --quality 0.9`,
/// three captures at enrolment: 60 false rejects in 180 and no false accept in 10,620; at the default quality 146 and
/// none.
impl Default for VaultParameters {
    fn default() -> Self {
        Self { universe: 224, set: 24, coefficients: 9, permutation: Permutation::PerRecord }
    }
}

/// Coefficients of the secret that tuning tries.
const COEFFICIENTS_TRIED: [usize; 9] = [2, 3, 4, 5, 6, 7, 8, 9, 10];

impl Parameters for VaultParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(FuzzyVault::new(*self)?))
    }

    fn candidates(&self) -> Vec<(String, Self)> {
        variations(self, COEFFICIENTS_TRIED.map(|k| (format!("k = {k}"), k)), |p, k| p.coefficients = k)
    }

    fn share_order(&mut self) {
        self.permutation = Permutation::Systematic;
    }
}

/// The scheme that locks a secret polynomial under a set.
#[derive(Clone, Debug)]
pub struct FuzzyVault {
    parameters: VaultParameters,
    field: Field,
}

impl FuzzyVault {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless 0 < k < t < u and u is at most 1,024.
    pub fn new(parameters: VaultParameters) -> Result<Self, Error> {
        let VaultParameters { universe, set, coefficients, .. } = parameters;
        if coefficients == 0 || coefficients >= set || set >= universe || universe > UNIVERSE_MAX {
            let why = "they must satisfy 0 < coefficients < set < universe <= 1024";
            return Err(Error::Parameter { name: "vault sizes", why });
        }
        Ok(Self { parameters, field: Field::new(FIELD_DEGREE)? })
    }

    /// Returns log2 [C(u, k) / C(t, k)], the bits that guessing k elements of the set costs. Units: bits.
    pub fn guessing_bits(&self) -> f64 {
        let VaultParameters { universe, set, coefficients, .. } = self.parameters;
        (0..coefficients).map(|i| libm::log2((universe - i) as f64 / (set - i) as f64)).sum()
    }

    fn payload(&self, salt: &[u8], secret: &[u16]) -> QrPayload {
        let secret: Vec<u8> = secret.iter().flat_map(|c| c.to_le_bytes()).collect();
        equality::payload_of(SchemeId::FuzzyVault, &[salt, &secret])
    }

    /// Takes the indices of the t largest margins of the universe; ties go to the lower index.
    fn set_of(&self, margins: &[f32]) -> Option<Vec<usize>> {
        let margins = margins.get(..self.parameters.universe)?;
        let mut order: Vec<usize> = (0..margins.len()).collect();
        order.sort_by(|&a, &b| margins[b].total_cmp(&margins[a]).then(a.cmp(&b)));
        order.truncate(self.parameters.set);
        Some(order)
    }

    /// Makes the payload that a vault gives if these elements, as many as κ has coefficients, are all of its set: one guess
    /// of an offline search.
    ///
    /// Shape: indices into the universe, all different.
    ///
    /// # Errors
    /// [`Error::FailedToDerive`] when they are too few or out of range; [`Error::Malformed`] for helper data of
    /// another scheme or other parameters.
    pub fn payload_of_elements(&self, helper: &HelperData, elements: &[usize]) -> Result<QrPayload, Error> {
        let helper = self.read_helper(&helper.0)?;
        let (labels, vault) = (self.labels(helper.seed), helper.monic());
        let point = |&i: &usize| labels.get(i).map(|&label| (label, evaluate(&self.field, &vault, label)));
        let points: Option<Vec<_>> = elements.iter().map(point).collect();
        let secret = reconstruct(&self.field, &points.ok_or(Error::FailedToDerive)?, self.parameters.coefficients);
        Ok(self.payload(&helper.salt, &secret.map_err(|_| Error::FailedToDerive)?))
    }

    fn read_helper(&self, bytes: &[u8]) -> Result<Helper, Error> {
        let helper = Helper::from_bytes(bytes)?;
        if helper.sizes != self.sizes() {
            return Err(malformed("it was made with other sizes"));
        }
        Ok(helper)
    }

    fn sizes(&self) -> [usize; 3] {
        [self.parameters.universe, self.parameters.set, self.parameters.coefficients]
    }

    /// Gives every element of the universe its label in the field, 1 to u: in the record's own order or in everybody's.
    fn labels(&self, seed: [u8; SEED_BYTES]) -> Vec<u16> {
        let mut labels: Vec<u16> = (1..=self.parameters.universe as u16).collect();
        if self.parameters.permutation == Permutation::PerRecord {
            labels.shuffle(&mut ChaCha20Rng::from_seed(seed));
        }
        labels
    }
}

impl Scheme for FuzzyVault {
    fn id(&self) -> SchemeId {
        SchemeId::FuzzyVault
    }

    fn key_bits(&self) -> Option<usize> {
        Some(self.guessing_bits() as usize)
    }

    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let margins = mean_margins(references)?;
        let set = self.set_of(&margins);
        let set = set.ok_or(Error::FailureToEnrol("the template has fewer bits than the vault's universe"))?;
        let salt = equality::salt(rng);
        let mut seed = [0; SEED_BYTES];
        rng.fill_bytes(&mut seed);
        let secret: Vec<u16> = (0..self.parameters.coefficients).map(|_| rng.next_u32() as u16).collect();
        let labels = self.labels(seed);
        let mut vault = with_roots(&self.field, set.iter().map(|&i| labels[i]));
        vault.pop();
        vault.iter_mut().zip(&secret).for_each(|(v, s)| *v ^= s);
        let helper = Helper { sizes: self.sizes(), salt, seed, vault };
        Ok(Enrolment { payload: self.payload(&salt, &secret), helper: HelperData(helper.to_bytes()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let helper = self.read_helper(&helper.0)?;
        let set = self.set_of(probe.margins()).ok_or(malformed("it was made from a template of another length"))?;
        let labels = self.labels(helper.seed);
        let vault = helper.monic();
        let points: Vec<_> = set.iter().map(|&i| (labels[i], evaluate(&self.field, &vault, labels[i]))).collect();
        let secret = reconstruct(&self.field, &points, self.parameters.coefficients);
        Ok(self.payload(&helper.salt, &secret.map_err(|_| Error::FailedToDerive)?))
    }

    /// How far the two vaults' division falls out of step ([`overlap`]).
    fn link(&self, a: &HelperData, b: &HelperData) -> Option<f32> {
        self.overlap_step(a, b).ok().map(|step| step as f32)
    }
}

/// What the helper bytes say. Layout: version (1 byte), u, t, k (2 bytes each, little-endian), salt (16), permutation
/// seed (32), the t lower coefficients of V (2 bytes each), constant coefficient first.
struct Helper {
    /// u, t and k.
    sizes: [usize; 3],
    salt: [u8; SALT_BYTES],
    seed: [u8; SEED_BYTES],
    vault: Vec<u16>,
}

impl Helper {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![HELPER_VERSION];
        self.sizes.iter().for_each(|&n| bytes.extend((n as u16).to_le_bytes()));
        bytes.extend(self.salt);
        bytes.extend(self.seed);
        self.vault.iter().for_each(|c| bytes.extend(c.to_le_bytes()));
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let cut_short = malformed("it is cut short");
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(cut_short.clone())?;
        if header[0] != HELPER_VERSION {
            return Err(malformed("its version is unknown"));
        }
        let number = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let sizes = [number(1), number(3), number(5)];
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(cut_short.clone())?;
        let (seed, rest) = rest.split_first_chunk::<SEED_BYTES>().ok_or(cut_short)?;
        let (words, []) = rest.as_chunks::<2>() else { return Err(malformed("its polynomial is cut")) };
        if words.len() != sizes[1] {
            return Err(malformed("its polynomial has another degree"));
        }
        let vault = words.iter().map(|&word| u16::from_le_bytes(word)).collect();
        Ok(Self { sizes, salt: *salt, seed: *seed, vault })
    }

    /// Returns V with its leading coefficient.
    fn monic(&self) -> Vec<u16> {
        self.vault.iter().copied().chain([1]).collect()
    }
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "fuzzy-vault helper data", why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::seq::index;
    use rand_chacha::ChaCha8Rng;

    fn scheme(coefficients: usize) -> FuzzyVault {
        FuzzyVault::new(VaultParameters { coefficients, ..Default::default() }).unwrap()
    }

    /// A template whose set is exactly these elements.
    fn template(set: &[usize]) -> Template {
        let margins: Vec<f32> = (0..256).map(|i| if set.contains(&i) { 2.0 } else { -1.0 - i as f32 }).collect();
        Template::new(vec![1.0], margins)
    }

    #[test]
    fn it_opens_at_an_overlap_of_17_and_never_at_16() {
        let (scheme, mut rng) = (scheme(9), ChaCha8Rng::seed_from_u64(1));
        for round in 0..60 {
            let drawn = index::sample(&mut rng, 224, 48).into_vec();
            let (enrolled, others) = drawn.split_at(24);
            let enrolment = scheme.enrol(&[template(enrolled)], None, &mut rng).unwrap();
            let record = scheme.record(&enrolment.payload).unwrap();
            let overlap = [0, 15, 16, 17, 18, 24][round % 6];
            let probe: Vec<usize> = enrolled[..overlap].iter().chain(&others[overlap..]).copied().collect();
            let derived = scheme.derive(&template(&probe), &enrolment.helper, None);
            if overlap >= 17 {
                assert!(scheme.verify(&record, &derived.unwrap()).accepted, "overlap {overlap}");
            } else {
                // A wrong polynomial through 17 of 24 points that lie on none: below 1e-50.
                assert_eq!(derived, Err(Error::FailedToDerive), "overlap {overlap}");
            }
        }
    }

    #[test]
    fn guessing_costs_what_the_binomials_say() {
        for (coefficients, bits) in [(8, 27.5), (9, 31.2), (10, 35.1), (11, 39.0)] {
            let found = scheme(coefficients).guessing_bits();
            assert!((found - bits).abs() < 0.05, "k = {coefficients}: {found}");
        }
        assert_eq!(scheme(9).key_bits(), Some(31));
    }

    #[test]
    fn two_records_of_one_subject_share_no_coefficients() {
        let (scheme, mut rng) = (scheme(9), ChaCha8Rng::seed_from_u64(2));
        let references = [template(&(0..24).collect::<Vec<_>>())];
        let [a, b] = [(); 2].map(|()| scheme.enrol(&references, None, &mut rng).unwrap());
        let [a, b] = [a, b].map(|e| Helper::from_bytes(&e.helper.0).unwrap().vault);
        assert!(a.iter().zip(&b).all(|(x, y)| x != y));
    }

    #[test]
    fn impossible_sizes_and_templates_are_refused() {
        for (universe, set, coefficients) in [(224, 24, 0), (224, 9, 9), (24, 24, 9), (1_025, 24, 9)] {
            let sizes = VaultParameters { universe, set, coefficients, ..Default::default() };
            assert!(FuzzyVault::new(sizes).is_err());
        }
        let short = [Template::new(vec![1.0], vec![1.0; 223])];
        let enrolled = scheme(9).enrol(&short, None, &mut ChaCha8Rng::seed_from_u64(3));
        assert!(matches!(enrolled, Err(Error::FailureToEnrol(_))));
    }
}
