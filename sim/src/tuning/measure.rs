//! The measurement of one part of the subjects, every probe against every enrolment.

use super::Subject;
use crate::Error;
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{HelperData, Scheme, ServerRecord};
use biopay_datasets::stream::stream;
use biopay_reports::cluster::{Design, MatedErrors, NonMatedErrors};
use biopay_reports::curve::SubjectScores;
use biopay_reports::interval::{Dependence, Rate};
use biopay_reports::rates::ScoreSet;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The score of an equality scheme that accepts; one that rejects scores 0.
pub(super) const ACCEPTED: f32 = 1.0;
/// The number of probes of each other subject with which an enrolment is compared.
const NON_MATED_PROBES: usize = 2;

/// The scores of a part; larger is more similar, negative infinity after a failed derivation.
#[derive(Clone, Debug)]
pub struct Scores {
    mated: Vec<(u32, f32)>,
    non_mated: Vec<(u32, u32, f32)>,
    subjects: u64,
    failures_to_enrol: u64,
    failures_to_acquire: u64,
}

/// The rates of a part at one operating point.
#[derive(Clone, Debug)]
pub struct PartRates {
    /// The number of subjects in the part.
    pub subjects: u64,
    /// The number of subjects without enough acquired captures, or whom the scheme could not enrol.
    pub failures_to_enrol: u64,
    /// The number of probes that were not acquired; they are not compared.
    pub failures_to_acquire: u64,
    /// False matches among non-mated comparisons.
    pub fmr: Rate,
    /// False non-matches among mated comparisons.
    pub fnmr: Rate,
}

impl PartRates {
    /// Returns FTA + FNMR (1 - FTA), the false reject rate of one try (ISO/IEC 19795-1); `None` without mated
    /// comparisons.
    pub fn frr(&self) -> Option<f64> {
        let probes = self.failures_to_acquire + self.fnmr.total;
        let fta = self.failures_to_acquire as f64 / probes as f64;
        self.fnmr.value().map(|fnmr| fta + fnmr * (1.0 - fta))
    }
}

struct Enrolled {
    subject: u32,
    helper: HelperData,
    record: ServerRecord,
}

/// Enrols every subject with its first `captures` acquired captures, and compares the enrolment with all other captures
/// of the subject and the first two of each other subject.
///
/// # Errors
///
/// [`Error::Usage`] without mated or without non-mated comparisons; [`Error::Biometrics`] for anything but a failure to
/// enrol.
pub fn measure(scheme: &dyn Scheme, part: &[Subject], captures: usize, seed: u64) -> Result<Scores, Error> {
    let probes: Vec<Vec<&Template>> = part.iter().map(|s| s.acquired().skip(captures).collect()).collect();
    let enrolled: Vec<Option<Enrolled>> = part
        .par_iter()
        .enumerate()
        .map(|(i, s)| enrol(scheme, i as u32, s, captures, seed))
        .collect::<Result<_, _>>()?;
    let failures_to_enrol = enrolled.iter().filter(|e| e.is_none()).count() as u64;
    let compared: Vec<_> = enrolled.par_iter().flatten().map(|e| compare(scheme, e, &probes)).collect();
    let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
    for (own, others) in compared {
        mated.extend(own);
        non_mated.extend(others);
    }
    if mated.is_empty() || non_mated.is_empty() {
        return Err(Error::Usage("rates need two subjects, with more captures than an enrolment takes".into()));
    }
    let failures_to_acquire = part.iter().map(Subject::failures).sum();
    Ok(Scores { mated, non_mated, subjects: part.len() as u64, failures_to_enrol, failures_to_acquire })
}

fn enrol(
    scheme: &dyn Scheme,
    index: u32,
    subject: &Subject,
    captures: usize,
    seed: u64,
) -> Result<Option<Enrolled>, Error> {
    let references: Vec<Template> = subject.acquired().take(captures).cloned().collect();
    if references.len() < captures {
        return Ok(None);
    }
    let mut rng = stream(seed, &format!("tune/enrol/{}", scheme.id().name()), u64::from(index));
    match scheme.enrol(&references, None, &mut rng) {
        Ok(enrolment) => {
            let record = scheme.record(&enrolment.payload)?;
            Ok(Some(Enrolled { subject: index, helper: enrolment.helper, record }))
        }
        Err(biopay_biometrics::Error::FailureToEnrol(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

type Compared = (Vec<(u32, f32)>, Vec<(u32, u32, f32)>);

fn compare(scheme: &dyn Scheme, enrolled: &Enrolled, probes: &[Vec<&Template>]) -> Compared {
    let own = enrolled.subject;
    let mated = probes[own as usize].iter().map(|p| (own, score(scheme, enrolled, p))).collect();
    let others = (0..probes.len() as u32).filter(|&other| other != own);
    let pairs = others.flat_map(|other| probes[other as usize].iter().take(NON_MATED_PROBES).map(move |p| (other, p)));
    (mated, pairs.map(|(other, p)| (own, other, score(scheme, enrolled, p))).collect())
}

fn score(scheme: &dyn Scheme, enrolled: &Enrolled, probe: &Template) -> f32 {
    let Ok(payload) = scheme.derive(probe, &enrolled.helper, None) else { return f32::NEG_INFINITY };
    let verdict = scheme.verify(&enrolled.record, &payload);
    verdict.score.unwrap_or(if verdict.accepted { ACCEPTED } else { 0.0 })
}

impl Scores {
    /// Returns the least threshold at which at most this share of non-mated comparisons matches.
    pub fn threshold_for(&self, fmr: f64) -> f32 {
        let mut scores: Vec<f32> = self.non_mated.iter().map(|n| n.2).collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let allowed = (fmr * scores.len() as f64) as usize;
        scores.get(allowed).map_or(f32::NEG_INFINITY, |score| score.next_up())
    }

    /// Returns how alike false matches and false non-matches of a subject are, at thresholds with enough of them.
    fn dependence(&self) -> (Option<Dependence>, Option<Dependence>) {
        let set = ScoreSet::new(self.mated.iter().map(|m| m.1).collect(), self.non_mated.iter().map(|n| n.2).collect());
        let mut pairs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        self.non_mated.iter().for_each(|&(a, b, _)| *pairs.entry((a.min(b), a.max(b))).or_default() += 1);
        let mated = self.mated.iter().map(|&(subject, score)| (score, subject, 1)).collect();
        let non_mated = self.non_mated.iter().map(|&(a, b, score)| (score, (a.min(b), a.max(b)))).collect();
        let design = Design::Listed(pairs.into_iter().collect());
        let scores = SubjectScores::new(set, mated, non_mated, f32::NEG_INFINITY, design);
        (scores.fmr_dependence(), scores.fnmr_dependence())
    }

    /// Counts errors at a threshold.
    pub fn rates(&self, threshold: f32) -> PartRates {
        let (mut mated, mut non_mated) = (MatedErrors::default(), NonMatedErrors::default());
        self.mated.iter().for_each(|&(subject, score)| mated.add(subject, score < threshold));
        self.non_mated.iter().for_each(|&(a, b, score)| non_mated.add(a, b, score >= threshold));
        let least = self.dependence();
        PartRates {
            subjects: self.subjects,
            failures_to_enrol: self.failures_to_enrol,
            failures_to_acquire: self.failures_to_acquire,
            fmr: non_mated.rate_with(least.0),
            fnmr: mated.rate_with(least.1),
        }
    }
}
