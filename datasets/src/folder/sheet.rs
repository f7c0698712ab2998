//! Contact sheets: many samples on one image, to be looked at.

use crate::Error;
use biopay_biometrics::Sample;
use ndarray::Array2;

/// The largest sheet. Units: pixels.
const PIXELS_MAX: usize = 1 << 27;
const GAP: usize = 6;
const PAPER: u8 = 235;

/// Lays rows of samples out on one sheet, each at its own size in the top left corner of its cell.
///
/// Shape: the cells are as large as the largest sample; pixels are copied, never scaled, so that samples of one
/// resolution stay comparable.
///
/// # Errors
/// [`Error::Parameter`] when there is no sample, or the sheet would be unreasonably large.
pub fn contact_sheet(rows: &[Vec<&Sample>]) -> Result<Array2<u8>, Error> {
    let samples = || rows.iter().flatten();
    let height = samples().map(|s| s.rows()).max().unwrap_or(0) + GAP;
    let width = samples().map(|s| s.columns()).max().unwrap_or(0) + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let size = (rows.len().saturating_mul(height) + GAP, columns.saturating_mul(width) + GAP);
    if columns == 0 || size.0.saturating_mul(size.1) > PIXELS_MAX {
        return Err(Error::Parameter {
            name: "contact sheet",
            why: "it needs 1 sample at least and 134 megapixels at most",
        });
    }
    let mut sheet = Array2::from_elem(size, PAPER);
    for (r, row) in rows.iter().enumerate() {
        for (c, sample) in row.iter().enumerate() {
            let (top, left) = (GAP + r * height, GAP + c * width);
            let place = ndarray::s![top..top + sample.rows(), left..left + sample.columns()];
            sheet.slice_mut(place).assign(&sample.pixels);
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_side_by_side_at_their_own_size() {
        let (small, large) = (Array2::from_elem((2, 3), 10), Array2::from_elem((4, 5), 20));
        let (small, large) = (Sample::fingerprint(small, 500), Sample::fingerprint(large, 500));
        let sheet = contact_sheet(&[vec![&small, &large], vec![&large]]).unwrap();
        assert_eq!(sheet.dim(), (2 * (4 + GAP) + GAP, 2 * (5 + GAP) + GAP));
        assert_eq!((sheet[(GAP, GAP)], sheet[(GAP + 2, GAP)]), (10, PAPER));
        assert_eq!(sheet[(GAP, GAP + 5 + GAP)], 20);
        assert!(contact_sheet(&[]).is_err());
    }
}
