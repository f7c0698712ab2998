//! A record in memory, whatever its format.

use crate::Error;
use crate::fingerprint::features::{Features, Minutia};

/// The largest coordinate and image side that the formats can state.
pub(super) const COORDINATE_MAX: u16 = 0x3fff;

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
}
