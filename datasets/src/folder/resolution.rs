//! The resolution that an image file states.

use super::write::INCHES_PER_METRE;
use exif::{In, Tag, Value};
use image::ImageFormat;
use std::io::Cursor;

/// What programs write that know no resolution: those of old screens. No fingerprint sensor has them.
const SCREENS: [f64; 2] = [72.0, 96.0];
const CENTIMETRES_PER_INCH: f64 = 2.54;

/// The pixels per inch along rows and columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Resolution {
    pub(super) across: f64,
    pub(super) down: f64,
}

impl Resolution {
    /// Reads the resolution that a file states; `None` where it states none, or a screen's.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
    pub(super) fn of(bytes: &[u8], format: ImageFormat) -> Option<Self> {
        let stated = match format {
            ImageFormat::Png => of_png(bytes),
            ImageFormat::Jpeg => of_jfif(bytes).or_else(|| of_exif(bytes)),
            ImageFormat::Tiff => of_exif(bytes),
            ImageFormat::Bmp => of_bmp(bytes),
            _others_state_none => None,
        };
        let is_usable = |x: f64| x.is_finite() && (1.0..=f64::from(u16::MAX)).contains(&x);
        let is_screen = |x: f64| SCREENS.contains(&x.round());
        stated.filter(|r| is_usable(r.across) && is_usable(r.down) && !(is_screen(r.across) && is_screen(r.down)))
    }

    /// Returns whether both axes have the same resolution, to within one per cent.
    pub(super) fn is_square(self) -> bool {
        (self.across - self.down).abs() <= 0.01 * self.larger()
    }

    /// Returns the finer axis's resolution.
    pub(super) fn larger(self) -> f64 {
        self.across.max(self.down)
    }

    /// Exchanges the axes.
    pub(super) fn turned(self) -> Self {
        Self { across: self.down, down: self.across }
    }
}

/// The chunk pHYs (ISO/IEC 15948, 11.3.4.3).
fn of_png(bytes: &[u8]) -> Option<Resolution> {
    let reader = png::Decoder::new(Cursor::new(bytes)).read_info().ok()?;
    let stated = reader.info().pixel_dims.filter(|dims| dims.unit == png::Unit::Meter)?;
    Some(Resolution {
        across: f64::from(stated.xppu) / INCHES_PER_METRE,
        down: f64::from(stated.yppu) / INCHES_PER_METRE,
    })
}

/// The density of a JFIF header (ISO/IEC 10918-5, 10.1), which stands first in the file.
fn of_jfif(bytes: &[u8]) -> Option<Resolution> {
    let header = bytes.strip_prefix(&[0xff, 0xd8, 0xff, 0xe0])?.get(2..)?;
    let &[_, _, unit, x1, x0, y1, y0, ..] = header.strip_prefix(b"JFIF\0")? else { return None };
    let per_inch = match unit {
        1 => 1.0,
        2 => CENTIMETRES_PER_INCH,
        _no_unit => return None,
    };
    let axis = |high: u8, low: u8| f64::from(u16::from_be_bytes([high, low])) * per_inch;
    Some(Resolution { across: axis(x1, x0), down: axis(y1, y0) })
}

/// The tags 282, 283 and 296 (TIFF 6.0, section 8), also of the Exif data in a JPEG file.
#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
fn of_exif(bytes: &[u8]) -> Option<Resolution> {
    let exif = exif::Reader::new().read_from_container(&mut Cursor::new(bytes)).ok()?;
    let unit = exif.get_field(Tag::ResolutionUnit, In::PRIMARY).and_then(|field| field.value.get_uint(0));
    let per_inch = match unit {
        None | Some(2) => 1.0,
        Some(3) => CENTIMETRES_PER_INCH,
        Some(_) => return None,
    };
    let axis = |tag| match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Rational(numbers) => Some(numbers.first()?.to_f64() * per_inch),
        _not_a_ratio => None,
    };
    Some(Resolution { across: axis(Tag::XResolution)?, down: axis(Tag::YResolution)? })
}

/// The fields biXPelsPerMeter and biYPelsPerMeter of a BITMAPINFOHEADER.
fn of_bmp(bytes: &[u8]) -> Option<Resolution> {
    let axis = |at: usize| {
        let per_metre = i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        Some(f64::from(per_metre) / INCHES_PER_METRE)
    };
    Some(Resolution { across: axis(38)?, down: axis(42)? })
}
