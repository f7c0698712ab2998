//! The `digest` scheme: quantise the template, then hash it. The patent read literally.
//!
//! - **Construction.** The first b bits of the template (of the captures' mean margins at enrolment) are hashed; the
//!   payload is SHA-256(domain, b, bits), the record SHA-256 of the payload. One bit off gives another payload.
//! - **Parameters.** b, the bits that are kept: every bit more halves the false matches and costs false non-matches.
//! - **Key bits.** b at most. A payload of so few bits is inverted by trying all 2^b: the digest hides nothing.
//! - **What is public.** Nothing is kept on the handset; the payload itself must stay secret.
//! - **Revocation.** None: the same finger gives the same payload everywhere, which also links its enrolments.
//! - **Linkage.** What is measured is the agreement of two payloads bit by bit, which is 1 where the kept bits are the
//!   same and about a half otherwise. An attacker who inverts both by trying all 2^b compares the kept bits instead and
//!   links those that differ in a few too: the measured figure is a floor.
//! - **Source.** Patent CN103310335A, paragraphs 20 and 29 ("the same QR again from a new capture").

use super::equality;
use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::{Parameters, variations};
use super::parts::{DeviceToken, Enrolment, HelperData};
use super::payload::QrPayload;
use super::reference::mean_margins;
use crate::{BitString, Error, Template};
use rand::Rng;
use std::sync::Arc;

/// Most bits that are hashed.
const BITS_MAX: usize = 1_024;
/// Bits that tuning tries.
const BITS_TRIED: [usize; 9] = [4, 6, 8, 10, 12, 14, 16, 20, 24];

/// The parameters of `digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestParameters {
    /// The template's first bits that are hashed, 1 to 1,024.
    pub bits: usize,
}

/// As many bits as a false match rate of 1 in 10,000 needs if they were independent (13.3), and some more because they
/// are not. Measured by `biopay evaluate --modality fingerprint --scheme all --subjects 60 --quality 0.9`, three
/// captures at enrolment: 157 false non-matches in 180 and no false match in 10,620.
impl Default for DigestParameters {
    fn default() -> Self {
        Self { bits: 16 }
    }
}

impl Parameters for DigestParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(DigestScheme::new(self.bits)?))
    }

    fn candidates(&self) -> Vec<(String, Self)> {
        variations(self, BITS_TRIED.map(|n| (format!("{n} bits"), n)), |p, n| p.bits = n)
    }
}

/// The scheme that hashes the first bits of the template.
#[derive(Clone, Copy, Debug)]
pub struct DigestScheme {
    bits: usize,
}

impl DigestScheme {
    /// Builds the scheme over the given number of bits.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless there are 1 to 1,024.
    pub fn new(bits: usize) -> Result<Self, Error> {
        if (1..=BITS_MAX).contains(&bits) {
            Ok(Self { bits })
        } else {
            Err(Error::Parameter { name: "digest bits", why: "it must be 1 to 1024" })
        }
    }

    fn payload(&self, margins: &[f32]) -> QrPayload {
        let kept = BitString::from_bits(margins.iter().take(self.bits).map(|&m| m > 0.0));
        equality::payload_of(SchemeId::Digest, &[&(self.bits as u16).to_le_bytes(), &kept.to_bytes()])
    }
}

impl Scheme for DigestScheme {
    fn id(&self) -> SchemeId {
        SchemeId::Digest
    }

    fn bits_used(&self) -> Option<usize> {
        Some(self.bits)
    }

    fn key_bits(&self) -> Option<usize> {
        Some(self.bits)
    }

    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
        _rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let margins = mean_margins(references)?;
        if margins.len() < self.bits {
            return Err(Error::FailureToEnrol("the template has fewer bits than the digest takes"));
        }
        Ok(Enrolment { payload: self.payload(&margins), helper: HelperData(Vec::new()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        if !helper.0.is_empty() || probe.margins().len() < self.bits {
            return Err(Error::Malformed { what: "digest helper data", why: "the scheme has none" });
        }
        Ok(self.payload(probe.margins()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn one_kept_bit_off_gives_another_payload_and_a_dropped_one_does_not() {
        let scheme = DigestScheme::new(8).unwrap();
        let template = |flip: usize| {
            let margins: Vec<f32> = (0..12).map(|i| if (i % 3 == 0) != (i == flip) { 1.0 } else { -1.0 }).collect();
            Template::new(margins.clone(), margins)
        };
        let enrolment = scheme.enrol(&[template(99)], None, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        for flip in 0..12 {
            let payload = scheme.derive(&template(flip), &enrolment.helper, None).unwrap();
            assert_eq!(scheme.verify(&record, &payload).accepted, flip >= 8, "bit {flip}");
        }
    }

    #[test]
    fn impossible_lengths_are_refused() {
        assert!(DigestScheme::new(0).is_err() && DigestScheme::new(1_025).is_err());
        let short = [Template::new(vec![1.0], vec![1.0; 7])];
        let enrolled = DigestScheme::new(8).unwrap().enrol(&short, None, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(matches!(enrolled, Err(Error::FailureToEnrol(_))));
    }
}
