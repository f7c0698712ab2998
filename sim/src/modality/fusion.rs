//! People who show two characteristics one after the other: each capture is one of both, and its template both of theirs.
//!
//! The handset captures twice and fuses the features before anything is derived (feature-level fusion), so that one payload,
//! one helper and one record bind both; server, protocol and symbol do not change. There is no image of both, and artefacts
//! are not made: a capture fails when one of the two does.

use super::{Acquired, Definition, Modality, Person};
use crate::Error;
use biopay_biometrics::scheme::{CommitmentCode, CommitmentParameters, SchemeParameters};
use biopay_biometrics::{Sample, Template};
use biopay_datasets::presentation::{Species, TrainingSamples};
use std::ops::Range;

/// Two characteristics, each with its sensors.
pub(super) struct Fusion {
    /// Both modalities.
    pub(super) parts: [Box<dyn Modality>; 2],
    /// The number that a subject has among the people of each.
    pub(super) numbers: fn(u32) -> [u32; 2],
}

struct Both<'a> {
    parts: [Box<dyn Person + 'a>; 2],
}

/// Returns the defaults with a commitment over as many bits as the two binary forms have together, with as long a key for
/// its length as the single characteristic's.
pub(super) fn parameters(bits: usize) -> SchemeParameters {
    let CommitmentCode::Polar { length, key_bits, list } = CommitmentCode::default() else {
        unreachable!("the default is a polar code");
    };
    let code = CommitmentCode::Polar { length: bits, key_bits: key_bits * bits / length, list };
    let fuzzy_commitment = CommitmentParameters { code, ..Default::default() };
    SchemeParameters { fuzzy_commitment, ..SchemeParameters::default() }
}

/// Computes the margins of a fused form: those of its halves one after the other.
///
/// Both built-in extractors have real-valued forms of one length, and fusing divides each by the square root of two.
pub(super) fn margins(parts: [&Definition; 2], bits: [usize; 2], real: &[f32]) -> Vec<f32> {
    let whole: Vec<f32> = real.iter().map(|x| x * std::f32::consts::SQRT_2).collect();
    let halves = whole.split_at(whole.len() / 2);
    let of = |part: usize, half: &[f32]| (parts[part].margins)(half, bits[part]);
    [of(0, halves.0), of(1, halves.1)].concat()
}

impl Modality for Fusion {
    fn person(&self, subject: u32) -> Box<dyn Person + '_> {
        let [first, second] = (self.numbers)(subject);
        Box::new(Both { parts: [self.parts[0].person(first), self.parts[1].person(second)] })
    }

    fn detector_training(&self, _: Range<u64>, _: f32) -> Result<Option<TrainingSamples>, Error> {
        Ok(None)
    }

    fn template(&self, _: &Sample) -> Result<Acquired, Error> {
        Err(Error::Usage("two characteristics have no image of both: use another biometric.modality".into()))
    }
}

impl Person for Both<'_> {
    fn sample(&self, _: usize, _: f32, _: u64) -> Result<Option<Sample>, Error> {
        Ok(None)
    }

    fn capture(&self, device: usize, quality: f32, number: u64) -> Result<Acquired, Error> {
        let [first, second] = [0, 1].map(|part: usize| self.parts[part].capture(device, quality, number));
        let (first, second) = (first?, second?);
        Ok(first.and_then(|first| Ok(Template::fused(&[&first, &second?]))))
    }

    fn artefact(&self, _: Species, _: f32, _: u64) -> Result<Option<Sample>, Error> {
        Ok(None)
    }
}
