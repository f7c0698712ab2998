//! Finger minutiae records of ISO/IEC 19794-2:2005, clause 8 (the record format, not the card formats).
//!
//! ```text
//! record   "FMR\0" " 20\0" length:4 device:2 columns:2 rows:2 x-resolution:2 y-resolution:2 views:1 reserved:1 view*
//! view     position:1 view-and-impression:1 quality:1 count:1 minutia*count extended-length:2 extended-data
//! minutia  type:2bit x:14bit reserved:2bit y:14bit angle:1 quality:1
//! ```
//! All numbers are big-endian; resolutions are pixels per centimetre; angles are 256ths of a turn, counter-clockwise
//! from the right; qualities run from 1 to 100, and 0 means that none is reported.

use super::features::{Features, Minutia, MinutiaKind};
use super::parameters::WORKING_PPI;
use crate::Error;
use std::f32::consts::TAU;

/// Finger views that one record may hold: ten fingers at 16 views each is 160, and the count is one byte.
pub const VIEWS_MAX: usize = 176;

const MAGIC: &[u8; 8] = b"FMR\0 20\0";
const HEADER_BYTES: usize = 24;
const VIEW_BYTES: usize = 4;
const MINUTIA_BYTES: usize = 6;
const COORDINATE_MAX: u16 = 0x3fff;
const STEP: f32 = TAU / 256.0;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Columns of the image that the views come from, in pixels at 500 dpi.
    pub columns: u16,
    /// Rows of that image, in pixels at 500 dpi.
    pub rows: u16,
    /// The finger views.
    pub views: Vec<View>,
}

/// One finger view: the minutiae of one impression.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Finger position: 0 unknown, 1 right thumb to 5 right little finger, 6 left thumb to 10 left little finger.
    pub position: u8,
    /// Impression type: 0 is live-scan plain.
    pub impression: u8,
    /// Quality from 0 to 100.
    pub quality: u8,
    /// The minutiae, in pixels at 500 dpi with y and angles downwards, as everywhere in this module. A record's
    /// minutiae of type "other" are read as endings, and an unreported quality as one half.
    pub minutiae: Vec<Minutia>,
}

impl Record {
    /// Describes one sample's features as a record of one view, of an unknown finger.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the image is larger than the format can say (16,383 pixels a side).
    pub fn new(features: &Features) -> Result<Self, Error> {
        let side = |pixels: usize| u16::try_from(pixels).ok().filter(|&side| side <= COORDINATE_MAX);
        let too_large = Error::Parameter { name: "features", why: "the image must be at most 16,383 pixels a side" };
        let (Some(columns), Some(rows)) = (side(features.columns), side(features.rows)) else {
            return Err(too_large);
        };
        let minutiae = features.minutiae.iter().take(usize::from(u8::MAX)).copied().collect();
        let quality = (features.quality * 100.0).round() as u8;
        Ok(Self { columns, rows, views: vec![View { position: 0, impression: 0, quality, minutiae }] })
    }

    /// Writes the record's bytes. At most 255 minutiae of each view and [`VIEWS_MAX`] views are written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let resolution = per_centimetre();
        bytes.extend([0; 6]);
        for number in [self.columns, self.rows, resolution, resolution] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend([self.views.len().min(VIEWS_MAX) as u8, 0]);
        for view in self.views.iter().take(VIEWS_MAX) {
            write_view(view, &mut bytes);
        }
        let length = bytes.len() as u32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    /// Reads a record's bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are not exactly one record of this format and version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader { rest: bytes };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(malformed("it does not begin with FMR and version 20"));
        }
        if reader.u32()? as usize != bytes.len() || bytes.len() < HEADER_BYTES {
            return Err(malformed("its stated length differs from its actual length"));
        }
        reader.take(2)?;
        let (columns, rows) = (reader.u16()?, reader.u16()?);
        let (across, down) = (reader.scale()?, reader.scale()?);
        let views = reader.u8()?;
        reader.take(1)?;
        let views = (0..views).map(|_| read_view(&mut reader, across, down)).collect::<Result<Vec<_>, _>>()?;
        if !reader.rest.is_empty() {
            return Err(malformed("bytes follow its last view"));
        }
        let scaled = |side: u16, scale: f32| (f32::from(side) * scale).round().min(f32::from(u16::MAX)) as u16;
        Ok(Self { columns: scaled(columns, across), rows: scaled(rows, down), views })
    }
}

fn write_view(view: &View, bytes: &mut Vec<u8>) {
    let count = view.minutiae.len().min(usize::from(u8::MAX));
    bytes.extend([view.position, view.impression & 0x0f, view.quality.min(100), count as u8]);
    for minutia in &view.minutiae[..count] {
        let kind = match minutia.kind {
            MinutiaKind::Ending => 1u16,
            MinutiaKind::Bifurcation => 2,
        };
        let coordinate = |value: f32| (value.round().max(0.0) as u16).min(COORDINATE_MAX);
        bytes.extend((kind << 14 | coordinate(minutia.x)).to_be_bytes());
        bytes.extend(coordinate(minutia.y).to_be_bytes());
        bytes.push((-minutia.angle / STEP).round() as i32 as u8);
        bytes.push((minutia.quality * 99.0).round() as u8 + 1);
    }
    bytes.extend([0, 0]);
}

