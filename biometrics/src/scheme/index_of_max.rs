//! The `index-of-max` scheme: in each of many keyed groups of values, which one is the largest.
//!
//! - **Construction.** *Gaussian* (GRP): each group projects the real-valued template on q pseudo-random directions.
//!   *Permutation* (URP): each group multiplies the first q values of p random permutations of the template, element by
//!   element. Either way the group gives the index of its largest value. Both are drawn from SHA-256(domain, salt,
//!   device token). Accepted when the share of equal indices reaches the threshold. *Rotated permutation*, ours: the
//!   template is first projected on four times as many public directions, the same for everybody, so that no element
//!   outweighs the others and a product of elements says more than their signs' product.
//! - **Parameters.** Variant, groups m, group size q, permutations p, threshold. Directions come as fast rotations
//!   rather than as independent Gaussian vectors; within a group they are orthogonal.
//! - **Key bits.** None: the security is that of the comparison, -log2 FMR; it does not rest on the token alone,
//!   because ranks of projections keep no magnitude, but a token that is known brings the unprotected template's FMR.
//! - **What is public.** The salt. The payload ranks projections: with the token known, m inequalities over the
//!   template's directions, from which a similar template is found (Ghammam et al. 2020).
//! - **Revocation.** A new token or salt gives unrelated indices: an old payload then agrees in 1/q of them.
//! - **Sources.** Jin, Hwang, Lai, Kim and Teoh 2018, "Ranking-based locality sensitive hashing-enabled cancelable
//!   biometrics: index-of-max hashing".

use super::id::SchemeId;
use super::interface::Scheme;
use super::keyed::KeyedHelper;
use super::parameters::{Parameters, threshold_above};
use super::parts::{ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse};
use super::payload::QrPayload;
use super::reference::mean_real;
use super::symbols::PayloadSymbols;
use super::threshold::{self, Similarity, bits_of};
use crate::projection::{project, project_back};
use crate::{BitString, Error, Template};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const GROUPS_MAX: usize = 2_048;
const GROUP_SIZE_MAX: usize = 256;
const PERMUTATIONS_MAX: usize = 8;
const HEADER_BYTES: usize = 4;
/// Names the rotation before the permutations, and how many times the template's length it gives.
const ROTATION_DOMAIN: &[u8] = b"biopay index-of-max rotation v1";
const EXPANSION: usize = 4;

/// The way in which a group's values are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexVariant {
    /// Random projections (GRP).
    Gaussian,
    /// Products of randomly permuted elements (URP), as published.
    Permutation,
    /// The same, of four public rotations of the template.
    RotatedPermutation,
}

