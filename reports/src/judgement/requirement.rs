//! Published requirements on error rates.

use crate::statistics::evidence::limit::{Conformance, against, worse};
use crate::statistics::evidence::rate::Rate;
use serde::Serialize;

/// A published limit on error rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Requirement {
    /// The name to cite.
    pub name: &'static str,
    /// Where it stands.
    pub source: &'static str,
    /// Greatest rate of false matches (one comparison) or false accepts (one try without failures to acquire).
    pub false_match_max: f64,
    /// Greatest rate of false non-matches, where it is limited.
    pub false_non_match_max: Option<f64>,
}

/// The requirements that a report is held against.
pub const REQUIREMENTS: [Requirement; 3] = [
    Requirement {
        name: "NIST SP 800-63B",
        source: "SP 800-63B-4, section 3.2.3: FMR of 1 in 10,000 or better, FNMR below 5 %",
        false_match_max: 1e-4,
        false_non_match_max: Some(0.05),
    },
    Requirement {
        name: "FIDO biometric certification",
        source: "Biometric Requirements 4.1, section 4: upper bounds of FAR 1:10,000 and FRR 7:100",
        false_match_max: 1e-4,
        false_non_match_max: Some(0.07),
    },
    Requirement {
        name: "Android class 3",
        source: "Compatibility Definition, section 7.3.10: FAR below 1 in 50,000, FRR below 10 %",
        false_match_max: 2e-5,
        false_non_match_max: Some(0.10),
    },
];

impl Requirement {
    /// Holds both rates against the limits; the worse verdict counts.
    pub fn verdict(&self, false_matches: &Rate, false_non_matches: &Rate) -> Conformance {
        let first = against(false_matches, self.false_match_max);
        let second = self.false_non_match_max.map_or(Conformance::Met, |max| against(false_non_matches, max));
        worse(first, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_both_rates_counts() {
        let nist = &REQUIREMENTS[0];
        let (few, many) = (Rate::independent(0, 100_000), Rate::independent(400, 1_000));
        assert_eq!(nist.verdict(&few, &many), Conformance::NotMet);
        assert_eq!(nist.verdict(&few, &Rate::independent(10, 1_000)), Conformance::Met);
        assert!(matches!(nist.verdict(&few, &Rate::independent(1, 20)), Conformance::NotEnoughEvidence { .. }));
    }
}
