//! The bands of an image: where each one lies in the plane of coefficients, and how they become the image again.
//!
//! Each split puts the half of low frequencies before the half of high ones, along both axes, except within a half that is
//! itself the second one along an axis: its own halves lie the other way round there, because sampling has mirrored its
//! frequencies.

use super::segments::{BANDS, Filters};
use ndarray::{Array1, Array2, ArrayViewMut1, Axis, s};

/// A rectangle of the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Band {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Whether its halves of high frequencies lie first, along the rows and along the columns.
    is_mirrored: [bool; 2],
}

impl Band {
    pub(super) fn area(&self) -> usize {
        self.columns * self.rows
    }

    /// Splits the rectangle into four: upper left, upper right, lower left, lower right.
    fn quarters(self) -> [Self; 4] {
        let [left, upper] = [first(self.columns, self.is_mirrored[0]), first(self.rows, self.is_mirrored[1])];
        [(false, false), (true, false), (false, true), (true, true)].map(|(is_right, is_lower)| Self {
            x: if is_right { self.x + left } else { self.x },
            y: if is_lower { self.y + upper } else { self.y },
            columns: if is_right { self.columns - left } else { left },
            rows: if is_lower { self.rows - upper } else { upper },
            is_mirrored: [is_right, is_lower],
        })
    }

    fn sixteenths(self) -> impl Iterator<Item = Self> {
        self.quarters().into_iter().flat_map(Self::quarters)
    }
}

/// Returns the length of the first half: the low frequencies have the odd one.
fn first(length: usize, is_mirrored: bool) -> usize {
    if is_mirrored { length / 2 } else { length.div_ceil(2) }
}

fn whole(columns: usize, rows: usize) -> Band {
    Band { x: 0, y: 0, columns, rows, is_mirrored: [false; 2] }
}

/// Lists the bands of an image in the order of their codes (IAFIS-IC-0110, figure 4).
pub(super) fn of(columns: usize, rows: usize) -> [Band; BANDS] {
    let [low, right, lower, diagonal] = whole(columns, rows).quarters();
    let [lowest, inner_right, inner_lower, inner_diagonal] = low.quarters();
    let mut coarse = lowest.sixteenths();
    let first = coarse.next().into_iter().flat_map(Band::quarters);
    let bands: Vec<Band> = first
        .chain(coarse)
        .chain(inner_right.sixteenths())
        .chain(inner_lower.sixteenths())
        .chain([inner_diagonal])
        .chain([right, lower, diagonal].into_iter().flat_map(Band::quarters))
        .collect();
    bands.try_into().expect("4 + 15 + 16 + 16 + 1 + 12 are 64")
}

/// Lists every rectangle that was split, the smallest first.
fn splits(columns: usize, rows: usize) -> Vec<Band> {
    let root = whole(columns, rows);
    let [low, right, lower, _] = root.quarters();
    let [lowest, inner_right, inner_lower, _] = low.quarters();
    let mut splits = vec![lowest.quarters()[0].quarters()[0]];
    for inner in [lowest, inner_right, inner_lower] {
        splits.extend(inner.quarters());
        splits.push(inner);
    }
    splits.extend([right, lower, low, root]);
    splits
}

/// Puts the bands together again.
pub(super) fn synthesise(mut plane: Array2<f32>, filters: &Filters) -> Array2<f32> {
    let (rows, columns) = plane.dim();
    for band in splits(columns, rows) {
        let mut part = plane.slice_mut(s![band.y..band.y + band.rows, band.x..band.x + band.columns]);
        for (axis, is_mirrored) in [(Axis(0), band.is_mirrored[1]), (Axis(1), band.is_mirrored[0])] {
            part.lanes_mut(axis).into_iter().for_each(|lane| join(lane, is_mirrored, filters));
        }
    }
    plane
}

/// Joins the two halves of a line: low frequencies at its even places, high ones at its odd ones, mirrored at both ends,
/// through the synthesis filters.
fn join(mut line: ArrayViewMut1<'_, f32>, is_mirrored: bool, filters: &Filters) {
    let length = line.len();
    if length < 2 {
        return;
    }
    let before = first(length, is_mirrored);
    let (low_from, high_from) = if is_mirrored { (before, 0) } else { (0, before) };
    let woven: Array1<f32> = (0..length).map(|n| line[if n % 2 == 0 { low_from } else { high_from } + n / 2]).collect();
    let at = |n: isize| woven[mirrored(n, length)];
    for n in 0..length {
        let n_signed = n as isize;
        let reach = filters.low.len().max(filters.high.len()) as isize - 1;
        let taps = (n_signed - reach..=n_signed + reach).map(|m| {
            let filter = if m.rem_euclid(2) == 0 { &filters.low } else { &filters.high };
            filter.get(n_signed.abs_diff(m)).map_or(0.0, |tap| tap * at(m))
        });
        line[n] = taps.sum();
    }
}

/// Returns the place within a line that a place beyond its ends is the mirror image of.
fn mirrored(n: isize, length: usize) -> usize {
    let period = 2 * (length as isize - 1);
    let n = n.rem_euclid(period);
    n.min(period - n) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_cover_the_plane_once() {
        for (columns, rows) in [(64, 64), (101, 87), (37, 250)] {
            let mut covered = Array2::<u8>::zeros((rows, columns));
            for band in of(columns, rows) {
                covered
                    .slice_mut(s![band.y..band.y + band.rows, band.x..band.x + band.columns])
                    .map_inplace(|n| *n += 1);
            }
            assert!(covered.iter().all(|&n| n == 1), "{columns} by {rows}");
            assert_eq!(splits(columns, rows).len(), 20);
        }
    }

    #[test]
    fn a_flat_line_is_the_low_half_alone() {
        // The filters of the format, from Antonini et al. 1992: 7 and 9 taps.
        let filters = Filters {
            low: vec![0.788_485_6, 0.418_092_28, -0.040_689_42, -0.064_538_88],
            high: vec![0.852_698_7, -0.377_402_85, -0.110_624_4, 0.023_849_465, 0.037_828_456],
        };
        for (length, is_mirrored) in [(9, false), (10, true), (11, true)] {
            let mut line = Array1::zeros(length);
            let before = first(length, is_mirrored);
            let low = if is_mirrored { before..length } else { 0..before };
            line.slice_mut(s![low]).fill(1.0);
            join(line.view_mut(), is_mirrored, &filters);
            assert!(line.iter().all(|x| (x - std::f32::consts::FRAC_1_SQRT_2).abs() < 1e-3), "{line}");
        }
    }
}
