//! Any modality with images, whose templates a program of the user's own makes.

use super::{Acquired, Definition, Modality, Person, Setting};
use crate::Error;
use crate::programs::OwnExtractor;
use biopay_biometrics::{AcquisitionFailure, Sample};
use biopay_datasets::presentation::{Species, TrainingSamples};
use std::ops::Range;
use std::sync::Arc;

/// Sets a modality's sensors up, with an extractor of the user's own where there is one.
///
/// # Errors
///
/// Those of the modality; [`Error::Usage`] for an extractor where there are no images.
pub(crate) fn open_with(
    definition: &Definition,
    setting: &Setting,
    extractor: Option<Arc<OwnExtractor>>,
) -> Result<Box<dyn Modality>, Error> {
    let modality = (definition.open)(setting)?;
    match extractor {
        None => Ok(modality),
        Some(_) if !definition.has_images => {
            Err(Error::Usage("biometric.extractor needs images: use biometric.modality fingerprint or face".into()))
        }
        Some(extractor) => Ok(Box::new(WithExtractor { modality, extractor })),
    }
}

/// A modality, and the program.
struct WithExtractor {
    modality: Box<dyn Modality>,
    extractor: Arc<OwnExtractor>,
}

struct Extracted<'a> {
    person: Box<dyn Person + 'a>,
    extractor: &'a OwnExtractor,
}

impl Modality for WithExtractor {
    fn person(&self, subject: u32) -> Box<dyn Person + '_> {
        Box::new(Extracted { person: self.modality.person(subject), extractor: &self.extractor })
    }

    fn detector_training(&self, subjects: Range<u64>, quality: f32) -> Result<Option<TrainingSamples>, Error> {
        self.modality.detector_training(subjects, quality)
    }

    fn template(&self, sample: &Sample) -> Result<Acquired, Error> {
        self.extractor.template(sample)
    }
}

impl Person for Extracted<'_> {
    fn sample(&self, device: usize, quality: f32, number: u64) -> Result<Option<Sample>, Error> {
        self.person.sample(device, quality, number)
    }

    fn capture(&self, device: usize, quality: f32, number: u64) -> Result<Acquired, Error> {
        match self.person.sample(device, quality, number)? {
            Some(sample) => self.extractor.template(&sample),
            None => Ok(Err(AcquisitionFailure::NoSubject)),
        }
    }

    fn artefact(&self, species: Species, quality: f32, number: u64) -> Result<Option<Sample>, Error> {
        self.person.artefact(species, quality, number)
    }
}
