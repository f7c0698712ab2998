//! Ridge orientation from the structure tensor, at the finest scale that is coherent.

use super::filter::gaussian_blur;
use super::parameters::{CELL_PIXELS, COHERENCE_TRUSTED, GRADIENT_SIGMA, TENSOR_SIGMAS_CELLS};
use ndarray::Array2;
use std::f32::consts::PI;

/// The orientation of every cell as a doubled-angle vector, so that it can be averaged and interpolated.
pub(super) struct OrientationMap {
    /// Cosine of twice the ridge orientation, times the coherence.
    pub cos2: Array2<f32>,
    /// Sine of twice the ridge orientation, times the coherence.
    pub sin2: Array2<f32>,
    /// Coherence at the middle scale, which tells ridges from noise, in [0, 1].
    pub coherence: Array2<f32>,
}

impl OrientationMap {
    /// Returns the ridge orientation at a pixel position, in [0, π).
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (cx, cy) = (to_cell(x), to_cell(y));
        let sin2 = super::filter::bilinear(&self.sin2, cx, cy);
        let cos2 = super::filter::bilinear(&self.cos2, cx, cy);
        (0.5 * sin2.atan2(cos2)).rem_euclid(PI)
    }

    /// Returns every cell's ridge orientation, in [0, π).
    pub(super) fn angles(&self) -> Array2<f32> {
        Array2::from_shape_fn(self.cos2.dim(), |i| (0.5 * self.sin2[i].atan2(self.cos2[i])).rem_euclid(PI))
    }
}

/// Converts a pixel position to a position in the cell maps.
pub(super) fn to_cell(pixel: f32) -> f32 {
    (pixel + 0.5) / CELL_PIXELS as f32 - 0.5
}

/// Estimates the ridge orientation of a normalised image.
///
/// Source: Bigun and Granlund 1987; Bazen and Gerez 2002 (averaged squared gradients and coherence).
pub(super) fn estimate(normalised: &Array2<f32>) -> OrientationMap {
    let [difference, product, energy] = cell_tensor(&gaussian_blur(normalised, GRADIENT_SIGMA));
    let scales = TENSOR_SIGMAS_CELLS.map(|sigma| smooth_tensor(&difference, &product, &energy, sigma));
    combine(scales)
}

/// Estimates the orientation of an image that is already enhanced: its ridges are clean, so the finest scale serves.
pub(super) fn refine(enhanced: &Array2<f32>, coherence: Array2<f32>) -> OrientationMap {
    let [difference, product, energy] = cell_tensor(enhanced);
    let [cos2, sin2] = smooth_tensor(&difference, &product, &energy, TENSOR_SIGMAS_CELLS[0]);
    OrientationMap { cos2, sin2, coherence }
}

/// Sums the tensor's entries over each cell: gx² - gy², 2 gx gy and gx² + gy².
fn cell_tensor(image: &Array2<f32>) -> [Array2<f32>; 3] {
    let (rows, columns) = image.dim();
    let cells = (rows.div_ceil(CELL_PIXELS), columns.div_ceil(CELL_PIXELS));
    let mut out = [Array2::zeros(cells), Array2::zeros(cells), Array2::zeros(cells)];
    let pixels = image.as_slice().expect("the stages' own arrays are in standard order");
    for y in 2..rows - 2 {
        let row = |dy: usize| &pixels[(y + dy - 2) * columns..(y + dy - 1) * columns];
        let [up2, up1, here, down1, down2] = std::array::from_fn(row);
        for cx in 0..cells.1 {
            let (mut difference, mut product, mut energy) = (0.0, 0.0, 0.0);
            for x in (cx * CELL_PIXELS).max(2)..((cx + 1) * CELL_PIXELS).min(columns - 2) {
                // The fourth-order difference: the second-order one turns ridges at 20 degrees by more than one.
                let gx = 8.0 * (here[x + 1] - here[x - 1]) - (here[x + 2] - here[x - 2]);
                let gy = 8.0 * (down1[x] - up1[x]) - (down2[x] - up2[x]);
                difference += gx * gx - gy * gy;
                product += 2.0 * gx * gy;
                energy += gx * gx + gy * gy;
            }
            let index = [y / CELL_PIXELS, cx];
            out[0][index] += difference;
            out[1][index] += product;
            out[2][index] += energy;
        }
    }
    out
}

/// Averages the tensor and turns gradients into ridges: the ridge is perpendicular, so the doubled angle changes sign.
fn smooth_tensor(
    difference: &Array2<f32>,
    product: &Array2<f32>,
    energy: &Array2<f32>,
    sigma: f32,
) -> [Array2<f32>; 2] {
    let energy = gaussian_blur(energy, sigma).mapv(|e| e + 0.1);
    [-gaussian_blur(difference, sigma) / &energy, -gaussian_blur(product, sigma) / &energy]
}

/// Takes each cell's orientation from the finest scale whose coherence is trusted, fading into the next.
fn combine([fine, middle, coarse]: [[Array2<f32>; 2]; 3]) -> OrientationMap {
    let length = |map: &[Array2<f32>; 2], i: (usize, usize)| map[0][i].hypot(map[1][i]);
    let trust = |c: f32| (c / COHERENCE_TRUSTED).min(1.0).powi(2);
    let coherence = Array2::from_shape_fn(fine[0].dim(), |i| length(&middle, i));
    let blend = |part: usize| {
        Array2::from_shape_fn(fine[0].dim(), |i| {
            let (first, second) = (trust(length(&fine, i)), trust(length(&middle, i)));
            let rest = middle[part][i] * second + coarse[part][i] * (1.0 - second);
            fine[part][i] * first + rest * (1.0 - first)
        })
    };
    OrientationMap { cos2: blend(0), sin2: blend(1), coherence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_wave_gives_its_own_orientation() {
        for degrees in [0.0f32, 20.0, 75.0, 90.0, 130.0, 179.0] {
            let ridge = degrees.to_radians();
            let image = Array2::from_shape_fn((96, 96), |(y, x)| {
                (2.0 * PI / 9.0 * (-(x as f32) * ridge.sin() + y as f32 * ridge.cos())).cos()
            });
            let map = estimate(&image);
            let error = (map.at(47.5, 47.5) - ridge).sin().abs();
            assert!(error < 0.02, "{degrees}: {}", map.at(47.5, 47.5).to_degrees());
            assert!(map.coherence[[6, 6]] > 0.9);
        }
    }
}
