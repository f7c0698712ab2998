//! Small filters that several stages share.

use ndarray::Array2;

/// Blurs with a Gaussian of width `sigma`; the border's values continue outside.
///
/// Shape: as the input. The kernel is cut at three widths.
pub(crate) fn gaussian_blur(image: &Array2<f32>, sigma: f32) -> Array2<f32> {
    let kernel = gaussian_kernel(sigma);
    blur_columns(&blur_rows(image, &kernel), &kernel)
}

/// Reads an image between its pixels; positions outside are clamped to the border.
pub(super) fn bilinear(image: &Array2<f32>, x: f32, y: f32) -> f32 {
    let (rows, columns) = image.dim();
    let x = x.clamp(0.0, (columns - 1) as f32);
    let y = y.clamp(0.0, (rows - 1) as f32);
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(columns - 1), (y0 + 1).min(rows - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let top = image[[y0, x0]] * (1.0 - fx) + image[[y0, x1]] * fx;
    let bottom = image[[y1, x0]] * (1.0 - fx) + image[[y1, x1]] * fx;
    top * (1.0 - fy) + bottom * fy
}

/// Returns the value below which a fraction of the values lies; zero when there are none.
pub(super) fn quantile(values: impl IntoIterator<Item = f32>, fraction: f32) -> f32 {
    let mut sorted: Vec<f32> = values.into_iter().collect();
    if sorted.is_empty() {
        return 0.0;
    }
    let index = ((sorted.len() - 1) as f32 * fraction) as usize;
    *sorted.select_nth_unstable_by(index, f32::total_cmp).1
}

/// Scales an image linearly so that `low` becomes black and `high` white.
pub(super) fn to_grey(image: &Array2<f32>, low: f32, high: f32) -> Array2<u8> {
    image.mapv(|value| ((value - low) / (high - low) * 255.0).clamp(0.0, 255.0) as u8)
}

fn gaussian_kernel(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as i32;
    let raw: Vec<f32> = (-radius..=radius).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

fn blur_rows(image: &Array2<f32>, kernel: &[f32]) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let radius = kernel.len() / 2;
    let mut out = Array2::zeros((rows, columns));
    let mut padded = vec![0.0; columns + 2 * radius];
    for (row, mut out_row) in image.rows().into_iter().zip(out.rows_mut()) {
        for (i, value) in padded.iter_mut().enumerate() {
            *value = row[i.saturating_sub(radius).min(columns - 1)];
        }
        let target = out_row.as_slice_mut().expect("rows of a standard array are contiguous");
        for (k, &weight) in kernel.iter().enumerate() {
            add_scaled(target, &padded[k..k + columns], weight);
        }
    }
    out
}

fn blur_columns(image: &Array2<f32>, kernel: &[f32]) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let radius = kernel.len() / 2;
    let source = image.as_slice().expect("the blur's own arrays are in standard order");
    let mut out = Array2::zeros((rows, columns));
    for (y, mut out_row) in out.rows_mut().into_iter().enumerate() {
        let target = out_row.as_slice_mut().expect("rows of a standard array are contiguous");
        for (k, &weight) in kernel.iter().enumerate() {
            let from = (y + k).saturating_sub(radius).min(rows - 1) * columns;
            add_scaled(target, &source[from..from + columns], weight);
        }
    }
    out
}

fn add_scaled(target: &mut [f32], source: &[f32], weight: f32) {
    for (t, s) in target.iter_mut().zip(source) {
        *t += weight * s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_keeps_constants_and_spreads_a_point() {
        let flat = gaussian_blur(&Array2::from_elem((9, 7), 3.0), 2.0);
        assert!(flat.iter().all(|v| (v - 3.0).abs() < 1e-5));
        let mut point = Array2::zeros((31, 31));
        point[[15, 15]] = 1.0;
        let spread = gaussian_blur(&point, 2.0);
        assert!((spread.sum() - 1.0).abs() < 1e-4);
        let variance: f32 = spread.indexed_iter().map(|((_, x), v)| (x as f32 - 15.0).powi(2) * v).sum();
        assert!((variance - 4.0).abs() < 0.2, "{variance}");
    }

    #[test]
    fn bilinear_interpolates_and_clamps() {
        let image = Array2::from_shape_fn((4, 4), |(y, x)| (x + 10 * y) as f32);
        assert!((bilinear(&image, 1.25, 2.5) - 26.25).abs() < 1e-5);
        assert_eq!(bilinear(&image, -3.0, 9.0), 30.0);
    }
}