fn read_view(reader: &mut Reader<'_>, across: f32, down: f32) -> Result<View, Error> {
    let &[position, impression, quality, count] = reader.take(VIEW_BYTES)? else {
        return Err(malformed("it ends early"));
    };
    let minutiae = (0..count).map(|_| read_minutia(reader, across, down)).collect::<Result<_, _>>()?;
    let extended = reader.u16()?;
    reader.take(usize::from(extended))?;
    Ok(View { position, impression: impression & 0x0f, quality: quality.min(100), minutiae })
}

fn read_minutia(reader: &mut Reader<'_>, across: f32, down: f32) -> Result<Minutia, Error> {
    let &[x1, x0, y1, y0, angle, quality] = reader.take(MINUTIA_BYTES)? else {
        return Err(malformed("it ends early"));
    };
    let kind = match x1 >> 6 {
        2 => MinutiaKind::Bifurcation,
        0 | 1 => MinutiaKind::Ending,
        _ => return Err(malformed("a minutia has the reserved type")),
    };
    let coordinate = |high: u8, low: u8| f32::from(u16::from_be_bytes([high, low]) & COORDINATE_MAX);
    let angle = f32::from(angle.wrapping_neg()) * STEP;
    let quality = if quality == 0 { 0.5 } else { f32::from(quality.min(100) - 1) / 99.0 };
    Ok(Minutia { x: coordinate(x1, x0) * across, y: coordinate(y1, y0) * down, angle, kind, quality })
}

/// Returns the working resolution in the format's unit: 197 pixels per centimetre.
fn per_centimetre() -> u16 {
    (f32::from(WORKING_PPI) / 2.54).round() as u16
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "finger minutiae record", why }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(malformed("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, Error> {
        Ok(self.take(2)?.iter().fold(0, |number, &byte| number << 8 | u16::from(byte)))
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(self.take(4)?.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// Reads a resolution and returns the factor that brings its pixels to 500 dpi.
    fn scale(&mut self) -> Result<f32, Error> {
        match self.u16()? {
            resolution @ 98..=394 => Ok(f32::from(per_centimetre()) / f32::from(resolution)),
            _ => Err(malformed("its resolution is outside 250 to 1000 pixels per inch")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Record {
        let minutia = |x: f32, turn: f32, kind| Minutia { x, y: 2.0 * x, angle: turn * TAU, kind, quality: 0.5 };
        let minutiae = vec![minutia(10.0, 0.25, MinutiaKind::Ending), minutia(99.0, 0.0, MinutiaKind::Bifurcation)];
        let views = vec![View { position: 7, impression: 0, quality: 80, minutiae }];
        Record { columns: 388, rows: 374, views }
    }

    #[test]
    fn the_bytes_are_the_standards() {
        let bytes = sample().to_bytes();
        let header = b"FMR\0 20\0\0\0\0\x2a\0\0\x01\x84\x01\x76\0\xc5\0\xc5\x01\0";
        assert_eq!(&bytes[..24], header);
        // A quarter turn clockwise on the screen is three quarters counter-clockwise.
        assert_eq!(&bytes[24..34], &[7, 0, 80, 2, 0x40, 10, 0, 20, 192, 51]);
        assert_eq!(&bytes[34..], &[0x80, 99, 0, 198, 0, 51, 0, 0]);
    }

    #[test]
    fn a_record_comes_back_within_its_rounding() {
        let record = Record::from_bytes(&sample().to_bytes()).unwrap();
        assert_eq!((record.columns, record.rows, record.views.len()), (388, 374, 1));
        for (a, b) in record.views[0].minutiae.iter().zip(&sample().views[0].minutiae) {
            assert!((a.x, a.y, a.kind) == (b.x, b.y, b.kind));
            assert!((a.angle - b.angle).abs() < STEP && (a.quality - b.quality).abs() < 0.01);
        }
        assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
    }

    #[test]
    fn a_finer_resolution_is_brought_to_500_dpi() {
        let mut bytes = sample().to_bytes();
        bytes[18..22].copy_from_slice(&[1, 0x8a, 1, 0x8a]);
        let record = Record::from_bytes(&bytes).unwrap();
        assert!((record.views[0].minutiae[0].x - 5.0).abs() < 1e-3 && record.columns == 194);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), flip in any::<bool>()) {
            if flip && bytes.len() >= 12 {
                let length = bytes.len() as u32;
                bytes[..8].copy_from_slice(MAGIC);
                bytes[8..12].copy_from_slice(&length.to_be_bytes());
            }
            let _ = Record::from_bytes(&bytes);
        }

        #[test]
        fn every_cut_record_is_refused(cut in 0usize..42) {
            prop_assert!(Record::from_bytes(&sample().to_bytes()[..cut]).is_err());
        }
    }
}
