//! The `template` scheme: the template itself in the QR, accepted within a distance.
//!
//! - **Construction.** Payload: the template's own bits, or its real-valued form, rotated in the same way for everybody
//!   so that no number outweighs the others, at 2 to 8 bits a number. Record: the same bits. Accepted when the share of
//!   equal bits, or 1 - θ/π at an angle θ between real-valued forms, reaches the threshold: on the same scale.
//! - **Parameters.** Bits a number; the threshold. A face embedding's 128 numbers take 512 bits at 4 bits each, and
//!   compare as they do unquantised, which 1,024 signs do not.
//! - **Key bits.** None: there is no key, and the security is that of the comparison, -log2 FAR at the threshold.
//! - **What is public.** Nothing, and so everything must be kept secret: the payload *is* the biometric reference, and
//!   whoever reads the QR or the server's record can present it and links it wherever the same finger is enrolled.
//! - **Revocation.** None: another capture of the same finger gives the same bits. This is the baseline that the
//!   protected schemes are held against.
//! - **Source.** The binary comparison of Daugman 2004 ("How iris recognition works"), with the template in the symbol
//!   as patent CN103310335A reads when a threshold stands for "consistent".

use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::{Parameters, threshold_above};
use super::parts::{ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord};
use super::payload::QrPayload;
use super::quantiser::Quantiser;
use super::reference::{mean_margins, mean_real};
use super::symbols::PayloadSymbols;
use super::threshold::{self, BITS_MAX, EMBEDDING_DEPTH, EMBEDDING_THRESHOLD, Similarity, bits_of, body_of};
use crate::{BitString, Error, Template};
use rand::Rng;
use std::borrow::Cow;
use std::sync::Arc;

/// Agreement of two fingers' bits that non-mated ones seldom reach: by `biopay evaluate --modality fingerprint --scheme
/// all --subjects 60`, three captures at enrolment, one false match in 10,620 and 9 false non-matches in 180.
const THRESHOLD: f32 = 0.68;
/// The share of a binary form's bits that agree by chance.
const CHANCE: f32 = 0.5;

/// The parameters of `template`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TemplateParameters {
    /// The least similarity that is accepted, above 0.5 and at most 1.
    pub threshold: f32,
    /// The bits of a number that is presented, 1 to 8: one takes the template's own bits.
    pub depth: usize,
}

impl Default for TemplateParameters {
    fn default() -> Self {
        Self { threshold: THRESHOLD, depth: 1 }
    }
}

impl Parameters for TemplateParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(TemplateScheme::new(self.threshold, self.depth)?))
    }

    fn for_embeddings() -> Self {
        Self { threshold: EMBEDDING_THRESHOLD, depth: EMBEDDING_DEPTH }
    }

    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        self.threshold = threshold_above(CHANCE, threshold);
        Some(self.threshold)
    }
}

/// The scheme that presents the template and compares it within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct TemplateScheme {
    threshold: f32,
    quantiser: Quantiser,
}

impl TemplateScheme {
    /// Builds the scheme with the least similarity that is accepted, and the bits of a number: one takes the template's
    /// own bits.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the threshold lies above one half, which is chance, and at most at one, and
    /// there are 1 to 8 bits.
    pub fn new(threshold: f32, depth: usize) -> Result<Self, Error> {
        let quantiser = Quantiser::new("template depth", depth)?;
        if threshold > 0.5 && threshold <= 1.0 {
            Ok(Self { threshold, quantiser })
        } else {
            Err(Error::Parameter { name: "template threshold", why: "it must be above 0.5 and at most 1" })
        }
    }

    fn is_binary(&self) -> bool {
        self.quantiser.depth() == 1
    }

    fn payload(&self, values: &[f32]) -> Result<QrPayload, Error> {
        if values.is_empty() || values.len() * self.quantiser.depth() > BITS_MAX {
            return Err(Error::FailureToEnrol("the template's number of bits is out of range"));
        }
        Ok(QrPayload { scheme: SchemeId::Template, body: body_of(&self.quantiser.encode(values)) })
    }
}

/// Rotates a real-valued form; its values then have a mean square of at most 1.
fn rotated(real: &[f32]) -> Vec<f32> {
    // A whole rotation keeps angles, and one of a length that is no power of two is filled up with zeros first.
    Template::from_embedding(real.to_vec(), real.len().next_power_of_two()).margins().to_vec()
}

impl Scheme for TemplateScheme {
    fn id(&self) -> SchemeId {
        SchemeId::Template
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Threshold(self.threshold)
    }

    fn symbols(&self, payload: &QrPayload) -> Option<PayloadSymbols> {
        threshold::symbols_of(payload)
    }

