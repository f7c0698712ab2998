//! A rate: its count, its intervals, and as how many independent trials it counts.

use super::method::Method;
use crate::statistics::interval::{
    CONFIDENCE, Interval, Z, beta_interval, beta_interval_at, clopper_pearson, student_t, wilson,
};
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
    /// The rate at which it was measured; `None` where it is stated for every rate.
    pub(crate) at: Option<f64>,
    /// Where it comes from.
    pub(crate) method: Method,
}

impl Dependence {
    /// Returns the design effect for a count of errors.
    ///
    /// Errors are the less alike the rarer they are: of two normal scores with correlation r both exceed a threshold that
    /// one exceeds with probability p about p^(2/(1+r)) times (Ledford and Tawn 1996), so that D - 1 falls with
    /// p^((1-r)/(1+r)). The root of p is that of r = 1/3, which is more than two comparisons of one subject usually share.
    /// Towards greater rates D - 1 grows at most in proportion.
    pub(crate) fn effect_for(&self, (count, total): (u64, u64)) -> f64 {
        let ratio = |at: f64| (count + 1) as f64 / total.max(1) as f64 / at;
        let scale = self.at.filter(|at| *at > 0.0).map_or(1.0, |at| ratio(at).sqrt().max(ratio(at)));
        1.0 + (self.effect - 1.0).max(0.0) * scale
    }
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
        let least_effect = least.effect_for((count, total));
        let (effect, method) = match own {
            Some(own) if count.min(total - count) >= FEW || own.0 >= least_effect => own,
            Some(_) | None => (least_effect, least.method),
        };
        let effect = effect.clamp(1.0, total as f64);
        let clustered = beta_interval(count as f64 / effect, total as f64 / effect);
        Self { clustered: Some(clustered), design_effect: effect, method, ..independent }
    }

    /// Counts trials that are as alike as those of another rate, in which the same subjects took part.
    pub fn alike(count: u64, total: u64, to: &Self) -> Self {
        let least = Dependence { effect: to.design_effect, at: None, method: to.method };
        Self::dependent((count, total), to.subjects, Unit::Subject, None, least)
    }

    /// Adds rates of independent populations, as of runs with different seeds; `None` without any. The design effect is
    /// the mean of theirs, weighted by trials.
    pub(crate) fn pooled(rates: &[Self]) -> Option<Self> {
        let first = rates.first()?;
        let sum = |of: fn(&Self) -> u64| rates.iter().map(of).sum::<u64>();
        let (count, total, subjects) = (sum(|r| r.count), sum(|r| r.total), sum(|r| r.subjects));
        if first.unit == Unit::Trial || total == 0 {
            return Some(Self::independent(count, total));
        }
        let effect = rates.iter().map(|r| r.design_effect * r.total as f64).sum::<f64>() / total as f64;
        let least = Dependence { effect, at: None, method: first.method };
        Some(Self::dependent((count, total), subjects, first.unit, None, least))
    }

    /// Returns the observed rate, or `None` without trials.
    pub fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.count as f64 / self.total as f64)
    }

    /// Returns the interval to quote: the clustered one where it exists, else Clopper-Pearson's.
    pub fn interval(&self) -> Option<Interval> {
        self.clustered.or(self.exact)
    }

    /// Returns the interval that holds together with those of `figures` - 1 others at 95 %, whatever ties them: each at a
    /// confidence of 1 - 0.05/k. `None` without trials. Source: Bonferroni's inequality (Dunn 1961).
    pub fn together(&self, figures: usize) -> Option<Interval> {
        let confidence = 1.0 - (1.0 - CONFIDENCE) / figures.max(1) as f64;
        let worth = |n: u64| n as f64 / self.design_effect;
        (self.total > 0).then(|| beta_interval_at(confidence, worth(self.count), worth(self.total)))
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
        let least = Dependence { effect: 3.0, at: None, method: Method::StatedCorrelation };
        let variance = |count: u64| 2.0 * (count as f64 / 1e4) / 1e4;
        let rate = |count| Rate::dependent((count, 10_000), 200, Unit::Pair, Some(variance(count)), least);
        let uppers: Vec<f64> = (0..60).map(|count| rate(count).interval().unwrap().upper).collect();
        assert!(uppers[..20].windows(2).all(|pair| pair[0] < pair[1]), "{uppers:?}");
        assert!((uppers[0] - 3.0 * 3.688e-4).abs() < 2e-6, "{}", uppers[0]);
        assert!((rate(0).worst_case().unwrap() - 0.018_276).abs() < 1e-5);
        assert_eq!((rate(0).method, rate(30).method), (Method::StatedCorrelation, Method::TwoWayVariance));
    }

    /// Expected values: scipy.stats.beta.ppf at 0.0025 and 0.9975 (ten figures) of 7 in 280, SciPy 1.17.1.
    #[test]
    fn an_interval_of_many_is_wider_than_one_alone() {
        let rate = Rate::independent(7, 280);
        let (alone, of_ten) = (rate.together(1).unwrap(), rate.together(10).unwrap());
        assert_eq!(Some(alone), rate.interval());
        assert!((of_ten.lower - TEN.0).abs() < 1e-9 && (of_ten.upper - TEN.1).abs() < 1e-9, "{of_ten:?}");
        assert_eq!(Rate::independent(0, 0).together(3), None);
    }

    const TEN: (f64, f64) = (0.006445094934, 0.063804022162);

    #[test]
    fn rarer_errors_are_less_alike_and_more_frequent_ones_more() {
        let measured = Dependence { effect: 5.0, at: Some(0.01), method: Method::MeasuredCorrelation };
        let effects = [0, 24, 99, 199].map(|count| measured.effect_for((count, 10_000)));
        for (effect, expected) in effects.into_iter().zip([1.4, 3.0, 5.0, 9.0]) {
            assert!((effect - expected).abs() < 1e-9, "{effects:?}");
        }
    }
}
