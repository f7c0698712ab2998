//! What a detector of artefacts is trained on: living subjects and every species, of subjects who stand nowhere else.

use super::{gelatine_finger, printed_face, replayed_screen};
use crate::{face, fingerprint};
use biopay_biometrics::Sample;
use rayon::prelude::*;
use std::ops::Range;

/// The capture of each subject that is taken.
const NUMBER: u64 = 1;

/// Bona fide and attack presentations to the same sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingSamples {
    /// Living subjects, one sample each.
    pub bona_fide: Vec<Sample>,
    /// Artefacts of them, one of each species of the modality.
    pub attacks: Vec<Sample>,
}

impl TrainingSamples {
    /// Captures faces, their prints and their replays. Same arguments, same bytes.
    ///
    /// The subjects must be others than those whom the detector will be measured on.
    pub fn faces(seed: u64, subjects: Range<u64>, device: &face::Device, nuisance: face::Nuisance) -> Self {
        let one = |subject| {
            let face = face::Face::generate(seed, subject);
            let attacks = [printed_face, replayed_screen].map(|present| present(&face, device, nuisance, NUMBER).0);
            (face.capture(device, nuisance, NUMBER).sample, Vec::from(attacks))
        };
        Self::gather(subjects, one)
    }

    /// Captures fingers and their casts. Same arguments, same bytes.
    ///
    /// The subjects must be others than those whom the detector will be measured on.
    pub fn fingers(
        seed: u64,
        subjects: Range<u64>,
        device: &fingerprint::Device,
        quality: fingerprint::CaptureQuality,
    ) -> Self {
        let one = |subject| {
            let finger = fingerprint::Finger::generate(seed, subject, None);
            let attack = gelatine_finger(&finger, device, quality, NUMBER);
            (finger.capture(device, quality, NUMBER).sample, vec![attack])
        };
        Self::gather(subjects, one)
    }

    fn gather(subjects: Range<u64>, one: impl Fn(u64) -> (Sample, Vec<Sample>) + Sync + Send) -> Self {
        let (bona_fide, attacks): (Vec<Sample>, Vec<Vec<Sample>>) = subjects.into_par_iter().map(one).unzip();
        Self { bona_fide, attacks: attacks.into_iter().flatten().collect() }
    }
}
