//! Stolen factors: how a scheme compares when an impostor has the target's token, helper data, both or neither.
//!
//! The subject presents a new capture with the own factors, in every state alike; each impostor presents one of his own
//! with what he has stolen and, of what he has not, his own. The whole trade-off can be computed of the verdicts: a token
//! that hides a weak comparison shows as a state in which the curve falls back to the unprotected template's.
//!
//! **Knows.** What [`Stolen`] says. **Measures.** Verdicts of mated and non-mated presentations.
//! **Measured** (`cargo test --release -p biopay-datasets --test attack stolen -- --nocapture`) on 60 embeddings, thresholds at the
//! unprotected templates' FMR of 1 %: with both stolen an FMR of 1.61 % for `biohash` (1,024 signs) and 1.13 % for
//! `index-of-max`, and none of 3,540 with any less.
//! **Control.** [`Stolen::Both`] against [`Stolen::Nothing`].
//! **Source.** Kong, Cheung, Zhang, Kamel and You 2006, "An analysis of BioHashing and its variants" (zero error rates were
//! those of tokens that nobody had stolen).

use super::{Factors, Stolen, Target};
use crate::Template;
use crate::scheme::{ComparisonDecision, Scheme};

/// The verdicts under one combination of stolen factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdicts {
    /// Subjects with their own factors.
    pub mated: Vec<ComparisonDecision>,
    /// Impostors.
    pub non_mated: Vec<ComparisonDecision>,
}

/// Presents every probe to its own subject's enrolment, and the first probe of each other subject to it.
///
/// Shape: `probes` has the captures of each target's subject, in the order of the targets, not those of the enrolment.
/// What fails to derive is a rejection without a score, never dropped.
pub fn verdicts(scheme: &dyn Scheme, targets: &[Target], probes: &[Vec<Template>], stolen: Stolen) -> Verdicts {
    let present = |target: &Target, factors: &Factors, probe: &Template| {
        factors.payload(scheme, probe).map_or(ComparisonDecision::REJECTED, |payload| target.verify(scheme, &payload))
    };
    let mut out = Verdicts { mated: Vec::new(), non_mated: Vec::new() };
    for (i, target) in targets.iter().enumerate() {
        let own = target.factors();
        out.mated.extend(probes[i].iter().map(|probe| present(target, &own, probe)));
        for (j, impostor) in targets.iter().enumerate().filter(|&(j, _)| j != i) {
            let factors = stolen.factors(target, impostor);
            out.non_mated.extend(probes[j].first().map(|probe| present(target, &factors, probe)));
        }
    }
    out
}

impl Verdicts {
    /// Returns the shares of mated presentations refused and of non-mated ones accepted, at the scheme's own threshold.
    pub fn rates(&self) -> (f64, f64) {
        let share = |verdicts: &[ComparisonDecision], accepted: bool| {
            let count = verdicts.iter().filter(|verdict| verdict.accepted == accepted).count();
            count as f64 / verdicts.len().max(1) as f64
        };
        (share(&self.mated, false), share(&self.non_mated, true))
    }

    /// Returns the scores of mated and non-mated presentations, each `-∞` where it was refused without one.
    pub fn scores(&self) -> (Vec<f32>, Vec<f32>) {
        let of =
            |verdicts: &[ComparisonDecision]| verdicts.iter().map(|v| v.score.unwrap_or(f32::NEG_INFINITY)).collect();
        (of(&self.mated), of(&self.non_mated))
    }
}
