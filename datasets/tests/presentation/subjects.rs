//! Who stands before the sensors, and what is held before them.

use biopay_biometrics::face::Extractor as FaceExtractor;
use biopay_biometrics::fingerprint::Extractor as FingerExtractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::{AcquisitionFailure, Error, Modality, Sample, Template};
use biopay_datasets::presentation::{Species, gelatine_finger, printed_face, replayed_screen};
use biopay_datasets::{face, fingerprint};
use rayon::prelude::*;

pub const SEED: u64 = 77;

pub fn living(modality: Modality, subject: u64, number: u64) -> Sample {
    match modality {
        Modality::Face => {
            let (device, nuisance) = camera();
            face::Face::generate(SEED, subject).capture(&device, nuisance, number).sample
        }
        Modality::Fingerprint => {
            let (device, quality) = sensor();
            fingerprint::Finger::generate(SEED, subject, None).capture(&device, quality, number).sample
        }
    }
}

pub fn artefact(species: Species, subject: u64, number: u64) -> Sample {
    let ((camera, nuisance), (sensor, quality)) = (camera(), sensor());
    match species {
        Species::PrintedFace => printed_face(&face::Face::generate(SEED, subject), &camera, nuisance, number).0,
        Species::ReplayedScreen => replayed_screen(&face::Face::generate(SEED, subject), &camera, nuisance, number).0,
        Species::GelatineFinger => {
            gelatine_finger(&fingerprint::Finger::generate(SEED, subject, None), &sensor, quality, number)
        }
    }
}

pub fn camera() -> (face::Device, face::Nuisance) {
    (face::Device::named("handset").expect("it is built in"), face::Nuisance::new(0.4).expect("it is in range"))
}

pub fn sensor() -> (fingerprint::Device, fingerprint::CaptureQuality) {
    let quality = fingerprint::CaptureQuality::new(0.8).expect("it is in range");
    (fingerprint::Device::named("optical").expect("it is built in"), quality)
}

pub fn template(sample: &Sample) -> Result<Template, AcquisitionFailure> {
    let made = match sample.modality {
        Modality::Face => FaceExtractor::builtin().template(sample),
        Modality::Fingerprint => {
            FingerExtractor::new().extract(sample).and_then(|f| FixedLength::builtin().template(&f))
        }
    };
    made.map_err(|error| match error {
        Error::FailureToAcquire(why) => why,
        other => panic!("{other}"),
    })
}

pub fn each<T: Send>(subjects: std::ops::Range<u64>, make: impl Fn(u64) -> T + Sync + Send) -> Vec<T> {
    subjects.into_par_iter().map(make).collect()
}
