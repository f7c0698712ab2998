//! An image as a program is told of it.

use biopay_biometrics::{Modality, Sample};
use biopay_server::own_program::Bytes;
use serde::Serialize;

/// A grey image, row by row from the top, one byte a pixel; 0 is black.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Image {
    modality: &'static str,
    rows: usize,
    columns: usize,
    /// The sensor's resolution; nothing for a face.
    pixels_per_inch: Option<u16>,
    pixels: Bytes,
}

impl Image {
    pub(super) fn of(sample: &Sample) -> Self {
        Self {
            modality: match sample.modality {
                Modality::Fingerprint => "fingerprint",
                Modality::Face => "face",
            },
            rows: sample.rows(),
            columns: sample.columns(),
            pixels_per_inch: sample.pixels_per_inch,
            pixels: Bytes(sample.pixels.iter().copied().collect()),
        }
    }
}
