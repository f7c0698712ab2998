//! Reads payload bytes from an image, by several readers in turn: each reads symbols that the others do not.

mod found;
mod rqrr_reader;
mod rxing_reader;

use self::found::Found;
use crate::Error;
use crate::values::PayloadBytes;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, GrayImage, ImageDecoder, Limits, Luma};
use std::io::Cursor;

/// The most pixels an image may have to be searched: finding symbols in a hostile megapixel takes seconds.
pub const PIXELS_MAX: u64 = 4_000_000;
/// The most memory that decoding a PNG may take: four bytes a pixel, and as much again for the decoder.
const PNG_BYTES_MAX: u64 = 8 * PIXELS_MAX;

macro_rules! symbol_readers {
    ($($(#[$doc:meta])* $reader:ident = $name:literal in $module:ident,)*) => {
        /// A program that finds and decodes symbols.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub enum SymbolReader {
            $($(#[$doc])* #[serde(rename = $name)] $reader,)*
        }

        impl SymbolReader {
            /// The readers, in the order in which they are asked.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$reader),*];

            /// Returns the reader's name in tables.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reader => $name,)*
                }
            }

            fn find(self, image: &GrayImage) -> Option<Found> {
                match self {
                    $(Self::$reader => $module::read(image),)*
                }
            }
        }
    };
}

symbol_readers! {
    /// The crate `rqrr`.
    Rqrr = "rqrr" in rqrr_reader,
    /// The crate `rxing`.
    Rxing = "rxing" in rxing_reader,
}

impl SymbolReader {
    /// Finds the first symbol that this reader reads in a grey image.
    ///
    /// # Errors
    ///
    /// [`Error::ImageTooLarge`] above [`PIXELS_MAX`]; [`Error::NoSymbol`] when nothing can be read.
    pub fn read(self, image: &GrayImage) -> Result<Reading, Error> {
        within_limit(image.width(), image.height())?;
        let found =
            self.find(image).filter(|found| found.payload.len() <= PayloadBytes::BYTES_MAX).ok_or(Error::NoSymbol)?;
        Ok(Reading { payload: found.payload, version: found.version, reader: self })
    }
}

/// A payload read from an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The bytes in the symbol.
    pub payload: Vec<u8>,
    /// The symbol's version, 1 to 40.
    pub version: u8,
    /// The reader that read it.
    pub reader: SymbolReader,
}

/// Finds the first readable symbol in a grey image and decodes it, by each reader in turn. It may be dark on light or
/// light on dark, and mirrored.
///
/// Its time grows with the number of finder patterns in the image: read images from strangers in a process that can be
/// killed.
///
/// # Errors
///
/// [`Error::ImageTooLarge`] above [`PIXELS_MAX`]; [`Error::NoSymbol`] when nothing can be read.
pub fn read(image: &GrayImage) -> Result<Reading, Error> {
    within_limit(image.width(), image.height())?;
    SymbolReader::ALL.into_iter().find_map(|reader| reader.read(image).ok()).ok_or(Error::NoSymbol)
}

fn within_limit(width: u32, height: u32) -> Result<(), Error> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS_MAX { Err(Error::ImageTooLarge { pixels, allowed: PIXELS_MAX }) } else { Ok(()) }
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
    within_limit(width, height)?;
    read(&on_white(DynamicImage::from_decoder(decoder).map_err(|_| Error::NoSymbol)?))
}

/// Lays a transparent image on white paper, and makes it grey.
fn on_white(image: DynamicImage) -> GrayImage {
    if !image.color().has_alpha() {
        return image.into_luma8();
    }
    let image = image.into_luma_alpha8();
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [grey, alpha] = image.get_pixel(x, y).0.map(u32::from);
        Luma([((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8])
    })
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
            image.put_pixel(x, y, Luma([0]));
        }
        assert_eq!(read(&image).unwrap().payload, payload);
    }

    fn png(image: &GrayImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn inverted_and_mirrored_symbols_are_read_byte_for_byte() {
        let payload: Vec<u8> = (0..=255).collect();
        let upright = Symbol::encode(&payload, Level::M).unwrap().render(4);
        let mut inverted = upright.clone();
        image::imageops::invert(&mut inverted);
        let mirrored = image::imageops::flip_horizontal(&upright);
        let both = image::imageops::flip_horizontal(&inverted);
        for image in [inverted, mirrored, both] {
            assert_eq!(read(&image).unwrap().payload, payload);
        }
    }

    #[test]
    fn every_reader_reads_a_plain_symbol_byte_for_byte_and_says_who_it_is() {
        let payload: Vec<u8> = (0..=255).rev().collect();
        let image = Symbol::encode(&payload, Level::M).unwrap().render(4);
        for reader in SymbolReader::ALL {
            let reading = reader.read(&image).unwrap();
            assert_eq!((&reading.payload, reading.reader), (&payload, reader));
        }
        assert_eq!(read(&image).unwrap().reader, SymbolReader::Rqrr);
    }

    #[test]
    fn dark_modules_on_transparent_paper_are_read() {
        let opaque = Symbol::encode(b"payload", Level::M).unwrap().render(4);
        let clear = image::GrayAlphaImage::from_fn(opaque.width(), opaque.height(), |x, y| {
            image::LumaA([0, 255 - opaque.get_pixel(x, y).0[0]])
        });
        let mut bytes = Cursor::new(Vec::new());
        clear.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        assert_eq!(read_png(&bytes.into_inner()).unwrap().payload, b"payload");
    }

    /// Four megapixels of finder patterns make as many combinations as `rxing` can be given.
    #[test]
    fn a_field_of_finder_patterns_is_given_up() {
        let finder = |x: u32, y: u32| {
            let (x, y) = (x % 9, y % 9);
            let ring = if x < 7 && y < 7 { x.min(6 - x).min(y).min(6 - y) } else { 1 };
            Luma([if ring == 1 { 255 } else { 0 }])
        };
        assert!(SymbolReader::Rxing.read(&GrayImage::from_fn(2_000, 2_000, finder)).is_err());
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
