//! The comparison of a reference with a probe: by a comparator, or as a derivation scheme enrols, derives and verifies.

use super::plan::{ComparisonPlan, Reference};
use super::sample_set::{SampleSet, Templates};
use crate::Error;
use biopay_biometrics::fingerprint::compare;
use biopay_biometrics::scheme::{DeviceToken, HelperData, Scheme, SchemeId, SchemeParameters, ServerRecord, build};
use biopay_biometrics::{QrPayload, Template};
use biopay_datasets::stream::stream;
use clap::ValueEnum;
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;
use std::sync::Arc;

/// The comparators of two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Comparator {
    /// Minutiae against minutiae (fingerprints).
    Minutiae,
    /// Cosine of the real-valued fixed-length templates.
    FixedLength,
    /// Share of equal bits of the binary fixed-length templates.
    FixedLengthBinary,
}

/// The device token with which a non-mated probe is derived. A mated probe always has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenCondition {
    /// The impostor has the subject's token.
    #[default]
    Stolen,
    /// The impostor has only a token of their own.
    Own,
}

/// A derivation scheme, and the impostor's knowledge.
#[derive(Clone, Debug)]
pub struct SchemeChoice {
    /// The scheme.
    pub id: SchemeId,
    /// Its parameters.
    pub parameters: SchemeParameters,
    /// The impostor's token.
    pub token: TokenCondition,
    /// The seed of the enrolments' randomness and of the tokens.
    pub seed: u64,
}

/// A way to compare.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a command has one")]
pub enum Method {
    /// A comparator, on unprotected templates.
    Comparator(Comparator),
    /// A derivation scheme, on payloads.
    Scheme(SchemeChoice),
}

/// The result of one comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Larger is more similar; 1 or 0 for a scheme that compares for equality; -∞ where no comparison took place, after a
    /// failure to acquire or enrol.
    pub score: f32,
    /// The scheme's decision; `None` for a comparator, whose threshold is chosen later.
    pub accepted: Option<bool>,
}

impl Compared {
    /// Nothing to compare: a comparison that does not count among the completed ones.
    const FAILED: Self = Self { score: f32::NEG_INFINITY, accepted: None };
}

/// A comparison of references with probes.
pub trait Scorer: Sync {
    /// Compares one pair.
    fn compare(&self, reference: usize, probe: usize) -> Compared;

    /// Returns whether a reference was enrolled.
    fn is_enrolled(&self, reference: usize) -> bool;

    /// Returns whether a probe was acquired.
    fn is_acquired(&self, probe: usize) -> bool;

    /// Returns how many references could not be enrolled.
    fn failures_to_enrol(&self) -> u64 {
        0
    }
}

/// Makes the scorer of a comparator.
///
/// # Errors
///
/// [`Error::Usage`] if the samples do not fit the comparator.
pub fn comparator<'a>(set: &'a SampleSet, comparator: Comparator) -> Result<Box<dyn Scorer + 'a>, Error> {
    if let (Comparator::Minutiae, Templates::Minutiae(templates)) = (comparator, set.templates()) {
        return Ok(Box::new(Pairwise { templates, score: |a, b| coarse(compare(a, b).0) }));
    }
    let templates = set.fixed_length()?;
    match comparator {
        Comparator::Minutiae => Err(Error::Usage("the minutiae comparator compares only fingerprints".into())),
        Comparator::FixedLength => Ok(Box::new(Pairwise { templates, score: |a, b| coarse(Template::cosine(a, b)) })),
        Comparator::FixedLengthBinary => Ok(Box::new(Pairwise { templates, score: Template::bit_agreement })),
    }
}

/// Rounds a score to 14 significant bits, so that few different scores occur and can be counted.
fn coarse(score: f32) -> f32 {
    const DROPPED_BITS: u32 = 9;
    f32::from_bits(score.to_bits() >> DROPPED_BITS << DROPPED_BITS)
}

struct Pairwise<'a, T> {
    templates: &'a [Option<T>],
    score: fn(&T, &T) -> f32,
}

impl<T: Sync> Scorer for Pairwise<'_, T> {
    fn compare(&self, reference: usize, probe: usize) -> Compared {
        match (&self.templates[reference], &self.templates[probe]) {
            (Some(a), Some(b)) => Compared { score: (self.score)(a, b), accepted: None },
            _ => Compared::FAILED,
        }
    }

    fn is_enrolled(&self, reference: usize) -> bool {
        self.templates[reference].is_some()
    }

    fn is_acquired(&self, probe: usize) -> bool {
        self.templates[probe].is_some()
    }
}

