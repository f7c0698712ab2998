//! A rate held against a limit: what its interval shows, and how many trials would show more.

use super::interval::{Interval, Rate, clopper_pearson};
use serde::{Deserialize, Serialize};

/// What the evidence shows of a rate that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Conformance {
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

/// Compares one rate with its greatest allowed value, by the interval to quote.
pub fn against(rate: &Rate, max: f64) -> Conformance {
    match rate.interval() {
        Some(interval) if interval.upper <= max => Conformance::Met,
        Some(interval) if interval.lower > max => Conformance::NotMet,
        _ => Conformance::NotEnoughEvidence { comparisons_needed: comparisons_needed(rate, max) },
    }
}

pub(crate) fn worse(a: Conformance, b: Conformance) -> Conformance {
    match (a, b) {
        (Conformance::NotMet, _) | (_, Conformance::NotMet) => Conformance::NotMet,
        (Conformance::Met, other) | (other, Conformance::Met) => other,
        (
            Conformance::NotEnoughEvidence { comparisons_needed: a },
            Conformance::NotEnoughEvidence { comparisons_needed: b },
        ) => Conformance::NotEnoughEvidence { comparisons_needed: a.zip(b).map(|(a, b)| a.max(b)) },
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
    let width = |i: Interval| i.upper - i.lower;
    let ratio = rate.clustered.zip(rate.exact).map_or(1.0, |(c, e)| width(c) / width(e).max(f64::MIN_POSITIVE));
    (if rate.count == 0 { ratio } else { ratio * ratio }).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_small_trial_is_not_enough_evidence_for_a_small_rate() {
        let Conformance::NotEnoughEvidence { comparisons_needed } = against(&Rate::independent(0, 1_000), 1e-4) else {
            panic!("nothing in 1,000 does not show 1 in 10,000");
        };
        // The exact bound of 0 in N at 97.5 % is 1 - 0.025^(1/N): 36,888 comparisons.
        let needed = comparisons_needed.unwrap();
        assert!((36_888..=36_930).contains(&needed), "{needed}");
    }

    #[test]
    fn enough_trials_decide_either_way() {
        assert_eq!(against(&Rate::independent(0, 40_000), 1e-4), Conformance::Met);
        assert_eq!(against(&Rate::independent(40, 40_000), 1e-4), Conformance::NotMet);
    }

    #[test]
    fn a_rate_on_its_limit_is_never_decided() {
        let rate = Rate::independent(10, 100_000);
        assert_eq!(against(&rate, 1e-4), Conformance::NotEnoughEvidence { comparisons_needed: None });
    }
}
