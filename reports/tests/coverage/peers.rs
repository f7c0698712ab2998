//! Intervals of others: the bootstrap over subjects, and FIDO's rule.

use biopay_reports::records::Comparison;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 400;

/// Errors and trials of pairs of subjects; a subject with itself is mated.
type Cells = BTreeMap<(u32, u32), (u64, u64)>;

/// Returns the percentile bootstrap's 95 % interval of FMR (or FNMR): subjects are drawn again, with all their
/// comparisons. Source: FIDO Biometrics Requirements 4.0, "Bootstrapping: FAR" and "Bootstrapping: FRR".
pub fn bootstrap(rows: &[Comparison], is_mated: bool, seed: u64) -> Option<(f64, f64)> {
    let mut cells = Cells::new();
    for row in rows.iter().filter(|row| row.failure.is_none() && row.is_mated() == is_mated) {
        let cell = cells.entry((row.reference_subject, row.probe_subject)).or_default();
        cell.0 += u64::from(row.accepted != is_mated);
        cell.1 += 1;
    }
    let subjects = rows.iter().map(|row| row.reference_subject.max(row.probe_subject)).max()? + 1;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let mut weights = vec![0u64; subjects as usize];
            (0..subjects).for_each(|_| weights[rng.random_range(0..subjects) as usize] += 1);
            let (mut errors, mut trials) = (0, 0);
            for ((a, b), cell) in &cells {
                let weight = weights[*a as usize] * if is_mated { 1 } else { weights[*b as usize] };
                errors += weight * cell.0;
                trials += weight * cell.1;
            }
            (trials > 0).then(|| errors as f64 / trials as f64)
        })
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| drawn[((drawn.len() - 1) as f64 * share).round() as usize];
    (!drawn.is_empty()).then(|| (at(0.025), at(0.975)))
}

/// Returns FIDO's interval at 95 %: the bootstrap's, and below 3/N where there is no error. Source: FIDO Biometrics
/// Requirements 4.0, "Rule of 3: FAR".
pub fn fido(bootstrapped: Option<(f64, f64)>, errors: u64, trials: u64) -> Option<(f64, f64)> {
    if errors == 0 { Some((0.0, rule_of_three(trials))) } else { bootstrapped }
}

/// Returns the rule of three: no error in N independent trials shows a rate below 3/N at 95 %.
pub fn rule_of_three(trials: u64) -> f64 {
    3.0 / trials as f64
}

/// FIDO's own examples of how many subjects show a FAR without an error: 245 show 1 in 10,000 and 390 show 1 in 25,000,
/// each subject compared with every other once; with two fingers of each, 123 and 195 do.
#[test]
fn fidos_own_examples_of_the_rule_of_three() {
    for (fingers, denominator) in [(245u64, 10_000.0), (390, 25_000.0), (2 * 123, 10_000.0), (2 * 195, 25_000.0)] {
        let bound = rule_of_three(fingers * (fingers - 1) / 2);
        assert!((bound * denominator - 1.0).abs() < 0.02, "{fingers}: 1 in {}", 1.0 / bound);
        // The rule is the one-sided exact bound 1 - 0.05^(1/N) but for a thousandth.
        let trials = (fingers * (fingers - 1) / 2) as f64;
        let exact = 1.0 - 0.05f64.powf(1.0 / trials);
        assert!((bound / exact - 1.0).abs() < 2e-3, "{bound} {exact}");
    }
}