    /// Takes the captures' mean margins, or their mean direction; the helper is empty, because a probe needs none.
    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
        _rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let values = if self.is_binary() { mean_margins(references)? } else { rotated(&mean_real(references)?) };
        Ok(Enrolment { payload: self.payload(&values)?, helper: HelperData(Vec::new()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        if !helper.0.is_empty() {
            return Err(Error::Malformed { what: "template helper data", why: "the scheme has none" });
        }
        let values = if self.is_binary() { Cow::Borrowed(probe.margins()) } else { Cow::Owned(rotated(probe.real())) };
        self.payload(&values)
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        threshold::record_of(self, payload)
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        threshold::verify(self, record, payload)
    }

    /// The payload is the template.
    fn invert(&self, enrolment: &Enrolment, _token: Option<&DeviceToken>, _dimension: usize) -> Option<Vec<f32>> {
        Some(self.quantiser.decode(&bits_of(self, &enrolment.payload).ok()?))
    }
}

impl Similarity for TemplateScheme {
    fn threshold(&self) -> f32 {
        self.threshold
    }

    fn bits(&self, body: &[u8]) -> Result<BitString, Error> {
        let bits = threshold::parse("template payload", body)?;
        if !bits.len().is_multiple_of(self.quantiser.depth()) {
            return Err(Error::Malformed { what: "template payload", why: "its last number is cut short" });
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
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn template(margins: &[f32]) -> Template {
        Template::new(margins.to_vec(), margins.to_vec())
    }

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    #[test]
    fn the_score_is_the_agreement_and_the_threshold_is_inclusive() {
        let scheme = TemplateScheme::new(0.75, 1).unwrap();
        let reference = template(&[1.0, 1.0, -1.0, -1.0]);
        let enrolment = scheme.enrol(&[reference], None, &mut rng()).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        for (probe, score) in
            [([1.0, 1.0, -1.0, -1.0], 1.0), ([1.0, 1.0, -1.0, 1.0], 0.75), ([1.0, -1.0, 1.0, -1.0], 0.5)]
        {
            let payload = scheme.derive(&template(&probe), &enrolment.helper, None).unwrap();
            let verdict = scheme.verify(&record, &payload);
            assert_eq!(verdict, ComparisonDecision { accepted: score >= 0.75, score: Some(score) });
        }
    }

    #[test]
    fn several_captures_vote_by_their_margins() {
        let captures = [template(&[3.0, 0.1]), template(&[-1.0, 0.1]), template(&[-1.0, -0.5])];
        let scheme = TemplateScheme::new(0.7, 1).unwrap();
        let enrolment = scheme.enrol(&captures, None, &mut rng()).unwrap();
        let bits = bits_of(&scheme, &enrolment.payload).unwrap();
        assert_eq!((bits.bit(0), bits.bit(1)), (true, false));
    }

    #[test]
    fn a_quantised_template_scores_as_its_angle_and_takes_its_bits() {
        let scheme = TemplateScheme::new(0.6, 4).unwrap();
        for length in [100, 128] {
            let reference: Vec<f32> = (0..length).map(|i| ((i * i) % 17) as f32 - 8.0).collect();
            let probe: Vec<f32> = reference.iter().enumerate().map(|(i, x)| x + ((i * 7) % 11) as f32 - 5.0).collect();
            let enrolment = scheme.enrol(&[template(&reference)], None, &mut rng()).unwrap();
            assert_eq!(enrolment.payload.body.len(), 2 + 128 * 4 / 8);
            let record = scheme.record(&enrolment.payload).unwrap();
            let payload = scheme.derive(&template(&probe), &enrolment.helper, None).unwrap();
            let cosine = template(&reference).cosine(&template(&probe));
            let expected = 1.0 - cosine.acos() / std::f32::consts::PI;
            // Levels of four bits turn a vector of 128 numbers by about 0.1 radians, each on its own.
            let score = scheme.verify(&record, &payload).score.unwrap();
            assert!((score - expected).abs() < 0.02, "{score} and not {expected}");
        }
    }

    #[test]
    fn unusable_input_is_refused_by_name() {
        let scheme = TemplateScheme::new(0.7, 1).unwrap();
        assert!(matches!(scheme.enrol(&[], None, &mut rng()), Err(Error::FailureToEnrol(_))));
        let mixed = [template(&[1.0]), template(&[1.0, 2.0])];
        assert!(matches!(scheme.enrol(&mixed, None, &mut rng()), Err(Error::FailureToEnrol(_))));
        assert!(matches!(scheme.enrol(&[template(&[f32::NAN])], None, &mut rng()), Err(Error::FailureToEnrol(_))));
        for threshold in [0.5, 1.1, f32::NAN] {
            assert!(TemplateScheme::new(threshold, 1).is_err());
        }
        assert!(TemplateScheme::new(0.7, 0).is_err() && TemplateScheme::new(0.7, 9).is_err());
    }

    proptest! {
        #[test]
        fn hostile_bodies_and_records_are_rejected_without_panic(
            record in proptest::collection::vec(any::<u8>(), 0..80),
            body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let scheme = TemplateScheme::new(0.7, 1).unwrap();
            let payload = QrPayload { scheme: SchemeId::Template, body };
            let verdict = scheme.verify(&ServerRecord(record), &payload);
            let foreign = QrPayload { scheme: SchemeId::FuzzyCommitment, ..payload };
            prop_assert!(scheme.record(&foreign).is_err());
            prop_assert!(verdict.score.is_some() || !verdict.accepted);
        }
    }
}
