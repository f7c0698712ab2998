//! How well a number tells two groups apart: the area under the ROC curve, with DeLong's interval.

use crate::statistics::interval::Interval;

/// The standard normal quantile at 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// Returns the probability that a positive is larger than a negative, ties counting half, with its 95 % interval; `None`
/// where a group has fewer than two. 0.5 tells nothing.
///
/// Source: DeLong, DeLong and Clarke-Pearson 1988, "Comparing the areas under two or more correlated ROC curves",
/// Biometrics 44(3), equations 2 to 6. Where all pairs agree the variance is 0, and the interval is the one of the rule of
/// three over the smaller group.
pub fn auc(positives: &[f64], negatives: &[f64]) -> Option<(f64, Interval)> {
    let (m, n) = (positives.len(), negatives.len());
    if m < 2 || n < 2 {
        return None;
    }
    let placements = |of: &[f64], among: &[f64], larger: bool| -> Vec<f64> {
        let mut sorted = among.to_vec();
        sorted.sort_by(f64::total_cmp);
        let place = |x: &f64| {
            let below = sorted.partition_point(|y| y < x) as f64;
            let ties = sorted.partition_point(|y| y <= x) as f64 - below;
            let share = (below + ties / 2.0) / sorted.len() as f64;
            if larger { share } else { 1.0 - share }
        };
        of.iter().map(place).collect()
    };
    let (by_positive, by_negative) = (placements(positives, negatives, true), placements(negatives, positives, false));
    let mean = by_positive.iter().sum::<f64>() / m as f64;
    let variance = |values: &[f64]| {
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        squares / (values.len() - 1) as f64 / values.len() as f64
    };
    let deviation = (variance(&by_positive) + variance(&by_negative)).sqrt();
    let half = if deviation > 0.0 { Z * deviation } else { 3.0 / m.min(n) as f64 };
    Some((mean, Interval { lower: (mean - half).max(0.0), upper: (mean + half).min(1.0) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The area and its variance by the definition: all pairs, and the structural components of each observation.
    #[test]
    fn it_is_the_share_of_pairs_in_order() {
        let (positives, negatives) = ([3.0, 5.0, 5.0, 9.0], [1.0, 5.0, 4.0]);
        let pairs = positives.iter().flat_map(|p| negatives.iter().map(move |n| (p, n)));
        let kernel = |(p, n): (&f64, &f64)| {
            if p > n {
                1.0
            } else if p == n {
                0.5
            } else {
                0.0
            }
        };
        let expected = pairs.map(kernel).sum::<f64>() / 12.0;
        let (area, interval) = auc(&positives, &negatives).unwrap();
        assert!((area - expected).abs() < 1e-12);
        // V10 = (1/3, 5/6, 5/6, 1), V01 = (1, 1/2, 3/4): S10 = 1/12, S01 = 1/16 by hand.
        let half = Z * (1.0 / 12.0 / 4.0 + 1.0 / 16.0 / 3.0_f64).sqrt();
        assert!((interval.lower - (area - half)).abs() < 1e-12, "{interval:?}");
    }

    #[test]
    fn groups_apart_and_groups_alike() {
        let low: Vec<f64> = (0..20).map(f64::from).collect();
        let high: Vec<f64> = (100..120).map(f64::from).collect();
        let (area, interval) = auc(&high, &low).unwrap();
        assert_eq!((area, interval.upper), (1.0, 1.0));
        assert!(interval.lower > 0.8 && interval.lower < 1.0);
        let (area, interval) = auc(&low, &low).unwrap();
        assert!((area - 0.5).abs() < 1e-12 && interval.lower < 0.5 && interval.upper > 0.5);
        assert!(auc(&[1.0], &low).is_none());
    }
}
