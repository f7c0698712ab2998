//! Finger minutiae records of ISO/IEC 19794-2:2011, clause 8.
//!
//! ```text
//! record          "FMR\0" "030\0" length:4 representations:2 has-certificates:1 representation*
//! representation  length:4 time:9 technology:1 vendor:2 device:2 qualities:1 (score:1 vendor:2 algorithm:2)*
//!                 [certificates:1 (authority:2 scheme:1)*] position:1 number:1 x-resolution:2 y-resolution:2
//!                 impression:1 columns:2 rows:2 minutia-bytes-and-endings:1 count:1 minutia* extended-length:2 data
//! minutia         type:2bit x:14bit reserved:2bit y:14bit angle:1 [quality:1]
//! ```
//! Angles have the unit of the version of 2005.

use super::model::{Record, View};
use super::reader::{ISO_STEPS, Reader, Scale, malformed, read_minutia};
use crate::Error;

const HEADER_BYTES: usize = 15;
const QUALITY_BYTES: usize = 5;
const CERTIFICATE_BYTES: usize = 3;

/// Reads a record whose length is known to be right.
///
/// # Errors
/// [`Error::Malformed`].
pub(super) fn read(bytes: &[u8]) -> Result<Record, Error> {
    let mut reader = Reader { rest: bytes };
    reader.take(HEADER_BYTES - 3)?;
    let (count, has_certificates) = (reader.u16()?, reader.u8()? != 0);
    let mut record = Record { columns: 0, rows: 0, views: Vec::new() };
    for _ in 0..count {
        let length = reader.u32()? as usize;
        let rest = length.checked_sub(4).ok_or(malformed("a representation is shorter than its header"))?;
        let mut representation = Reader { rest: reader.take(rest)? };
        let (columns, rows, view) = read_representation(&mut representation, has_certificates)?;
        (record.columns, record.rows) = (record.columns.max(columns), record.rows.max(rows));
        record.views.push(view);
    }
    if reader.rest.is_empty() { Ok(record) } else { Err(malformed("bytes follow its last representation")) }
}

fn read_representation(reader: &mut Reader<'_>, has_certificates: bool) -> Result<(u16, u16, View), Error> {
    reader.take(14)?;
    let qualities = reader.u8()?;
    let mut quality = 0;
    for _ in 0..qualities {
        quality = quality.max(reader.take(QUALITY_BYTES)?[0].min(100));
    }
    if has_certificates {
        let certificates = usize::from(reader.u8()?);
        reader.take(CERTIFICATE_BYTES * certificates)?;
    }
    let position = reader.u8()?;
    reader.take(1)?;
    let scale = Scale { across: reader.scale()?, down: reader.scale()? };
    let impression = reader.u8()?;
    let (columns, rows) = scale.sides(reader.u16()?, reader.u16()?);
    let has_quality = match reader.u8()? >> 4 {
        5 => false,
        6 => true,
        _other => return Err(malformed("its minutiae have neither 5 nor 6 bytes: ANSI INCITS 378-2009 is not read")),
    };
    let count = reader.u8()?;
    let minutiae = (0..count).map(|_| read_minutia(reader, scale, ISO_STEPS, has_quality)).collect::<Result<_, _>>()?;
    let extended = reader.u16()?;
    reader.take(usize::from(extended))?;
    if !reader.rest.is_empty() {
        return Err(malformed("bytes follow a representation's extended data"));
    }
    Ok((columns, rows, View { position, impression, quality, minutiae }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One representation with one quality, a certificate, and minutiae of so many bytes.
    fn record(minutia_bytes: u8) -> Vec<u8> {
        let mut representation = vec![0; 14];
        representation.extend([1, 77, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 197, 0, 197, 0, 1, 0x84, 1, 0x76]);
        representation.extend([minutia_bytes << 4, 1, 0x80, 99, 0, 198, 64]);
        representation.extend(vec![60; usize::from(minutia_bytes) - 5]);
        representation.extend([0, 0]);
        let mut bytes = b"FMR\x00030\0\0\0\0\0\0\x01\x01".to_vec();
        bytes.extend((representation.len() as u32 + 4).to_be_bytes());
        bytes.extend(representation);
        let length = bytes.len() as u32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    #[test]
    fn minutiae_are_read_with_and_without_their_quality() {
        for (bytes, quality) in [(5, 0.5), (6, 59.0 / 99.0)] {
            let read = Record::from_bytes(&record(bytes)).unwrap();
            assert_eq!((read.columns, read.rows, read.views.len()), (388, 374, 1));
            let view = &read.views[0];
            assert_eq!((view.position, view.quality, view.minutiae.len()), (3, 77, 1));
            let minutia = view.minutiae[0];
            assert_eq!((minutia.x, minutia.y), (99.0, 198.0));
            assert!((minutia.quality - quality).abs() < 1e-6);
            assert!((minutia.angle - 0.75 * std::f32::consts::TAU).abs() < 1e-5);
        }
        assert!(Record::from_bytes(&record(7)).unwrap_err().to_string().contains("378-2009"));
    }

    proptest! {
        #[test]
        fn a_damaged_record_is_read_or_refused(at in 0usize..60, value: u8, cut in 0usize..80) {
            let mut bytes = record(6);
            let length = bytes.len();
            bytes[at % length] = value;
            let _ = Record::from_bytes(&bytes);
            bytes.truncate(cut);
            prop_assert!(cut >= length || Record::from_bytes(&bytes).is_err());
        }
    }
}
