//! A rate held against a limit: what its interval shows, and how much more evidence would decide.

use super::rate::{Rate, Unit};
use crate::statistics::interval::beta_interval;
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
        /// What would decide at the observed rate; `None` where the rate is the limit itself, or nobody could do as much.
        needed: Option<Needed>,
    },
}

/// How much evidence would decide, by the same design as what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needed {
    /// Comparisons, or trials, in all.
    pub comparisons: u64,
    /// Subjects, with as many captures each as there were; `None` where trials are independent of subjects.
    pub subjects: Option<u64>,
}

/// Compares one rate with its greatest allowed value, by the interval to quote.
pub fn against(rate: &Rate, max: f64) -> Conformance {
    match rate.interval() {
        Some(interval) if interval.upper <= max => Conformance::Met,
        Some(interval) if interval.lower > max => Conformance::NotMet,
        Some(_) | None => Conformance::NotEnoughEvidence { needed: needed(rate, max) },
    }
}

/// Returns the more serious of two verdicts; of two open ones, with the greater need.
pub(crate) fn worse(a: Conformance, b: Conformance) -> Conformance {
    match (a, b) {
        (Conformance::NotMet, _) | (_, Conformance::NotMet) => Conformance::NotMet,
        (Conformance::Met, other) | (other, Conformance::Met) => other,
        (Conformance::NotEnoughEvidence { needed: a }, Conformance::NotEnoughEvidence { needed: b }) => {
            let greater = |(a, b): (Needed, Needed)| {
                let subjects = a.subjects.max(b.subjects);
                Needed { comparisons: a.comparisons.max(b.comparisons), subjects }
            };
            Conformance::NotEnoughEvidence { needed: a.zip(b).map(greater) }
        }
    }
}

/// The most subjects that anyone is asked for, as a multiple of those there were.
const SCALE_MAX: f64 = 1e7;
/// The share by which the answer exceeds what just decides, so that a repetition decides although its errors fall a little
/// differently.
const MARGIN: f64 = 1.1;

/// Returns how many subjects, or independent trials, would put the interval on one side of the limit at the observed rate.
///
/// With s times the subjects and as many captures each there are s times the mated comparisons and s² times the non-mated
/// ones, of which each shares a subject with s times as many others.
pub(crate) fn needed(rate: &Rate, max: f64) -> Option<Needed> {
    needed_at(rate, rate.value().unwrap_or(0.0), max)
}

/// Returns what would decide if the rate turned out to be `p`, by the same design.
pub(super) fn needed_at(rate: &Rate, p: f64, max: f64) -> Option<Needed> {
    if rate.total == 0 {
        return Some(Needed { comparisons: (3.7 / max).ceil() as u64, subjects: None }).filter(|_| max > 0.0);
    }
    let decides = |scale: f64| {
        let trials = comparisons(rate, scale) / effect(rate, scale);
        let interval = beta_interval(p * trials, trials);
        interval.upper <= max || interval.lower > max
    };
    let (mut low, mut high) = (1.0, 2.0);
    while !decides(high) {
        (low, high) = (high, high * 2.0);
        if high > SCALE_MAX {
            return None;
        }
    }
    while high / low > 1.001 {
        let middle = (low * high).sqrt();
        if decides(middle) { high = middle } else { low = middle }
    }
    let scale = high * MARGIN;
    let subjects = (rate.unit != Unit::Trial).then(|| rounded_up(rate.subjects as f64 * scale));
    let scale = subjects.map_or(scale, |subjects| subjects as f64 / rate.subjects.max(1) as f64);
    Some(Needed { comparisons: rounded_up(comparisons(rate, scale)), subjects })
}

/// Returns the number of comparisons with `scale` times the subjects.
fn comparisons(rate: &Rate, scale: f64) -> f64 {
    match rate.unit {
        Unit::Trial | Unit::Subject => rate.total as f64 * scale,
        Unit::Pair => rate.total as f64 * scale * scale,
    }
}

/// Returns the design effect with `scale` times the subjects.
fn effect(rate: &Rate, scale: f64) -> f64 {
    match rate.unit {
        Unit::Trial | Unit::Subject => rate.design_effect,
        Unit::Pair => 1.0 + (rate.design_effect - 1.0) * scale,
    }
}

/// Rounds up to two digits.
fn rounded_up(value: f64) -> u64 {
    let step = 10f64.powf((value.max(1.0).log10() - 1.0).floor()).max(1.0);
    ((value / step - 1e-9).ceil() * step) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::cluster::{Design, NonMatedErrors};

    #[test]
    fn a_clean_small_trial_is_not_enough_evidence_for_a_small_rate() {
        let Conformance::NotEnoughEvidence { needed } = against(&Rate::independent(0, 1_000), 1e-4) else {
            panic!("nothing in 1,000 does not show 1 in 10,000");
        };
        // The exact bound of 0 in N at 97.5 % is 1 - 0.025^(1/N): 36,888 comparisons, and a tenth more.
        assert_eq!(needed, Some(Needed { comparisons: 41_000, subjects: None }));
    }

    #[test]
    fn enough_trials_decide_either_way() {
        assert_eq!(against(&Rate::independent(0, 40_000), 1e-4), Conformance::Met);
        assert_eq!(against(&Rate::independent(40, 40_000), 1e-4), Conformance::NotMet);
    }

    #[test]
    fn a_rate_on_its_limit_is_never_decided() {
        let rate = Rate::independent(10, 100_000);
        assert_eq!(against(&rate, 1e-4), Conformance::NotEnoughEvidence { needed: None });
    }

    #[test]
    fn whoever_does_what_is_needed_gets_a_verdict() {
        let clean = |subjects: u64| NonMatedErrors::with_design(Design::EverySample(vec![2; subjects as usize])).rate();
        let Conformance::NotEnoughEvidence { needed: Some(needed) } = against(&clean(300), 2e-5) else {
            panic!("0 of 179,400 does not show 1 in 50,000");
        };
        let subjects = needed.subjects.unwrap();
        assert!(subjects > 300 && needed.comparisons > 179_400, "{needed:?}");
        assert_eq!(against(&clean(subjects), 2e-5), Conformance::Met);
    }
}
