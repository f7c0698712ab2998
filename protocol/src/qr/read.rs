//! An image to payload bytes.

use crate::Error;
use crate::values::PayloadBytes;
use image::GrayImage;

/// The most pixels an image may have to be searched: finding symbols in a hostile megapixel takes seconds.
pub const PIXELS_MAX: u64 = 4_000_000;
/// How many candidate symbols in one image are decoded before giving up.
const CANDIDATES_MAX: usize = 8;

/// Holds what was read from an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The bytes in the symbol.
    pub payload: Vec<u8>,
    /// The symbol's version, 1 to 40.
    pub version: u8,
}

/// Finds the first readable symbol in a grey image and decodes it.
///
/// Takes time in the number of finder patterns that the image shows: on images from strangers, call it where it can
/// be killed.
///
/// Errors: [`Error::ImageTooLarge`] above [`PIXELS_MAX`]; [`Error::NoSymbol`] when nothing can be read.
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
    fn damage_within_the_level_is_corrected() {
        let payload = [0x5a; 64];
        let mut image = Symbol::encode(&payload, Level::H).unwrap().render(4);
        for (x, y) in (80..92).flat_map(|x| (80..92).map(move |y| (x, y))) {
            image.put_pixel(x, y, image::Luma([0]));
        }
        assert_eq!(read(&image).unwrap().payload, payload);
    }

    #[test]
    fn an_endless_image_is_refused() {
        let refused = Err(Error::ImageTooLarge { pixels: 4_004_001, allowed: PIXELS_MAX });
        assert_eq!(read(&GrayImage::new(2001, 2001)), refused);
    }
}
