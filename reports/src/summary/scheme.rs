//! Error rates of schemes from comparisons that come one by one: memory grows with the pairs of subjects, not with the
//! comparisons.

use crate::records::Comparison;
use crate::statistics::distribution::Distribution;
use crate::statistics::evidence::band::Band;
use crate::statistics::evidence::cluster::{Design, MatedErrors, NonMatedErrors};
use crate::statistics::evidence::curve::SubjectScores;
use crate::statistics::evidence::kept::KeptScores;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::evidence::selection::Selected;
use crate::statistics::gathered::Gathered;
use crate::statistics::rates::ScoreSet;
use serde::Serialize;
use std::collections::BTreeMap;

/// A scheme's error rates per comparison.
#[derive(Clone, Debug, Serialize)]
pub struct SchemeSummary {
    /// The scheme.
    pub scheme: String,
    /// False non-match rate of completed comparisons at the scheme's operating point; failures to derive are non-matches.
    pub fnmr: Rate,
    /// False match rate of completed comparisons at the scheme's operating point.
    pub fmr: Rate,
    /// Failure-to-acquire rate of the probes.
    pub fta: Rate,
    /// Comparisons that failed before there was a score.
    pub failures: u64,
    /// Equal error rate by the interval rule, where the scheme gives scores.
    pub eer: Option<Selected>,
    /// Lowest FNMR with FMR at most 1 in 100, where the comparisons show a threshold with such an FMR.
    pub fmr100: Option<Selected>,
    /// Lowest FNMR with FMR at most 1 in 1,000.
    pub fmr1000: Option<Selected>,
    /// Lowest FNMR with FMR at most 1 in 10,000.
    pub fmr10000: Option<Selected>,
    /// Sorted scores, for the plots.
    #[serde(skip)]
    pub scores: Option<ScoreSet>,
    /// Whose mated comparisons erred, and how often.
    #[serde(skip)]
    pub mated_errors: Vec<((u32, u32), u64)>,
    /// Between whom false matches were, and how many.
    #[serde(skip)]
    pub non_mated_errors: Vec<((u32, u32), u64)>,
    /// Intervals of both rates over the thresholds, where the scheme gives scores.
    #[serde(skip)]
    pub band: Option<Band>,
}

/// Counts of comparisons by scheme, which come one by one in any order.
#[derive(Default)]
pub(crate) struct SchemeTally {
    schemes: BTreeMap<String, Counts>,
}

#[derive(Default)]
struct Counts {
    mated: MatedErrors,
    probes: MatedErrors,
    pairs: Gathered<(u32, u32)>,
    mated_scores: Gathered<u32>,
    non_mated_scores: Gathered<u32>,
    failures: u64,
    has_scores: bool,
    kept: KeptScores,
}

impl SchemeTally {
    /// Counts one comparison; the order does not matter.
    pub(crate) fn add(&mut self, c: &Comparison) {
        if !self.schemes.contains_key(&c.scheme) {
            self.schemes.insert(c.scheme.clone(), Counts::default());
        }
        let counts = self.schemes.get_mut(&c.scheme).expect("it was put there");
        counts.failures += u64::from(c.failure.is_some());
        counts.has_scores |= c.score.is_some();
        if c.is_mated() {
            counts.probes.add(c.probe_subject, !c.is_completed());
        }
        if c.is_completed() {
            counts.add(c);
        }
    }

    /// Returns the rates of each scheme, by name.
    pub(crate) fn finish(self) -> Vec<SchemeSummary> {
        self.schemes.into_iter().map(|(name, counts)| counts.summary(name)).collect()
    }
}

impl Counts {
    /// Counts a completed comparison.
    fn add(&mut self, c: &Comparison) {
        let score = score_of(c);
        if c.is_mated() {
            self.mated.add(c.reference_subject, !c.accepted);
            self.mated_scores.add(score.to_bits(), 0);
            self.kept.add_mated(c.reference_subject, score);
        } else {
            let (a, b) = (c.reference_subject, c.probe_subject);
            let pair = (a.min(b), a.max(b));
            self.pairs.add(pair, u64::from(c.accepted));
            self.non_mated_scores.add(score.to_bits(), 0);
            self.kept.add_non_mated(pair, score);
        }
    }

    fn summary(self, scheme: String) -> SchemeSummary {
        let distribution = |scores: Gathered<u32>| {
            Distribution::from_counts(scores.finish().into_iter().map(|(bits, _, n)| (f32::from_bits(bits), n)))
        };
        let set = ScoreSet { mated: distribution(self.mated_scores), non_mated: distribution(self.non_mated_scores) };
        let pairs = self.pairs.finish();
        let scores = (self.has_scores && !set.is_empty()).then(|| {
            let (mated, non_mated, lowest) = self.kept.finish();
            let design = Design::Listed(pairs.iter().map(|(pair, _, trials)| (*pair, *trials)).collect());
            SubjectScores::new(set, mated, non_mated, lowest, design)
        });
        let least = scores.as_ref().map_or((None, None), |s| (s.fmr_dependence(), s.fnmr_dependence()));
        let fnmr_at = |fmr| scores.as_ref().and_then(|scores: &SubjectScores| scores.fnmr_at(fmr));
        let erred = pairs.iter().filter(|(_, errors, _)| *errors > 0);
        SchemeSummary {
            scheme,
            mated_errors: self.mated.errors().map(|(subject, errors)| ((subject, subject), errors)).collect(),
            non_mated_errors: erred.map(|(pair, errors, _)| (*pair, *errors)).collect(),
            band: scores.as_ref().map(Band::of),
            fnmr: self.mated.rate_with(least.1),
            fmr: NonMatedErrors::from_pairs(pairs).rate_with(least.0),
            fta: self.probes.rate(),
            failures: self.failures,
            eer: scores.as_ref().and_then(SubjectScores::equal_error_rate),
            fmr100: fnmr_at(1e-2),
            fmr1000: fnmr_at(1e-3),
            fmr10000: fnmr_at(1e-4),
            scores: scores.map(SubjectScores::into_set),
        }
    }
}

/// Returns the score of a completed comparison. A failure to derive, and what is no number, have the lowest score that
/// there is; the extremes of the type, which stand for a score that there is not, are as far away as can be.
fn score_of(c: &Comparison) -> f32 {
    match c.score {
        Some(score) if score.is_nan() => f32::NEG_INFINITY,
        Some(score) if score.abs() == f32::MAX => score.signum() * f32::INFINITY,
        Some(score) => score,
        None => f32::NEG_INFINITY,
    }
}