/// The parameters of `index-of-max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct IndexOfMaxParameters {
    /// How a group's values are made.
    pub variant: IndexVariant,
    /// Groups, 16 to 2,048.
    pub groups: usize,
    /// Values in a group, 2 to 256.
    pub group_size: usize,
    /// Permutations that are multiplied, 1 to 8; the Gaussian variant has no use for it.
    pub permutations: usize,
    /// The least share of equal indices that is accepted, above 1/q and at most 1.
    pub threshold: f32,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme all --subjects 60`, the token known, three captures at
/// enrolment: an EER of 1.21 % (180 mated, 10,620 non-mated comparisons); at this threshold 9 false non-matches and no
/// false match. Another variant or group size needs a threshold of its own: `biopay tune` finds it.
impl Default for IndexOfMaxParameters {
    fn default() -> Self {
        Self { variant: IndexVariant::Gaussian, groups: 512, group_size: 16, permutations: 2, threshold: 0.26 }
    }
}

impl IndexOfMaxParameters {
    /// Bits of an index.
    fn index_bits(&self) -> usize {
        self.group_size.next_power_of_two().ilog2() as usize
    }

    /// The share of indices that agree by chance.
    fn chance(&self) -> f32 {
        1.0 / self.group_size as f32
    }

    fn check(&self) -> Result<(), Error> {
        let in_range = (16..=GROUPS_MAX).contains(&self.groups)
            && (2..=GROUP_SIZE_MAX).contains(&self.group_size)
            && (1..=PERMUTATIONS_MAX).contains(&self.permutations);
        if !in_range {
            let why = "there must be 16 to 2048 groups of 2 to 256 values, and 1 to 8 permutations";
            return Err(Error::Parameter { name: "index-of-max sizes", why });
        }
        if !(self.threshold > self.chance() && self.threshold <= 1.0) {
            let why = "it must be above 1 divided by the group's size (the share by chance) and at most 1";
            return Err(Error::Parameter { name: "index-of-max threshold", why });
        }
        Ok(())
    }
}

impl Parameters for IndexOfMaxParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(IndexOfMax::new(*self)?))
    }

    fn for_embeddings() -> Self {
        Self { groups: 1_280, group_size: 4, threshold: 0.413, ..Self::default() }
    }

    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        self.threshold = threshold_above(self.chance(), threshold);
        Some(self.threshold)
    }
}

/// The scheme that presents indices of maxima and compares them within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct IndexOfMax {
    parameters: IndexOfMaxParameters,
}

impl IndexOfMax {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: IndexOfMaxParameters) -> Result<Self, Error> {
        parameters.check()?;
        Ok(Self { parameters })
    }

    fn payload(&self, real: &[f32], helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        if real.is_empty() {
            return Err(Error::Malformed { what: "template", why: "it has no real-valued form" });
        }
        let mut stream = helper.stream(SchemeId::IndexOfMax, token)?;
        let indices = match self.parameters.variant {
            IndexVariant::Gaussian => self.projected(real, &mut stream),
            IndexVariant::Permutation => self.permuted(real, &mut stream),
            IndexVariant::RotatedPermutation => self.permuted(&rotated(real), &mut stream),
        };
        Ok(QrPayload { scheme: SchemeId::IndexOfMax, body: self.body(&indices) })
    }

    fn projected(&self, real: &[f32], stream: &mut ChaCha20Rng) -> Vec<usize> {
        let p = &self.parameters;
        project(real, p.groups * p.group_size, stream).chunks_exact(p.group_size).map(largest).collect()
    }

    fn permuted(&self, real: &[f32], stream: &mut ChaCha20Rng) -> Vec<usize> {
        let size = self.parameters.group_size;
        let mut order: Vec<usize> = (0..real.len()).collect();
        let group = |_| {
            let mut product = vec![1.0f32; size.min(real.len())];
            for _ in 0..self.parameters.permutations {
                let (first, _) = order.partial_shuffle(stream, product.len());
                product.iter_mut().zip(first).for_each(|(value, &mut i)| *value *= real[i]);
            }
            largest(&product)
        };
        (0..self.parameters.groups).map(group).collect()
    }

    /// Writes groups (2 bytes, little-endian), group size (2 bytes) and the packed indices.
    fn body(&self, indices: &[usize]) -> Vec<u8> {
        let p = &self.parameters;
        let mut body = Vec::with_capacity(HEADER_BYTES + p.groups);
        [p.groups, p.group_size].iter().for_each(|&n| body.extend((n as u16).to_le_bytes()));
        let bits = indices.iter().flat_map(|&index| (0..p.index_bits()).map(move |i| index >> i & 1 == 1));
        body.extend(BitString::from_bits(bits).to_bytes());
        body
    }
}

impl Scheme for IndexOfMax {
    fn id(&self) -> SchemeId {
        SchemeId::IndexOfMax
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Threshold(self.parameters.threshold)
    }

    fn symbols(&self, payload: &QrPayload) -> Option<PayloadSymbols> {
        let (count, values) = (PayloadSymbols::number(payload, 0)?, PayloadSymbols::number(payload, 2)?);
        let bits = values.next_power_of_two().ilog2() as usize;
        Some(PayloadSymbols { header_bytes: 4, bits, values, count })
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Keys
    }

    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let helper = KeyedHelper::draw(token, rng);
        let payload = self.payload(&mean_real(references)?, &helper, token)?;
        Ok(Enrolment { payload, helper: HelperData(helper.to_bytes()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        self.payload(probe.real(), &KeyedHelper::from_bytes(&helper.0)?, token)
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        threshold::record_of(self, payload)
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        threshold::verify(self, record, payload)
    }

    /// The largest direction of each Gaussian group, less the mean of the others. Products of permuted elements tell
    /// magnitudes but no signs, and are not inverted here.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, dimension: usize) -> Option<Vec<f32>> {
        let p = &self.parameters;
        if p.variant != IndexVariant::Gaussian {
            return None;
        }
        let helper = KeyedHelper::from_bytes(&enrolment.helper.0).ok()?;
        let packed = bits_of(self, &enrolment.payload).ok()?;
        let index = |group: usize| {
            (0..p.index_bits()).map(|i| usize::from(packed.bit(group * p.index_bits() + i)) << i).sum::<usize>()
        };
        let others = -1.0 / (p.group_size - 1) as f32;
        let mut weights = vec![others; p.groups * p.group_size];
        (0..p.groups).for_each(|group| weights[group * p.group_size + index(group).min(p.group_size - 1)] = 1.0);
        Some(project_back(&weights, dimension, &mut helper.stream(SchemeId::IndexOfMax, token).ok()?))
    }
}

impl Similarity for IndexOfMax {
    fn threshold(&self) -> f32 {
        self.parameters.threshold
    }

    fn bits(&self, body: &[u8]) -> Result<BitString, Error> {
        let malformed = |why| Error::Malformed { what: "index-of-max payload", why };
        let p = &self.parameters;
        let (header, packed) = body.split_first_chunk::<HEADER_BYTES>().ok_or(malformed("it is cut short"))?;
        let number = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        if (number(0), number(2)) != (p.groups, p.group_size) {
            return Err(malformed("it has another number of groups, or groups of another size"));
        }
        let length = p.groups * p.index_bits();
        BitString::from_bytes(packed, length).ok_or(malformed("its bytes do not match its indices"))
    }

    /// Returns the share of equal indices.
    fn similarity(&self, a: &BitString, b: &BitString) -> f32 {
        let (difference, width) = (a.xor(b), self.parameters.index_bits());
        let differs = |group: &usize| (0..width).any(|i| difference.bit(group * width + i));
        let differing = (0..self.parameters.groups).filter(differs).count();
        1.0 - differing as f32 / self.parameters.groups as f32
    }
}

/// Projects a real-valued form on public directions, four times as many as it has elements.
fn rotated(real: &[f32]) -> Vec<f32> {
    project(real, EXPANSION * real.len(), &mut ChaCha20Rng::from_seed(Sha256::digest(ROTATION_DOMAIN).into()))
}

/// Returns the index of the largest value, the first one on a tie.
fn largest(values: &[f32]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;

    const VARIANTS: [IndexVariant; 3] =
        [IndexVariant::Gaussian, IndexVariant::Permutation, IndexVariant::RotatedPermutation];

    fn scheme(variant: IndexVariant, group_size: usize) -> IndexOfMax {
        IndexOfMax::new(IndexOfMaxParameters { variant, group_size, threshold: 0.6, ..Default::default() }).unwrap()
    }

    fn template(seed: u64, noise: f32) -> Template {
        let (mut own, mut fresh) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(seed + 1_000));
        let value = |_| own.random_range(-1.0f32..1.0) + noise * fresh.random_range(-1.0f32..1.0);
        Template::new((0..256).map(value).collect(), Vec::new())
    }

    fn score(scheme: &IndexOfMax, a: &Template, b: &Template) -> f32 {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let enrolment = scheme.enrol(std::slice::from_ref(a), None, &mut rng).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        let payload = scheme.derive(b, &enrolment.helper, None).unwrap();
        scheme.verify(&record, &payload).score.unwrap()
    }

    #[test]
    fn the_same_template_agrees_wholly_a_near_one_mostly_and_another_by_chance() {
        for variant in VARIANTS {
            let scheme = scheme(variant, 16);
            assert_eq!(score(&scheme, &template(1, 0.0), &template(1, 0.0)), 1.0);
            assert!(score(&scheme, &template(1, 0.0), &template(1, 0.3)) > 0.45, "{variant:?}");
            // 1/16 +- 0.011: five standard deviations, 6e-7.
            let by_chance = score(&scheme, &template(1, 0.0), &template(2, 0.0));
            assert!((by_chance - 0.0625).abs() < 0.055, "{variant:?}: {by_chance}");
        }
    }

    #[test]
    fn two_directions_of_correlated_templates_agree_as_their_angle_says() {
        // With two values a group, the larger one is the sign of a projection on their difference: 1 - acos(rho)/pi.
        let scheme = scheme(IndexVariant::Gaussian, 2);
        let (a, b) = (template(1, 0.0), template(1, 0.8));
        let expected = 1.0 - a.cosine(&b).acos() / std::f32::consts::PI;
        // 512 groups: a standard deviation of at most 0.022, four of them.
        assert!((score(&scheme, &a, &b) - expected).abs() < 0.09);
    }

    #[test]
    fn the_published_permutations_take_elements_as_they_are() {
        // The known answer of the published procedure: the largest product of the first q values of p permutations.
        let parameters = IndexOfMaxParameters {
            variant: IndexVariant::Permutation,
            groups: 16,
            group_size: 8,
            ..Default::default()
        };
        let scheme = IndexOfMax::new(parameters).unwrap();
        let real: Vec<f32> = (0..20).map(|i| ((i * 7) % 20) as f32 - 9.5).collect();
        let found = scheme.permuted(&real, &mut ChaCha20Rng::from_seed([1; 32]));
        let mut stream = ChaCha20Rng::from_seed([1; 32]);
        let mut order: Vec<usize> = (0..20).collect();
        for index in found {
            let [a, b] = [(); 2].map(|()| order.partial_shuffle(&mut stream, 8).0.to_vec());
            let product = |i: usize| real[a[i]] * real[b[i]];
            assert!((0..8).all(|i| product(i) <= product(index)));
        }
    }

    #[test]
    fn another_salt_gives_unrelated_indices() {
        for variant in VARIANTS {
            let (scheme, mut rng) = (scheme(variant, 16), ChaCha8Rng::seed_from_u64(6));
            let [old, new] = [(); 2].map(|()| scheme.enrol(&[template(3, 0.0)], None, &mut rng).unwrap());
            let record = scheme.record(&new.payload).unwrap();
            assert!(scheme.verify(&record, &old.payload).score.unwrap() < 0.12);
        }
    }

    #[test]
    fn payload_and_token_give_the_template_away() {
        // Ghammam et al. 2020 state a cosine of 0.88 for their inversion.
        let (scheme, mut rng) = (scheme(IndexVariant::Gaussian, 16), ChaCha8Rng::seed_from_u64(9));
        let enrolment = scheme.enrol(&[template(4, 0.0)], None, &mut rng).unwrap();
        let found = Template::new(scheme.invert(&enrolment, None, 256).unwrap(), Vec::new());
        let cosine = found.cosine(&template(4, 0.0));
        assert!(cosine > 0.85, "{cosine}");
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let good = IndexOfMaxParameters::default();
        for bad in [
            IndexOfMaxParameters { groups: 15, ..good },
            IndexOfMaxParameters { group_size: 1, ..good },
            IndexOfMaxParameters { permutations: 9, ..good },
            IndexOfMaxParameters { threshold: 0.06, ..good },
        ] {
            assert!(IndexOfMax::new(bad).is_err());
        }
    }
}
