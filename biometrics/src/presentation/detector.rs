//! A linear detector, trained and measured.

use super::features::features;
use crate::Sample;
use crate::learn::ridge;
use ndarray::Array2;
use rayon::prelude::*;

/// The penalty on weights, over the mean variance of a feature.
const PENALTY: f64 = 0.1;
/// Parts of the training samples, each scored by a detector that was trained on the others: scores of samples that weights
/// were fitted to would set the threshold too low.
const FOLDS: usize = 5;

/// A classifier of artefacts against living subjects of one modality and one kind of sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    mean: Vec<f32>,
    scale: Vec<f32>,
    weights: Vec<f32>,
    threshold: f32,
}

/// A detector's errors (ISO/IEC 30107-3, clause 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorRates {
    /// Samples taken for attacks.
    pub detected: u32,
    /// Samples looked at.
    pub samples: u32,
}

impl DetectorRates {
    /// Returns the share taken for attacks: of bona fide presentations, the BPCER.
    pub fn detected_share(&self) -> f64 {
        f64::from(self.detected) / f64::from(self.samples.max(1))
    }

    /// Returns the share taken for living subjects: of one species' attack presentations, its APCER.
    pub fn missed_share(&self) -> f64 {
        1.0 - self.detected_share()
    }
}

/// Whatever tells artefacts from living subjects.
pub trait AttackDetector: Send + Sync {
    /// Returns whether a sample is taken for an attack.
    fn is_attack(&self, sample: &Sample) -> bool;

    /// Counts what is taken for an attack.
    fn rates(&self, samples: &[Sample]) -> DetectorRates {
        let detected = samples.par_iter().filter(|sample| self.is_attack(sample)).count();
        DetectorRates { detected: detected as u32, samples: samples.len() as u32 }
    }
}

impl Detector {
    /// Trains on bona fide and attack presentations by ridge regression on ±1, both classes weighing the same, and sets the
    /// threshold so that `bpcer` of bona fide ones are taken for attacks, by cross-validation.
    ///
    /// `None` unless there are five of each at least.
    pub fn train(bona_fide: &[Sample], attacks: &[Sample], bpcer: f32) -> Option<Self> {
        if bona_fide.len() < FOLDS || attacks.len() < FOLDS {
            return None;
        }
        let rows = |samples: &[Sample]| samples.par_iter().map(|s| features(&s.pixels)).collect::<Vec<_>>();
        let (bona_fide, attacks) = (rows(bona_fide), rows(attacks));
        let mut scores: Vec<f32> = (0..FOLDS)
            .flat_map(|fold| {
                let others = |rows: &[Vec<f32>]| {
                    rows.iter().enumerate().filter(|(i, _)| i % FOLDS != fold).map(|(_, row)| row.clone()).collect()
                };
                let detector = Self::fit(others(&bona_fide), others(&attacks));
                bona_fide.iter().skip(fold).step_by(FOLDS).map(|row| detector.of_features(row)).collect::<Vec<_>>()
            })
            .collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let allowed = (bpcer.clamp(0.0, 1.0) * scores.len() as f32) as usize;
        let threshold = scores.get(allowed).copied().unwrap_or(f32::NEG_INFINITY);
        Some(Self { threshold, ..Self::fit(bona_fide, attacks) })
    }

    /// Fits the weights, with a threshold of zero.
    fn fit(bona_fide: Vec<Vec<f32>>, attacks: Vec<Vec<f32>>) -> Self {
        let shares = [bona_fide.len(), attacks.len()].map(|count| 1.0 / count as f32);
        let first_attack = bona_fide.len();
        let rows: Vec<Vec<f32>> = bona_fide.into_iter().chain(attacks).collect();
        let (count, length) = (rows.len() as f32, rows[0].len());
        let mean: Vec<f32> = (0..length).map(|i| rows.iter().map(|row| row[i]).sum::<f32>() / count).collect();
        let deviation = |i: usize| (rows.iter().map(|row| (row[i] - mean[i]).powi(2)).sum::<f32>() / count).sqrt();
        let scale: Vec<f32> = (0..length).map(|i| deviation(i).max(1e-4).recip()).collect();
        let standard = Array2::from_shape_fn((rows.len(), length), |(r, i)| (rows[r][i] - mean[i]) * scale[i]);
        let target = Array2::from_shape_fn((rows.len(), 1), |(r, _)| if r < first_attack { -1.0 } else { 1.0 });
        let importance: Vec<f32> = (0..rows.len()).map(|r| shares[usize::from(r >= first_attack)]).collect();
        let found = ridge(standard.view(), target.view(), &importance, PENALTY);
        Self { mean, scale, weights: found.weights.row(0).to_vec(), threshold: 0.0 }
    }

    /// Scores a sample; larger is likelier an attack.
    pub fn score(&self, sample: &Sample) -> f32 {
        self.of_features(&features(&sample.pixels))
    }

    fn of_features(&self, features: &[f32]) -> f32 {
        let standard = features.iter().zip(&self.mean).zip(&self.scale).map(|((x, mean), scale)| (x - mean) * scale);
        standard.zip(&self.weights).map(|(x, w)| x * w).sum()
    }
}

impl AttackDetector for Detector {
    fn is_attack(&self, sample: &Sample) -> bool {
        self.score(sample) > self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(period: usize, seed: usize) -> Sample {
        let grey = |(r, c): (usize, usize)| {
            let texture = (r * 31 + c * 17 + seed * 7 + r * c * seed) % 23;
            (100 + texture + if period > 0 && c % period == 0 { 25 } else { 0 }) as u8
        };
        Sample::face(Array2::from_shape_fn((64, 64), grey))
    }

    #[test]
    fn what_differs_is_learnt_and_what_does_not_is_not() {
        let (plain, grids): (Vec<_>, Vec<_>) = (1..40).map(|seed| (image(0, seed), image(4, seed))).unzip();
        let detector = Detector::train(&plain[..20], &grids[..20], 0.05).unwrap();
        assert!(detector.rates(&grids[20..]).missed_share() < 0.1);
        assert!(detector.rates(&plain[20..]).detected_share() < 0.3);
        // Nothing to tell: what is caught is what the threshold lets go by chance.
        let blind = Detector::train(&plain[..10], &plain[10..20], 0.05).unwrap();
        assert!(blind.rates(&plain[20..]).detected_share() < 0.8);
        assert!(Detector::train(&plain[..4], &grids, 0.05).is_none());
    }
}