/// The comparison of a scheme.
pub struct SchemeScorer<'a> {
    scheme: Arc<dyn Scheme>,
    token: TokenCondition,
    enrolled: Vec<Option<Enrolled>>,
    templates: &'a [Option<Template>],
    subjects: &'a [u32],
    tokens: Vec<DeviceToken>,
}

struct Enrolled {
    subject: u32,
    helper: HelperData,
    record: ServerRecord,
    payload_bytes: usize,
}

impl<'a> SchemeScorer<'a> {
    /// Enrols every reference of a plan on all cores.
    ///
    /// # Errors
    ///
    /// Parameters out of range; samples that are not fixed-length templates.
    pub fn new(set: &'a SampleSet, plan: &ComparisonPlan, choice: &SchemeChoice) -> Result<Self, Error> {
        let scheme = build(choice.id, &choice.parameters)?;
        let templates = set.fixed_length()?;
        let tokens: Vec<_> =
            (0..set.subject_count() as u64).map(|subject| device_token(choice.seed, subject)).collect();
        let one = |(i, reference): (usize, &Reference)| {
            let mut rng = stream(choice.seed, "evaluation/enrolment", i as u64);
            enrol(scheme.as_ref(), templates, reference, &tokens, &mut rng)
        };
        let enrolled = plan.references().par_iter().enumerate().map(one).collect::<Result<_, Error>>()?;
        Ok(Self { scheme, token: choice.token, enrolled, templates, subjects: set.subjects(), tokens })
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> &dyn Scheme {
        self.scheme.as_ref()
    }

    /// Returns the mean size of the payloads as they travel. Units: bytes.
    pub fn payload_bytes(&self) -> usize {
        let sizes: Vec<usize> = self.enrolled.iter().flatten().map(|e| e.payload_bytes).collect();
        sizes.iter().sum::<usize>() / sizes.len().max(1)
    }

    /// Returns a reference's record and the payload that a probe presents to it; `None` if either is missing.
    pub fn presented(&self, reference: usize, probe: usize) -> Option<(&ServerRecord, QrPayload)> {
        let (enrolled, template) = (self.enrolled[reference].as_ref()?, self.templates[probe].as_ref()?);
        let payload = self.scheme.derive(template, &enrolled.helper, Some(self.token_of(enrolled, probe))).ok()?;
        Some((&enrolled.record, payload))
    }

    fn token_of(&self, enrolled: &Enrolled, probe: usize) -> &DeviceToken {
        let subject = match self.token {
            TokenCondition::Stolen => enrolled.subject,
            TokenCondition::Own => self.subjects[probe],
        };
        &self.tokens[subject as usize]
    }
}

impl Scorer for SchemeScorer<'_> {
    fn compare(&self, reference: usize, probe: usize) -> Compared {
        if !self.is_enrolled(reference) || !self.is_acquired(probe) {
            return Compared { accepted: Some(false), ..Compared::FAILED };
        }
        let Some((record, payload)) = self.presented(reference, probe) else {
            return Compared { score: 0.0, accepted: Some(false) };
        };
        let verdict = self.scheme.verify(record, &payload);
        let score = verdict.score.unwrap_or(if verdict.accepted { 1.0 } else { 0.0 });
        Compared { score, accepted: Some(verdict.accepted) }
    }

    fn is_enrolled(&self, reference: usize) -> bool {
        self.enrolled[reference].is_some()
    }

    fn is_acquired(&self, probe: usize) -> bool {
        self.templates[probe].is_some()
    }

    fn failures_to_enrol(&self) -> u64 {
        self.enrolled.iter().filter(|e| e.is_none()).count() as u64
    }
}

/// Draws the token that a subject's device holds.
pub fn device_token(seed: u64, subject: u64) -> DeviceToken {
    let mut token = DeviceToken([0; 32]);
    stream(seed, "evaluation/token", subject).fill_bytes(&mut token.0);
    token
}

/// Enrols one reference; `None` is a failure to enrol.
fn enrol(
    scheme: &dyn Scheme,
    templates: &[Option<Template>],
    reference: &Reference,
    tokens: &[DeviceToken],
    rng: &mut dyn Rng,
) -> Result<Option<Enrolled>, Error> {
    let captures: Vec<Template> = templates[reference.samples.clone()].iter().flatten().cloned().collect();
    if captures.is_empty() {
        return Ok(None);
    }
    match scheme.enrol(&captures, Some(&tokens[reference.subject as usize]), rng) {
        Ok(enrolment) => Ok(Some(Enrolled {
            subject: reference.subject,
            payload_bytes: enrolment.payload.to_bytes().len(),
            record: scheme.record(&enrolment.payload)?,
            helper: enrolment.helper,
        })),
        Err(biopay_biometrics::Error::FailureToEnrol(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}
