//! Uniform local binary patterns.
//!
//! Source: Ojala, Pietikäinen and Mäenpää 2002: eight neighbours, 58 uniform patterns and one bin for the rest;
//! histograms over a grid of cells as in Ahonen, Hadid and Pietikäinen 2006, here as square roots (Hellinger).

use super::parameters::{LBP_CELL, TEXTURE_SIDE};
use ndarray::Array2;
use std::sync::LazyLock;

/// Patterns: 58 uniform ones and the rest.
pub(super) const PATTERNS: usize = 59;
/// Cells a side.
pub(super) const CELLS: usize = TEXTURE_SIDE / LBP_CELL;

/// Neighbours in order around the pixel, starting to its right, as (row, column) steps.
const NEIGHBOURS: [(isize, isize); 8] = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)];

static TABLE: LazyLock<[u8; 256]> = LazyLock::new(|| {
    let mut table = [PATTERNS as u8 - 1; 256];
    let mut next = 0;
    for code in 0..=255u8 {
        if (code ^ code.rotate_right(1)).count_ones() <= 2 {
            table[code as usize] = next;
            next += 1;
        }
    }
    table
});

/// Computes the square roots of the cells' pattern shares. Shape: `[CELLS * CELLS, PATTERNS]`, row by row.
pub(super) fn patterns(image: &Array2<f32>) -> Vec<f32> {
    let (rows, columns) = image.dim();
    let pixels = image.as_slice().expect("crops are in standard order");
    let mut out = vec![0.0f32; CELLS * CELLS * PATTERNS];
    for y in 1..rows - 1 {
        for x in 1..columns - 1 {
            let at = y * columns + x;
            let mut code = 0u8;
            for (bit, (dy, dx)) in NEIGHBOURS.iter().enumerate() {
                let neighbour = pixels[(at as isize + dy * columns as isize + dx) as usize];
                code |= u8::from(neighbour >= pixels[at]) << bit;
            }
            let cell = (y / LBP_CELL).min(CELLS - 1) * CELLS + (x / LBP_CELL).min(CELLS - 1);
            out[cell * PATTERNS + TABLE[code as usize] as usize] += 1.0;
        }
    }
    let area = (LBP_CELL * LBP_CELL) as f32;
    out.iter_mut().for_each(|count| *count = (*count / area).sqrt());
    out
}

/// Returns the pattern that a mirror image shows in place of one.
pub(super) fn mirrored_pattern(pattern: usize) -> usize {
    static MIRROR: LazyLock<[u8; PATTERNS]> = LazyLock::new(|| {
        let mut mirror = [PATTERNS as u8 - 1; PATTERNS];
        for code in 0..=255u8 {
            // Neighbour k at angle k / 8 of a turn goes to the angle mirrored at the vertical: 4 - k.
            let swapped = (0..8).fold(0u8, |m, k| m | (code >> k & 1) << ((12 - k) % 8));
            mirror[TABLE[code as usize] as usize] = TABLE[swapped as usize];
        }
        mirror
    });
    MIRROR[pattern] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_58_uniform_patterns_and_mirroring_twice_gives_each_back() {
        let uniform = TABLE.iter().filter(|&&p| usize::from(p) < PATTERNS - 1).count();
        assert_eq!(uniform, 58);
        assert!((0..PATTERNS).all(|p| mirrored_pattern(mirrored_pattern(p)) == p));
    }

    #[test]
    fn a_mirrored_image_has_the_mirrored_histograms() {
        let image =
            Array2::from_shape_fn((TEXTURE_SIDE, TEXTURE_SIDE), |(y, x)| ((x * 7 + y * 13 + x * y) % 31) as f32);
        let mut mirrored = image.clone();
        mirrored.invert_axis(ndarray::Axis(1));
        let (a, b) = (patterns(&image), patterns(&mirrored.as_standard_layout().into_owned()));
        for cell in 0..CELLS * CELLS {
            let other = cell / CELLS * CELLS + CELLS - 1 - cell % CELLS;
            for p in 0..PATTERNS {
                assert!((a[cell * PATTERNS + p] - b[other * PATTERNS + mirrored_pattern(p)]).abs() < 1e-6);
            }
        }
    }
}
