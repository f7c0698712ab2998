//! The rates of a scheme at low false match rates, as far as the comparisons are enough.

use super::figures::PointRates;
use biopay_biometrics::scheme::ComparisonKind;
use biopay_reports::html::rate_text;
use biopay_reports::interval::Rate;
use biopay_reports::limit::{Conformance, Needed, against};
use serde::Serialize;

/// The false match rates that are reported, with the names of their operating points.
pub const TARGETS: [(&str, f64); 4] = [EQUAL_FMR, ("FMR10000", 1e-4), ("FMR100000", 1e-5), ("FMR1000000", 1e-6)];

/// The false match rate at which schemes are compared: as many as the default number of subjects shows.
pub const EQUAL_FMR: (&str, f64) = ("FMR1000", 1e-3);

/// The result at one false match rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "evidence", rename_all = "kebab-case")]
pub enum AtFmr {
    /// The upper bound of the false match rate is at most this rate, at the scheme's operating point or at a threshold.
    Reached {
        /// False matches there.
        fmr: Rate,
        /// False non-matches there.
        fnmr: Rate,
    },
    /// The scheme has one operating point, and the lower bound of its false match rate is above this rate.
    NotReached,
    /// Too few non-mated comparisons to show that the rate is reached.
    NotEnoughComparisons {
        /// What would be enough, where that can be said.
        needed: Option<Needed>,
    },
}

/// States a scheme's rates at each of [`TARGETS`]: by threshold where it has one, else at its only operating point.
/// `strictest` is the FMR at a threshold that no non-mated comparison reached.
pub fn at_targets(
    comparison: ComparisonKind,
    points: &[PointRates],
    decided: &PointRates,
    strictest: Option<&Rate>,
) -> Vec<AtFmr> {
    let one = |&(name, target): &(&str, f64)| match comparison {
        ComparisonKind::Threshold(_) => match points.iter().find(|p| p.name == name) {
            Some(point) => AtFmr::Reached { fmr: point.fmr, fnmr: point.fnmr },
            None => not_enough(strictest.unwrap_or(&decided.fmr), target),
        },
        ComparisonKind::Equality => judge(decided, target),
    };
    TARGETS.iter().map(one).collect()
}

fn judge(point: &PointRates, target: f64) -> AtFmr {
    match against(&point.fmr, target) {
        Conformance::Met => AtFmr::Reached { fmr: point.fmr, fnmr: point.fnmr },
        Conformance::NotMet => AtFmr::NotReached,
        Conformance::NotEnoughEvidence { .. } => not_enough(&point.fmr, target),
    }
}

fn not_enough(fmr: &Rate, target: f64) -> AtFmr {
    match against(fmr, target) {
        Conformance::NotEnoughEvidence { needed } => AtFmr::NotEnoughComparisons { needed },
        Conformance::Met | Conformance::NotMet => AtFmr::NotEnoughComparisons { needed: None },
    }
}

impl AtFmr {
    /// Writes the false non-match rate with its interval, or the reason why there is none.
    pub fn to_text(&self) -> String {
        match self {
            Self::Reached { fnmr, .. } => rate_text(fnmr),
            Self::NotReached => "not reached".into(),
            Self::NotEnoughComparisons { needed } => match needed.and_then(|needed| needed.subjects) {
                Some(subjects) => format!("not enough, about {subjects} subjects would do"),
                None => "not enough comparisons".into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, false_matches: u64, comparisons: u64) -> PointRates {
        let (fmr, fnmr) = (Rate::independent(false_matches, comparisons), Rate::independent(3, 100));
        PointRates { name: name.to_owned(), threshold: None, fmr, fnmr, fnmr_selected: None, one_try: None }
    }

    fn kinds(found: &[AtFmr]) -> Vec<&'static str> {
        let kind = |at: &AtFmr| match at {
            AtFmr::Reached { .. } => "reached",
            AtFmr::NotReached => "not reached",
            AtFmr::NotEnoughComparisons { .. } => "not enough",
        };
        found.iter().map(kind).collect()
    }

    #[test]
    fn one_operating_point_is_held_against_every_rate() {
        let at = |count, total| kinds(&at_targets(ComparisonKind::Equality, &[], &point("digest", count, total), None));
        assert_eq!(at(0, 40_000), ["reached", "reached", "not enough", "not enough"]);
        assert_eq!(at(900, 3_000_000), ["reached", "not reached", "not reached", "not reached"]);
        assert_eq!(at(20, 3_000_000), ["reached", "reached", "not enough", "not reached"]);
        assert_eq!(at(0, 4_000_000), ["reached", "reached", "reached", "reached"]);
    }

    #[test]
    fn a_threshold_moves_and_a_rate_without_a_point_is_not_stated() {
        let points = [point("FMR1000", 30, 40_000), point("FMR10000", 3, 40_000)];
        let (decided, strictest) = (point("template", 900, 40_000), Rate::independent(0, 40_000));
        let found = at_targets(ComparisonKind::Threshold(0.7), &points, &decided, Some(&strictest));
        assert_eq!(kinds(&found), ["reached", "reached", "not enough", "not enough"]);
    }
}
