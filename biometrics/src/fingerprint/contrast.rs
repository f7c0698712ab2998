//! Local normalisation: every neighbourhood gets mean zero and about the same contrast.

use super::filter::{bilinear, gaussian_blur};
use super::parameters::{CELL_PIXELS, CONTRAST_CLIP, CONTRAST_FLOOR, CONTRAST_SIGMA};
use ndarray::{Array2, s};

/// The normalised image and what was divided out of it.
pub(super) struct Contrast {
    /// Normalised grey, ridges negative, in plus or minus [`CONTRAST_CLIP`].
    pub normalised: Array2<f32>,
    /// What one unit of the normalised image is worth in grey levels, one entry a cell.
    pub unit: Array2<f32>,
    /// Deviation of the cell and its close neighbours in grey levels, one entry a cell.
    pub deviation: Array2<f32>,
}

/// Normalises an image by its local mean and deviation.
///
/// Source: Hong, Wan and Jain 1998, section 2.3, with local instead of global moments.
pub(super) fn normalise(image: &Array2<f32>) -> Contrast {
    let cells_sigma = CONTRAST_SIGMA / CELL_PIXELS as f32;
    let (means, squares) = cell_moments(image);
    let mean = gaussian_blur(&means, cells_sigma);
    let square = gaussian_blur(&squares, cells_sigma);
    let wide = Array2::from_shape_fn(mean.dim(), |i| (square[i] - mean[i] * mean[i]).max(0.0).sqrt());
    let narrow_square = gaussian_blur(&squares, 0.8);
    let narrow_mean = gaussian_blur(&means, 0.8);
    let deviation = Array2::from_shape_fn(mean.dim(), |i| (narrow_square[i] - narrow_mean[i].powi(2)).max(0.0).sqrt());
    let unit = wide.mapv(|d| d + CONTRAST_FLOOR);
    Contrast { normalised: divide(image, &mean, &unit), unit, deviation }
}

fn divide(image: &Array2<f32>, mean: &Array2<f32>, unit: &Array2<f32>) -> Array2<f32> {
    let cell = CELL_PIXELS as f32;
    let gain = unit.mapv(|u| 1.0 / u);
    let last = mean.ncols() - 1;
    let place = |x: usize| ((x as f32 + 0.5) / cell - 0.5).clamp(0.0, last as f32);
    let columns: Vec<(usize, usize, f32)> =
        (0..image.ncols()).map(|x| (place(x) as usize, (place(x) as usize + 1).min(last), place(x).fract())).collect();
    let (mut mean_row, mut gain_row) = (vec![0.0; last + 1], vec![0.0; last + 1]);
    let mut out = image.clone();
    for (y, mut row) in out.rows_mut().into_iter().enumerate() {
        let cy = (y as f32 + 0.5) / cell - 0.5;
        for x in 0..=last {
            mean_row[x] = bilinear(mean, x as f32, cy);
            gain_row[x] = bilinear(&gain, x as f32, cy);
        }
        for (value, &(i, j, f)) in row.iter_mut().zip(&columns) {
            let local_mean = mean_row[i] + f * (mean_row[j] - mean_row[i]);
            let local_gain = gain_row[i] + f * (gain_row[j] - gain_row[i]);
            *value = ((*value - local_mean) * local_gain).clamp(-CONTRAST_CLIP, CONTRAST_CLIP);
        }
    }
    out
}

/// Returns each cell's mean and mean square.
fn cell_moments(image: &Array2<f32>) -> (Array2<f32>, Array2<f32>) {
    let (rows, columns) = image.dim();
    let cells = (rows.div_ceil(CELL_PIXELS), columns.div_ceil(CELL_PIXELS));
    let (mut mean, mut square) = (Array2::zeros(cells), Array2::zeros(cells));
    for cy in 0..cells.0 {
        for cx in 0..cells.1 {
            let (y, x) = (cy * CELL_PIXELS, cx * CELL_PIXELS);
            let cell = image.slice(s![y..(y + CELL_PIXELS).min(rows), x..(x + CELL_PIXELS).min(columns)]);
            let count = cell.len() as f32;
            mean[[cy, cx]] = cell.sum() / count;
            square[[cy, cx]] = cell.iter().map(|v| v * v).sum::<f32>() / count;
        }
    }
    (mean, square)
}
