//! The `polyprotect` scheme: polynomials of an embedding's neighbouring elements, with a subject's own integers.
//!
//! - **Construction.** Sets of m consecutive elements v, each set beginning m - o elements after the one before it, give
//!   one protected element c₁v^e₁ + ... + c_m v^e_m each. The coefficients c are distinct integers and not zero, the
//!   exponents e a permutation of 1 to m; both are drawn from SHA-256(domain, salt, device token). The last set is filled up
//!   with zeros. The payload is the protected elements at 8 bits each; accepted when 1 - θ/π reaches the threshold, at the
//!   angle θ between two of them, which is the published cosine on the scale of the other schemes.
//! - **Parameters.** Terms m, the largest coefficient, the overlap o of sets, the threshold. Published: m = 5, -50 to 50,
//!   overlaps of 0 to 4; more overlap keeps more of the embedding.
//! - **Key bits.** None: the security is that of the comparison, -log2 FMR, while the token is secret.
//! - **What is public.** The salt. With payload and token each element is one equation in m numbers: all of them together
//!   give a vector near the embedding ([`PolyProtect::recover`]), the nearer the more they overlap, and several payloads of
//!   one subject give the embedding itself. Payloads alone can be linked where the embedding has unit norm: its elements
//!   are so small that the term with exponent 1 outweighs the others, and a payload is the embedding, shifted and scaled.
//! - **Revocation.** A new token or salt gives other integers. For the same reason one record in ten at m = 5, whose term
//!   with exponent 1 stands where it stood and keeps its sign, still accepts the old payload.
//! - **Measured** (`cargo test --workspace --test attack -- published linkage --nocapture`) on 40 embeddings, cosine to the
//!   enrolled capture from one payload and its token .42, .48, .55, .68 and .98 at overlaps of 0 to 4, from four payloads of one
//!   capture .78 to 1.00, of four captures .54 to .84; an embedding matches at .39. Without a token .035. Of 100 subjects 96
//!   are linked at rank one without a token.
//! - **Sources.** Hahn and Marcel 2022, "Towards protecting face embeddings in mobile face verification scenarios", IEEE
//!   T-BIOM (construction, parameters, number of elements); Hahn, Maceiras and Marcel, "A deeper dive into the
//!   irreversibility of PolyProtect" (inversion by numerical solvers).

mod inversion;
mod transform;

use self::inversion::{Leaked, recover};
use self::transform::{Secrets, transform};
use super::id::SchemeId;
use super::interface::Scheme;
use super::keyed::KeyedHelper;
use super::parameters::{Parameters, threshold_above};
use super::parts::{ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse};
use super::payload::QrPayload;
use super::reference::mean_real;
use super::symbols::PayloadSymbols;
use super::threshold::{self, BITS_MAX, Similarity, bits_of, body_of};
use crate::{BitString, Error, Template};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bits of a protected element in a payload.
const ELEMENT_BITS: usize = 8;
/// Levels of an element up to the largest coefficient. An element's deviation is that coefficient times 0.58/√n for n numbers
/// of a unit vector, so that levels reach to six deviations at 128 numbers, and a level is a twentieth of one.
const LEVELS: f32 = 400.0;
const ZERO_LEVEL: f32 = 128.0;
/// The similarity of two payloads without a relation: 1 - θ/π at a right angle.
const CHANCE: f32 = 0.5;
const TERMS_MAX: usize = 8;
const COEFFICIENT_MAX: usize = 1_000;
const HEADER_BYTES: usize = 2;

