//! The extractor: one straight function of named stages.

use super::alignment::{Aligner, Verifier};
use super::detection::Detector;
use super::features;
use super::frame::Frame;
use super::gabor::Bank;
use super::parameters::{BITS, CONTRAST_MIN, PIXELS_MAX, REAL_LENGTH, REFINED, SIDE_MIN, SIDE_WORKING};
use super::resample::{Axis, resampled};
use crate::learn::Affine;
use crate::{AcquisitionFailure, Error, Modality, Sample, Template};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// The file format's version, its first byte.
const VERSION: u8 = 1;

/// An extractor of fixed-length templates from face samples. It holds the filter bank, so make one and use it for many
/// samples.
#[derive(Clone)]
pub struct Extractor {
    pub(super) parameters: Parameters,
    pub(super) bank: Arc<Bank>,
}

/// Everything that is learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameters {
    pub(super) locator: Locator,
    /// `[REAL_LENGTH, features::LENGTH]`.
    pub(super) real: Affine,
    /// `[BITS, REAL_LENGTH]`, giving margins in within-subject standard deviations.
    pub(super) bits: Affine,
}

/// A finder of faces: detector, aligner and verifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Locator {
    pub(super) detector: Detector,
    pub(super) aligner: Aligner,
    pub(super) verifier: Verifier,
}

/// A receiver of each stage's name and image while a sample is extracted.
pub(super) type Trace<'a> = dyn FnMut(&'static str, ArrayView2<u8>) + 'a;

impl Extractor {
    /// The number of bits of a template's binary form.
    pub const BITS: usize = BITS;
    /// The dimension of a template's real-valued form.
    pub const DIMENSION: usize = REAL_LENGTH;

    /// Returns the extractor with the parameters that the project ships.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Extractor> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let bytes = include_bytes!("builtin.bin");
            Self::from_bytes(bytes).expect("the shipped parameters are read by a test")
        })
    }

    /// Makes the template of one sample.
    ///
    /// Shape: the real-valued form has 256 numbers, the binary form 512 bits.
    ///
    /// # Errors
    /// [`Error::FailureToAcquire`] with the reason when the sample cannot be used.
    pub fn template(&self, sample: &Sample) -> Result<Template, Error> {
        let image = prepared(sample)?;
        let frame = self.parameters.locator.locate(&image)?;
        Ok(self.template_of(&features::describe(&image, &frame, &self.bank)))
    }

    /// Finds the face: where the canonical frame lies in the sample.
    ///
    /// # Errors
    /// As [`template`](Self::template).
    pub fn locate(&self, sample: &Sample) -> Result<Frame, Error> {
        let image = prepared(sample)?;
        let frame = self.parameters.locator.locate(&image)?;
        let shrink = sample.columns() as f32 / image.ncols() as f32;
        let unscaled = |at: f32| (at + 0.5) * shrink - 0.5;
        Ok(Frame { x: unscaled(frame.x), y: unscaled(frame.y), scale: frame.scale * shrink, ..frame })
    }

    /// Makes the template of one sample and shows the stages' images, in order, to `trace`.
    ///
    /// # Errors
    /// As [`template`](Self::template); the stages before the failing one have been shown by then.
    pub fn template_traced(&self, sample: &Sample, trace: &mut Trace<'_>) -> Result<Template, Error> {
        let image = prepared(sample)?;
        trace("prepared", image.mapv(|grey| grey as u8).view());
        let frame = self.parameters.locator.locate(&image)?;
        let crop = frame.crop(&image, super::parameters::TEXTURE_SIDE, 0);
        trace("aligned", crop.mapv(|grey| grey as u8).view());
        let normalised = super::illumination::normalise(&crop);
        trace("normalised", normalised.mapv(|v| (127.0 + 25.0 * v).clamp(0.0, 255.0) as u8).view());
        Ok(self.template_of(&features::describe(&image, &frame, &self.bank)))
    }

    /// Writes the parameters: a version byte, then postcard.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(&self.parameters, vec![VERSION]).expect("plain vectors always serialise")
    }

    /// Reads parameters that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Malformed`] on another version, or tables of other shapes than this version's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why| Error::Malformed { what: "face extraction parameters", why };
        let (&version, rest) = bytes.split_first().ok_or(malformed("they are empty"))?;
        if version != VERSION {
            return Err(malformed("their version is unknown"));
        }
        let parameters: Parameters =
            postcard::from_bytes(rest).map_err(|_| malformed("they are cut short or damaged"))?;
        if !parameters.is_well_formed() {
            return Err(malformed("their tables have other shapes"));
        }
        Ok(Self { parameters, bank: Arc::new(Bank::new()) })
    }

    /// Returns the margins of a real-valued form: what anybody can compute who has the program.
    ///
    /// Shape: as many numbers as a template has, to as many as it has bits.
    pub fn margins(&self, real: &[f32]) -> Vec<f32> {
        let mut margins = vec![0.0; BITS];
        self.parameters.bits.apply(real, &mut margins);
        margins
    }

    fn template_of(&self, features: &[f32]) -> Template {
        let mut real = vec![0.0; REAL_LENGTH];
        self.parameters.real.apply(features, &mut real);
        let norm = real.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
        real.iter_mut().for_each(|x| *x /= norm);
        let margins = self.margins(&real);
        Template::new(real, margins)
    }
}

