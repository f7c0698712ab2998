//! Error rates of schemes from comparisons that come one by one: memory grows with the pairs of subjects, not with the
//! comparisons.

use crate::records::Comparison;
use crate::statistics::band::{Band, Scored};
use crate::statistics::cluster::{MatedErrors, NonMatedErrors};
use crate::statistics::distribution::Distribution;
use crate::statistics::gathered::Gathered;
use crate::statistics::interval::Rate;
use crate::statistics::rates::ScoreSet;
use serde::Serialize;
use std::collections::BTreeMap;

/// A scheme's error rates per comparison.
#[derive(Clone, Debug, Serialize)]
pub struct SchemeSummary {
    /// The scheme.
    pub scheme: String,
    /// False non-match rate at the scheme's operating point; failures to derive count as non-matches.
    pub fnmr: Rate,
    /// False match rate at the scheme's operating point.
    pub fmr: Rate,
    /// Comparisons that failed before there was a score.
    pub failures: u64,
    /// Equal error rate by the interval rule, where the scheme gives scores.
    pub eer: Option<f64>,
    /// Lowest FNMR with FMR at most 1 in 100.
    pub fmr100: Option<f64>,
    /// Lowest FNMR with FMR at most 1 in 1,000.
    pub fmr1000: Option<f64>,
    /// Sorted scores, for the plots.
    #[serde(skip)]
    pub scores: Option<ScoreSet>,
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
    pairs: Gathered<(u32, u32)>,
    mated_scores: Gathered<u32>,
    non_mated_scores: Gathered<u32>,
    failures: u64,
    has_scores: bool,
    scored: Scored,
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
        let score = c.score.unwrap_or(f32::NEG_INFINITY).to_bits();
        if c.is_mated() {
            counts.mated.add(c.reference_subject, !c.accepted);
            counts.mated_scores.add(score, 0);
            counts.scored.add_mated(c.reference_subject, c.score);
        } else {
            let (a, b) = (c.reference_subject, c.probe_subject);
            counts.pairs.add((a.min(b), a.max(b)), u64::from(c.accepted));
            counts.non_mated_scores.add(score, 0);
            counts.scored.add_non_mated((a.min(b), a.max(b)), c.score);
        }
    }

    /// Returns the rates of each scheme, by name.
    pub(crate) fn finish(self) -> Vec<SchemeSummary> {
        self.schemes.into_iter().map(|(name, counts)| counts.summary(name)).collect()
    }
}

impl Counts {
    fn summary(self, scheme: String) -> SchemeSummary {
        let distribution = |scores: Gathered<u32>| {
            Distribution::from_counts(scores.finish().into_iter().map(|(bits, _, n)| (f32::from_bits(bits), n)))
        };
        let scores =
            ScoreSet { mated: distribution(self.mated_scores), non_mated: distribution(self.non_mated_scores) };
        let scores = Some(scores).filter(|s| self.has_scores && !s.is_empty());
        let pairs = self.pairs.finish();
        SchemeSummary {
            scheme,
            band: scores.as_ref().map(|scores| Band::of(scores, self.scored, &pairs)),
            fnmr: self.mated.rate(),
            fmr: NonMatedErrors::from_pairs(pairs).rate(),
            failures: self.failures,
            eer: scores.as_ref().map(ScoreSet::equal_error_rate),
            fmr100: scores.as_ref().map(|s| s.lowest_fnmr(1e-2).fnmr),
            fmr1000: scores.as_ref().map(|s| s.lowest_fnmr(1e-3).fnmr),
            scores,
        }
    }
}
