//! Ridge frequency: the strongest period across the ridges of each cell.

use super::filter::gaussian_blur;
use super::orientation::OrientationMap;
use super::parameters::{
    CELL_PIXELS, PERIOD_MAX, PERIOD_MIN, PERIOD_SIGMA_CELLS, PERIOD_SPREAD, PERIOD_STEPS, PERIOD_TYPICAL, PERIOD_WINDOW,
};
use ndarray::Array2;
use std::f32::consts::PI;

const SIGNATURE: usize = 2 * PERIOD_WINDOW + 1;
/// Cells between two measurements: the window is far wider than a cell.
const STRIDE: usize = 2;

/// The ridge period of every cell.
pub(super) struct PeriodMap {
    /// Period in pixels, smoothed over the mask and spread outside it.
    pub period: Array2<f32>,
    /// Whether the cell's own period is near the smoothed one; `None` where it was not measured.
    pub regular: Array2<Option<bool>>,
}

/// Measures the ridge period of every cell.
///
/// The grey values of a round window are summed along the ridges into a signature across them, and the signature's
/// power is read at a geometric series of periods (Hong et al. 1998, section 2.5, with the spectrum's peak in place of
/// the distances between peaks, which noise splits).
pub(super) fn estimate(normalised: &Array2<f32>, orientation: &OrientationMap, mask: &Array2<bool>) -> PeriodMap {
    let waves = waves();
    let (mut weighted, mut weight) = (Array2::zeros(mask.dim()), Array2::zeros(mask.dim()));
    let mut measured: Array2<Option<f32>> = Array2::from_elem(mask.dim(), None);
    for ((cy, cx), _) in mask.indexed_iter().filter(|&((y, x), &inside)| inside && y % STRIDE == 0 && x % STRIDE == 0) {
        let centre = ((cx * CELL_PIXELS + CELL_PIXELS / 2) as f32, (cy * CELL_PIXELS + CELL_PIXELS / 2) as f32);
        let signature = signature(normalised, centre, orientation.at(centre.0, centre.1));
        let (log_period, confidence) = peak(&signature, &waves);
        weighted[[cy, cx]] = log_period * confidence;
        weight[[cy, cx]] = confidence;
        measured[[cy, cx]] = Some(if confidence > 0.0 { log_period } else { f32::INFINITY });
    }
    let prior = 1e-4;
    let (weighted, weight) = (gaussian_blur(&weighted, PERIOD_SIGMA_CELLS), gaussian_blur(&weight, PERIOD_SIGMA_CELLS));
    let period = Array2::from_shape_fn(mask.dim(), |i| {
        ((weighted[i] + prior * PERIOD_TYPICAL.ln()) / (weight[i] + prior)).exp().clamp(PERIOD_MIN, PERIOD_MAX)
    });
    let regular =
        Array2::from_shape_fn(mask.dim(), |i| measured[i].map(|log| (log - period[i].ln()).abs() < PERIOD_SPREAD));
    PeriodMap { period, regular }
}

/// Sums the window along the ridges; each pixel is shared between the two nearest bins.
fn signature(image: &Array2<f32>, (x, y): (f32, f32), ridge: f32) -> [f32; SIGNATURE] {
    let (rows, columns) = image.dim();
    let (sin, cos) = ridge.sin_cos();
    let radius = PERIOD_WINDOW as i32;
    let (mut sum, mut count) = ([0.0f32; SIGNATURE + 1], [1e-3f32; SIGNATURE + 1]);
    let (x, y) = (x as i32, y as i32);
    // Every other row: neighbouring ones say the same.
    for dy in (-radius..=radius).step_by(2) {
        let half = ((radius * radius - dy * dy) as f32).sqrt() as i32;
        if y + dy < 0 || y + dy >= rows as i32 {
            continue;
        }
        let row = image.row((y + dy) as usize);
        for dx in (-half).max(-x)..=half.min(columns as i32 - 1 - x) {
            let across = dy as f32 * cos - dx as f32 * sin + PERIOD_WINDOW as f32;
            let bin = across as usize;
            let share = across - bin as f32;
            let grey = row[(x + dx) as usize];
            sum[bin] += grey * (1.0 - share);
            sum[bin + 1] += grey * share;
            count[bin] += 1.0 - share;
            count[bin + 1] += share;
        }
    }
    std::array::from_fn(|i| sum[i] / (count[i] + 2.0))
}

/// Returns the logarithm of the strongest period and its share of the signature's power.
fn peak(signature: &[f32; SIGNATURE], waves: &[[[f32; 2]; SIGNATURE]]) -> (f32, f32) {
    let mean = signature.iter().sum::<f32>() / SIGNATURE as f32;
    let total: f32 = signature.iter().map(|v| (v - mean).powi(2)).sum();
    let power: Vec<f32> = waves
        .iter()
        .map(|wave| {
            let (mut re, mut im) = (0.0, 0.0);
            for (value, [c, s]) in signature.iter().zip(wave) {
                re += (value - mean) * c;
                im += (value - mean) * s;
            }
            re * re + im * im
        })
        .collect();
    let best = (0..power.len()).fold(0, |best, i| if power[i] > power[best] { i } else { best });
    let step = (PERIOD_MAX / PERIOD_MIN).ln() / (PERIOD_STEPS - 1) as f32;
    let at_edge = best == 0 || best + 1 == power.len();
    let offset = if at_edge { 0.0 } else { parabola_peak(power[best - 1], power[best], power[best + 1]) };
    let share = if at_edge { 0.0 } else { power[best] / (total + 1e-3) };
    (PERIOD_MIN.ln() + step * (best as f32 + offset), share * share)
}

fn parabola_peak(left: f32, middle: f32, right: f32) -> f32 {
    let curvature = left - 2.0 * middle + right;
    if curvature < 0.0 { (0.5 * (left - right) / curvature).clamp(-0.5, 0.5) } else { 0.0 }
}

/// Tabulates a windowed wave for every period: its cosine and sine.
fn waves() -> Vec<[[f32; 2]; SIGNATURE]> {
    (0..PERIOD_STEPS)
        .map(|step| {
            let period = PERIOD_MIN * (PERIOD_MAX / PERIOD_MIN).powf(step as f32 / (PERIOD_STEPS - 1) as f32);
            let mut wave = std::array::from_fn(|i| {
                let u = i as f32 - PERIOD_WINDOW as f32;
                let window = 0.5 + 0.5 * (PI * u / (PERIOD_WINDOW + 1) as f32).cos();
                let phase = 2.0 * PI * u / period;
                [window * phase.cos(), window * phase.sin()]
            });
            let norm = wave.iter().map(|[c, s]| c * c + s * s).sum::<f32>().sqrt();
            wave.iter_mut().flatten().for_each(|v| *v /= norm);
            wave
        })
        .collect()
}
