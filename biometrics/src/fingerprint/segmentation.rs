//! Foreground: cells where filtering finds strong ridges that are really there, made into solid regions.

use super::filter::quantile;
use super::parameters::{
    BLANK_DEVIATION, BUSY_CONTRAST, FOREGROUND_AMPLITUDE, FOREGROUND_CLARITY, REGION_CELLS_MIN, STRONG_QUANTILE,
};
use crate::AcquisitionFailure;
use ndarray::Array2;

/// Finds the cells with enough contrast to be worth filtering.
///
/// Shape: one entry a cell. `deviation` is in grey levels.
///
/// # Errors
/// `Blank` when nothing has contrast.
pub(super) fn busy_area(deviation: &Array2<f32>) -> Result<Array2<bool>, AcquisitionFailure> {
    let strong = quantile(deviation.iter().copied(), STRONG_QUANTILE);
    if strong < BLANK_DEVIATION {
        return Err(AcquisitionFailure::Blank);
    }
    Ok(deviation.mapv(|d| d > BUSY_CONTRAST * strong))
}

/// Finds the cells that show a finger: those whose filtered ridges are strong and follow the raw ones.
///
/// Shape: one entry a cell. `amplitude` is the filtered ridges' deviation in grey levels, `clarity` their correlation
/// with the raw ones in [0, 1].
///
/// # Errors
/// `NoSubject` when no region is large and clear enough.
pub(super) fn segment(amplitude: &Array2<f32>, clarity: &Array2<f32>) -> Result<Array2<bool>, AcquisitionFailure> {
    let strong = quantile(amplitude.iter().copied(), STRONG_QUANTILE);
    let raw = Array2::from_shape_fn(amplitude.dim(), |i| {
        amplitude[i] > FOREGROUND_AMPLITUDE * strong && clarity[i] > FOREGROUND_CLARITY
    });
    let solid = fill_holes(majority(majority(majority(raw))));
    let mask = keep_regions(solid);
    if mask.iter().any(|&inside| inside) { Ok(mask) } else { Err(AcquisitionFailure::NoSubject) }
}

/// Lets the 5 x 5 cells around each cell vote; cells outside the image abstain.
fn majority(mask: Array2<bool>) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        let (mut yes, mut all) = (0, 0);
        for ny in y.saturating_sub(2)..(y + 3).min(rows) {
            for nx in x.saturating_sub(2)..(x + 3).min(columns) {
                yes += usize::from(mask[[ny, nx]]);
                all += 1;
            }
        }
        2 * yes > all
    })
}

/// Fills every background region that does not touch the image's border.
fn fill_holes(mask: Array2<bool>) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    let background = mask.mapv(|inside| !inside);
    let mut filled = mask;
    for region in regions(&background) {
        let at_border = |&(y, x): &(usize, usize)| y == 0 || x == 0 || y + 1 == rows || x + 1 == columns;
        if !region.iter().any(at_border) {
            region.iter().for_each(|&cell| filled[cell] = true);
        }
    }
    filled
}

/// Keeps the regions that are large enough in themselves and beside the largest one.
fn keep_regions(mask: Array2<bool>) -> Array2<bool> {
    let regions = regions(&mask);
    let largest = regions.iter().map(Vec::len).max().unwrap_or(0);
    let mut kept = Array2::from_elem(mask.dim(), false);
    for region in regions.iter().filter(|r| r.len() >= REGION_CELLS_MIN && 4 * r.len() >= largest) {
        region.iter().for_each(|&cell| kept[cell] = true);
    }
    kept
}

/// Collects the 4-connected regions of true cells, in raster order of their first cell.
fn regions(mask: &Array2<bool>) -> Vec<Vec<(usize, usize)>> {
    let (rows, columns) = mask.dim();
    let mut seen = mask.mapv(|inside| !inside);
    let mut out = Vec::new();
    for (start, _) in mask.indexed_iter().filter(|&(_, &inside)| inside) {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut region = vec![start];
        let mut next = 0;
        while next < region.len() {
            let (y, x) = region[next];
            next += 1;
            for (dy, dx) in [(0, 1), (1, 0), (2, 1), (1, 2)] {
                let (ny, nx) = ((y + dy).wrapping_sub(1), (x + dx).wrapping_sub(1));
                if ny < rows && nx < columns && !seen[[ny, nx]] {
                    seen[[ny, nx]] = true;
                    region.push((ny, nx));
                }
            }
        }
        out.push(region);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_specks_dropped() {
        let clarity = Array2::from_elem((40, 40), 0.8);
        let amplitude = Array2::from_shape_fn((40, 40), |(y, x)| {
            let disc = (y as f32 - 20.0).hypot(x as f32 - 20.0);
            if (disc < 12.0 && disc > 2.0) || (y < 3 && x < 3) { 30.0 } else { 2.0 }
        });
        let mask = segment(&amplitude, &clarity).unwrap();
        assert!(mask[[20, 20]] && mask[[12, 20]] && !mask[[1, 1]] && !mask[[38, 2]]);
    }

    #[test]
    fn blank_and_noise_are_refused() {
        assert_eq!(busy_area(&Array2::from_elem((40, 40), 0.4)), Err(AcquisitionFailure::Blank));
        let noise = segment(&Array2::from_elem((40, 40), 40.0), &Array2::from_elem((40, 40), 0.2));
        assert_eq!(noise, Err(AcquisitionFailure::NoSubject));
    }
}
