//! The `biohash` scheme: signs or levels of the template's projections on orthonormal directions that a token keys.
//!
//! - **Construction.** The real-valued template is projected on pseudo-random orthonormal directions, drawn from
//!   SHA-256(domain, salt, device token); the payload is the signs, or at more bits a projection the levels. Two
//!   templates of correlation ρ agree in a share of 1 - acos(ρ)/π of the signs on average, and that is what levels are
//!   compared by; accepted when it reaches the threshold.
//! - **Parameters.** The number of bits, and of them a projection; beyond the template's dimension projections come
//!   from several independent rotations; the threshold.
//! - **Key bits.** None: the security is that of the comparison, -log2 FMR, while the token is secret; with the
//!   token known it is that of the unprotected template.
//! - **What is public.** The salt. Whoever holds payload and token recovers the template's direction to within the
//!   agreement's precision.
//! - **Revocation.** A new token or salt gives unrelated bits: an old payload then agrees in half of them.
//! - **Sources.** Jin, Ling and Goh 2004 (BioHashing); Kong et al. 2006 (what is left of it when the token is stolen);
//!   Charikar 2002 (the agreement's expectation); Teoh, Kuan and Lee 2008 (more than one bit a projection).

use super::id::SchemeId;
use super::interface::Scheme;
use super::keyed::KeyedHelper;
use super::parameters::{Parameters, threshold_above};
use super::parts::{ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse};
use super::payload::QrPayload;
use super::quantiser::Quantiser;
use super::reference::mean_real;
use super::symbols::PayloadSymbols;
use super::threshold::{
    self, BITS_MAX, EMBEDDING_DEPTH, EMBEDDING_NUMBERS, EMBEDDING_THRESHOLD, Similarity, bits_of, body_of,
};
use crate::projection::{project, project_back};
use crate::{BitString, Error, Template};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The parameters of `biohash`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BioHashParameters {
    /// Bits of a payload, 64 to 4,096 and a multiple of the depth.
    pub bits: usize,
    /// Bits of a projection, 1 to 8: one is its sign.
    pub depth: usize,
    /// The least similarity that is accepted, above 0.5 and at most 1.
    pub threshold: f32,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme all --subjects 60`, the token known, three captures at
/// enrolment: an EER of 1.67 % (180 mated, 10,620 non-mated comparisons); at this threshold 9 false non-matches and one
/// false match.
impl Default for BioHashParameters {
    fn default() -> Self {
        Self { bits: 1_024, depth: 1, threshold: 0.68 }
    }
}

/// The share of signs that agree by chance.
const CHANCE: f32 = 0.5;

impl Parameters for BioHashParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(BioHash::new(*self)?))
    }

    fn for_embeddings() -> Self {
        Self { bits: EMBEDDING_NUMBERS * EMBEDDING_DEPTH, depth: EMBEDDING_DEPTH, threshold: EMBEDDING_THRESHOLD }
    }

    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        self.threshold = threshold_above(CHANCE, threshold);
        Some(self.threshold)
    }
}

/// The scheme that presents keyed projections and compares them within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct BioHash {
    parameters: BioHashParameters,
    quantiser: Quantiser,
}

impl BioHash {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: BioHashParameters) -> Result<Self, Error> {
        let quantiser = Quantiser::new("biohash depth", parameters.depth)?;
        if !(64..=BITS_MAX).contains(&parameters.bits) || !parameters.bits.is_multiple_of(parameters.depth) {
            return Err(Error::Parameter {
                name: "biohash bits",
                why: "it must be 64 to 4096, a multiple of the depth",
            });
        }
        if !(parameters.threshold > 0.5 && parameters.threshold <= 1.0) {
            return Err(Error::Parameter { name: "biohash threshold", why: "it must be above 0.5 and at most 1" });
        }
        Ok(Self { parameters, quantiser })
    }

    fn payload(&self, real: &[f32], helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let outputs = self.parameters.bits / self.parameters.depth;
        let mut projected = project(real, outputs, &mut helper.stream(SchemeId::BioHash, token)?);
        // A unit vector's projections have a mean square of one over its length.
        let scale = (real.len() as f32).sqrt();
        projected.iter_mut().for_each(|x| *x *= scale);
        Ok(QrPayload { scheme: SchemeId::BioHash, body: body_of(&self.quantiser.encode(&projected)) })
    }
}

impl Scheme for BioHash {
    fn id(&self) -> SchemeId {
        SchemeId::BioHash
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Threshold(self.parameters.threshold)
    }

    fn symbols(&self, payload: &QrPayload) -> Option<PayloadSymbols> {
        threshold::symbols_of(payload)
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

    /// The directions, each with its sign or level: at 1,024 signs of 128 dimensions the cosine to the truth is 0.97.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, dimension: usize) -> Option<Vec<f32>> {
        let helper = KeyedHelper::from_bytes(&enrolment.helper.0).ok()?;
        let weights = self.quantiser.decode(&bits_of(self, &enrolment.payload).ok()?);
        Some(project_back(&weights, dimension, &mut helper.stream(SchemeId::BioHash, token).ok()?))
    }
}

impl Similarity for BioHash {
    fn threshold(&self) -> f32 {
        self.parameters.threshold
    }

    fn bits(&self, body: &[u8]) -> Result<BitString, Error> {
        let bits = threshold::parse("biohash payload", body)?;
        if bits.len() != self.parameters.bits {
            return Err(Error::Malformed { what: "biohash payload", why: "it has another number of bits" });
        }
        Ok(bits)
    }

    fn similarity(&self, a: &BitString, b: &BitString) -> f32 {
        self.quantiser.similarity(a, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn scheme(bits: usize) -> BioHash {
        of_depth(bits, 1)
    }

    fn of_depth(bits: usize, depth: usize) -> BioHash {
        BioHash::new(BioHashParameters { bits, depth, threshold: 0.7 }).unwrap()
    }

    fn template(real: Vec<f32>) -> Template {
        Template::new(real, Vec::new())
    }

    fn score(scheme: &BioHash, a: &Template, b: &Template, tokens: [Option<&DeviceToken>; 2], seed: u64) -> f32 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let enrolment = scheme.enrol(std::slice::from_ref(a), tokens[0], &mut rng).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        let payload = scheme.derive(b, &enrolment.helper, tokens[1]).unwrap();
        scheme.verify(&record, &payload).score.unwrap()
    }

    #[test]
    fn the_agreement_is_one_minus_the_angle_over_pi() {
        let scheme = scheme(4_096);
        for correlation in [-0.5f32, 0.0, 0.3, 0.6, 0.9, 0.99] {
            let (mut a, mut b) = (vec![0.0; 256], vec![0.0; 256]);
            (a[3], b[3], b[200]) = (1.0, correlation, (1.0 - correlation * correlation).sqrt());
            let runs = 10u8;
            let mean = (0..runs)
                .map(|seed| score(&scheme, &template(a.clone()), &template(b.clone()), [None; 2], seed.into()));
            let mean = mean.sum::<f32>() / f32::from(runs);
            let expected = 1.0 - correlation.acos() / std::f32::consts::PI;
            // 40,960 bits have a standard error of at most 0.0025: four of them.
            assert!((mean - expected).abs() < 0.01, "correlation {correlation}: {mean} and not {expected}");
        }
    }

    #[test]
    fn another_token_gives_unrelated_bits_and_none_is_an_error() {
        another_token(&scheme(1_024));
        another_token(&of_depth(1_024, 4));
    }

    fn another_token(scheme: &BioHash) {
        let person = template((0..256).map(|i| ((i * i) % 17) as f32 - 8.0).collect());
        let [own, other] = [DeviceToken([1; 32]), DeviceToken([2; 32])];
        assert!(score(scheme, &person, &person, [Some(&own); 2], 1) > 0.999);
        // 0.5 +- 0.016: five standard deviations, 6e-7.
        let stolen = score(scheme, &person, &person, [Some(&own), Some(&other)], 1);
        assert!((stolen - 0.5).abs() < 0.08, "{stolen}");
        let enrolment =
            scheme.enrol(std::slice::from_ref(&person), Some(&own), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        assert_eq!(scheme.derive(&person, &enrolment.helper, None), Err(Error::MissingToken));
    }

    #[test]
    fn payload_and_token_give_the_template_away_and_the_payload_alone_does_not() {
        let scheme = scheme(1_024);
        let person = template((0..128).map(|i| ((i * i) % 17) as f32 - 8.0).collect());
        let [own, other] = [DeviceToken([1; 32]), DeviceToken([2; 32])];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let enrolment = scheme.enrol(std::slice::from_ref(&person), Some(&own), &mut rng).unwrap();
        let cosine = |token| template(scheme.invert(&enrolment, Some(token), 128).unwrap()).cosine(&person);
        assert!(cosine(&own) > 0.95, "{}", cosine(&own));
        // Unrelated directions: 0 +- 0.09.
        assert!(cosine(&other).abs() < 0.4, "{}", cosine(&other));
    }

    #[test]
    fn impossible_parameters_are_refused() {
        for (bits, depth, threshold) in
            [(63, 1, 0.7), (5_000, 1, 0.7), (512, 1, 0.5), (512, 1, f32::NAN), (512, 9, 0.7), (512, 3, 0.7)]
        {
            assert!(BioHash::new(BioHashParameters { bits, depth, threshold }).is_err());
        }
    }
}
