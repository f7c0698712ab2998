//! What JPEG does to an image: colour transform, 8x8 cosine transform, quantisation, and back.
//!
//! Source: ITU-T T.81, annexes A.3 and K.1; the quality scale is the Independent JPEG Group's. The lossless part of
//! the format changes nothing in the image and is left out.

use ndarray::Array2;

/// Returns the image after compression at a quality from 1 to 100; channels are red, green and blue in 0..255.
pub(crate) fn compress(image: &Array2<[f32; 3]>, quality: f32) -> Array2<[u8; 3]> {
    let scale = if quality < 50.0 { 50.0 / quality.max(1.0) } else { 2.0 - quality / 50.0 };
    let basis = cosines();
    let planes: [Array2<f32>; 3] = [
        image.mapv(|[r, g, b]| 0.299 * r + 0.587 * g + 0.114 * b - 128.0),
        image.mapv(|[r, g, b]| -0.168_736 * r - 0.331_264 * g + 0.5 * b),
        image.mapv(|[r, g, b]| 0.5 * r - 0.418_688 * g - 0.081_312 * b),
    ];
    let [luma, blue, red] = planes;
    let luma = through(&luma, &LUMA, scale, &basis);
    let blue = doubled(&through(&halved(&blue), &CHROMA, scale, &basis), image.dim());
    let red = doubled(&through(&halved(&red), &CHROMA, scale, &basis), image.dim());
    Array2::from_shape_fn(image.dim(), |at| {
        let (y, b, r) = (luma[at] + 128.0, blue[at], red[at]);
        [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b].map(|c| (c + 0.5).clamp(0.0, 255.0) as u8)
    })
}

type Block = [[f32; 8]; 8];

fn through(plane: &Array2<f32>, table: &[[u8; 8]; 8], scale: f32, basis: &Block) -> Array2<f32> {
    let (rows, columns) = plane.dim();
    let mut out = plane.clone();
    for top in (0..rows).step_by(8) {
        for left in (0..columns).step_by(8) {
            let at = |i: usize, j: usize| plane[[(top + i).min(rows - 1), (left + j).min(columns - 1)]];
            let block: Block = std::array::from_fn(|i| std::array::from_fn(|j| at(i, j)));
            let mut spectrum = product(&product(basis, &block), &transposed(basis));
            for (row, steps) in spectrum.iter_mut().zip(table) {
                for (value, &step) in row.iter_mut().zip(steps) {
                    let step = (f32::from(step) * scale).max(1.0);
                    *value = libm::roundf(*value / step) * step;
                }
            }
            let back = product(&product(&transposed(basis), &spectrum), basis);
            for (i, row) in back.iter().enumerate().take(rows - top) {
                for (j, value) in row.iter().enumerate().take(columns - left) {
                    out[[top + i, left + j]] = *value;
                }
            }
        }
    }
    out
}

fn cosines() -> Block {
    std::array::from_fn(|k| {
        std::array::from_fn(|n| {
            let angle = (2 * n + 1) as f32 * k as f32 * std::f32::consts::PI / 16.0;
            libm::cosf(angle) * if k == 0 { 0.125f32.sqrt() } else { 0.5 }
        })
    })
}

fn product(a: &Block, b: &Block) -> Block {
    let mut out = [[0.0f32; 8]; 8];
    for (row, out) in a.iter().zip(out.iter_mut()) {
        for (value, b) in row.iter().zip(b) {
            out.iter_mut().zip(b).for_each(|(o, b)| *o += value * b);
        }
    }
    out
}

fn transposed(a: &Block) -> Block {
    std::array::from_fn(|i| std::array::from_fn(|j| a[j][i]))
}

fn halved(plane: &Array2<f32>) -> Array2<f32> {
    let (rows, columns) = plane.dim();
    Array2::from_shape_fn((rows.div_ceil(2), columns.div_ceil(2)), |(i, j)| {
        let (r, c) = ((2 * i + 1).min(rows - 1), (2 * j + 1).min(columns - 1));
        0.25 * (plane[[2 * i, 2 * j]] + plane[[r, 2 * j]] + plane[[2 * i, c]] + plane[[r, c]])
    })
}

fn doubled(plane: &Array2<f32>, size: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(size, |(i, j)| plane[[i / 2, j / 2]])
}

/// Tables K.1 and K.2 of T.81.
const LUMA: [[u8; 8]; 8] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];
const CHROMA: [[u8; 8]; 8] = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_quality_keeps_the_image_and_bad_quality_does_not() {
        let image = Array2::from_shape_fn((19, 21), |(i, j)| {
            let v = 120.0 + 60.0 * ((i * 3 + j * 5) as f32 * 0.2).sin();
            [v, v * 0.9, v * 0.8]
        });
        let error = |quality| {
            let out = compress(&image, quality);
            let off = |(a, b): (&[f32; 3], &[u8; 3])| (0..3).map(|k| (a[k] - f32::from(b[k])).abs()).sum::<f32>();
            image.iter().zip(&out).map(off).sum::<f32>() / (3 * image.len()) as f32
        };
        assert!(error(98.0) < 2.0, "{}", error(98.0));
        assert!(error(10.0) > 2.0 * error(98.0));
    }
}
