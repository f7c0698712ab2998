//! Gabor magnitudes: how strongly each place shows each wavelength and orientation.
//!
//! Source: Daugman 1985 for the filters; Liu and Wechsler 2002 ("Gabor feature based classification using the enhanced
//! Fisher linear discriminant model") for magnitudes on a grid. Applied in the frequency domain.

use super::parameters::{GABOR_BORDER, GABOR_GRID, GABOR_ORIENTATIONS, GABOR_SIDE, GABOR_SIGMA, GABOR_WAVELENGTHS};
use ndarray::Array2;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::f32::consts::PI;
use std::sync::Arc;

/// Side of the crop with its border.
const WHOLE: usize = GABOR_SIDE + 2 * GABOR_BORDER;
/// Numbers that describe a face: one a wavelength, orientation and grid cell.
pub(super) const LENGTH: usize = GABOR_WAVELENGTHS.len() * GABOR_ORIENTATIONS * GABOR_GRID * GABOR_GRID;
/// Wavelengths from this one on are filtered at half the resolution.
const HALVED_FROM: usize = 2;

/// The filters in the frequency domain; make one and use it for many faces.
pub(super) struct Bank {
    full: Plane,
    half: Plane,
    filters: Vec<Vec<f32>>,
}

struct Plane {
    side: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

impl Bank {
    /// Prepares filters and transforms.
    pub(super) fn new() -> Self {
        let mut planner = FftPlanner::new();
        let mut plane =
            |side| Plane { side, forward: planner.plan_fft_forward(side), inverse: planner.plan_fft_inverse(side) };
        let (full, half) = (plane(WHOLE), plane(WHOLE / 2));
        let mut filters = Vec::new();
        for (index, &wavelength) in GABOR_WAVELENGTHS.iter().enumerate() {
            let (side, wavelength) =
                if index < HALVED_FROM { (WHOLE, wavelength) } else { (WHOLE / 2, wavelength / 2.0) };
            for orientation in 0..GABOR_ORIENTATIONS {
                filters.push(filter(side, wavelength, orientation as f32 * PI / GABOR_ORIENTATIONS as f32));
            }
        }
        Self { full, half, filters }
    }

    /// Computes the magnitudes of a bordered crop, each map brought to mean 0 and deviation 1.
    ///
    /// Shape: wavelength, orientation, grid row, grid column.
    pub(super) fn magnitudes(&self, crop: &Array2<f32>) -> Vec<f32> {
        let full = self.full.spectrum(crop);
        let half = self.half.spectrum(&halved(crop));
        let mut out = Vec::with_capacity(LENGTH);
        for (index, filter) in self.filters.iter().enumerate() {
            let coarse = index / GABOR_ORIENTATIONS >= HALVED_FROM;
            let (plane, spectrum) = if coarse { (&self.half, &half) } else { (&self.full, &full) };
            let answer = plane.filtered(spectrum, filter);
            out.extend(standardised(pooled(&answer, plane.side)));
        }
        out
    }
}

impl Plane {
    fn spectrum(&self, image: &Array2<f32>) -> Vec<Complex32> {
        let mean = image.sum() / image.len() as f32;
        let mut data: Vec<Complex32> = image.iter().map(|&x| Complex32::new(x - mean, 0.0)).collect();
        transform(&mut data, self.side, &self.forward);
        data
    }

