//! The `ironmask` scheme: a random codeword on the sphere, hidden by an orthogonal matrix that takes the template to it.
//!
//! - **Construction.** The code has α entries of ±1/√α among n, the others zero. At enrolment a codeword c is drawn, and a
//!   random orthogonal matrix P with P t = c for the template t of unit norm; the helper is P. A probe t' gives the codeword
//!   nearest to P t': its α largest entries. The payload is SHA-256(domain, salt, codeword), the record SHA-256 of it.
//! - **Parameters.** The dimension n and the codeword's entries α: n = 512 and α = 16 as published. A template with more
//!   numbers is projected on n directions that are the same for everybody, one with fewer keeps its own. A byte holds an
//!   entry of P, which turns c by less than a hundredth: the helper takes n² bytes, and the protocol carries 180².
//! - **Key bits.** log₂(C(n, α) 2^α): 115 at 512 and 16, 27 at 128 and 4. Fewer entries tolerate more noise; the published
//!   pair tolerates an angle that embeddings of face networks keep and ours do not.
//! - **What is public.** P. Every codeword c' stands for a template Pᵀc', so that one helper tells no more than that; two
//!   helpers of one capture give it away ([`IronMask::recover`]), in 256 tries at α = 4 and 2^32 at 16. A key that is found gives the template itself, Pᵀc.
//! - **Revocation.** A new codeword and a new matrix, under which the old payload does not verify, but see above: whoever
//!   has both helpers has the template.
//! - **Measured** (`cargo test --workspace --test attack -- published --nocapture`) on 10 embeddings: two helpers of one capture
//!   give all templates away, in 18 tries on average at α = 2 (theory 16) and 375 at 4 (256); of two captures none in 300.
//! - **Sources.** Kim, Jeong, Kim, Kim, Lee and Seo 2021, "IronMask: Modular architecture for protecting deep face
//!   template", CVPR (construction, code, number of codewords); Zhu and Wang 2025 (the attack on several helpers).

mod code;
mod matrix;
mod regression;

use self::code::{Codeword, key_bits};
use self::matrix::Matrix;
use super::equality::{self, SALT_BYTES};
use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::{Parameters, variations};
use super::parts::{DeviceToken, Enrolment, HelperData};
use super::payload::QrPayload;
use super::reference::mean_real;
use crate::projection::project;
use crate::{Error, Template};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 3;
/// Entries of a codeword that tuning tries, from the most to the least permissive.
const NONZERO: [usize; 7] = [2, 3, 4, 6, 8, 12, 16];
const DIMENSION_MIN: usize = 64;
const DIMENSION_MAX: usize = 180;
/// Names the directions that a template with more numbers is projected on.
const DIRECTIONS_DOMAIN: &[u8] = b"biopay ironmask directions v1";

