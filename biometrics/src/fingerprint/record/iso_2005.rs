//! Finger minutiae records of ISO/IEC 19794-2:2005, clause 8 (the record format, not the card formats).
//!
//! ```text
//! record   "FMR\0" " 20\0" length:4 device:2 columns:2 rows:2 x-resolution:2 y-resolution:2 views:1 reserved:1 view*
//! view     position:1 view-and-impression:1 quality:1 count:1 minutia*count extended-length:2 extended-data
//! minutia  type:2bit x:14bit reserved:2bit y:14bit angle:1 quality:1
//! ```
//! All numbers are big-endian; resolutions are pixels per centimetre; angles are 256ths of a turn, counter-clockwise
//! from the right; qualities run from 1 to 100, and 0 means that none is reported.

use super::model::{COORDINATE_MAX, Record, View};
use super::reader::{ISO_STEPS, Reader, Scale, malformed, per_centimetre, read_minutia};
use crate::Error;
use crate::fingerprint::features::MinutiaKind;
use std::f32::consts::TAU;

/// Finger views that one record may hold: ten fingers at 16 views each is 160, and the count is one byte.
pub const VIEWS_MAX: usize = 176;

const MAGIC: &[u8; 8] = b"FMR\0 20\0";
/// The unit of angles.
const STEP: f32 = TAU / ISO_STEPS as f32;

impl Record {
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
}

/// Reads a record whose length is known to be right.
///
/// # Errors
/// [`Error::Malformed`].
pub(super) fn read(bytes: &[u8]) -> Result<Record, Error> {
    let mut reader = Reader { rest: bytes };
    reader.take(MAGIC.len() + 6)?;
    read_views(&mut reader, ISO_STEPS)
}

/// Reads the sizes and the views, which are alike in ISO/IEC 19794-2:2005 and ANSI INCITS 378-2004 but for the steps
/// of angles.
///
/// # Errors
/// [`Error::Malformed`].
pub(super) fn read_views(reader: &mut Reader<'_>, steps: u16) -> Result<Record, Error> {
    let (columns, rows) = (reader.u16()?, reader.u16()?);
    let scale = Scale { across: reader.scale()?, down: reader.scale()? };
    let count = reader.u8()?;
    reader.take(1)?;
    let views = (0..count).map(|_| read_view(reader, scale, steps)).collect::<Result<Vec<_>, _>>()?;
    if !reader.rest.is_empty() {
        return Err(malformed("bytes follow its last view"));
    }
    let (columns, rows) = scale.sides(columns, rows);
    Ok(Record { columns, rows, views })
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

fn read_view(reader: &mut Reader<'_>, scale: Scale, steps: u16) -> Result<View, Error> {
    let (position, impression, quality, count) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
    let minutiae = (0..count).map(|_| read_minutia(reader, scale, steps, true)).collect::<Result<_, _>>()?;
    let extended = reader.u16()?;
    reader.take(usize::from(extended))?;
    Ok(View { position, impression: impression & 0x0f, quality: quality.min(100), minutiae })
}

#[cfg(test)]
mod tests {
    use super::super::model::View;
    use super::*;
    use crate::fingerprint::features::{Minutia, MinutiaKind};
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
