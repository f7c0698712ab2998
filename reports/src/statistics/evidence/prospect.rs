//! What a design can show of a limit before anything is measured.

use super::limit::{Needed, needed_at};
use super::rate::Rate;
use crate::statistics::interval::{CONFIDENCE, beta_interval};
use serde::Serialize;

/// What a number of comparisons can show of a rate that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prospect {
    /// The upper bound of the 95 % interval if there is no error at all.
    pub bound_without_errors: f64,
    /// The greatest observed rate whose upper bound is within the limit; `None` where not even no error is enough.
    pub shown_up_to: Option<f64>,
    /// What would show the limit to be met by half of it; `None` where this design does, or nobody could do as much.
    pub needed_at_half: Option<Needed>,
}

/// Returns what a design can show of a limit. `without_errors` is the rate that it gives if there is none; the correlations
/// behind its design effect are the stated ones, since none were measured yet.
pub fn prospect(without_errors: &Rate, limit: f64) -> Option<Prospect> {
    let trials = without_errors.total as f64 / without_errors.design_effect;
    let bound_without_errors = without_errors.interval()?.upper;
    let is_shown = |p: f64| beta_interval(p * trials, trials).upper <= limit;
    let shown_up_to = is_shown(0.0).then(|| {
        let (mut shown, mut open) = (0.0, limit);
        for _ in 0..40 {
            let middle = 0.5 * (shown + open);
            if is_shown(middle) { shown = middle } else { open = middle }
        }
        shown
    });
    let is_half_shown = shown_up_to.is_some_and(|shown| shown >= 0.5 * limit);
    let needed_at_half = if is_half_shown { None } else { needed_at(without_errors, 0.5 * limit, limit) };
    Some(Prospect { bound_without_errors, shown_up_to, needed_at_half })
}

/// Returns how many independent samples bound a quantile from above at 97.5 %: the least n with qⁿ below 2.5 %.
///
/// Source: Hahn and Meeker 1991, "Statistical Intervals", section 5.2.
pub fn samples_for_quantile(quantile: f64) -> u64 {
    (((1.0 - CONFIDENCE) / 2.0).ln() / quantile.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::cluster::{Design, NonMatedErrors};

    #[test]
    fn a_design_that_can_show_a_limit_says_up_to_which_rate() {
        let clean = |subjects| NonMatedErrors::with_design(Design::EverySample(vec![1; subjects])).rate();
        let large = prospect(&clean(400), 1e-3).unwrap();
        let shown = large.shown_up_to.unwrap();
        assert!(shown > 5e-4 && shown < 1e-3 && large.needed_at_half.is_none(), "{large:?}");
        let small = prospect(&clean(40), 1e-3).unwrap();
        assert!(small.shown_up_to.is_none() && small.bound_without_errors > 1e-3, "{small:?}");
        let subjects = small.needed_at_half.unwrap().subjects.unwrap();
        let enough = prospect(&clean(subjects as usize), 1e-3).unwrap();
        assert!(enough.shown_up_to.is_some_and(|shown| shown >= 5e-4), "{subjects}: {enough:?}");
        assert_eq!(prospect(&Rate::independent(0, 0), 1e-3), None);
    }

    /// 0.99^367 = 0.0250 and 0.999^3687 = 0.0250, just above and below.
    #[test]
    fn high_quantiles_need_their_number() {
        assert_eq!([0.5, 0.9, 0.99, 0.999].map(samples_for_quantile), [6, 36, 368, 3_688]);
    }
}
