//! The first stage: any resolution becomes 500 dpi, and images that cannot hold a finger are turned away.

use super::filter::{bilinear, gaussian_blur};
use super::parameters::{PIXELS_MAX, PPI_MAX, PPI_MIN, SIDE_MIN, WORKING_PPI};
use crate::{AcquisitionFailure, Modality, Sample};
use ndarray::Array2;

/// Turns a sample into a floating-point image at 500 dpi, after checking its size and resolution.
///
/// # Errors
/// `NoSubject` for a sample of another modality, `TooLarge`, `TooSmall`, `Resolution`.
pub(super) fn resample(sample: &Sample) -> Result<Array2<f32>, AcquisitionFailure> {
    let (rows, columns) = sample.pixels.dim();
    let ppi = sample.pixels_per_inch.unwrap_or(WORKING_PPI);
    if sample.modality != Modality::Fingerprint {
        return Err(AcquisitionFailure::NoSubject);
    }
    if !(PPI_MIN..=PPI_MAX).contains(&ppi) {
        return Err(AcquisitionFailure::Resolution);
    }
    if rows.saturating_mul(columns) > PIXELS_MAX {
        return Err(AcquisitionFailure::TooLarge);
    }
    let scale = f32::from(ppi) / f32::from(WORKING_PPI);
    let at_working = |side: usize| (side as f32 / scale).round() as usize;
    if at_working(rows).min(at_working(columns)) < SIDE_MIN {
        return Err(AcquisitionFailure::TooSmall);
    }
    if at_working(rows).saturating_mul(at_working(columns)) > PIXELS_MAX {
        return Err(AcquisitionFailure::TooLarge);
    }
    Ok(rescale(sample.pixels.mapv(f32::from).as_standard_layout().into_owned(), scale))
}

/// Rescales by `1 / scale`; a finer image is first blurred by half the new pixel, against aliasing.
fn rescale(image: Array2<f32>, scale: f32) -> Array2<f32> {
    if scale == 1.0 {
        return image;
    }
    let image = if scale > 1.0 { gaussian_blur(&image, 0.5 * scale) } else { image };
    let side = |pixels: usize| (pixels as f32 / scale).round() as usize;
    let at = |i: usize| (i as f32 + 0.5) * scale - 0.5;
    Array2::from_shape_fn((side(image.nrows()), side(image.ncols())), |(y, x)| bilinear(&image, at(x), at(y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(rows: usize, columns: usize, ppi: u16) -> Option<AcquisitionFailure> {
        resample(&Sample::fingerprint(Array2::zeros((rows, columns)), ppi)).err()
    }

    #[test]
    fn sizes_and_resolutions_out_of_range_are_refused() {
        assert_eq!(failure(1, 1, 500), Some(AcquisitionFailure::TooSmall));
        assert_eq!(failure(0, 0, 500), Some(AcquisitionFailure::TooSmall));
        assert_eq!(failure(20_000, 20_000, 500), Some(AcquisitionFailure::TooLarge));
        assert_eq!(failure(300, 300, 249), Some(AcquisitionFailure::Resolution));
        assert_eq!(failure(300, 300, 1001), Some(AcquisitionFailure::Resolution));
        assert_eq!(failure(300, 300, 500), None);
    }

    #[test]
    fn every_resolution_ends_at_500() {
        for (ppi, side) in [(250u16, 150usize), (1000, 600), (508, 305)] {
            let image = resample(&Sample::fingerprint(Array2::zeros((side, side)), ppi)).unwrap();
            assert!(image.nrows().abs_diff(300) <= 1, "{ppi}: {}", image.nrows());
        }
    }
}
