//! The samples of an evaluation, as templates.

use super::intake::Intake;
use crate::Error;
use crate::tuning::Subject;
use biopay_biometrics::Template;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::fingerprint::{Features, MinutiaeTemplate};
use biopay_datasets::folder::NamedFile;
use biopay_reports::cluster::MatedErrors;
use biopay_reports::interval::Rate;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// An image's features, or the reason of its failure to acquire.
pub type ImageResult = Result<Features, String>;

/// The samples of an evaluation, with their subjects and templates.
///
/// Shape: `names`, `subjects` and the templates have one entry for each sample; a subject's samples are adjacent.
pub struct SampleSet {
    names: Vec<String>,
    subjects: Vec<u32>,
    templates: Templates,
    failures: BTreeMap<String, u64>,
    intake: Intake,
}

/// The templates of a set; `None` after a failure to acquire.
pub enum Templates {
    /// Minutiae, for the minutiae comparator.
    Minutiae(Vec<Option<MinutiaeTemplate>>),
    /// Fixed-length templates, for everything else.
    FixedLength(Vec<Option<Template>>),
}

/// One of two parts of a set that share no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The first subject, the third, and so on.
    Even,
    /// The second subject, the fourth, and so on.
    Odd,
}

/// A sample's template, or the reason why there is none.
pub type TemplateResult = Result<Template, String>;

impl SampleSet {
    /// Builds a set of minutiae.
    pub fn of_minutiae(images: &[NamedFile], features: &[ImageResult]) -> Result<Self, Error> {
        let made: Vec<_> =
            features.par_iter().map(|f| f.as_ref().map(MinutiaeTemplate::new).map_err(Clone::clone)).collect();
        let failures = failures(&made);
        Self::new(images, Templates::Minutiae(made.into_iter().map(Result::ok).collect()), failures)
    }

    /// Builds a set of fixed-length templates of fingerprints.
    pub fn of_fingerprints(images: &[NamedFile], features: &[ImageResult]) -> Result<Self, Error> {
        let made: Vec<TemplateResult> = features.par_iter().map(fixed_length).collect::<Result<_, Error>>()?;
        Self::of_templates(images.iter().map(|i| (i.stem.clone(), i.subject.as_str())), made)
    }

    /// Builds a set of fixed-length templates named by (sample, subject), a subject's samples adjacent.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] without two subjects, or without two samples of one of them.
    pub fn of_templates<'a>(
        names: impl IntoIterator<Item = (String, &'a str)>,
        made: Vec<TemplateResult>,
    ) -> Result<Self, Error> {
        let failures = failures(&made);
        let templates = Templates::FixedLength(made.into_iter().map(Result::ok).collect());
        let (names, subjects): (Vec<String>, Vec<&str>) = names.into_iter().unzip();
        Self { names, subjects: numbered(&subjects), templates, failures, intake: Intake::default() }.checked()
    }

