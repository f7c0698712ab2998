//! JPEG 2000 (ISO/IEC 15444-1): a codestream or a JP2 file to an image, and the resolution of its capture.

use super::resolution::Resolution;
use super::size::within_limit;
use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

/// The bytes before a box's name: its length.
const LENGTH_BYTES: usize = 4;

/// Returns whether a file begins as one of JPEG 2000.
pub(super) fn is_jpeg2000(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0x4f, 0xff, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..])
}

/// Decodes a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    let image = Image::new(bytes, &DecodeSettings::default()).map_err(|error| error.to_string())?;
    let (columns, rows) = (image.width(), image.height());
    within_limit(columns, rows)?;
    let (channels, has_alpha) = (image.color_space().num_channels(), image.has_alpha());
    let mut context = DecoderContext::default();
    let pixels = image.decode(&mut context).map_err(|error| error.to_string())?.data_u8();
    let decoded = match (channels, has_alpha) {
        (1, false) => GrayImage::from_raw(columns, rows, pixels).map(DynamicImage::from),
        (1, true) => GrayAlphaImage::from_raw(columns, rows, pixels).map(DynamicImage::from),
        (3, false) => RgbImage::from_raw(columns, rows, pixels).map(DynamicImage::from),
        (3, true) => RgbaImage::from_raw(columns, rows, pixels).map(DynamicImage::from),
        _ => return Err(format!("an image of {channels} colours is not read: convert it to grey")),
    };
    decoded.ok_or_else(|| "its pixels are fewer than its size".into())
}

/// Finds the box of the capture's resolution (15444-1, I.5.3.7.1): points per metre as fractions times powers of ten.
pub(super) fn resolution(bytes: &[u8]) -> Option<Resolution> {
    const PER_INCH: f64 = 0.0254;
    let place = bytes.windows(4).position(|name| name == b"resc")?;
    let fields: &[u8; 10] = bytes.get(place + LENGTH_BYTES..)?.first_chunk()?;
    let number = |at: usize| f64::from(u16::from_be_bytes([fields[at], fields[at + 1]]));
    let along = |at: usize, power: usize| {
        let per_metre = number(at) / number(at + 2) * libm::pow(10.0, f64::from(fields[power] as i8));
        per_metre * PER_INCH
    };
    let (down, across) = (along(0, 8), along(4, 9));
    let is_usable = |x: f64| x.is_finite() && (1.0..=f64::from(u16::MAX)).contains(&x);
    (is_usable(across) && is_usable(down)).then_some(Resolution { across, down })
}