/// The parameters of `ironmask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct IronMaskParameters {
    /// Numbers of a template that are taken at most, 64 to 180.
    pub dimension: usize,
    /// Entries of a codeword that are not zero, 1 to 32.
    pub nonzero: usize,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme ironmask --enrol 3 --subjects 60`: 12 false non-matches in 180
/// and one false match in 10,620; by `--modality embedding --enrol 1 --captures 2 --subjects 300`: 43 in 300 and none in
/// 89,700.
impl Default for IronMaskParameters {
    fn default() -> Self {
        Self { dimension: 128, nonzero: 4 }
    }
}

impl Parameters for IronMaskParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(IronMask::new(*self)?))
    }

    fn candidates(&self) -> Vec<(String, Self)> {
        let named = NONZERO.map(|nonzero| (format!("{nonzero} entries"), nonzero));
        variations(self, named, |parameters, nonzero| parameters.nonzero = nonzero)
    }
}

/// The scheme that binds a codeword on the sphere to a template.
#[derive(Clone, Copy, Debug)]
pub struct IronMask {
    parameters: IronMaskParameters,
}

impl IronMask {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: IronMaskParameters) -> Result<Self, Error> {
        let IronMaskParameters { dimension, nonzero } = parameters;
        if (DIMENSION_MIN..=DIMENSION_MAX).contains(&dimension) && (1..=32).contains(&nonzero) {
            return Ok(Self { parameters });
        }
        let why = "there must be 64 to 180 numbers, and 1 to 32 entries that are not zero";
        Err(Error::Parameter { name: "ironmask sizes", why })
    }

    /// Returns a template's numbers that are taken, as a unit vector.
    fn taken<'t>(&self, real: &'t [f32]) -> Cow<'t, [f32]> {
        if real.len() <= self.parameters.dimension {
            return Cow::Borrowed(real);
        }
        let mut fixed = ChaCha20Rng::from_seed(Sha256::digest(DIRECTIONS_DOMAIN).into());
        let projected = project(real, self.parameters.dimension, &mut fixed);
        Cow::Owned(Template::new(projected, Vec::new()).real().to_vec())
    }

    fn payload(&self, salt: &[u8], size: usize, word: &Codeword) -> QrPayload {
        let shape = [size, self.parameters.nonzero].map(|n| (n as u16).to_le_bytes()).concat();
        equality::payload_of(SchemeId::IronMask, &[salt, &shape, &word.to_bytes()])
    }

    /// Searches for the template behind helpers of one subject's enrolments, two or more, and returns it with the tries that
    /// it took; `None` after so many tries. It has unit norm and either sign, in the dimension of the matrices.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a helper is not of this scheme.
    pub fn recover(
        &self,
        helpers: &[&HelperData],
        tries: u64,
        rng: &mut dyn Rng,
    ) -> Result<Option<(Vec<f32>, u64)>, Error> {
        let read = helpers.iter().map(|helper| Ok(read(&helper.0)?.1));
        let matrices: Vec<Matrix> = read.collect::<Result<_, Error>>()?;
        if matrices.len() < 2 || matrices.windows(2).any(|pair| pair[0].size() != pair[1].size()) {
            return Err(Error::Malformed { what: "ironmask helpers", why: "two or more of one size are needed" });
        }
        Ok(regression::recover(&matrices, self.parameters.nonzero, tries, rng))
    }
}

/// Writes version (1 byte), size (2, little-endian), salt (16) and the matrix (a byte an entry, row by row).
fn written(salt: &[u8; SALT_BYTES], matrix: &Matrix) -> HelperData {
    let mut bytes = vec![VERSION];
    bytes.extend((matrix.size() as u16).to_le_bytes());
    bytes.extend(salt);
    bytes.extend(matrix.to_bytes());
    HelperData(bytes)
}

/// Reads what [`written`] wrote.
fn read(bytes: &[u8]) -> Result<([u8; SALT_BYTES], Matrix), Error> {
    let malformed = |why| Error::Malformed { what: "ironmask helper data", why };
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(malformed("it is cut short"))?;
    let (salt, entries) = rest.split_first_chunk::<SALT_BYTES>().ok_or(malformed("it is cut short"))?;
    if header[0] != VERSION {
        return Err(malformed("its version is unknown"));
    }
    let size = usize::from(u16::from_le_bytes([header[1], header[2]]));
    let matrix = Matrix::from_bytes(entries, size).ok_or(malformed("its entries do not fill its matrix"))?;
    Ok((*salt, matrix))
}

impl Scheme for IronMask {
    fn id(&self) -> SchemeId {
        SchemeId::IronMask
    }

    fn key_bits(&self) -> Option<usize> {
        Some(key_bits(self.parameters.dimension, self.parameters.nonzero))
    }

    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let mean = mean_real(references)?;
        let template = self.taken(&mean);
        if template.len() < DIMENSION_MIN {
            return Err(Error::FailureToEnrol("the template has fewer numbers than a codeword needs"));
        }
        let salt = equality::salt(rng);
        let word = Codeword::draw(template.len(), self.parameters.nonzero, rng);
        let matrix = Matrix::leading(&template, &word.vector(template.len()), rng);
        Ok(Enrolment { payload: self.payload(&salt, template.len(), &word), helper: written(&salt, &matrix) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let (salt, matrix) = read(&helper.0)?;
        let template = self.taken(probe.real());
        if template.len() != matrix.size() || matrix.size() < DIMENSION_MIN {
            return Err(Error::Malformed { what: "ironmask helper data", why: "its matrix has another size" });
        }
        let word = Codeword::nearest(&matrix.times(&template), self.parameters.nonzero);
        Ok(self.payload(&salt, matrix.size(), &word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;

    fn scheme(nonzero: usize) -> IronMask {
        IronMask::new(IronMaskParameters { nonzero, ..Default::default() }).unwrap()
    }

    fn person(seed: u64, noise: f32, length: usize) -> Template {
        let (mut own, mut fresh) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(seed + 1_000));
        let value = |_| own.random_range(-1.0f32..1.0) + noise * fresh.random_range(-1.0f32..1.0);
        Template::new((0..length).map(value).collect(), Vec::new())
    }

    /// Counts the captures of 40 subjects that open their enrolment.
    fn opened(scheme: &IronMask, noise: f32, length: usize) -> usize {
        let opens = |seed: &u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(*seed);
            let enrolment = scheme.enrol(&[person(*seed, 0.0, length)], None, &mut rng).unwrap();
            scheme.derive(&person(*seed, noise, length), &enrolment.helper, None).unwrap() == enrolment.payload
        };
        (0..40).filter(opens).count()
    }

    #[test]
    fn the_same_template_opens_at_every_length_and_fewer_entries_tolerate_more() {
        for length in [100, 128, 256] {
            assert_eq!(opened(&scheme(16), 0.0, length), 40, "{length} numbers");
        }
        let (few, many) = (opened(&scheme(2), 0.9, 128), opened(&scheme(16), 0.9, 128));
        assert!(few > 30 && many < 10, "{few} {many}");
        assert_eq!(opened(&scheme(16), 0.2, 128), 40);
    }

    #[test]
    fn two_helpers_of_one_template_give_it_away_and_those_of_two_people_do_not() {
        let (scheme, mut rng) = (scheme(4), ChaCha8Rng::seed_from_u64(1));
        let mut helper = |seed| scheme.enrol(&[person(seed, 0.0, 128)], None, &mut rng).unwrap().helper;
        let [a, b, other] = [helper(1), helper(1), helper(2)];
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        // 2^8 tries on average: 4,000 fail with 2e-7.
        let (found, tries) = scheme.recover(&[&a, &b], 4_000, &mut rng).unwrap().expect("the template is found");
        assert!(Template::new(found, Vec::new()).cosine(&person(1, 0.0, 128)).abs() > 0.98, "after {tries}");
        assert!(scheme.recover(&[&a, &other], 200, &mut rng).unwrap().is_none());
        assert!(scheme.recover(&[&a], 1, &mut rng).is_err());
    }

    #[test]
    fn impossible_parameters_are_refused() {
        for (dimension, nonzero) in [(63, 4), (181, 4), (128, 0), (128, 33)] {
            assert!(IronMask::new(IronMaskParameters { dimension, nonzero }).is_err());
        }
    }
}
