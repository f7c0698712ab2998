//! The extractor: one straight function of named stages.

use super::binarisation::binarise;
use super::enhancement::{GaborBank, enhance};
use super::features::{Features, Minutia};
use super::filter::{gaussian_blur, to_grey};
use super::parameters::{
    CELL_PIXELS, CONTRAST_CLIP, FEEDBACK, MINUTIAE_MIN, PERIOD_MAX, QUALITY_CELLS, REGULARITY_MIN,
};
use super::{contrast, frequency, minutiae, orientation, resample, segmentation, skeleton, thinning};
use crate::{AcquisitionFailure, Error, Sample};
use ndarray::{Array2, ArrayView2};
use std::f32::consts::PI;

/// A receiver of each stage's name and image while a sample is extracted.
pub(super) type Trace<'a> = dyn FnMut(&'static str, ArrayView2<u8>) + 'a;

/// An extractor of features from fingerprint samples. It holds the filter bank, so make one and use it for many
/// samples.
pub struct Extractor {
    bank: GaborBank,
}

impl Default for Extractor {
    fn default() -> Self {
        Self::new()
    }
}

impl Extractor {
    /// Prepares the filter bank.
    pub fn new() -> Self {
        Self { bank: GaborBank::new() }
    }

    /// Finds a sample's features.
    ///
    /// # Errors
    /// [`Error::FailureToAcquire`] with the reason when the sample cannot be used.
    pub fn extract(&self, sample: &Sample) -> Result<Features, Error> {
        self.run(sample, None)
    }

    /// Finds a sample's features and shows every stage's image, in order, to `trace`.
    ///
    /// # Errors
    /// As [`extract`](Self::extract); the stages before the failing one have been shown by then.
    pub fn extract_traced(&self, sample: &Sample, trace: &mut Trace<'_>) -> Result<Features, Error> {
        self.run(sample, Some(trace))
    }

    fn run(&self, sample: &Sample, mut trace: Option<&mut Trace<'_>>) -> Result<Features, Error> {
        let mut show = |stage: &'static str, render: &dyn Fn() -> Array2<u8>| {
            if let Some(trace) = trace.as_mut() {
                trace(stage, render().view());
            }
        };
        let image = resample::resample(sample)?;
        show("resampled", &|| to_grey(&image, 0.0, 255.0));

        let contrast = contrast::normalise(&image);
        let normalised = &contrast.normalised;
        show("contrast", &|| to_grey(normalised, -CONTRAST_CLIP, CONTRAST_CLIP));

        let rough = orientation::estimate(normalised);
        show("coherence", &|| upscale(&rough.coherence, 0.0, 1.0));

        let busy = segmentation::busy_area(&contrast.deviation)?;
        let frequency::PeriodMap { period, regular } = frequency::estimate(normalised, &rough, &busy);
        show("frequency", &|| upscale(&period, 0.0, PERIOD_MAX));

        let first = enhance(normalised, &rough, &period, &busy, &self.bank);
        let (amplitude, first_clarity) = strength(normalised, &first);
        let mask = segmentation::segment(&(amplitude * &contrast.unit), &first_clarity)?;
        show("segmentation", &|| upscale(&mask.mapv(|m| f32::from(u8::from(m))), 0.0, 1.0));

        if regularity(&regular, &mask) < REGULARITY_MIN {
            return Err(AcquisitionFailure::NoSubject.into());
        }
        let fine = orientation::refine(&first, rough.coherence);
        show("orientation", &|| upscale(&fine.angles(), 0.0, PI));

        let blend = &first * FEEDBACK + normalised * (1.0 - FEEDBACK);
        let enhanced = enhance(&blend, &fine, &period, &mask, &self.bank);
        let mut clarity = strength(normalised, &enhanced).1;
        clarity.zip_mut_with(&mask, |c, &inside| *c *= f32::from(u8::from(inside)));
        show("enhancement", &|| to_grey(&enhanced, -1.5, 1.5));
        show("clarity", &|| upscale(&clarity, 0.0, 1.0));

        let (mut ridges, mut valleys) = binarise(&enhanced, &mask);
        show("binarisation", &|| ridges.to_grey());

        thinning::thin(&mut ridges);
        thinning::thin(&mut valleys);
        show("thinning", &|| ridges.to_grey());

