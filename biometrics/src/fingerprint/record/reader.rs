//! Reading the fields of records.

use crate::Error;
use crate::fingerprint::features::{Minutia, MinutiaKind};
use crate::fingerprint::parameters::WORKING_PPI;
use std::f32::consts::TAU;

/// The steps of a turn in records of ISO/IEC 19794-2.
pub(super) const ISO_STEPS: u16 = 256;
const COORDINATE_MASK: u16 = 0x3fff;
/// The quality of a minutia whose quality is not reported.
const QUALITY_UNREPORTED: f32 = 0.5;

/// The factors that bring a record's pixels to 500 dpi.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) across: f32,
    pub(super) down: f32,
}

impl Scale {
    /// Scales the sides of an image.
    pub(super) fn sides(self, columns: u16, rows: u16) -> (u16, u16) {
        let scaled = |side: u16, scale: f32| (f32::from(side) * scale).round().min(f32::from(u16::MAX)) as u16;
        (scaled(columns, self.across), scaled(rows, self.down))
    }
}

/// Reads a minutia of 5 bytes, or of 6 with its quality, whose angle is given in so many steps of a turn.
pub(super) fn read_minutia(
    reader: &mut Reader<'_>,
    scale: Scale,
    steps: u16,
    has_quality: bool,
) -> Result<Minutia, Error> {
    let (x, y, angle) = (reader.u16()?, reader.u16()?, reader.u8()?);
    let quality = if has_quality { reader.u8()? } else { 0 };
    let kind = match x >> 14 {
        2 => MinutiaKind::Bifurcation,
        0 | 1 => MinutiaKind::Ending,
        _reserved => return Err(malformed("a minutia has the reserved type")),
    };
    let coordinate = |field: u16, scale: f32| f32::from(field & COORDINATE_MASK) * scale;
    let quality = if quality == 0 { QUALITY_UNREPORTED } else { f32::from(quality.min(100) - 1) / 99.0 };
    // Records count angles counter-clockwise, and everything else here clockwise.
    let turned = (steps - u16::from(angle) % steps) % steps;
    let angle = f32::from(turned) * (TAU / f32::from(steps));
    Ok(Minutia { x: coordinate(x, scale.across), y: coordinate(y, scale.down), angle, kind, quality })
}

/// Returns the working resolution in the formats' unit: 197 pixels per centimetre.
pub(super) fn per_centimetre() -> u16 {
    (f32::from(WORKING_PPI) / 2.54).round() as u16
}

/// An error in a record.
pub(super) fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "finger minutiae record", why }
}

/// A reader of big-endian numbers that never reads past the end.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(malformed("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        Ok(self.take(2)?.iter().fold(0, |number, &byte| number << 8 | u16::from(byte)))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        Ok(self.take(4)?.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// Reads a resolution and returns the factor that brings its pixels to 500 dpi.
    pub(super) fn scale(&mut self) -> Result<f32, Error> {
        match self.u16()? {
            resolution @ 98..=394 => Ok(f32::from(per_centimetre()) / f32::from(resolution)),
            _ => Err(malformed("its resolution is outside 250 to 1000 pixels per inch")),
        }
    }
}
