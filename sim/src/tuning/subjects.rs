//! Whose templates parameters are chosen on.

use crate::Error;
use crate::evaluation::SampleSet;
use biopay_biometrics::Template;
use biopay_datasets::stream::stream;
use rand::seq::SliceRandom;

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

/// Takes a set's templates, subject by subject.
///
/// Errors: [`Error::Usage`] where the samples are not fixed-length templates.
pub fn subjects_of(set: &SampleSet) -> Result<Vec<Subject>, Error> {
    let templates = set.fixed_length()?;
    Ok(set.samples_of_subjects().into_iter().map(|own| Subject { templates: templates[own].to_vec() }).collect())
}

/// Splits the subjects into a tuning half and a stating half, at random by the seed: no subject is in both.
pub fn split(mut subjects: Vec<Subject>, seed: u64) -> (Vec<Subject>, Vec<Subject>) {
    subjects.shuffle(&mut stream(seed, "tune/split", 0));
    let stating = subjects.split_off(subjects.len() / 2);
    (subjects, stating)
}
