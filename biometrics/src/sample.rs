//! Biometric samples: what a sensor or a camera hands over.

use ndarray::Array2;

crate::named_enum! {
    /// The biometric characteristic that a sample shows (ISO/IEC 2382-37, 37.01.04).
    pub enum Modality {
        /// Friction ridges of one finger.
        Fingerprint = "fingerprint",
        /// A face.
        Face = "face",
    }
}

/// One captured image (ISO/IEC 2382-37, 37.03.21).
///
/// Shape: `pixels` is `[rows, columns]`, row 0 at the top. Units: 8-bit grey, 0 is black; in a fingerprint
/// ridges are dark. `pixels_per_inch` is the sensor's resolution, and `None` where it means nothing (a face).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The characteristic that was captured.
    pub modality: Modality,
    /// Grey levels, `[rows, columns]`.
    pub pixels: Array2<u8>,
    /// Sensor resolution in pixels per inch, where it is known.
    pub pixels_per_inch: Option<u16>,
}

impl Sample {
    /// Wraps a fingerprint image of a known resolution.
    pub fn fingerprint(pixels: Array2<u8>, pixels_per_inch: u16) -> Self {
        Self { modality: Modality::Fingerprint, pixels, pixels_per_inch: Some(pixels_per_inch) }
    }

    /// Wraps a face image.
    pub fn face(pixels: Array2<u8>) -> Self {
        Self { modality: Modality::Face, pixels, pixels_per_inch: None }
    }

    /// Returns the number of pixel rows.
    pub fn rows(&self) -> usize {
        self.pixels.nrows()
    }

    /// Returns the number of pixel columns.
    pub fn columns(&self) -> usize {
        self.pixels.ncols()
    }
}
