//! Whose templates parameters are chosen on.

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

/// Splits the subjects into a tuning half and a stating half, at random by the seed: no subject is in both.
pub fn split(mut subjects: Vec<Subject>, seed: u64) -> (Vec<Subject>, Vec<Subject>) {
    subjects.shuffle(&mut stream(seed, "tune/split", 0));
    let stating = subjects.split_off(subjects.len() / 2);
    (subjects, stating)
}