        let period_at = |(x, y): (f32, f32)| period[[y as usize / CELL_PIXELS, x as usize / CELL_PIXELS]];
        skeleton::clean(&mut ridges, period_at);
        skeleton::clean(&mut valleys, period_at);
        show("cleaning", &|| ridges.to_grey());

        let minutiae = minutiae::collect(&ridges, &valleys, &fine, &mask, &clarity);
        show("minutiae", &|| mark(&image, &minutiae));
        if minutiae.len() < MINUTIAE_MIN {
            return Err(AcquisitionFailure::TooFewFeatures.into());
        }
        let quality = clarity.sum() / clarity.len().min(QUALITY_CELLS) as f32;
        Ok(Features {
            columns: image.ncols(),
            rows: image.nrows(),
            minutiae,
            orientation: fine.angles(),
            coherence: fine.coherence,
            frequency: period.mapv(|p| 1.0 / p),
            mask,
            clarity,
            quality: quality.min(1.0),
        })
    }
}

/// Measures the filtered ridges around every cell: their deviation, and their correlation with the raw ones.
fn strength(normalised: &Array2<f32>, filtered: &Array2<f32>) -> (Array2<f32>, Array2<f32>) {
    let (rows, columns) = normalised.dim();
    let cells = (rows.div_ceil(CELL_PIXELS), columns.div_ceil(CELL_PIXELS));
    let [mut both, mut raw, mut clean] = std::array::from_fn(|_| Array2::<f32>::zeros(cells));
    for (y, (row, filtered_row)) in normalised.rows().into_iter().zip(filtered.rows()).enumerate() {
        let row = row.to_slice().expect("rows of a standard array are contiguous");
        let filtered_row = filtered_row.to_slice().expect("rows of a standard array are contiguous");
        for (x, (a, b)) in row.chunks(CELL_PIXELS).zip(filtered_row.chunks(CELL_PIXELS)).enumerate() {
            let cell = [y / CELL_PIXELS, x];
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            both[cell] += dot(a, b);
            raw[cell] += dot(a, a);
            clean[cell] += dot(b, b);
        }
    }
    let [both, raw, clean] = [both, raw, clean].map(|sums| gaussian_blur(&sums, 1.0));
    let amplitude = clean.mapv(|c| (c / (CELL_PIXELS * CELL_PIXELS) as f32).sqrt());
    let clarity = Array2::from_shape_fn(cells, |i| (both[i] / (raw[i] * clean[i] + 1e-6).sqrt()).clamp(0.0, 1.0));
    (amplitude, clarity)
}

/// Returns the fraction of the foreground's measured cells whose ridge period agrees with their neighbourhood's.
fn regularity(regular: &Array2<Option<bool>>, mask: &Array2<bool>) -> f32 {
    let measured = || regular.iter().zip(mask).filter(|&(_, &inside)| inside).filter_map(|(regular, _)| *regular);
    measured().filter(|&regular| regular).count() as f32 / measured().count().max(1) as f32
}

/// Renders a cell map with one square a cell.
fn upscale(map: &Array2<f32>, low: f32, high: f32) -> Array2<u8> {
    let grey = to_grey(map, low, high);
    let (rows, columns) = (map.nrows() * CELL_PIXELS, map.ncols() * CELL_PIXELS);
    Array2::from_shape_fn((rows, columns), |(y, x)| grey[[y / CELL_PIXELS, x / CELL_PIXELS]])
}

/// Draws each minutia over the pale image as a square with a tail along its direction; forks are lighter.
fn mark(image: &Array2<f32>, minutiae: &[Minutia]) -> Array2<u8> {
    let mut out = image.mapv(|grey| 128 + (grey * 0.5) as u8);
    let (rows, columns) = out.dim();
    let mut dot = |x: f32, y: f32, grey: u8| {
        if x >= 0.0 && y >= 0.0 && (x as usize) < columns && (y as usize) < rows {
            out[[y as usize, x as usize]] = grey;
        }
    };
    for minutia in minutiae {
        let grey = if minutia.kind == super::MinutiaKind::Ending { 0 } else { 70 };
        for k in 0..25 {
            let (dx, dy) = ((k % 5) as f32 - 2.0, (k / 5) as f32 - 2.0);
            if dx.abs() == 2.0 || dy.abs() == 2.0 {
                dot(minutia.x + dx, minutia.y + dy, grey);
            }
        }
        for k in 3..12 {
            dot(minutia.x + k as f32 * minutia.angle.cos(), minutia.y + k as f32 * minutia.angle.sin(), grey);
        }
    }
    out
}
