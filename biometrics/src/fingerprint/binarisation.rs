//! Ridges and valleys as two binary images.

use super::parameters::CELL_PIXELS;
use ndarray::Array2;

/// A binary image, with a border of one zero pixel all round.
#[derive(Clone)]
pub(super) struct BinaryImage {
    /// Pixels in raster order, 0 or 1.
    pub pixels: Vec<u8>,
    /// Pixels from one row to the next.
    pub stride: usize,
}

impl BinaryImage {
    /// Makes an empty image.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self { pixels: vec![0; (rows + 2) * (columns + 2)], stride: columns + 2 }
    }

    /// Returns the offsets of the eight neighbours, clockwise from the one above.
    pub(super) fn neighbours(&self) -> [isize; 8] {
        let s = self.stride as isize;
        [-s, 1 - s, 1, 1 + s, s, s - 1, -1, -1 - s]
    }

    /// Returns the image's column and row of an index.
    pub(super) fn position(&self, index: usize) -> (f32, f32) {
        ((index % self.stride) as f32 - 1.0, (index / self.stride) as f32 - 1.0)
    }

    /// Returns the index of the image's column and row.
    pub(super) fn index(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + x + 1
    }

    /// Iterates over the indices of the ones, in raster order.
    pub(super) fn foreground(&self) -> impl Iterator<Item = usize> + '_ {
        const RUN: usize = 32;
        let runs = self.pixels.chunks(RUN).enumerate().filter(|(_, run)| run.iter().fold(0, |any, &p| any | p) != 0);
        runs.flat_map(|(k, run)| (0..run.len()).filter(|&i| run[i] == 1).map(move |i| k * RUN + i))
    }

    /// Returns the pixels as an image, foreground black.
    pub(super) fn to_grey(&self) -> Array2<u8> {
        let rows = self.pixels.len() / self.stride;
        Array2::from_shape_fn((rows - 2, self.stride - 2), |(y, x)| 255 * (1 - self.pixels[self.index(x, y)]))
    }
}

/// Splits the enhanced foreground by sign into ridges (negative) and valleys, after a vote of each 3 x 3.
pub(super) fn binarise(enhanced: &Array2<f32>, mask: &Array2<bool>) -> (BinaryImage, BinaryImage) {
    let (rows, columns) = enhanced.dim();
    let mut sign = BinaryImage::new(rows, columns);
    for ((y, x), &value) in enhanced.indexed_iter() {
        let index = sign.index(x, y);
        sign.pixels[index] = u8::from(value < 0.0);
    }
    let (mut ridges, mut valleys) = (BinaryImage::new(rows, columns), BinaryImage::new(rows, columns));
    for y in 0..rows {
        for x in 0..columns {
            if mask[[y / CELL_PIXELS, x / CELL_PIXELS]] {
                let index = sign.index(x, y);
                let is_ridge = votes(&sign, index) > 4;
                ridges.pixels[index] = u8::from(is_ridge);
                valleys.pixels[index] = u8::from(!is_ridge);
            }
        }
    }
    (ridges, valleys)
}

fn votes(image: &BinaryImage, index: usize) -> u8 {
    let row = |start: usize| image.pixels[start - 1] + image.pixels[start] + image.pixels[start + 1];
    row(index - image.stride) + row(index) + row(index + image.stride)
}
