//! What the vaults share: a secret polynomial hidden among the elements of a set, without chaff (the improved vault).
//!
//! A record's own permutation labels the universe's u elements as 1 to u of GF(2^m). The helper publishes the t lower
//! coefficients of V(X) = Π(X - a) + κ(X), the product over the labels a of the set and κ a random polynomial of k
//! coefficients. V equals κ at every label of the set. The payload is SHA-256(domain, salt, κ).
//!
//! **The helper verifies itself.** It holds no digest of κ, and needs none to be attacked: V - κ has t different roots
//! for the right κ, and for a wrong one it has not. Whoever fetches a helper tries sets without the server.
//!
//! Sources: Juels and Sudan 2002 (the vault); Dodis, Ostrovsky, Reyzin and Smith 2008, 5.1 (without chaff); Merkle and
//! Tams 2013 (the permutation of each record).

pub(super) mod overlap;

use super::equality::{self, SALT_BYTES};
use super::fuzzy_commitment::Permutation;
use super::id::SchemeId;
use super::parts::{Enrolment, HelperData};
use super::payload::QrPayload;
use crate::Error;
use crate::code::Field;
use crate::code::interpolation::{evaluate, with_roots};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

pub(super) const SEED_BYTES: usize = 32;
/// Version and m (1 byte each); u, t and k (2 bytes each).
const HEADER_BYTES: usize = 8;
const HELPER_VERSION: u8 = 2;

/// The sizes of a vault, and the field that it is computed in.
#[derive(Clone, Debug)]
pub(super) struct VaultForm {
    /// The scheme that the payloads belong to.
    pub(super) scheme: SchemeId,
    /// Elements of the universe u.
    pub(super) universe: usize,
    /// Elements of a set t: the degree of V.
    pub(super) set: usize,
    /// Coefficients of the secret polynomial k.
    pub(super) coefficients: usize,
    /// Whose order the labels are in.
    pub(super) permutation: Permutation,
    /// GF(2^m).
    pub(super) field: Field,
}

/// A vault as its helper publishes it.
pub(super) struct Vault {
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) seed: [u8; SEED_BYTES],
    /// V with its leading coefficient, constant coefficient first.
    pub(super) polynomial: Vec<u16>,
    /// Labels of the universe's elements.
    labels: Vec<u16>,
}

impl VaultForm {
    /// Builds the form.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless 0 < k < t <= u < 2^m.
    pub(super) fn new(
        scheme: SchemeId,
        [universe, set, coefficients]: [usize; 3],
        permutation: Permutation,
        degree: u32,
    ) -> Result<Self, Error> {
        let field = Field::new(degree)?;
        if coefficients == 0 || coefficients >= set || set > universe || universe > field.order() {
            let why = "they must satisfy 0 < coefficients < set <= universe, and the universe must fit the field";
            return Err(Error::Parameter { name: "vault sizes", why });
        }
        Ok(Self { scheme, universe, set, coefficients, permutation, field })
    }

    /// Locks a new secret under a set. What is missing of its t elements is filled with labels that no element has, so
    /// that the helper does not tell how many there are.
    ///
    /// Shape: at most t different indices into the universe.
    pub(super) fn lock(&self, set: &[usize], rng: &mut dyn Rng) -> Enrolment {
        let salt = equality::salt(rng);
        let mut seed = [0; SEED_BYTES];
        rng.fill_bytes(&mut seed);
        let mask = self.field.order() as u16;
        let secret: Vec<u16> = (0..self.coefficients).map(|_| rng.next_u32() as u16 & mask).collect();
        let labels = self.labels(seed);
        let mut roots: Vec<u16> = set.iter().map(|&i| labels[i]).collect();
        while roots.len() < self.set {
            let spare = rng.random_range(self.universe as u16 + 1..=mask);
            if !roots.contains(&spare) {
                roots.push(spare);
            }
        }
        let mut vault = with_roots(&self.field, roots);
        vault.pop();
        vault.iter_mut().zip(&secret).for_each(|(v, s)| *v ^= s);
        let helper = HelperData(self.to_bytes(&salt, &seed, &vault));
        Enrolment { payload: self.payload(&salt, &secret), helper }
    }

    /// Returns the payload of a secret.
    pub(super) fn payload(&self, salt: &[u8], secret: &[u16]) -> QrPayload {
        let secret: Vec<u8> = secret.iter().flat_map(|c| c.to_le_bytes()).collect();
        equality::payload_of(self.scheme, &[salt, &secret])
    }

    /// Gives every element of the universe its label in the field, 1 to u: in the record's own order or in everybody's.
    fn labels(&self, seed: [u8; SEED_BYTES]) -> Vec<u16> {
        let mut labels: Vec<u16> = (1..=self.universe as u16).collect();
        if self.permutation == Permutation::PerRecord {
            labels.shuffle(&mut ChaCha20Rng::from_seed(seed));
        }
        labels
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        (header[0], header[1]) = (HELPER_VERSION, self.field.degree() as u8);
        for (i, size) in [self.universe, self.set, self.coefficients].into_iter().enumerate() {
            header[2 + 2 * i..][..2].copy_from_slice(&(size as u16).to_le_bytes());
        }
        header
    }

    /// Writes header, salt (16 bytes), permutation seed (32) and the t lower coefficients of V (2 bytes each,
    /// little-endian), constant coefficient first.
    fn to_bytes(&self, salt: &[u8], seed: &[u8], vault: &[u16]) -> Vec<u8> {
        let coefficients = vault.iter().flat_map(|c| c.to_le_bytes());
        [&self.header()[..], salt, seed].concat().into_iter().chain(coefficients).collect()
    }

