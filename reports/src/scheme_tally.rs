//! Error rates of schemes from comparisons that come one by one: memory grows with the pairs of subjects, not with the
//! comparisons.

use crate::band::{Band, Scored};
use crate::cluster::{MatedErrors, NonMatedErrors};
use crate::distribution::Distribution;
use crate::gathered::Gathered;
use crate::rates::ScoreSet;
use crate::records::Comparison;
use crate::summary::SchemeSummary;
use std::collections::BTreeMap;

/// Gathers comparisons by scheme.
#[derive(Default)]
pub struct SchemeTally {
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
    pub fn add(&mut self, c: &Comparison) {
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
    pub fn finish(self) -> Vec<SchemeSummary> {
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
