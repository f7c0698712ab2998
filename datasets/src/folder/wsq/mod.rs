//! WSQ, the wavelet compression of fingerprints (FBI, IAFIS-IC-0110, version 3.1): a file's bytes to grey pixels.
//!
//! ```text
//! bytes ──segments──► tables, and Huffman codes ──coefficients──► 64 bands ──synthesis──► pixels
//! ```
//! The image is split five times by a pair of wavelet filters; which halves are split again is always the same. No crate
//! for the format is kept, so the decoder is ours.

mod bands;
mod coefficients;
mod segments;

use super::size::within_limit;
use ndarray::Array2;

/// The resolution of the format, where a file states no other. Units: pixels per inch.
const RESOLUTION: u16 = 500;

/// Returns whether a file begins as one of WSQ.
pub(super) fn is_wsq(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xa0])
}

/// Decodes a file to its pixels and its resolution in pixels per inch.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn decode(bytes: &[u8]) -> Result<(Array2<u8>, u16), String> {
    let file = segments::read(bytes)?;
    within_limit(file.columns as u32, file.rows as u32)?;
    let bands = bands::of(file.columns, file.rows);
    let plane = coefficients::plane(&file, &bands)?;
    let image = bands::synthesise(plane, &file.filters);
    let grey = |value: f32| (value * file.scale + file.shift).round().clamp(0.0, 255.0) as u8;
    Ok((image.mapv(grey), file.pixels_per_inch.unwrap_or(RESOLUTION)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_short_is_refused_and_never_panics() {
        let whole = include_bytes!("ramp.wsq");
        assert!(decode(whole).is_ok());
        for length in (0..whole.len() - 2).step_by(5) {
            assert!(decode(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
        }
        for place in (0..whole.len()).step_by(7) {
            let mut damaged = whole.to_vec();
            damaged[place] ^= 0x55;
            drop(decode(&damaged));
        }
    }

    /// The picture that `ramp.wsq` was made of, by the encoder of NBIS: a slope with rings on it.
    #[test]
    fn a_file_of_another_encoder_gives_its_picture() {
        let (pixels, pixels_per_inch) = decode(include_bytes!("ramp.wsq")).unwrap();
        assert_eq!((pixels.dim(), pixels_per_inch), ((87, 101), 500));
        let drawn = |row: usize, column: usize| {
            let (x, y) = (column as f64 - 50.0, row as f64 - 43.0);
            128.0 + 60.0 * ((x * x + y * y).sqrt() / 3.0).sin() + 0.4 * x
        };
        let error = |((row, column), value): ((usize, usize), &u8)| (f64::from(*value) - drawn(row, column)).abs();
        let mean = pixels.indexed_iter().map(error).sum::<f64>() / pixels.len() as f64;
        assert!(mean < 1.0, "a mean error of {mean}");
    }
}
