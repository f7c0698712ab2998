//! Whose templates parameters are chosen on: synthetic fingers or faces, or a folder of images.

use crate::Error;
use biopay_biometrics::fingerprint::Extractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::{Sample, Template};
use biopay_datasets::face;
use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger};
use biopay_datasets::folder::{list_images, read_image};
use biopay_datasets::stream::stream;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// Holds one subject's captures in order; `None` where one was not acquired.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The templates.
    pub templates: Vec<Option<Template>>,
}

impl Subject {
    /// Iterates over the captures that were acquired.
    pub fn acquired(&self) -> impl Iterator<Item = &Template> {
        self.templates.iter().flatten()
    }

    /// Counts those that were not.
    pub fn failures(&self) -> u64 {
        self.templates.iter().filter(|t| t.is_none()).count() as u64
    }
}

/// Captures synthetic fingers on all cores; `progress` hears of each capture.
///
/// Errors: what extraction reports that is no failure to acquire.
pub fn fingers(
    seed: u64,
    subjects: u64,
    captures: u64,
    (device, quality): (&Device, CaptureQuality),
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<Subject>, Error> {
    let extractor = Extractor::new();
    let generate = |number| Finger::generate(seed, number, None);
    synthetic(subjects, captures, generate, |finger, n| {
        progress();
        fingerprint(&extractor, &finger.capture(device, quality, n).sample)
    })
}

/// Photographs synthetic faces on all cores; `progress` hears of each capture.
///
/// Errors: what extraction reports that is no failure to acquire.
pub fn faces(
    seed: u64,
    subjects: u64,
    captures: u64,
    (device, nuisance): (&face::Device, face::Nuisance),
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<Subject>, Error> {
    synthetic(
        subjects,
        captures,
        |number| face::Face::generate(seed, number),
        |face, n| {
            progress();
            face_template(&face.capture(device, nuisance, n).sample)
        },
    )
}

fn synthetic<T>(
    subjects: u64,
    captures: u64,
    generate: impl Fn(u64) -> T + Sync,
    capture: impl Fn(&T, u64) -> Result<Option<Template>, Error> + Sync,
) -> Result<Vec<Subject>, Error> {
    let subject = |number: u64| {
        let own = generate(number);
        Ok(Subject { templates: (0..captures).map(|n| capture(&own, n)).collect::<Result<_, Error>>()? })
    };
    (0..subjects).into_par_iter().map(subject).collect()
}

/// Reads a folder of images SUBJECT_IMPRESSION and makes their templates with `template`; an image that is no image
/// is a failure to acquire.
///
/// Errors: files that cannot be read, and what `template` reports.
pub fn folder(
    path: &Path,
    pixels_per_inch: Option<u16>,
    template: &(dyn Fn(&Sample) -> Result<Option<Template>, Error> + Sync),
) -> Result<Vec<Subject>, Error> {
    let images = list_images(path)?;
    let one = |path: &Path| match read_image(path, pixels_per_inch) {
        Ok(sample) => template(&sample),
        Err(biopay_datasets::Error::Image { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    };
    let templates: Vec<_> = images.par_iter().map(|image| one(&image.path)).collect::<Result<_, Error>>()?;
    let mut by_subject: BTreeMap<String, Subject> = BTreeMap::new();
    for (image, template) in images.into_iter().zip(templates) {
        by_subject.entry(image.subject).or_default().templates.push(template);
    }
    Ok(by_subject.into_values().collect())
}

/// Makes a fingerprint's template; `None` on a failure to acquire.
///
/// Errors: anything else.
pub(crate) fn fingerprint(extractor: &Extractor, sample: &Sample) -> Result<Option<Template>, Error> {
    acquired(extractor.extract(sample).and_then(|features| FixedLength::builtin().template(&features)))
}

/// Makes a face's template; `None` on a failure to acquire.
///
/// Errors: anything else.
pub(crate) fn face_template(sample: &Sample) -> Result<Option<Template>, Error> {
    acquired(biopay_biometrics::face::Extractor::builtin().template(sample))
}

/// Takes a failure to acquire as no template.
fn acquired(result: Result<Template, biopay_biometrics::Error>) -> Result<Option<Template>, Error> {
    match result {
        Ok(template) => Ok(Some(template)),
        Err(biopay_biometrics::Error::FailureToAcquire(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Splits the subjects into a tuning half and a stating half, at random by the seed: no subject is in both.
pub fn split(mut subjects: Vec<Subject>, seed: u64) -> (Vec<Subject>, Vec<Subject>) {
    subjects.shuffle(&mut stream(seed, "tune/split", 0));
    let stating = subjects.split_off(subjects.len() / 2);
    (subjects, stating)
}
