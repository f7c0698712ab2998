//! Named requirements, and whether the evidence meets them.

use crate::interval::{Rate, clopper_pearson};
use serde::{Deserialize, Serialize};

/// Holds a published limit on error rates.
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

/// Says what the evidence allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The 95 % interval lies within the limit.
    Met,
    /// The 95 % interval lies beyond it.
    NotMet,
    /// The interval straddles the limit.
    NotEnoughEvidence {
        /// Comparisons at the observed rate that would decide, `None` where the rate is the limit itself or more than
        /// 10¹⁵ would be needed.
        comparisons_needed: Option<u64>,
    },
}

impl Requirement {
    /// Holds both rates against the limits; the worse verdict counts.
    pub fn verdict(&self, false_matches: &Rate, false_non_matches: &Rate) -> Verdict {
        let first = against(false_matches, self.false_match_max);
        let second = self.false_non_match_max.map_or(Verdict::Met, |max| against(false_non_matches, max));
        worse(first, second)
    }
}

/// Holds one rate against its greatest allowed value, by the interval to quote.
pub fn against(rate: &Rate, max: f64) -> Verdict {
    match rate.interval() {
        Some(interval) if interval.upper <= max => Verdict::Met,
        Some(interval) if interval.lower > max => Verdict::NotMet,
        _ => Verdict::NotEnoughEvidence { comparisons_needed: comparisons_needed(rate, max) },
    }
}

fn worse(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::NotMet, _) | (_, Verdict::NotMet) => Verdict::NotMet,
        (Verdict::Met, other) | (other, Verdict::Met) => other,
        (
            Verdict::NotEnoughEvidence { comparisons_needed: a },
            Verdict::NotEnoughEvidence { comparisons_needed: b },
        ) => Verdict::NotEnoughEvidence { comparisons_needed: a.zip(b).map(|(a, b)| a.max(b)) },
    }
}

/// Most comparisons that anyone is asked for.
const NEEDED_MAX: u64 = 1_000_000_000_000_000;

/// Finds how many comparisons at the observed rate would put the interval on one side of the limit. Where comparisons
/// are alike within a subject, each counts for as much less as the clustered interval is wider.
pub(crate) fn comparisons_needed(rate: &Rate, max: f64) -> Option<u64> {
    let observed = rate.value().unwrap_or(0.0);
    let decides = |total: u64| {
        let interval = clopper_pearson((observed * total as f64).round() as u64, total);
        interval.upper <= max || interval.lower > max
    };
    let (mut low, mut high) = (1u64, 2u64);
    while !decides(high) {
        (low, high) = (high, high * 2);
        if high > NEEDED_MAX {
            return None;
        }
    }
    while high - low > 1 + high / 1_000 {
        let middle = low + (high - low) / 2;
        if decides(middle) { high = middle } else { low = middle }
    }
    Some((high as f64 * design_effect(rate)).ceil() as u64)
}

/// Returns how many comparisons weigh as much as one independent one. An interval's width goes with the square root of
/// their number; without an error, where it is the bound itself, with the number.
pub(crate) fn design_effect(rate: &Rate) -> f64 {
    let width = |i: crate::Interval| i.upper - i.lower;
    let ratio = rate.clustered.zip(rate.exact).map_or(1.0, |(c, e)| width(c) / width(e).max(f64::MIN_POSITIVE));
    (if rate.count == 0 { ratio } else { ratio * ratio }).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_small_trial_is_not_enough_evidence_for_a_small_rate() {
        let Verdict::NotEnoughEvidence { comparisons_needed } = against(&Rate::independent(0, 1_000), 1e-4) else {
            panic!("nothing in 1,000 does not show 1 in 10,000");
        };
        // The exact bound of 0 in N at 97.5 % is 1 - 0.025^(1/N): 36,888 comparisons.
        let needed = comparisons_needed.unwrap();
        assert!((36_888..=36_930).contains(&needed), "{needed}");
    }

    #[test]
    fn enough_trials_decide_either_way() {
        assert_eq!(against(&Rate::independent(0, 40_000), 1e-4), Verdict::Met);
        assert_eq!(against(&Rate::independent(40, 40_000), 1e-4), Verdict::NotMet);
    }

    #[test]
    fn the_worse_of_both_rates_counts() {
        let nist = &REQUIREMENTS[0];
        let (few, many) = (Rate::independent(0, 100_000), Rate::independent(400, 1_000));
        assert_eq!(nist.verdict(&few, &many), Verdict::NotMet);
        assert_eq!(nist.verdict(&few, &Rate::independent(10, 1_000)), Verdict::Met);
        assert!(matches!(nist.verdict(&few, &Rate::independent(1, 20)), Verdict::NotEnoughEvidence { .. }));
    }

    #[test]
    fn a_rate_on_its_limit_is_never_decided() {
        let rate = Rate::independent(10, 100_000);
        assert_eq!(against(&rate, 1e-4), Verdict::NotEnoughEvidence { comparisons_needed: None });
    }
}
