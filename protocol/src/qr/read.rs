//! Reads payload bytes from an image.

use crate::Error;
use crate::values::PayloadBytes;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, GrayImage, ImageDecoder, Limits};
use std::io::Cursor;

/// The most pixels an image may have to be searched: finding symbols in a hostile megapixel takes seconds.
pub const PIXELS_MAX: u64 = 4_000_000;
/// The most memory that decoding a PNG may take: four bytes a pixel, and as much again for the decoder.
const PNG_BYTES_MAX: u64 = 8 * PIXELS_MAX;
/// How many candidate symbols in one image are decoded before giving up.
const CANDIDATES_MAX: usize = 8;

/// A payload read from an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The bytes in the symbol.
    pub payload: Vec<u8>,
    /// The symbol's version, 1 to 40.
    pub version: u8,
}

/// Finds the first readable symbol in a grey image and decodes it.
///
/// Its time grows with the number of finder patterns in the image: read images from strangers in a process that can be
/// killed.
///
/// # Errors
///
/// [`Error::ImageTooLarge`] above [`PIXELS_MAX`]; [`Error::NoSymbol`] when nothing can be read.
pub fn read(image: &GrayImage) -> Result<Reading, Error> {
    let pixels = u64::from(image.width()) * u64::from(image.height());
    if pixels > PIXELS_MAX {
        return Err(Error::ImageTooLarge { pixels, allowed: PIXELS_MAX });
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    let grey = |x, y| image.as_raw()[y * width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    prepared.detect_grids().iter().take(CANDIDATES_MAX).find_map(decode).ok_or(Error::NoSymbol)
}

/// Decodes a PNG of at most [`PIXELS_MAX`] pixels and reads it as [`read`] does; its size is known before its pixels
/// are unpacked.
///
/// # Errors
///
/// Those of [`read`]; [`Error::NoSymbol`] when it is no PNG.
pub fn read_png(png: &[u8]) -> Result<Reading, Error> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(PNG_BYTES_MAX);
    let decoder = PngDecoder::with_limits(Cursor::new(png), limits).map_err(|_| Error::NoSymbol)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS_MAX {
        return Err(Error::ImageTooLarge { pixels, allowed: PIXELS_MAX });
    }
    read(&DynamicImage::from_decoder(decoder).map_err(|_| Error::NoSymbol)?.into_luma8())
}

fn decode<G: rqrr::BitGrid>(grid: &rqrr::Grid<G>) -> Option<Reading> {
    let mut payload = Vec::new();
    let meta = grid.decode_to(&mut payload).ok()?;
    let version = u8::try_from(meta.version.0).ok()?;
    (payload.len() <= PayloadBytes::BYTES_MAX).then_some(Reading { payload, version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qr::{Level, Symbol};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_payload_reads_back(payload in proptest::collection::vec(any::<u8>(), 1..200), scale in 3u8..6) {
            let symbol = Symbol::encode(&payload, Level::M).unwrap();
            let reading = read(&symbol.render(scale)).unwrap();
            prop_assert_eq!(reading.version, symbol.version());
            prop_assert_eq!(reading.payload, payload);
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 4096)) {
            let image = GrayImage::from_raw(64, 64, bytes).unwrap();
            prop_assert_eq!(read(&image), Err(Error::NoSymbol));
        }
    }

    #[test]
    fn a_stated_version_is_kept_and_a_small_one_refused() {
        assert_eq!(Symbol::encode_at(&[7; 32], 10, Level::Q).unwrap().version(), 10);
        assert_eq!(Symbol::encode_at(&[7; 100], 1, Level::L), Err(Error::SymbolTooSmall { bytes: 100 }));
    }

    #[test]
    fn a_fitted_symbol_has_the_version_of_level_m_and_the_highest_level_with_room() {
        // Version 3 holds 42, 32 and 24 bytes at M, Q and H; version 4 62, 46 and 34 (ISO/IEC 18004:2015, table 7).
        for (bytes, version, level) in
            [(24, 2, Level::M), (32, 3, Level::Q), (42, 3, Level::M), (44, 4, Level::Q), (50, 4, Level::M)]
        {
            let symbol = Symbol::fitted(&vec![7; bytes]).unwrap();
            assert_eq!((symbol.version(), symbol.level()), (version, level), "{bytes} bytes");
        }
        assert!(Symbol::fitted(&[7; 3_000]).is_err());
    }

    #[test]
    fn damage_within_the_level_is_corrected() {
        let payload = [0x5a; 64];
        let mut image = Symbol::encode(&payload, Level::H).unwrap().render(4);
        for (x, y) in (80..92).flat_map(|x| (80..92).map(move |y| (x, y))) {
            image.put_pixel(x, y, image::Luma([0]));
        }
        assert_eq!(read(&image).unwrap().payload, payload);
    }

    fn png(image: &GrayImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_png_reads_back_and_an_endless_one_is_refused_before_it_is_unpacked() {
        let symbol = Symbol::encode(b"payload", Level::M).unwrap();
        assert_eq!(read_png(&png(&symbol.render(4))).unwrap().payload, b"payload");
        assert_eq!(read_png(b"no png"), Err(Error::NoSymbol));
        let bomb = png(&GrayImage::new(2_001, 2_001));
        assert!(bomb.len() < 32_768, "{} bytes", bomb.len());
        assert_eq!(read_png(&bomb), Err(Error::ImageTooLarge { pixels: 4_004_001, allowed: PIXELS_MAX }));
    }

    #[test]
    fn an_endless_image_is_refused() {
        let refused = Err(Error::ImageTooLarge { pixels: 4_004_001, allowed: PIXELS_MAX });
        assert_eq!(read(&GrayImage::new(2001, 2001)), refused);
    }
}