    fn filtered(&self, spectrum: &[Complex32], filter: &[f32]) -> Vec<Complex32> {
        let mut data: Vec<Complex32> = spectrum.iter().zip(filter).map(|(s, f)| s * f).collect();
        transform(&mut data, self.side, &self.inverse);
        data
    }
}

/// Transforms rows, then columns, in place; the result lies transposed, which two transforms undo.
fn transform(data: &mut Vec<Complex32>, side: usize, fft: &Arc<dyn Fft<f32>>) {
    fft.process(data);
    let mut turned = vec![Complex32::default(); data.len()];
    for row in 0..side {
        for column in 0..side {
            turned[column * side + row] = data[row * side + column];
        }
    }
    fft.process(&mut turned);
    *data = turned;
}

/// Returns a filter's transfer function, transposed as [`transform`] leaves spectra: a Gaussian around the wave.
fn filter(side: usize, wavelength: f32, angle: f32) -> Vec<f32> {
    let (sin, cos) = angle.sin_cos();
    let (fx, fy) = (cos / wavelength, sin / wavelength);
    let width = 1.0 / (2.0 * PI * GABOR_SIGMA * wavelength);
    let frequency = |i: usize| if i <= side / 2 { i as f32 } else { i as f32 - side as f32 } / side as f32;
    let bell = |u: f32, v: f32| (-0.5 * (u * u + v * v) / (width * width)).exp();
    let at_zero = bell(fx, fy);
    let mut out = Vec::with_capacity(side * side);
    for column in 0..side {
        for row in 0..side {
            let (u, v) = (frequency(column), frequency(row));
            // Less what would answer to constant light.
            out.push(bell(u - fx, v - fy) - at_zero * bell(u, v));
        }
    }
    out
}

fn halved(image: &Array2<f32>) -> Array2<f32> {
    let side = image.nrows() / 2;
    Array2::from_shape_fn((side, side), |(y, x)| {
        0.25 * (image[[2 * y, 2 * x]]
            + image[[2 * y, 2 * x + 1]]
            + image[[2 * y + 1, 2 * x]]
            + image[[2 * y + 1, 2 * x + 1]])
    })
}

/// Averages magnitudes over the grid's cells, inside the border.
fn pooled(answer: &[Complex32], side: usize) -> Vec<f32> {
    let border = GABOR_BORDER * side / WHOLE;
    let cell = (side - 2 * border) / GABOR_GRID;
    let mut out = Vec::with_capacity(GABOR_GRID * GABOR_GRID);
    for row in 0..GABOR_GRID {
        for column in 0..GABOR_GRID {
            let mut sum = 0.0;
            for y in border + row * cell..border + (row + 1) * cell {
                let from = y * side + border + column * cell;
                sum += answer[from..from + cell].iter().map(|c| c.norm_sqr().sqrt()).sum::<f32>();
            }
            out.push(sum);
        }
    }
    out
}

fn standardised(mut map: Vec<f32>) -> Vec<f32> {
    let mean = map.iter().sum::<f32>() / map.len() as f32;
    let variance = map.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / map.len() as f32;
    let scale = 1.0 / (variance.sqrt() + 1e-6);
    map.iter_mut().for_each(|x| *x = (*x - mean) * scale);
    map
}

/// Returns where a magnitude of the mirror image stands in the face's own list.
pub(super) fn mirrored_index(index: usize) -> usize {
    let (map, place) = (index / (GABOR_GRID * GABOR_GRID), index % (GABOR_GRID * GABOR_GRID));
    let (wavelength, orientation) = (map / GABOR_ORIENTATIONS, map % GABOR_ORIENTATIONS);
    let orientation = (GABOR_ORIENTATIONS - orientation) % GABOR_ORIENTATIONS;
    let place = place / GABOR_GRID * GABOR_GRID + GABOR_GRID - 1 - place % GABOR_GRID;
    (wavelength * GABOR_ORIENTATIONS + orientation) * GABOR_GRID * GABOR_GRID + place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crop() -> Array2<f32> {
        Array2::from_shape_fn((WHOLE, WHOLE), |(y, x)| {
            let (x, y) = (x as f32, y as f32);
            128.0 + 30.0 * (0.5 * x + 0.2 * y).sin() + 20.0 * (0.02 * x * y).cos() + 0.3 * x
        })
    }

    #[test]
    fn a_mirrored_crop_has_the_mirrored_magnitudes() {
        let bank = Bank::new();
        let mut mirrored = crop();
        mirrored.invert_axis(ndarray::Axis(1));
        let (a, b) = (bank.magnitudes(&crop()), bank.magnitudes(&mirrored.as_standard_layout().into_owned()));
        let off = (0..LENGTH).map(|i| (b[i] - a[mirrored_index(i)]).abs()).sum::<f32>() / LENGTH as f32;
        assert!(off < 0.02, "{off}");
    }

    #[test]
    fn a_wave_answers_at_its_wavelength_and_orientation() {
        let bank = Bank::new();
        let wave = |wavelength: f32, angle: f32| {
            let (sin, cos) = angle.sin_cos();
            Array2::from_shape_fn((WHOLE, WHOLE), |(y, x)| {
                (2.0 * PI * (x as f32 * cos + y as f32 * sin) / wavelength).sin()
            })
        };
        let spectrum = bank.full.spectrum(&wave(4.24, PI / 8.0));
        let energy = |index: usize| {
            let answer = bank.full.filtered(&spectrum, &bank.filters[index]);
            pooled(&answer, WHOLE).iter().sum::<f32>()
        };
        let strongest = (0..HALVED_FROM * GABOR_ORIENTATIONS).max_by(|&a, &b| energy(a).total_cmp(&energy(b)));
        assert_eq!(strongest, Some(GABOR_ORIENTATIONS + 1));
    }
}
