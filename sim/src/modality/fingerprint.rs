//! Fingers before sensors.

use super::{Acquired, Definition, Modality, Person, Setting, acquired, devices_named};
use crate::Error;
use biopay_biometrics::fingerprint::Extractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_biometrics::{Sample, Template};
use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger};
use biopay_datasets::presentation::{Species, TrainingSamples, gelatine_finger};
use std::ops::Range;

/// Fingerprints.
pub(super) const DEFINITION: Definition = Definition {
    devices: &Device::NAMES,
    usual_device: "optical",
    species: &[Species::GelatineFinger],
    has_images: true,
    has_minutiae: true,
    margins,
    usual_parameters: SchemeParameters::default,
    open,
};

/// Computes margins as the built-in template does; a form of another length is from an extractor of the user's own.
fn margins(real: &[f32], bits: usize) -> Vec<f32> {
    match real.len() {
        FixedLength::DIMENSION => FixedLength::builtin().margins(real),
        _ => Template::from_embedding(real.to_vec(), bits).margins().to_vec(),
    }
}

struct Fingers {
    seed: u64,
    devices: Vec<Device>,
    extractor: Extractor,
}

struct BeforeSensor<'a> {
    finger: Finger,
    fingers: &'a Fingers,
}

fn open(setting: &Setting) -> Result<Box<dyn Modality>, Error> {
    let devices = devices_named(setting, Device::named)?;
    Ok(Box::new(Fingers { seed: setting.seed, devices, extractor: Extractor::new() }))
}

impl Modality for Fingers {
    fn person(&self, subject: u32) -> Box<dyn Person + '_> {
        let finger = Finger::generate(self.seed, subject.into(), None);
        Box::new(BeforeSensor { finger, fingers: self })
    }

    fn detector_training(&self, subjects: Range<u64>, quality: f32) -> Result<Option<TrainingSamples>, Error> {
        let quality = CaptureQuality::new(quality)?;
        Ok(Some(TrainingSamples::fingers(self.seed, subjects, &self.devices[0], quality)))
    }

    fn template(&self, sample: &Sample) -> Result<Acquired, Error> {
        let features = self.extractor.extract(sample);
        acquired(features.and_then(|features| FixedLength::builtin().template(&features)))
    }
}

impl Person for BeforeSensor<'_> {
    fn sample(&self, device: usize, quality: f32, number: u64) -> Result<Option<Sample>, Error> {
        let quality = CaptureQuality::new(quality)?;
        Ok(Some(self.finger.capture(&self.fingers.devices[device], quality, number).sample))
    }

    fn capture(&self, device: usize, quality: f32, number: u64) -> Result<Acquired, Error> {
        let quality = CaptureQuality::new(quality)?;
        self.fingers.template(&self.finger.capture(&self.fingers.devices[device], quality, number).sample)
    }

    fn artefact(&self, species: Species, quality: f32, number: u64) -> Result<Option<Sample>, Error> {
        let quality = CaptureQuality::new(quality)?;
        Ok(match species {
            Species::GelatineFinger => Some(gelatine_finger(&self.finger, &self.fingers.devices[0], quality, number)),
            Species::PrintedFace | Species::ReplayedScreen => None,
        })
    }
}
