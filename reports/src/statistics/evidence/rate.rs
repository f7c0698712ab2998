//! A rate: its count, its intervals, and as how many independent trials it counts.

use super::method::Method;
use crate::statistics::interval::{Interval, Z, beta_interval, clopper_pearson, student_t, wilson};
use serde::{Deserialize, Serialize};

/// Below this many subjects a variance over subjects says next to nothing.
const SUBJECTS_MIN: u64 = 5;
/// Below this many errors (or successes, where these are fewer) their own variance does not show how alike a subject's
/// comparisons are.
const FEW: u64 = 20;

/// The kind of trial that a rate counts, which decides how its evidence grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Trials that are independent of each other.
    #[default]
    Trial,
    /// Comparisons (or transactions) of one subject each.
    Subject,
    /// Comparisons of two subjects each.
    Pair,
}

/// A lower bound on the design effect of a rate: how many comparisons weigh as much as one independent comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dependence {
    /// The design effect, at least 1.
    pub(crate) effect: f64,
    /// Where it comes from.
    pub(crate) method: Method,
}

/// A count of errors (or successes) out of a number of trials, with its intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// How often it happened.
    pub count: u64,
    /// How often it could have happened.
    pub total: u64,
    /// Clopper-Pearson's interval, which assumes independent trials; `None` without trials.
    pub exact: Option<Interval>,
    /// Wilson's interval, which assumes independent trials; `None` without trials.
    pub wilson: Option<Interval>,
    /// The interval that allows for trials of one subject being alike; `None` where subjects are unknown.
    pub clustered: Option<Interval>,
    /// The number of subjects behind the trials.
    pub subjects: u64,
    /// The kind of trial.
    pub unit: Unit,
    /// How many trials weigh as much as one independent trial.
    pub design_effect: f64,
    /// The method of the interval to quote.
    pub method: Method,
}

impl Rate {
    /// Counts trials that are independent of each other.
    pub fn independent(count: u64, total: u64) -> Self {
        let defined = total > 0;
        Self {
            count,
            total,
            exact: defined.then(|| clopper_pearson(count, total)),
            wilson: defined.then(|| wilson(count as f64, total as f64)),
            clustered: None,
            subjects: total,
            unit: Unit::Trial,
            design_effect: 1.0,
            method: Method::IndependentTrials,
        }
    }

    /// Counts trials that are alike within a subject: `variance` is the rate's over subjects (see
    /// [`super::cluster`]), `least` what stands in for it where errors are few, or none.
    ///
    /// The interval is the exact one at the number of trials that the variance is worth. Source: Korn and Graubard 1998,
    /// "Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
    /// with Student's t for the number of subjects.
    pub(crate) fn dependent(
        (count, total): (u64, u64),
        subjects: u64,
        unit: Unit,
        variance: Option<f64>,
        least: Dependence,
    ) -> Self {
        let independent = Self { subjects, unit, ..Self::independent(count, total) };
        if total == 0 {
            return independent;
        }
        let own = variance.and_then(|variance| own_effect((count, total), subjects, variance));
        let own = own.map(|effect| (effect, own_method(unit)));
        let (effect, method) = match own {
            Some(own) if count.min(total - count) >= FEW || own.0 >= least.effect => own,
            Some(_) | None => (least.effect, least.method),
        };
        let effect = effect.clamp(1.0, total as f64);
        let clustered = beta_interval(count as f64 / effect, total as f64 / effect);
        Self { clustered: Some(clustered), design_effect: effect, method, ..independent }
    }

    /// Returns the observed rate, or `None` without trials.
    pub fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.count as f64 / self.total as f64)
    }

    /// Returns the interval to quote: the clustered one where it exists, else Clopper-Pearson's.
    pub fn interval(&self) -> Option<Interval> {
        self.clustered.or(self.exact)
    }

    /// Returns the upper bound if all comparisons of a subject were the same: one trial a subject. `None` where errors
    /// were counted, which then show how alike they are.
    pub fn worst_case(&self) -> Option<f64> {
        let trials = self.subjects.min(self.total);
        (self.count == 0 && trials > 0 && self.unit != Unit::Trial).then(|| clopper_pearson(0, trials).upper)
    }
}

/// Returns the design effect of a variance over subjects, widened for their number; `None` where it says nothing.
pub(crate) fn own_effect((count, total): (u64, u64), subjects: u64, variance: f64) -> Option<f64> {
    if count == 0 || count == total || subjects < SUBJECTS_MIN || variance <= 0.0 {
        return None;
    }
    let p = count as f64 / total as f64;
    let widened = (student_t(subjects - 1) / Z).powi(2);
    Some(variance * total as f64 / (p * (1.0 - p)) * widened)
}

fn own_method(unit: Unit) -> Method {
    match unit {
        Unit::Trial => Method::IndependentTrials,
        Unit::Subject => Method::SubjectVariance,
        Unit::Pair => Method::TwoWayVariance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trials_give_no_rate() {
        let rate = Rate::independent(0, 0);
        assert_eq!((rate.value(), rate.interval()), (None, None));
    }

    #[test]
    fn fewer_errors_never_give_a_greater_bound() {
        let least = Dependence { effect: 3.0, method: Method::StatedCorrelation };
        let variance = |count: u64| 2.0 * (count as f64 / 1e4) / 1e4;
        let rate = |count| Rate::dependent((count, 10_000), 200, Unit::Pair, Some(variance(count)), least);
        let uppers: Vec<f64> = (0..60).map(|count| rate(count).interval().unwrap().upper).collect();
        assert!(uppers[..20].windows(2).all(|pair| pair[0] < pair[1]), "{uppers:?}");
        assert!((uppers[0] - 3.0 * 3.688e-4).abs() < 2e-6, "{}", uppers[0]);
        assert!((rate(0).worst_case().unwrap() - 0.018_276).abs() < 1e-5);
        assert_eq!((rate(0).method, rate(30).method), (Method::StatedCorrelation, Method::TwoWayVariance));
    }
}
