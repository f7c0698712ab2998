//! An image file's bytes to grey pixels: upright, laid on white, and of one resolution in both directions.

use super::resolution::Resolution;
use super::size::{PIXELS_MAX, within_limit};
use super::{jpeg2000, wsq};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, RgbImage};
use ndarray::Array2;
use std::io::Cursor;

/// The pixels of an image, and the resolution that its file states.
pub(super) struct Decoded {
    pub(super) pixels: Array2<u8>,
    pub(super) pixels_per_inch: Option<u16>,
}

/// Decodes a file of any format that is read. A given resolution takes the place of the stated one; where the file
/// states two, the coarser direction is scaled to the finer one.
///
/// # Errors
/// What is wrong with the image, or which format it has that is not read.
pub(super) fn decode(bytes: &[u8], given: Option<u16>) -> Result<Decoded, String> {
    if let Some(format) = unread_format(bytes) {
        return Err(format!("{format} is not read: convert it to PNG"));
    }
    if wsq::is_wsq(bytes) {
        let (pixels, stated) = wsq::decode(bytes)?;
        return Ok(Decoded { pixels, pixels_per_inch: Some(given.unwrap_or(stated)) });
    }
    if jpeg2000::is_jpeg2000(bytes) {
        let stated = jpeg2000::resolution(bytes).filter(|_| given.is_none());
        return grey(jpeg2000::decode(bytes)?, stated, given);
    }
    let open = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string());
    let (columns, rows) = open()?.into_dimensions().map_err(|error| error.to_string())?;
    within_limit(columns, rows)?;
    let stated = open()?.format().and_then(|format| Resolution::of(bytes, format)).filter(|_| given.is_none());
    let mut decoder = open()?.into_decoder().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * PIXELS_MAX);
    decoder.set_limits(limits).map_err(|error| error.to_string())?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    image.apply_orientation(orientation);
    let stated = stated.map(|r| if is_quarter_turn(orientation) { r.turned() } else { r });
    grey(image, stated, given)
}

/// Makes an upright image grey on white, and scales it to one resolution.
fn grey(image: DynamicImage, stated: Option<Resolution>, given: Option<u16>) -> Result<Decoded, String> {
    let grey = squared(on_white(image).into_luma8(), stated)?;
    let (columns, rows) = grey.dimensions();
    let pixels = Array2::from_shape_vec((rows as usize, columns as usize), grey.into_raw());
    let pixels_per_inch = given.or_else(|| stated.map(|r| r.larger().round() as u16));
    Ok(Decoded { pixels: pixels.map_err(|error| error.to_string())?, pixels_per_inch })
}

fn is_quarter_turn(orientation: Orientation) -> bool {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            true
        }
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
    }
}

/// Lays a transparent image on white paper; an opaque one stays as it is.
fn on_white(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let laid = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    if image.color().has_color() {
        let rgba = image.into_rgba8();
        let pixel = |x, y| {
            let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
            image::Rgb([red, green, blue].map(|value| laid(value, alpha)))
        };
        return RgbImage::from_fn(rgba.width(), rgba.height(), pixel).into();
    }
    let grey = image.into_luma_alpha8();
    let pixel = |x, y| {
        let [value, alpha] = grey.get_pixel(x, y).0;
        image::Luma([laid(value, alpha)])
    };
    GrayImage::from_fn(grey.width(), grey.height(), pixel).into()
}

/// Scales the coarser direction of an image to the finer one's resolution.
fn squared(grey: GrayImage, resolution: Option<Resolution>) -> Result<GrayImage, String> {
    let Some(resolution) = resolution.filter(|r| !r.is_square()) else { return Ok(grey) };
    let side = |pixels: u32, of: f64| (f64::from(pixels) * resolution.larger() / of).round() as u32;
    let (columns, rows) = (side(grey.width(), resolution.across), side(grey.height(), resolution.down));
    within_limit(columns, rows)?;
    Ok(image::imageops::resize(&grey, columns, rows, FilterType::CatmullRom))
}

