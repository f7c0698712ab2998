//! The reader `rqrr`: exact on clean symbols, and the first to be asked.

use super::found::{CANDIDATES_MAX, Found};
use image::GrayImage;

/// Finds and decodes a symbol.
pub(super) fn read(image: &GrayImage) -> Option<Found> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let grey = |x, y| image.as_raw()[y * width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    prepared.detect_grids().iter().take(CANDIDATES_MAX).find_map(decode)
}

fn decode<G: rqrr::BitGrid>(grid: &rqrr::Grid<G>) -> Option<Found> {
    let mut payload = Vec::new();
    let meta = grid.decode_to(&mut payload).ok()?;
    Some(Found { payload, version: u8::try_from(meta.version.0).ok()? })
}