    fn new(images: &[NamedFile], templates: Templates, failures: BTreeMap<String, u64>) -> Result<Self, Error> {
        let subjects: Vec<&str> = images.iter().map(|i| i.subject.as_str()).collect();
        let names = images.iter().map(|i| i.stem.clone()).collect();
        Self { names, subjects: numbered(&subjects), templates, failures, intake: Intake::default() }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        let count = self.subject_count();
        if count >= 2 && count < self.names.len() {
            return Ok(self);
        }
        Err(Error::Usage(
            "rates need at least two subjects, one of them with two samples (images are SUBJECT_IMPRESSION)".into(),
        ))
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there are no samples, which is never so in a built set.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns each sample's name.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns each sample's subject, numbered from 0 in the order of the samples.
    pub fn subjects(&self) -> &[u32] {
        &self.subjects
    }

    /// Returns the number of subjects.
    pub fn subject_count(&self) -> usize {
        self.subjects.last().map_or(0, |&last| last as usize + 1)
    }

    /// Returns the fixed-length templates by subject, in the order of their impressions.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the samples are not fixed-length templates.
    pub fn by_subject(&self) -> Result<Vec<Subject>, Error> {
        let templates = self.fixed_length()?;
        Ok(self.samples_of_subjects().into_iter().map(|own| Subject { templates: templates[own].to_vec() }).collect())
    }

    /// Returns the samples of each subject.
    pub fn samples_of_subjects(&self) -> Vec<std::ops::Range<usize>> {
        let mut out = Vec::with_capacity(self.subject_count());
        let mut start = 0;
        for group in self.subjects.chunk_by(|a, b| a == b) {
            out.push(start..start + group.len());
            start += group.len();
        }
        out
    }

    /// Returns the templates that are compared.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Returns the fixed-length templates.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the set was built for the minutiae comparator.
    pub fn fixed_length(&self) -> Result<&[Option<Template>], Error> {
        match &self.templates {
            Templates::FixedLength(templates) => Ok(templates),
            Templates::Minutiae(_) => {
                Err(Error::Usage("these samples are minutiae, not fixed-length templates".into()))
            }
        }
    }

    /// Iterates over the first acquired template of each subject.
    ///
    /// # Errors
    ///
    /// As [`fixed_length`](Self::fixed_length).
    pub fn people(&self) -> Result<impl Iterator<Item = &Template>, Error> {
        let templates = self.fixed_length()?;
        Ok(self.samples_of_subjects().into_iter().filter_map(move |samples| templates[samples].iter().flatten().next()))
    }

    /// Returns every second subject, beginning with the first or with the second; subjects are numbered again from 0.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if too few subjects are left, or the samples are not fixed-length templates.
    pub fn half(&self, first: Half) -> Result<Self, Error> {
        let templates = self.fixed_length()?;
        let parity = usize::from(first == Half::Odd);
        let kept: Vec<usize> = self.samples_of_subjects().into_iter().skip(parity).step_by(2).flatten().collect();
        let names = kept.iter().map(|&i| self.names[i].clone()).collect();
        let subjects = kept.iter().map(|&i| self.subjects[i] / 2).collect();
        let templates: Vec<Option<Template>> = kept.iter().map(|&i| templates[i].clone()).collect();
        let missing = templates.iter().filter(|t| t.is_none()).count() as u64;
        let failures = Some(("not acquired".to_owned(), missing)).into_iter().filter(|f| f.1 > 0).collect();
        let templates = Templates::FixedLength(templates);
        Self { names, subjects, templates, failures, intake: self.intake.clone() }.checked()
    }

    /// Takes each two subjects that follow each other for one with both characteristics, whose samples are fused one by one;
    /// a subject that is left over is left out, and so are samples that only one of the two has.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if too few subjects are left, or the samples are not fixed-length templates.
    pub fn in_pairs(&self) -> Result<Self, Error> {
        let templates = self.fixed_length()?;
        let (mut names, mut made) = (Vec::new(), Vec::new());
        for (number, pair) in self.samples_of_subjects().chunks_exact(2).enumerate() {
            for (first, second) in pair[0].clone().zip(pair[1].clone()) {
                names.push((format!("{}+{}", self.names[first], self.names[second]), number.to_string()));
                made.push(match (&templates[first], &templates[second]) {
                    (Some(first), Some(second)) => Ok(Template::fused(&[first, second])),
                    (None, _) | (_, None) => Err("one of two samples was not acquired".to_owned()),
                });
            }
        }
        Self::of_templates(names.iter().map(|(name, subject)| (name.clone(), subject.as_str())), made)
    }

    /// Returns the failure-to-acquire rate.
    pub fn failure_to_acquire(&self) -> Rate {
        let mut failures = MatedErrors::default();
        let missing: Vec<bool> = match &self.templates {
            Templates::Minutiae(templates) => templates.iter().map(Option::is_none).collect(),
            Templates::FixedLength(templates) => templates.iter().map(Option::is_none).collect(),
        };
        self.subjects.iter().zip(missing).for_each(|(&subject, is_missing)| failures.add(subject, is_missing));
        failures.rate()
    }

    /// Returns failures to acquire, by reason.
    pub fn failures(&self) -> &BTreeMap<String, u64> {
        &self.failures
    }

    /// States what became of the folder's other files.
    pub fn with_intake(self, intake: Intake) -> Self {
        Self { intake, ..self }
    }

    /// Returns what became of the folder's other files.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Returns a digest of names and templates, which distinguishes the counts of different samples.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, subject) in self.names.iter().zip(&self.subjects) {
            hash.update(name.as_bytes());
            hash.update(subject.to_le_bytes());
        }
        match &self.templates {
            Templates::FixedLength(templates) => {
                for template in templates {
                    let real = template.as_ref().map_or(&[][..], Template::real);
                    real.iter().for_each(|x| hash.update(x.to_le_bytes()));
                }
            }
            Templates::Minutiae(templates) => {
                for template in templates {
                    let minutiae = template.as_ref().map_or(&[][..], MinutiaeTemplate::minutiae);
                    // The length keeps a minutia from counting as its neighbour's in the next template.
                    hash.update((minutiae.len() as u64).to_le_bytes());
                    minutiae.iter().flat_map(|m| [m.x, m.y, m.angle]).for_each(|x| hash.update(x.to_le_bytes()));
                }
            }
        }
        hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
    }
}

fn fixed_length(features: &Result<Features, String>) -> Result<TemplateResult, Error> {
    let features = match features {
        Ok(features) => features,
        Err(reason) => return Ok(Err(reason.clone())),
    };
    acquired(FixedLength::builtin().template(features))
}

fn failures<T>(made: &[Result<T, String>]) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    made.iter().filter_map(|m| m.as_ref().err()).for_each(|reason| *out.entry(reason.clone()).or_default() += 1);
    out
}

/// Numbers subjects in their order.
fn numbered(subjects: &[&str]) -> Vec<u32> {
    let mut number = 0;
    let mut out = Vec::with_capacity(subjects.len());
    for (i, subject) in subjects.iter().enumerate() {
        number += u32::from(i > 0 && subjects[i - 1] != *subject);
        out.push(number);
    }
    out
}

/// Turns a failure to acquire into a result, and leaves other errors.
pub(super) fn acquired<T>(made: Result<T, biopay_biometrics::Error>) -> Result<Result<T, String>, Error> {
    match made {
        Ok(made) => Ok(Ok(made)),
        Err(biopay_biometrics::Error::FailureToAcquire(reason)) => Ok(Err(reason.to_string())),
        Err(other) => Err(other.into()),
    }
}