/// The parameters of `polyprotect`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolyProtectParameters {
    /// Terms of a polynomial, 2 to 8.
    pub terms: usize,
    /// The largest coefficient, at least the number of terms.
    pub coefficient_max: u16,
    /// Elements that neighbouring sets share, fewer than the terms.
    pub overlap: usize,
    /// The least similarity that is accepted, above 0.5 and at most 1.
    pub threshold: f32,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme polyprotect --enrol 3 --subjects 60`, the token known: an EER
/// of 1.67 % (180 mated, 10,620 non-mated comparisons); at this threshold 9 false non-matches and 51 false matches, which
/// come from few records: where the coefficient of exponent 1 is drawn near zero, squares outweigh it, which have one sign.
impl Default for PolyProtectParameters {
    fn default() -> Self {
        Self { terms: 5, coefficient_max: 50, overlap: 4, threshold: 0.68 }
    }
}

impl Parameters for PolyProtectParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(PolyProtect::new(*self)?))
    }

    /// Measured by `biopay evaluate --modality embedding --scheme polyprotect --enrol 1 --captures 2 --subjects 600`: FNMR
    /// 5.8 % at an FMR of 10^-3 and 11.3 % at 10^-4 (600 mated, 359,400 non-mated comparisons), which is this threshold.
    fn for_embeddings() -> Self {
        Self { threshold: 0.677, ..Self::default() }
    }

    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        self.threshold = threshold_above(CHANCE, threshold);
        Some(self.threshold)
    }
}

/// The scheme that presents polynomials of an embedding's elements and compares them within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct PolyProtect {
    parameters: PolyProtectParameters,
}

impl PolyProtect {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: PolyProtectParameters) -> Result<Self, Error> {
        let PolyProtectParameters { terms, coefficient_max, overlap, threshold } = parameters;
        let in_range = (2..=TERMS_MAX).contains(&terms) && overlap < terms;
        if !in_range || !(terms..=COEFFICIENT_MAX).contains(&usize::from(coefficient_max)) {
            let why = "there must be 2 to 8 terms, a smaller overlap, and a coefficient of as many up to 1000";
            return Err(Error::Parameter { name: "polyprotect sizes", why });
        }
        if !(threshold > CHANCE && threshold <= 1.0) {
            return Err(Error::Parameter { name: "polyprotect threshold", why: "it must be above 0.5 and at most 1" });
        }
        Ok(Self { parameters })
    }

    /// Returns the step of an element's levels.
    fn step(&self) -> f32 {
        f32::from(self.parameters.coefficient_max) / LEVELS
    }

    fn secrets(&self, helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<Secrets, Error> {
        let p = &self.parameters;
        let mut stream = helper.stream(SchemeId::PolyProtect, token)?;
        Ok(Secrets::draw(p.terms, p.coefficient_max.into(), &mut stream))
    }

    fn payload(&self, real: &[f32], helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let elements = transform(real, &self.secrets(helper, token)?, self.parameters.overlap);
        if elements.is_empty() || elements.len() * ELEMENT_BITS > BITS_MAX {
            return Err(Error::FailureToEnrol("the template's number of elements is out of range"));
        }
        let bits = packed(&elements, self.step());
        if is_zero(&bits) {
            return Err(Error::FailureToEnrol("the template's protected elements are all zero"));
        }
        Ok(QrPayload { scheme: SchemeId::PolyProtect, body: body_of(&bits) })
    }

    /// Returns the vector of `dimension` numbers that is likeliest behind payloads of one subject, each with its helper and
    /// token: the inversion of one or of several leaked transforms. `deviation` is that of their elements, as by different
    /// captures; `None` takes the payloads as of one capture.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a part is not of this scheme; [`Error::MissingToken`].
    pub fn recover(
        &self,
        leaked: &[(&Enrolment, Option<&DeviceToken>)],
        dimension: usize,
        deviation: Option<f32>,
    ) -> Result<Vec<f32>, Error> {
        let read = |(enrolment, token): &(&Enrolment, Option<&DeviceToken>)| {
            let secrets = self.secrets(&KeyedHelper::from_bytes(&enrolment.helper.0)?, *token)?;
            Ok((unpacked(&bits_of(self, &enrolment.payload)?, self.step()), secrets))
        };
        let read: Vec<(Vec<f32>, Secrets)> = leaked.iter().map(read).collect::<Result<_, Error>>()?;
        let parts: Vec<_> = read.iter().map(|(elements, secrets)| Leaked { elements, secrets }).collect();
        Ok(recover(&parts, self.parameters.overlap, dimension, deviation.unwrap_or(self.step())))
    }
}

/// Packs protected elements as levels of a step.
fn packed(elements: &[f32], step: f32) -> BitString {
    let level = |element: &f32| ((element / step).round() + ZERO_LEVEL).clamp(0.0, f32::from(u8::MAX)) as u8;
    BitString::from_bits(
        elements.iter().map(level).flat_map(|level| (0..ELEMENT_BITS).map(move |i| level >> i & 1 == 1)),
    )
}

/// Unpacks what [`packed`] packed.
fn unpacked(bits: &BitString, step: f32) -> Vec<f32> {
    let level =
        |element: usize| (0..ELEMENT_BITS).map(|i| u32::from(bits.bit(element * ELEMENT_BITS + i)) << i).sum::<u32>();
    (0..bits.len() / ELEMENT_BITS).map(|element| (level(element) as f32 - ZERO_LEVEL) * step).collect()
}

/// Returns whether all elements are zero, which compare with nothing.
fn is_zero(bits: &BitString) -> bool {
    unpacked(bits, 1.0).iter().all(|&element| element == 0.0)
}

impl Scheme for PolyProtect {
    fn id(&self) -> SchemeId {
        SchemeId::PolyProtect
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Threshold(self.parameters.threshold)
    }

    fn symbols(&self, payload: &QrPayload) -> Option<PayloadSymbols> {
        let count = PayloadSymbols::number(payload, 0)? / ELEMENT_BITS;
        Some(PayloadSymbols { header_bytes: HEADER_BYTES, bits: ELEMENT_BITS, values: 1 << ELEMENT_BITS, count })
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

    /// The vector that is likeliest behind the payload.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, dimension: usize) -> Option<Vec<f32>> {
        self.recover(&[(enrolment, token)], dimension, None).ok()
    }

    /// The largest cosine of the two payloads, of either sign, when one is shifted by fewer elements than a set has: a unit
    /// vector's elements are so small that the term with exponent 1 nearly is the protected element, whatever the integers.
    fn link_payloads(&self, a: &QrPayload, b: &QrPayload) -> Option<f32> {
        let [a, b] = [bits_of(self, a).ok()?, bits_of(self, b).ok()?].map(|bits| unpacked(&bits, self.step()));
        let shifts = 0..self.parameters.terms.min(a.len()).min(b.len());
        let best = shifts.flat_map(|shift| [cosine(&a[shift..], &b), cosine(&a, &b[shift..])]);
        Some(best.map(f32::abs).fold(0.0, f32::max))
    }
}

impl Similarity for PolyProtect {
    fn threshold(&self) -> f32 {
        self.parameters.threshold
    }

    fn bits(&self, body: &[u8]) -> Result<BitString, Error> {
        let bits = threshold::parse("polyprotect payload", body)?;
        if !bits.len().is_multiple_of(ELEMENT_BITS) {
            return Err(Error::Malformed { what: "polyprotect payload", why: "its last element is cut short" });
        }
        if is_zero(&bits) {
            return Err(Error::Malformed { what: "polyprotect payload", why: "its elements are all zero" });
        }
        Ok(bits)
    }

    fn similarity(&self, a: &BitString, b: &BitString) -> f32 {
        1.0 - libm::acosf(cosine(&unpacked(a, 1.0), &unpacked(b, 1.0)).clamp(-1.0, 1.0)) / std::f32::consts::PI
    }
}

/// Returns the cosine of the part that both vectors have.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let shared = a.len().min(b.len());
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f32>();
    let (a, b) = (&a[..shared], &b[..shared]);
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn scheme(overlap: usize) -> PolyProtect {
        PolyProtect::new(PolyProtectParameters { overlap, ..Default::default() }).unwrap()
    }

    fn person(seed: u64) -> Template {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Template::new((0..128).map(|_| rng.random_range(-1.0f32..1.0)).collect(), Vec::new())
    }

    #[test]
    fn elements_are_packed_to_half_a_step() {
        let elements = [0.0, 1.0, -1.0, 15.8, -15.9, 0.1875];
        let back = unpacked(&packed(&elements, 0.125), 0.125);
        assert!(elements.iter().zip(&back).all(|(a, b)| (a - b).abs() <= 0.0625), "{back:?}");
        // What lies beyond is brought to the last level.
        assert_eq!(unpacked(&packed(&[99.0, -99.0], 0.125), 0.125), [15.875, -16.0]);
    }

    #[test]
    fn a_payload_and_its_token_give_the_embedding_away_the_more_the_sets_overlap() {
        let own = DeviceToken([1; 32]);
        let cosines: Vec<f32> = (0..5)
            .map(|overlap| {
                let scheme = scheme(overlap);
                let mean = |seed: u64| {
                    let mut rng = ChaCha8Rng::seed_from_u64(seed);
                    let enrolment = scheme.enrol(&[person(seed)], Some(&own), &mut rng).unwrap();
                    Template::new(scheme.invert(&enrolment, Some(&own), 128).unwrap(), Vec::new()).cosine(&person(seed))
                };
                (0..10).map(mean).sum::<f32>() / 10.0
            })
            .collect();
        assert!(cosines[0] > 0.35 && cosines[0] < 0.7, "{cosines:?}");
        assert!(cosines[4] > 0.9, "{cosines:?}");
        assert!(cosines.windows(2).all(|pair| pair[1] > pair[0] - 0.05), "{cosines:?}");
    }

    #[test]
    fn another_tokens_integers_lead_elsewhere() {
        let (scheme, [own, other]) = (scheme(4), [DeviceToken([1; 32]), DeviceToken([2; 32])]);
        let enrolment = scheme.enrol(&[person(1)], Some(&own), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let found = scheme.invert(&enrolment, Some(&other), 128).unwrap();
        // Unrelated unit vectors: 0 ± 0.09.
        assert!(Template::new(found, Vec::new()).cosine(&person(1)).abs() < 0.45);
        assert_eq!(scheme.derive(&person(1), &enrolment.helper, None), Err(Error::MissingToken));
    }

    #[test]
    fn payloads_under_different_tokens_are_linked_and_those_of_others_are_not() {
        let scheme = scheme(4);
        let enrolled = |subject: u64, seed: u64| {
            let token = DeviceToken([seed as u8; 32]);
            scheme.enrol(&[person(subject)], Some(&token), &mut ChaCha8Rng::seed_from_u64(seed)).unwrap().payload
        };
        let mean = |score: &dyn Fn(u64) -> f32| (0..20).map(score).sum::<f32>() / 20.0;
        let mated = mean(&|s| scheme.link_payloads(&enrolled(s, s + 1), &enrolled(s, s + 101)).unwrap());
        let non_mated = mean(&|s| scheme.link_payloads(&enrolled(s, s + 1), &enrolled(s + 50, s + 101)).unwrap());
        // The largest of nine absolute cosines of unrelated vectors is about 0.17.
        assert!(mated > 0.6 && non_mated < 0.3, "{mated} {non_mated}");
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let good = PolyProtectParameters::default();
        for bad in [
            PolyProtectParameters { terms: 1, overlap: 0, ..good },
            PolyProtectParameters { terms: 9, ..good },
            PolyProtectParameters { overlap: 5, ..good },
            PolyProtectParameters { coefficient_max: 4, ..good },
            PolyProtectParameters { threshold: 0.5, ..good },
            PolyProtectParameters { threshold: f32::NAN, ..good },
        ] {
            assert!(PolyProtect::new(bad).is_err(), "{bad:?}");
        }
    }
}
