//! Every pair of a folder's images compared, and the rates of it.

use crate::Error;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::fingerprint::{Extractor, Features, MinutiaeTemplate, compare};
use biopay_biometrics::{AcquisitionFailure, Template};
use biopay_datasets::folder::NamedSample;
use biopay_reports::cluster::{MatedErrors, NonMatedErrors};
use biopay_reports::html::rate_text;
use biopay_reports::interval::Rate;
use biopay_reports::rates::ScoreSet;
use clap::ValueEnum;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Chooses how two images are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Comparator {
    /// Minutiae against minutiae.
    Minutiae,
    /// Cosine of the real-valued fixed-length templates.
    FixedLength,
    /// Share of equal bits of the binary fixed-length templates.
    FixedLengthBinary,
}

/// Is an image's features, or why there are none.
pub type ImageResult = Result<Features, AcquisitionFailure>;

/// Extracts features on all cores; with `trace` every stage is written there as `STEM-STAGE.png`.
///
/// Errors: what extraction reports that is no failure to acquire, and files that cannot be written.
pub fn extract(
    images: &[NamedSample],
    trace: Option<&Path>,
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<ImageResult>, Error> {
    let extractor = Extractor::new();
    if let Some(folder) = trace {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let one = |image: &NamedSample| {
        let mut failed = Ok(());
        let result = match trace {
            None => extractor.extract(&image.sample),
            Some(folder) => extractor.extract_traced(&image.sample, &mut |stage, pixels| {
                let path = folder.join(format!("{}-{stage}.png", image.stem));
                let sample = biopay_biometrics::Sample::fingerprint(pixels.to_owned(), 500);
                failed =
                    std::mem::replace(&mut failed, Ok(())).and(biopay_datasets::folder::write_image(&path, &sample));
            }),
        };
        failed?;
        progress();
        match result {
            Ok(features) => Ok(Ok(features)),
            Err(biopay_biometrics::Error::FailureToAcquire(reason)) => Ok(Err(reason)),
            Err(other) => Err(other.into()),
        }
    };
    images.par_iter().map(one).collect()
}

/// Holds every pair's score.
pub struct Evaluation {
    stems: Vec<String>,
    subjects: Vec<u32>,
    /// Score of pair (i, j), i < j, row by row.
    scores: Vec<f32>,
    failures: BTreeMap<&'static str, u64>,
}

/// Holds the rates of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluationRates {
    /// Images compared.
    pub images: usize,
    /// Subjects among them.
    pub subjects: usize,
    /// Images that were not acquired, by reason.
    pub failures_to_acquire: BTreeMap<&'static str, u64>,
    /// Mated comparisons.
    pub mated: usize,
    /// Non-mated comparisons.
    pub non_mated: usize,
    /// Equal error rate by the interval rule.
    pub eer: f64,
    /// FMR and FNMR at the lowest FNMR with FMR at most 1 in 100, 1 in 1,000, 1 in 10,000, and 0.
    pub points: Vec<PointRates>,
    /// Decidability.
    pub d_prime: f64,
}

/// Holds both error rates at one operating point.
#[derive(Clone, Debug, Serialize)]
pub struct PointRates {
    /// `FMR100`, `FMR1000`, `FMR10000` or `ZeroFMR`.
    pub name: &'static str,
    /// The threshold.
    pub threshold: f32,
    /// False matches.
    pub fmr: Rate,
    /// False non-matches.
    pub fnmr: Rate,
}

const POINTS: [(&str, f64); 4] = [("FMR100", 1e-2), ("FMR1000", 1e-3), ("FMR10000", 1e-4), ("ZeroFMR", 0.0)];

impl Evaluation {
    /// Compares every pair on all cores.
    ///
    /// Errors: [`Error::Usage`] when no pair is mated or none is non-mated, so that there is no rate.
    pub fn compare_all(
        images: &[NamedSample],
        features: &[ImageResult],
        comparator: Comparator,
    ) -> Result<Self, Error> {
        let names: Vec<&str> = images.iter().map(|i| i.subject.as_str()).collect();
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 2 || distinct.len() == names.len() {
            let message =
                "rates need at least two subjects, one of them with two images named SUBJECT_IMPRESSION".to_owned();
            return Err(Error::Usage(message));
        }
        let subject = |name: &&str| distinct.binary_search(name).map_or(0, |i| i as u32);
        let mut failures = BTreeMap::new();
        for reason in features.iter().filter_map(|f| f.as_ref().err()) {
            *failures.entry(failure_name(*reason)).or_default() += 1;
        }
        Ok(Self {
            stems: images.iter().map(|i| i.stem.clone()).collect(),
            subjects: names.iter().map(subject).collect(),
            scores: scores(features, comparator)?,
            failures,
        })
    }

    /// Iterates over every pair's file stems and score.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str, f32)> {
        self.indices().zip(&self.scores).map(|((i, j), &s)| (self.stems[i].as_str(), self.stems[j].as_str(), s))
    }

    /// Computes the rates.
    pub fn rates(&self) -> EvaluationRates {
        let is_mated = |(i, j): (usize, usize)| self.subjects[i] == self.subjects[j];
        let pick = |mated: bool| {
            self.indices().zip(&self.scores).filter(|&(p, _)| is_mated(p) == mated).map(|(_, &s)| s).collect()
        };
        let set = ScoreSet::new(pick(true), pick(false));
        let mut subjects = self.subjects.clone();
        subjects.sort_unstable();
        subjects.dedup();
        EvaluationRates {
            images: self.stems.len(),
            subjects: subjects.len(),
            failures_to_acquire: self.failures.clone(),
            mated: set.mated().len(),
            non_mated: set.non_mated().len(),
            eer: set.equal_error_rate(),
            points: POINTS.iter().map(|&(name, fmr)| self.point(name, set.lowest_fnmr(fmr).threshold)).collect(),
            d_prime: set.decidability(),
        }
    }

    /// Writes the rates for people.
    pub fn to_text(&self, title: &str) -> String {
        let r = self.rates();
        let mut out = format!(
            "{title}: {} images of {} subjects, {} mated and {} non-mated comparisons\n",
            r.images, r.subjects, r.mated, r.non_mated
        );
        for (reason, count) in &r.failures_to_acquire {
            out += &format!("  failure to acquire: {count} of {} ({reason})\n", r.images);
        }
        out += &format!("  EER       {:.2} %   d' {:.2}\n", 100.0 * r.eer, r.d_prime);
        for p in &r.points {
            out += &format!("  {:<9} FNMR {}   FMR {}\n", p.name, rate_text(&p.fnmr), rate_text(&p.fmr));
        }
        out
    }

    fn point(&self, name: &'static str, threshold: f32) -> PointRates {
        let (mut mated, mut non_mated) = (MatedErrors::default(), NonMatedErrors::default());
        for ((i, j), &score) in self.indices().zip(&self.scores) {
            let (a, b) = (self.subjects[i], self.subjects[j]);
            if a == b {
                mated.add(a, score < threshold);
            } else {
                non_mated.add(a, b, score >= threshold);
            }
        }
        PointRates { name, threshold, fmr: non_mated.rate(), fnmr: mated.rate() }
    }

    fn indices(&self) -> impl Iterator<Item = (usize, usize)> {
        let n = self.stems.len();
        (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
    }
}

fn scores(features: &[ImageResult], comparator: Comparator) -> Result<Vec<f32>, Error> {
    match comparator {
        Comparator::Minutiae => {
            let templates: Vec<_> = features.par_iter().map(|f| f.as_ref().ok().map(MinutiaeTemplate::new)).collect();
            Ok(all_pairs(&templates, |a, b| compare(a, b).0))
        }
        Comparator::FixedLength => Ok(all_pairs(&templates(features)?, Template::cosine)),
        Comparator::FixedLengthBinary => Ok(all_pairs(&templates(features)?, Template::bit_agreement)),
    }
}

fn templates(features: &[ImageResult]) -> Result<Vec<Option<Template>>, Error> {
    let one = |f: &ImageResult| match f {
        Err(_) => Ok(None),
        Ok(features) => match FixedLength::builtin().template(features) {
            Ok(template) => Ok(Some(template)),
            Err(biopay_biometrics::Error::FailureToAcquire(_)) => Ok(None),
            Err(other) => Err(other.into()),
        },
    };
    features.par_iter().map(one).collect()
}

/// Compares every pair; a missing template scores negative infinity.
fn all_pairs<T: Sync>(templates: &[Option<T>], score: impl Fn(&T, &T) -> f32 + Sync) -> Vec<f32> {
    let row = |i: usize| {
        let one = |b: &Option<T>| match (&templates[i], b) {
            (Some(a), Some(b)) => score(a, b),
            _ => f32::NEG_INFINITY,
        };
        templates[i + 1..].iter().map(one).collect::<Vec<f32>>()
    };
    (0..templates.len()).into_par_iter().flat_map_iter(row).collect()
}

fn failure_name(reason: AcquisitionFailure) -> &'static str {
    match reason {
        AcquisitionFailure::TooSmall => "too small",
        AcquisitionFailure::TooLarge => "too large",
        AcquisitionFailure::Resolution => "resolution",
        AcquisitionFailure::Blank => "blank",
        AcquisitionFailure::NoSubject => "no finger",
        AcquisitionFailure::TooFewFeatures => "too few features",
    }
}
