//! The rates of a scheme at low false match rates, as far as the comparisons are enough.

use super::figures::PointRates;
use biopay_biometrics::scheme::ComparisonKind;
use biopay_reports::html::rate_text;
use biopay_reports::interval::Rate;
use serde::Serialize;

/// The false match rates that are reported, with the names of their operating points.
pub const TARGETS: [(&str, f64); 3] = [("FMR10000", 1e-4), ("FMR100000", 1e-5), ("FMR1000000", 1e-6)];

/// The result at one false match rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "evidence", rename_all = "kebab-case")]
pub enum AtFmr {
    /// No more false matches than the rate allows, among enough comparisons to show one.
    Reached {
        /// False matches there.
        fmr: Rate,
        /// False non-matches there.
        fnmr: Rate,
    },
    /// The scheme has one operating point, and more false matches there than the rate allows.
    NotReached,
    /// Too few non-mated comparisons to show a single false match at the rate.
    NotEnoughComparisons {
        /// The number of comparisons that would.
        needed: u64,
    },
}

/// Returns a scheme's rates at each of [`TARGETS`]: by threshold if it has one, else at its only operating point.
pub fn at_targets(comparison: ComparisonKind, points: &[PointRates], decided: &PointRates) -> Vec<AtFmr> {
    let one = |&(name, target): &(&str, f64)| {
        let at = match comparison {
            ComparisonKind::Threshold(_) => points.iter().find(|p| p.name == name),
            ComparisonKind::Equality => Some(decided),
        };
        at.map_or(not_enough(target), |point| judge(point, target))
    };
    TARGETS.iter().map(one).collect()
}

fn judge(point: &PointRates, target: f64) -> AtFmr {
    let allowed = target * point.fmr.total as f64;
    if point.fmr.interval().is_some_and(|i| i.lower > target) {
        AtFmr::NotReached
    } else if allowed < 1.0 {
        not_enough(target)
    } else if point.fmr.count as f64 > allowed {
        AtFmr::NotReached
    } else {
        AtFmr::Reached { fmr: point.fmr, fnmr: point.fnmr }
    }
}

fn not_enough(target: f64) -> AtFmr {
    AtFmr::NotEnoughComparisons { needed: (1.0 / target).round() as u64 }
}

impl AtFmr {
    /// Writes the false non-match rate with its interval, or the reason why there is none.
    pub fn to_text(&self) -> String {
        match self {
            Self::Reached { fnmr, .. } => rate_text(fnmr),
            Self::NotReached => "not reached".into(),
            Self::NotEnoughComparisons { needed } => format!("not enough comparisons, {needed} needed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, false_matches: u64, comparisons: u64) -> PointRates {
        let (fmr, fnmr) = (Rate::independent(false_matches, comparisons), Rate::independent(3, 100));
        PointRates { name: name.to_owned(), threshold: None, fmr, fnmr }
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
        let at = |count, total| kinds(&at_targets(ComparisonKind::Equality, &[], &point("digest", count, total)));
        assert_eq!(at(0, 20_000), ["reached", "not enough", "not enough"]);
        assert_eq!(at(900, 3_000_000), ["not reached", "not reached", "not reached"]);
        assert_eq!(at(20, 3_000_000), ["reached", "reached", "not reached"]);
        assert_eq!(at(0, 3_000_000), ["reached", "reached", "reached"]);
    }

    #[test]
    fn a_threshold_moves_and_a_rate_without_a_point_is_not_stated() {
        let points = [point("FMR10000", 3, 40_000)];
        let found = at_targets(ComparisonKind::Threshold(0.7), &points, &point("template", 900, 40_000));
        assert_eq!(kinds(&found), ["reached", "not enough", "not enough"]);
        assert_eq!(found[2].to_text(), "not enough comparisons, 1000000 needed");
    }
}
