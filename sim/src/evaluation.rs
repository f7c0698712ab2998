//! Every pair of a folder's images compared, and the rates of it.

use crate::Error;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::fingerprint::iso19794_2::Record;
use biopay_biometrics::fingerprint::{Extractor, Features, MinutiaeTemplate, compare};
use biopay_biometrics::{Sample, Template};
use biopay_datasets::folder::{NamedImage, read_image, write_image};
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

/// Is an image's features, or why there are none: a failure to acquire.
pub type ImageResult = Result<Features, String>;

/// Extracts the features of a folder's images on all cores, one image a core in memory at a time.
///
/// An image that cannot be used, because it is broken or too large, is a failure to acquire like any other. With
/// `trace` every stage is written there as `STEM-STAGE.png`.
///
/// Errors: files that cannot be read or written.
pub fn extract(
    images: &[NamedImage],
    pixels_per_inch: Option<u16>,
    trace: Option<&Path>,
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<ImageResult>, Error> {
    let extractor = Extractor::new();
    if let Some(folder) = trace {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let one = |image: &NamedImage| {
        let result = match read_image(&image.path, pixels_per_inch) {
            Ok(sample) => extract_one(&extractor, &image.stem, &sample, trace),
            Err(biopay_datasets::Error::Image { why, .. }) => Ok(Err(format!("no usable image: {why}"))),
            Err(other) => Err(other.into()),
        };
        progress();
        result
    };
    images.par_iter().map(one).collect()
}

fn extract_one(extractor: &Extractor, stem: &str, sample: &Sample, trace: Option<&Path>) -> Result<ImageResult, Error> {
    let mut written = Ok(());
    let result = match trace {
        None => extractor.extract(sample),
        Some(folder) => extractor.extract_traced(sample, &mut |stage, pixels| {
            let picture = Sample { modality: sample.modality, pixels: pixels.to_owned(), pixels_per_inch: None };
            let path = folder.join(format!("{stem}-{stage}.png"));
            written = std::mem::replace(&mut written, Ok(())).and(write_image(&path, &picture));
        }),
    };
    written?;
    match result {
        Ok(features) => Ok(Ok(features)),
        Err(biopay_biometrics::Error::FailureToAcquire(reason)) => Ok(Err(reason.to_string())),
        Err(other) => Err(other.into()),
    }
}

/// Reads a folder of ISO/IEC 19794-2 records named `SUBJECT_IMPRESSION.fmr`, the first view of each.
///
/// Errors: files that cannot be read, and records that are malformed, by name.
pub fn read_records(records: &[NamedImage]) -> Result<Vec<ImageResult>, Error> {
    let one = |record: &NamedImage| {
        let bytes = std::fs::read(&record.path).map_err(Error::file(&record.path))?;
        let named = |error: biopay_biometrics::Error| Error::Usage(format!("{}: {error}", record.path.display()));
        let parsed = Record::from_bytes(&bytes).map_err(named)?;
        let Some(view) = parsed.views.into_iter().next() else {
            return Ok(Err("the record has no finger view".to_owned()));
        };
        let (columns, rows) = (usize::from(parsed.columns), usize::from(parsed.rows));
        Ok(Ok(Features::from_minutiae(columns, rows, view.minutiae).map_err(named)?))
    };
    records.par_iter().map(one).collect()
}

/// Writes every image's minutiae as an ISO/IEC 19794-2 record `STEM.fmr`; images without features have none.
///
/// Errors: files that cannot be written.
pub fn write_records(images: &[NamedImage], features: &[ImageResult], folder: &Path) -> Result<usize, Error> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let mut written = 0;
    for (image, features) in images.iter().zip(features) {
        let Ok(features) = features else { continue };
        let path = folder.join(format!("{}.fmr", image.stem));
        std::fs::write(&path, Record::new(features)?.to_bytes()).map_err(Error::file(&path))?;
        written += 1;
    }
    Ok(written)
}

/// Holds every pair's score.
pub struct Evaluation {
    stems: Vec<String>,
    subjects: Vec<u32>,
    /// Score of pair (i, j), i < j, row by row.
    scores: Vec<f32>,
    failures: BTreeMap<String, u64>,
}

/// Holds the rates of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluationRates {
    /// Images compared.
    pub images: usize,
    /// Subjects among them.
    pub subjects: usize,
    /// Images that were not acquired, by reason.
    pub failures_to_acquire: BTreeMap<String, u64>,
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
    pub fn compare_all(images: &[NamedImage], features: &[ImageResult], comparator: Comparator) -> Result<Self, Error> {
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
            *failures.entry(reason.clone()).or_default() += 1;
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
