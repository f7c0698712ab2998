//! Faces before cameras.

use super::{Acquired, Definition, Modality, Person, Setting, acquired, devices_named};
use crate::Error;
use biopay_biometrics::face::Extractor;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_biometrics::{Sample, Template};
use biopay_datasets::face::{Device, Face, Nuisance};
use biopay_datasets::presentation::{Species, TrainingSamples, printed_face, replayed_screen};
use std::ops::Range;

/// Faces.
pub(super) const DEFINITION: Definition = Definition {
    devices: &Device::NAMES,
    usual_device: "handset",
    species: &[Species::PrintedFace, Species::ReplayedScreen],
    has_images: true,
    has_minutiae: false,
    margins,
    usual_parameters: SchemeParameters::default,
    open,
};

/// Computes margins as the extractor does; a form of another length is a user's own network's.
fn margins(real: &[f32], bits: usize) -> Vec<f32> {
    match real.len() {
        Extractor::DIMENSION => Extractor::builtin().margins(real),
        _ => Template::from_embedding(real.to_vec(), bits).margins().to_vec(),
    }
}

struct Faces {
    seed: u64,
    devices: Vec<Device>,
}

struct BeforeCamera<'a> {
    face: Face,
    faces: &'a Faces,
}

fn open(setting: &Setting) -> Result<Box<dyn Modality>, Error> {
    Ok(Box::new(Faces { seed: setting.seed, devices: devices_named(setting, Device::named)? }))
}

/// Returns the nuisance of a quality. Both scales have their default in the middle: a quality of 0.5 is a nuisance of 1.
fn nuisance(quality: f32) -> Result<Nuisance, Error> {
    Ok(Nuisance::new(2.0 * (1.0 - quality))?)
}

impl Modality for Faces {
    fn person(&self, subject: u32) -> Box<dyn Person + '_> {
        Box::new(BeforeCamera { face: Face::generate(self.seed, subject.into()), faces: self })
    }

    fn detector_training(&self, subjects: Range<u64>, quality: f32) -> Result<Option<TrainingSamples>, Error> {
        Ok(Some(TrainingSamples::faces(self.seed, subjects, &self.devices[0], nuisance(quality)?)))
    }

    fn template(&self, sample: &Sample) -> Result<Acquired, Error> {
        acquired(Extractor::builtin().template(sample))
    }
}

impl Person for BeforeCamera<'_> {
    fn sample(&self, device: usize, quality: f32, number: u64) -> Result<Option<Sample>, Error> {
        Ok(Some(self.face.capture(&self.faces.devices[device], nuisance(quality)?, number).sample))
    }

    fn capture(&self, device: usize, quality: f32, number: u64) -> Result<Acquired, Error> {
        self.faces.template(&self.face.capture(&self.faces.devices[device], nuisance(quality)?, number).sample)
    }

    fn artefact(&self, species: Species, quality: f32, number: u64) -> Result<Option<Sample>, Error> {
        let (camera, nuisance) = (&self.faces.devices[0], nuisance(quality)?);
        Ok(match species {
            Species::PrintedFace => Some(printed_face(&self.face, camera, nuisance, number).0),
            Species::ReplayedScreen => Some(replayed_screen(&self.face, camera, nuisance, number).0),
            Species::GelatineFinger => None,
        })
    }
}