    /// Reads a helper.
    ///
    /// # Errors
    /// [`Error::Malformed`] for helper data of another scheme, other sizes or another field.
    pub(super) fn read(&self, helper: &HelperData) -> Result<Vault, Error> {
        let cut_short = malformed("it is cut short");
        let (header, rest) = helper.0.split_first_chunk::<HEADER_BYTES>().ok_or(cut_short.clone())?;
        if header[0] != HELPER_VERSION {
            return Err(malformed("its version is unknown"));
        }
        if *header != self.header() {
            return Err(malformed("it was made with other sizes"));
        }
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(cut_short.clone())?;
        let (seed, rest) = rest.split_first_chunk::<SEED_BYTES>().ok_or(cut_short)?;
        let (words, []) = rest.as_chunks::<2>() else { return Err(malformed("its polynomial is cut")) };
        if words.len() != self.set {
            return Err(malformed("its polynomial has another degree"));
        }
        let polynomial: Vec<u16> = words.iter().map(|&word| u16::from_le_bytes(word)).chain([1]).collect();
        if polynomial.iter().any(|&c| usize::from(c) > self.field.order()) {
            return Err(malformed("its polynomial is of another field"));
        }
        Ok(Vault { salt: *salt, seed: *seed, polynomial, labels: self.labels(*seed) })
    }

    /// Returns the points through which κ passes where the set has these elements.
    ///
    /// # Errors
    /// As [`Vault::labels`].
    pub(super) fn points(&self, vault: &Vault, elements: &[usize]) -> Result<Vec<(u16, u16)>, Error> {
        let labels = vault.labels(elements)?;
        Ok(labels.into_iter().map(|x| (x, evaluate(&self.field, &vault.polynomial, x))).collect())
    }

    /// Returns whether V - κ has t different roots, which only the right κ gives.
    pub(super) fn is_secret(&self, vault: &Vault, secret: &[u16]) -> bool {
        let mut product = vault.polynomial.clone();
        product.iter_mut().zip(secret).for_each(|(v, s)| *v ^= s);
        let mut missing = self.set;
        for x in 0..=self.field.order() as u16 {
            missing -= usize::from(evaluate(&self.field, &product, x) == 0);
            if missing == 0 {
                return true;
            }
        }
        false
    }
}

impl Vault {
    /// Returns the labels of elements.
    ///
    /// Shape: indices into the universe.
    ///
    /// # Errors
    /// [`Error::FailedToDerive`] when one is out of range.
    pub(super) fn labels(&self, elements: &[usize]) -> Result<Vec<u16>, Error> {
        elements.iter().map(|&i| self.labels.get(i).copied()).collect::<Option<_>>().ok_or(Error::FailedToDerive)
    }
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "vault helper data", why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::interpolation::reconstruct;
    use rand::seq::index;
    use rand_chacha::ChaCha8Rng;

    fn form(permutation: Permutation) -> VaultForm {
        VaultForm::new(SchemeId::FuzzyVault, [224, 24, 9], permutation, 12).unwrap()
    }

    #[test]
    fn only_the_secret_leaves_a_product_of_the_set() {
        let (form, mut rng) = (form(Permutation::PerRecord), ChaCha8Rng::seed_from_u64(1));
        let set = index::sample(&mut rng, 224, 24).into_vec();
        // Of a set of 20 the other four are filled in.
        for length in [20, 24] {
            let enrolment = form.lock(&set[..length], &mut rng);
            let vault = form.read(&enrolment.helper).unwrap();
            let secret = reconstruct(&form.field, &form.points(&vault, &set[..length]).unwrap(), 9).unwrap();
            assert!(form.is_secret(&vault, &secret));
            assert_eq!(form.payload(&vault.salt, &secret), enrolment.payload);
            for i in 0..9 {
                let mut wrong = secret.clone();
                wrong[i] ^= 1;
                assert!(!form.is_secret(&vault, &wrong));
            }
        }
    }

    #[test]
    fn two_records_of_one_set_share_no_coefficients() {
        let (form, mut rng) = (form(Permutation::PerRecord), ChaCha8Rng::seed_from_u64(2));
        let set: Vec<usize> = (0..24).collect();
        let [a, b] = [(); 2].map(|()| form.read(&form.lock(&set, &mut rng).helper).unwrap().polynomial);
        // Two of 4,096 values are equal once in 170 such pairs.
        assert!(a[..24].iter().zip(&b).filter(|(x, y)| x == y).count() <= 1);
    }

    #[test]
    fn impossible_sizes_and_foreign_helpers_are_refused() {
        for sizes in [[224, 24, 0], [224, 9, 9], [24, 25, 9], [4_096, 24, 9]] {
            assert!(VaultForm::new(SchemeId::FuzzyVault, sizes, Permutation::PerRecord, 12).is_err());
        }
        let other = VaultForm::new(SchemeId::FuzzyVault, [224, 24, 8], Permutation::PerRecord, 12).unwrap();
        let enrolment = other.lock(&[0, 1, 2], &mut ChaCha8Rng::seed_from_u64(3));
        assert!(form(Permutation::PerRecord).read(&enrolment.helper).is_err());
        let points = other.points(&other.read(&enrolment.helper).unwrap(), &[224]);
        assert_eq!(points, Err(Error::FailedToDerive));
    }
}
