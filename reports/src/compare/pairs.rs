//! Rates of two runs that compared the same samples: those of one seed.

use super::statistics::Change;
use crate::statistics::beta;
use crate::statistics::interval::beta_interval;
use std::collections::BTreeMap;

/// Errors by the two subjects of a comparison; by one subject and itself where it is mated. Pairs without an error are
/// left out.
pub type ErrorCells = Vec<((u32, u32), u64)>;

/// Tests whether two rates over the same `trials` differ: whether errors that only one run has are as often the first's as
/// the second's.
///
/// The errors that differ within a subject are alike: with d the second's errors less the first's of a pair of subjects,
/// and Dᵢ their sum over the pairs of subject i, the variance of Σd is ΣDᵢ² - Σd² (that of [`evidence`] for pairs) or Σd²
/// (of mated comparisons), and they count for as many fewer. Source: McNemar 1947; the exact test and interval are those
/// of a share of one half.
///
/// [`evidence`]: crate::statistics::evidence
pub(super) fn rates(a: &ErrorCells, b: &ErrorCells, trials: u64) -> Change {
    let mut differences: BTreeMap<(u32, u32), i64> = BTreeMap::new();
    a.iter().for_each(|(pair, errors)| *differences.entry(*pair).or_default() -= *errors as i64);
    b.iter().for_each(|(pair, errors)| *differences.entry(*pair).or_default() += *errors as i64);
    let mut by_subject: BTreeMap<u32, i64> = BTreeMap::new();
    let (mut more, mut fewer, mut squares) = (0i64, 0i64, 0i64);
    for (&(i, j), &d) in &differences {
        (more, fewer, squares) = (more + d.max(0), fewer + (-d).max(0), squares + d * d);
        *by_subject.entry(i).or_default() += d;
        if i != j {
            *by_subject.entry(j).or_default() += d;
        }
    }
    let both = (more + fewer) as f64;
    if both == 0.0 {
        return Change { interval: (0.0, 0.0), p_value: 1.0 };
    }
    let is_mated = differences.keys().all(|(i, j)| i == j);
    let of_subjects = by_subject.values().map(|d| d * d).sum::<i64>();
    let variance = if is_mated { of_subjects } else { (of_subjects - squares).max(squares) };
    let effect = (variance as f64 / both).max(1.0);
    let n = (both / effect).max(1.0);
    let larger = more.max(fewer) as f64 / both * n;
    let p_value = (2.0 * beta::regularized(0.5, larger, n - larger + 1.0)).min(1.0);
    let share = beta_interval(more as f64 / both * n, n);
    let change = |share: f64| (2.0 * share - 1.0) * both / trials.max(1) as f64;
    Change { interval: (change(share.lower), change(share.upper)), p_value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: scipy.stats.binomtest(15, 20).pvalue and (9, 10), SciPy 1.17.1.
    #[test]
    fn without_a_shared_subject_it_is_mcnemars_exact_test() {
        let cells = |subjects: std::ops::Range<u32>| -> ErrorCells { subjects.map(|i| ((i, i), 1)).collect() };
        let change = rates(&cells(0..5), &cells(100..115), 1_000);
        assert!((change.p_value - 0.041_389_465_332_031_25).abs() < 1e-9, "{change:?}");
        assert!(change.interval.0 > 0.0 && change.interval.0 < 0.01 && change.interval.1 > 0.01, "{change:?}");
        let change = rates(&cells(100..109), &cells(0..1), 1_000);
        assert!((change.p_value - 0.021_484_375).abs() < 1e-9, "{change:?}");
        assert!(change.interval.1 < 0.0);
        let none = rates(&cells(0..9), &cells(0..9), 1_000);
        assert_eq!((none.p_value, none.interval), (1.0, (0.0, 0.0)));
    }

    #[test]
    fn differences_that_share_a_subject_show_less() {
        let wolf: ErrorCells = (1..16).map(|i| ((0, i), 1)).collect();
        let strangers: ErrorCells = (0..15).map(|i| ((2 * i, 2 * i + 1), 1)).collect();
        let p = |cells: &ErrorCells| rates(&ErrorCells::new(), cells, 5_000).p_value;
        assert!(p(&strangers) < 1e-3 && p(&wolf) > 0.3, "{} {}", p(&strangers), p(&wolf));
    }
}
