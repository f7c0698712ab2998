//! The subjects on whose templates parameters are chosen.

use biopay_biometrics::Template;
use biopay_datasets::stream::stream;
use rand::seq::SliceRandom;

/// One subject's captures in order; `None` for one that was not acquired.
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

    /// Counts the captures that were not acquired.
    pub fn failures(&self) -> u64 {
        self.templates.iter().filter(|t| t.is_none()).count() as u64
    }
}

/// Splits the subjects at random by the seed into a tuning half and a stating half, which share no subject.
pub fn split(mut subjects: Vec<Subject>, seed: u64) -> (Vec<Subject>, Vec<Subject>) {
    subjects.shuffle(&mut stream(seed, "tune/split", 0));
    let stating = subjects.split_off(subjects.len() / 2);
    (subjects, stating)
}
