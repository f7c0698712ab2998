//! Points like a face network's embeddings: no image, no sensor.

use super::{Acquired, Definition, Modality, Person, Setting};
use crate::Error;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_biometrics::{Sample, Template};
use biopay_datasets::embedding::EmbeddingPopulation;
use biopay_datasets::presentation::{Species, TrainingSamples};
use std::ops::Range;

/// Embeddings.
pub(super) const DEFINITION: Definition = Definition {
    devices: &[],
    usual_device: "embedding",
    species: &[],
    has_images: false,
    has_minutiae: false,
    margins: |real, bits| Template::from_embedding(real.to_vec(), bits).margins().to_vec(),
    usual_parameters: SchemeParameters::for_embeddings,
    open,
};

struct Points {
    population: EmbeddingPopulation,
    bits: usize,
}

struct Point<'a> {
    /// The subject's number in the population, which counts from 1.
    subject: u64,
    points: &'a Points,
}

fn open(setting: &Setting) -> Result<Box<dyn Modality>, Error> {
    let population = EmbeddingPopulation::new(setting.seed, setting.subjects);
    Ok(Box::new(Points { population, bits: setting.bits }))
}

impl Modality for Points {
    fn person(&self, subject: u32) -> Box<dyn Person + '_> {
        Box::new(Point { subject: u64::from(subject) + 1, points: self })
    }

    fn detector_training(&self, _: Range<u64>, _: f32) -> Result<Option<TrainingSamples>, Error> {
        Ok(None)
    }

    fn template(&self, _: &Sample) -> Result<Acquired, Error> {
        Err(Error::Usage("embeddings have no images: use another biometric.modality".into()))
    }
}

impl Person for Point<'_> {
    fn sample(&self, _: usize, _: f32, _: u64) -> Result<Option<Sample>, Error> {
        Ok(None)
    }

    fn capture(&self, _: usize, _: f32, number: u64) -> Result<Acquired, Error> {
        let vector = self.points.population.capture_of(self.subject, number).vector;
        Ok(Ok(Template::from_embedding(vector, self.points.bits)))
    }

    /// Draws the captures that a file of embeddings has of the subject.
    fn captures(&self, _: f32, count: u32) -> Result<Vec<Acquired>, Error> {
        let drawn = self.points.population.of_subject(self.subject, count.into());
        Ok(drawn.into_iter().map(|e| Ok(Template::from_embedding(e.vector, self.points.bits))).collect())
    }

    fn artefact(&self, _: Species, _: f32, _: u64) -> Result<Option<Sample>, Error> {
        Ok(None)
    }
}
