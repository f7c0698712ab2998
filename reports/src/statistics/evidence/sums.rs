//! Sums over subjects from which the variances of rates are computed; they grow by one error at a time.
//!
//! All are integers, so that the order in which errors come makes no difference.

use super::method::Method;
use super::rate::{Dependence, Rate, Unit, own_effect};

/// The stated correlation of two comparisons (or transactions) of one subject with itself.
const WITHIN_SUBJECT: f64 = 0.2;
/// The stated correlation of two comparisons between the same two subjects.
const WITHIN_PAIR: f64 = 0.05;
/// The stated correlation of two comparisons that share one of their subjects.
const SHARED_SUBJECT: f64 = 0.002;

/// Errors and trials of mated comparisons, summed over subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SubjectSums {
    pub(crate) subjects: u64,
    pub(crate) trials: u64,
    /// Over subjects, of the square of their trials.
    pub(crate) trials_squared: u128,
    pub(crate) errors: u64,
    pub(crate) errors_squared: u128,
    pub(crate) errors_by_trials: u128,
}

impl SubjectSums {
    /// Adds errors of a subject that had `before` errors in `trials` trials.
    pub(crate) fn add(&mut self, errors: u64, before: u64, trials: u64) {
        self.errors += errors;
        self.errors_squared += u128::from(errors) * u128::from(errors + 2 * before);
        self.errors_by_trials += u128::from(errors) * u128::from(trials);
    }

    /// Returns the variance V = (Σaᵢ² - 2pΣaᵢmᵢ + p²Σmᵢ²) / (m̄² n(n-1)) over n subjects with aᵢ errors in mᵢ trials.
    ///
    /// Source: ISO/IEC 19795-1:2021, annex B; Schuckers 2010, chapter 3.
    fn variance(&self) -> Option<f64> {
        if self.subjects < 2 || self.trials == 0 {
            return None;
        }
        let (n, trials) = (self.subjects as f64, self.trials as f64);
        let p = self.errors as f64 / trials;
        let sum =
            self.errors_squared as f64 - 2.0 * p * self.errors_by_trials as f64 + p * p * self.trials_squared as f64;
        Some(sum.max(0.0) * n / (trials * trials * (n - 1.0)))
    }

    /// Returns the design effect that the stated correlation gives: Kish 1965, section 8.2, with the mean number of
    /// trials of a subject weighted by itself.
    fn stated(&self) -> Dependence {
        let mean = self.trials_squared as f64 / self.trials.max(1) as f64;
        Dependence { effect: 1.0 + (mean - 1.0).max(0.0) * WITHIN_SUBJECT, at: None, method: Method::StatedCorrelation }
    }

    /// Returns the design effect of these errors.
    pub(crate) fn measured(&self) -> Option<Dependence> {
        let effect = own_effect((self.errors, self.trials), self.subjects, self.variance()?)?;
        Some(Dependence {
            effect: effect.max(1.0),
            at: Some(self.errors as f64 / self.trials as f64),
            method: Method::MeasuredCorrelation,
        })
    }

    /// Returns the rate; `least` is the design effect at another threshold, the stated one where there is none.
    pub(crate) fn rate(&self, least: Option<Dependence>) -> Rate {
        let least = least.unwrap_or_else(|| self.stated());
        Rate::dependent((self.errors, self.trials), self.subjects, Unit::Subject, self.variance(), least)
    }
}

/// Errors and trials of non-mated comparisons, summed over subjects and over pairs of subjects. Each comparison counts
/// for both of its subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PairSums {
    pub(crate) subjects: u64,
    pub(crate) trials: u64,
    /// Over subjects, of the square of their trials.
    pub(crate) trials_squared: u128,
    /// Over pairs, of the square of their trials.
    pub(crate) pair_trials_squared: u128,
    pub(crate) errors: u64,
    pub(crate) errors_squared: u128,
    pub(crate) errors_by_trials: u128,
    pub(crate) pair_errors_squared: u128,
    pub(crate) pair_errors_by_trials: u128,
}

impl PairSums {
    /// Adds errors of a pair that had `before` errors in `trials` trials.
    pub(crate) fn add_to_pair(&mut self, errors: u64, before: u64, trials: u64) {
        self.errors += errors;
        self.pair_errors_squared += u128::from(errors) * u128::from(errors + 2 * before);
        self.pair_errors_by_trials += u128::from(errors) * u128::from(trials);
    }

    /// Adds errors of one of the pair's subjects, which had `before` errors in `trials` trials.
    pub(crate) fn add_to_subject(&mut self, errors: u64, before: u64, trials: u64) {
        self.errors_squared += u128::from(errors) * u128::from(errors + 2 * before);
        self.errors_by_trials += u128::from(errors) * u128::from(trials);
    }

    /// Returns the variance V = (Σᵢ Sᵢ² - Σ r²) / N², where r are the errors of a pair less p times its trials, and Sᵢ
    /// the sum of r over the pairs of subject i. Pairs that were not compared have neither.
    ///
    /// Source: Fafchamps and Gubert 2007; Aronow, Samii and Assenova 2015, "Cluster-robust variance estimation for dyadic
    /// data", equation 3. Where every pair was compared as often it is Hoeffding's [4(n-2)ζ₁ + 2ζ₂] / (n(n-1)) of 1948,
    /// which Bickel gives for biometrics (Wayman 1999). As there, a covariance below 0 counts as 0.
    pub(crate) fn variance(&self) -> Option<f64> {
        if self.subjects < 3 || self.trials == 0 {
            return None;
        }
        let trials = self.trials as f64;
        let p = self.errors as f64 / trials;
        let square = |errors: u128, crossed: u128, trials: u128| {
            errors as f64 - 2.0 * p * crossed as f64 + p * p * trials as f64
        };
        let by_subject = square(self.errors_squared, self.errors_by_trials, self.trials_squared);
        let by_pair = square(self.pair_errors_squared, self.pair_errors_by_trials, self.pair_trials_squared);
        Some((by_subject - by_pair).max(by_pair).max(0.0) / (trials * trials))
    }

    pub(crate) fn stated(&self) -> Dependence {
        let trials = self.trials.max(1) as f64;
        let own = (self.pair_trials_squared as f64 / trials - 1.0).max(0.0);
        let shared = ((self.trials_squared as f64 - 2.0 * self.pair_trials_squared as f64) / trials).max(0.0);
        let effect = 1.0 + own * WITHIN_PAIR + shared * SHARED_SUBJECT;
        Dependence { effect, at: None, method: Method::StatedCorrelation }
    }

    /// Returns the design effect of these errors.
    pub(crate) fn measured(&self) -> Option<Dependence> {
        let effect = own_effect((self.errors, self.trials), self.subjects, self.variance()?)?;
        Some(Dependence {
            effect: effect.max(1.0),
            at: Some(self.errors as f64 / self.trials as f64),
            method: Method::MeasuredCorrelation,
        })
    }

    /// Returns the rate; `least` is the design effect at another threshold, the stated one where there is none.
    pub(crate) fn rate(&self, least: Option<Dependence>) -> Rate {
        let least = least.unwrap_or_else(|| self.stated());
        Rate::dependent((self.errors, self.trials), self.subjects, Unit::Pair, self.variance(), least)
    }
}
