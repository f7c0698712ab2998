//! Finger minutiae records of ANSI INCITS 378-2004.
//!
//! ```text
//! record   "FMR\0" " 20\0" length:2 (or 0 and length:4) product:4 device:2 columns:2 rows:2 x-resolution:2 y-resolution:2
//!          views:1 reserved:1 view*
//! ```
//! Views are those of ISO/IEC 19794-2:2005, with angles in units of two degrees.

use super::iso_2005::read_views;
use super::model::Record;
use super::reader::Reader;
use crate::Error;

/// The steps of a turn.
const STEPS: u16 = 180;
const MAGIC_BYTES: usize = 8;

/// Returns whether a record's length stands where this standard has it.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let short = |at: usize| bytes.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    match short(MAGIC_BYTES) {
        Some(0) => short(10).zip(short(12)).is_some_and(|(high, low)| (high << 16 | low) == bytes.len()),
        Some(length) => length == bytes.len(),
        None => false,
    }
}

/// Reads a record whose length is known to be right.
///
/// # Errors
/// [`Error::Malformed`].
pub(super) fn read(bytes: &[u8]) -> Result<Record, Error> {
    let mut reader = Reader { rest: bytes };
    reader.take(MAGIC_BYTES)?;
    if reader.u16()? == 0 {
        reader.take(4)?;
    }
    reader.take(6)?;
    read_views(&mut reader, STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn a_record_is_known_by_its_length_and_its_angles_are_of_two_degrees() {
        let mut bytes = b"FMR\0 20\0\0\x28\0\0\0\0\0\0\x01\x84\x01\x76\0\xc5\0\xc5\x01\0".to_vec();
        bytes.extend([1, 0, 80, 1, 0x40, 100, 0, 200, 45, 60, 0, 0]);
        bytes[9] = bytes.len() as u8;
        let record = Record::from_bytes(&bytes).unwrap();
        assert_eq!((record.columns, record.rows, record.views.len()), (388, 374, 1));
        let minutia = record.views[0].minutiae[0];
        assert_eq!((minutia.x, minutia.y), (100.0, 200.0));
        // 90 degrees counter-clockwise are 270 clockwise.
        assert!((minutia.angle - 0.75 * TAU).abs() < 1e-5);
        for cut in 0..bytes.len() {
            assert!(Record::from_bytes(&bytes[..cut]).is_err());
        }
    }
}