impl Parameters {
    fn is_well_formed(&self) -> bool {
        let locator = &self.locator;
        locator.detector.is_well_formed()
            && locator.aligner.is_well_formed()
            && locator.verifier.is_well_formed()
            && self.real.shape() == (REAL_LENGTH, features::LENGTH)
            && self.bits.shape() == (BITS, REAL_LENGTH)
    }
}

impl Locator {
    /// Finds the face in a prepared image.
    pub(super) fn locate(&self, image: &Array2<f32>) -> Result<Frame, AcquisitionFailure> {
        let (score, frame) = self.best(image).ok_or(AcquisitionFailure::NoSubject)?;
        if score < self.verifier.threshold { Err(AcquisitionFailure::NoSubject) } else { Ok(frame) }
    }

    /// Returns the aligned candidate that looks most like a face, with its score.
    pub(super) fn best(&self, image: &Array2<f32>) -> Option<(f32, Frame)> {
        let coarse = self.detector.candidates(image).into_iter().map(|frame| self.aligner.align_coarsely(image, frame));
        let mut coarse = self.scored(image, coarse);
        coarse.sort_by(|a, b| b.0.total_cmp(&a.0));
        let refined = coarse.into_iter().take(REFINED).map(|(_, frame)| self.aligner.align_finely(image, frame));
        self.scored(image, refined).into_iter().max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Scores the frames whose middle lies in the image.
    fn scored(&self, image: &Array2<f32>, frames: impl Iterator<Item = Frame>) -> Vec<(f32, Frame)> {
        let (rows, columns) = image.dim();
        let inside = |f: &Frame| f.x > 0.0 && f.y > 0.0 && f.x < columns as f32 && f.y < rows as f32 && f.scale > 0.05;
        frames.filter(inside).map(|frame| (self.verifier.score(image, &frame), frame)).collect()
    }
}

/// Turns a sample into a floating-point image of bounded size, after checking that it can show a face.
///
/// # Errors
/// `NoSubject` for a sample of another modality, `TooLarge`, `TooSmall`, `Blank`.
pub(super) fn prepared(sample: &Sample) -> Result<Array2<f32>, AcquisitionFailure> {
    let (rows, columns) = sample.pixels.dim();
    if sample.modality != Modality::Face {
        return Err(AcquisitionFailure::NoSubject);
    }
    if rows.saturating_mul(columns) > PIXELS_MAX {
        return Err(AcquisitionFailure::TooLarge);
    }
    if rows.min(columns) < SIDE_MIN {
        return Err(AcquisitionFailure::TooSmall);
    }
    let image = shrunk(sample);
    let mean = image.sum() / image.len() as f32;
    let variance = image.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / image.len() as f32;
    if variance.sqrt() < CONTRAST_MIN { Err(AcquisitionFailure::Blank) } else { Ok(image) }
}

/// Averages pixels until the longest side is at most [`SIDE_WORKING`], but no side below [`SIDE_MIN`].
fn shrunk(sample: &Sample) -> Array2<f32> {
    let (rows, columns) = sample.pixels.dim();
    let image = sample.pixels.mapv(f32::from).as_standard_layout().into_owned();
    let wanted = (rows.max(columns) as f32 / SIDE_WORKING as f32).min(rows.min(columns) as f32 / SIDE_MIN as f32);
    if wanted <= 1.0 {
        return image;
    }
    let size = ((rows as f32 / wanted) as usize, (columns as f32 / wanted) as usize);
    let axis = |length: usize, old: usize| Axis { length, start: 0.0, step: old as f32 / length as f32 };
    resampled(&image, axis(size.0, rows), axis(size.1, columns), 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(pixels: Array2<u8>) -> Option<Error> {
        Extractor::builtin().template(&Sample::face(pixels)).err()
    }

    #[test]
    fn images_that_cannot_show_a_face_are_refused_by_name() {
        use AcquisitionFailure::{Blank, NoSubject, TooLarge, TooSmall};
        assert_eq!(failure(Array2::zeros((0, 0))), Some(TooSmall.into()));
        assert_eq!(failure(Array2::zeros((31, 4_000))), Some(TooSmall.into()));
        assert_eq!(failure(Array2::zeros((20_000, 1_000))), Some(TooLarge.into()));
        assert_eq!(failure(Array2::from_elem((112, 112), 90)), Some(Blank.into()));
        let stripes = Array2::from_shape_fn((112, 112), |(y, x)| if (x + y) % 9 < 4 { 220 } else { 40 });
        assert_eq!(failure(stripes.clone()), Some(NoSubject.into()));
        let finger = Extractor::builtin().template(&Sample::fingerprint(stripes, 500)).err();
        assert_eq!(finger, Some(NoSubject.into()));
    }

    #[test]
    fn the_shipped_parameters_are_read_and_written_unchanged() {
        let bytes: &[u8] = include_bytes!("builtin.bin");
        assert_eq!(Extractor::builtin().to_bytes(), bytes);
        assert!(bytes.len() < 3 << 20, "{} bytes are too many for the repository", bytes.len());
    }

    #[test]
    fn damaged_parameters_are_refused_by_name() {
        let bytes = Extractor::builtin().to_bytes();
        for damaged in [&bytes[..0], &bytes[..1], &bytes[..bytes.len() / 2], &bytes[1..]] {
            assert!(matches!(Extractor::from_bytes(damaged), Err(Error::Malformed { .. })));
        }
    }
}
