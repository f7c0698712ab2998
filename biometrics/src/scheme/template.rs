//! The `template` scheme: the binary template itself in the QR, accepted within a Hamming distance.
//!
//! - **Construction.** Payload: the bits of the fixed-length template. Record: the same bits. Accepted when the
//!   fraction of equal bits reaches the threshold.
//! - **Key bits.** None: there is no key, and the security is that of the comparison, -log2 FAR at the threshold.
//! - **What is public.** Nothing, and so everything must be kept secret: the payload *is* the biometric reference, and
//!   whoever reads the QR or the server's record can present it and links it wherever the same finger is enrolled.
//! - **Revocation.** None: another capture of the same finger gives the same bits. This is the baseline that the
//!   protected schemes are held against.
//! - **Source.** The binary comparison of Daugman 2004 ("How iris recognition works"), with the template in the symbol
//!   as patent CN103310335A reads when a threshold stands for "consistent".

use super::reference::mean_margins;
use super::{ComparisonKind, DeviceToken, Enrolment, HelperData, Scheme, SchemeId, ServerRecord, TokenUse, Verdict};
use crate::{BitString, Error, QrPayload, Template};
use rand::Rng;

/// Most bits that a payload may hold: a template has 256 to 1024.
const BITS_MAX: usize = 4_096;
const LENGTH_BYTES: usize = 2;

/// Presents the binary template and compares it within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct TemplateScheme {
    threshold: f32,
}

impl TemplateScheme {
    /// Builds the scheme with the least fraction of equal bits that is accepted.
    ///
    /// Errors: [`Error::Parameter`] unless it lies above one half, which is chance, and at most at one.
    pub fn new(threshold: f32) -> Result<Self, Error> {
        if threshold > 0.5 && threshold <= 1.0 {
            Ok(Self { threshold })
        } else {
            Err(Error::Parameter { name: "template threshold", why: "it must be above 0.5 and at most 1" })
        }
    }

    /// Returns the least fraction of equal bits that is accepted.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }
}

impl Scheme for TemplateScheme {
    fn id(&self) -> SchemeId {
        SchemeId::Template
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Threshold(self.threshold)
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Ignored
    }

    /// Takes the sign of the captures' mean margins; the helper is empty, because a probe needs none.
    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
        _rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let bits = BitString::from_bits(mean_margins(references)?.into_iter().map(|m| m > 0.0));
        Ok(Enrolment { payload: payload_of(&bits)?, helper: HelperData(Vec::new()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        if !helper.0.is_empty() {
            return Err(Error::Malformed { what: "template helper data", why: "the scheme has none" });
        }
        payload_of(probe.bits())
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        bits_of(payload)?;
        Ok(ServerRecord(payload.body.clone()))
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> Verdict {
        let reference = parse_body(&record.0);
        match (reference, bits_of(payload)) {
            (Ok(reference), Ok(probe)) if reference.len() == probe.len() => {
                let score = 1.0 - reference.hamming(&probe) as f32 / probe.len() as f32;
                Verdict { accepted: score >= self.threshold, score: Some(score) }
            }
            _ => Verdict::REJECTED,
        }
    }

    /// The payload is the template.
    fn invert(&self, enrolment: &Enrolment, _token: Option<&DeviceToken>, _dimension: usize) -> Option<Vec<f32>> {
        let bits = bits_of(&enrolment.payload).ok()?;
        Some(bits.iter().map(|bit| if bit { 1.0 } else { -1.0 }).collect())
    }
}

/// Writes the number of bits (2 bytes, little-endian) and the packed bits.
fn payload_of(bits: &BitString) -> Result<QrPayload, Error> {
    if bits.is_empty() || bits.len() > BITS_MAX {
        return Err(Error::FailureToEnrol("the template's number of bits is out of range"));
    }
    let mut body = (bits.len() as u16).to_le_bytes().to_vec();
    body.extend(bits.to_bytes());
    Ok(QrPayload { scheme: SchemeId::Template, body })
}

fn bits_of(payload: &QrPayload) -> Result<BitString, Error> {
    if payload.scheme != SchemeId::Template {
        return Err(malformed("it is of another scheme"));
    }
    parse_body(&payload.body)
}

fn parse_body(body: &[u8]) -> Result<BitString, Error> {
    let (length, packed) = body.split_first_chunk::<LENGTH_BYTES>().ok_or(malformed("it is cut short"))?;
    let length = usize::from(u16::from_le_bytes(*length));
    if length == 0 || length > BITS_MAX {
        return Err(malformed("its number of bits is out of range"));
    }
    BitString::from_bytes(packed, length).ok_or(malformed("its bytes do not match its number of bits"))
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "template payload", why }
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
        let scheme = TemplateScheme::new(0.75).unwrap();
        let reference = template(&[1.0, 1.0, -1.0, -1.0]);
        let enrolment = scheme.enrol(&[reference], None, &mut rng()).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        for (probe, score) in
            [([1.0, 1.0, -1.0, -1.0], 1.0), ([1.0, 1.0, -1.0, 1.0], 0.75), ([1.0, -1.0, 1.0, -1.0], 0.5)]
        {
            let payload = scheme.derive(&template(&probe), &enrolment.helper, None).unwrap();
            let verdict = scheme.verify(&record, &payload);
            assert_eq!(verdict, Verdict { accepted: score >= 0.75, score: Some(score) });
        }
    }

    #[test]
    fn several_captures_vote_by_their_margins() {
        let captures = [template(&[3.0, 0.1]), template(&[-1.0, 0.1]), template(&[-1.0, -0.5])];
        let enrolment = TemplateScheme::new(0.7).unwrap().enrol(&captures, None, &mut rng()).unwrap();
        let bits = bits_of(&enrolment.payload).unwrap();
        assert_eq!((bits.bit(0), bits.bit(1)), (true, false));
    }

    #[test]
    fn unusable_input_is_refused_by_name() {
        let scheme = TemplateScheme::new(0.7).unwrap();
        assert!(matches!(scheme.enrol(&[], None, &mut rng()), Err(Error::FailureToEnrol(_))));
        let mixed = [template(&[1.0]), template(&[1.0, 2.0])];
        assert!(matches!(scheme.enrol(&mixed, None, &mut rng()), Err(Error::FailureToEnrol(_))));
        assert!(matches!(scheme.enrol(&[template(&[f32::NAN])], None, &mut rng()), Err(Error::FailureToEnrol(_))));
        for threshold in [0.5, 1.1, f32::NAN] {
            assert!(TemplateScheme::new(threshold).is_err());
        }
    }

    proptest! {
        #[test]
        fn hostile_bodies_and_records_are_rejected_without_panic(
            record in proptest::collection::vec(any::<u8>(), 0..80),
            body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let scheme = TemplateScheme::new(0.7).unwrap();
            let payload = QrPayload { scheme: SchemeId::Template, body };
            let verdict = scheme.verify(&ServerRecord(record), &payload);
            let foreign = QrPayload { scheme: SchemeId::FuzzyCommitment, ..payload };
            prop_assert!(scheme.record(&foreign).is_err());
            prop_assert!(verdict.score.is_some() || !verdict.accepted);
        }
    }
}