/// Names the format of a file that is known and not read.
fn unread_format(bytes: &[u8]) -> Option<&'static str> {
    let brand = || bytes.get(4..12).unwrap_or_default();
    match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("WebP"),
        [b'%', b'P', b'D', b'F', ..] => Some("PDF"),
        _ if matches!(brand(), b"ftypheic" | b"ftypheix" | b"ftypmif1" | b"ftypavif") => Some("HEIF"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn ramp(columns: u32, rows: u32) -> GrayImage {
        GrayImage::from_fn(columns, rows, |x, y| image::Luma([(10 * x + 3 * y) as u8]))
    }

    #[test]
    fn transparent_paper_is_white_and_opaque_ink_stays() {
        let ink = |x: u32| if x == 1 { [20, 20, 20, 255] } else { [0, 0, 0, 0] };
        let rgba = image::RgbaImage::from_fn(4, 3, |x, _| image::Rgba(ink(x)));
        let la = image::GrayAlphaImage::from_fn(4, 3, |x, _| image::LumaA([ink(x)[0], ink(x)[3]]));
        for image in [DynamicImage::from(rgba), la.into()] {
            let pixels = decode(&encoded(&image, ImageFormat::Png), None).unwrap().pixels;
            assert_eq!(pixels.row(1).to_vec(), [255, 20, 255, 255]);
        }
    }

    #[test]
    fn a_photograph_on_its_side_is_turned_upright() {
        // A TIFF with tag 274 = 6: the first row of the file is the right side of the picture.
        let mut bytes = encoded(&DynamicImage::from(ramp(5, 3)), ImageFormat::Tiff);
        let upright = decode(&bytes, None).unwrap().pixels;
        let directory = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let count = u16::from_le_bytes([bytes[directory], bytes[directory + 1]]);
        // The last entry, which is after 274 in any case, becomes the orientation.
        let last = directory + 2 + 12 * (usize::from(count) - 1);
        bytes[last..last + 12].copy_from_slice(&[18, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        let turned = decode(&bytes, None).unwrap().pixels;
        assert_eq!(turned.dim(), (5, 3));
        assert_eq!(turned[[0, 2]], upright[[0, 0]]);
        assert_eq!(turned[[4, 0]], upright[[2, 4]]);
    }

    #[test]
    fn each_formats_resolution_is_read() {
        let image = DynamicImage::from(ramp(8, 8));
        let mut bmp = encoded(&image, ImageFormat::Bmp);
        bmp[38..46].copy_from_slice(&[0xe5, 0x4c, 0, 0, 0xe5, 0x4c, 0, 0]);
        let mut jpeg = encoded(&image, ImageFormat::Jpeg);
        assert_eq!(&jpeg[6..11], b"JFIF\0");
        jpeg[13..18].copy_from_slice(&[2, 0, 197, 0, 197]);
        for (bytes, expected) in [(bmp, 500), (jpeg, 500)] {
            assert_eq!(decode(&bytes, None).unwrap().pixels_per_inch, Some(expected));
            assert_eq!(decode(&bytes, Some(1_000)).unwrap().pixels_per_inch, Some(1_000));
        }
    }

    #[test]
    fn a_screens_resolution_says_nothing() {
        let mut jpeg = encoded(&DynamicImage::from(ramp(8, 8)), ImageFormat::Jpeg);
        jpeg[13..18].copy_from_slice(&[1, 0, 72, 0, 72]);
        assert_eq!(decode(&jpeg, None).unwrap().pixels_per_inch, None);
    }

    #[test]
    fn unequal_axes_are_scaled_to_the_finer_one() {
        let mut bmp = encoded(&DynamicImage::from(ramp(8, 8)), ImageFormat::Bmp);
        // 19,685 and 9,843 pixels per metre: 500 and 250 per inch.
        bmp[38..46].copy_from_slice(&[0xe5, 0x4c, 0, 0, 0x73, 0x26, 0, 0]);
        let decoded = decode(&bmp, None).unwrap();
        assert_eq!((decoded.pixels.dim(), decoded.pixels_per_inch), ((16, 8), Some(500)));
        assert_eq!(decode(&bmp, Some(500)).unwrap().pixels.dim(), (8, 8));
    }

    #[test]
    fn unread_formats_are_named() {
        for (bytes, name) in [(b"\0\0\0\x18ftypheic".as_slice(), "HEIF"), (b"RIFF\0\0\0\0WEBPVP8 ", "WebP")] {
            assert!(decode(bytes, None).err().unwrap().contains(name));
        }
    }

    /// `slope.jp2` is the lossless work of OpenJPEG, with a resolution of 500 pixels per inch in its box.
    #[test]
    fn jpeg_2000_is_read_with_its_resolution() {
        let decoded = decode(include_bytes!("slope.jp2"), None).unwrap();
        assert_eq!((decoded.pixels.dim(), decoded.pixels_per_inch), ((12, 20), Some(500)));
        assert!(
            decoded.pixels.indexed_iter().all(|((row, column), &value)| usize::from(value) == 10 * column + 3 * row)
        );
        assert!(decode(&include_bytes!("slope.jp2")[..60], None).is_err());
    }

    #[test]
    fn a_gif_is_read() {
        let image = DynamicImage::from(image::RgbaImage::from_pixel(6, 4, image::Rgba([9, 9, 9, 255])));
        let pixels = decode(&encoded(&image, ImageFormat::Gif), None).unwrap().pixels;
        assert_eq!((pixels.dim(), pixels[[0, 0]]), ((4, 6), 9));
    }
}
