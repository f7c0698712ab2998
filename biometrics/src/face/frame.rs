//! Where a face lies in an image: the similarity between the image and a canonical frame.

use super::resample::Reader;
use ndarray::Array2;

/// Where the left and right eye, nose tip and mouth corners lie in the canonical frame of side 112.
/// Source: the five-point template of ArcFace (Deng et al. 2019).
pub const CANONICAL: [(f32, f32); 5] = [(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)];
/// Side of the canonical frame.
pub const CANONICAL_SIDE: f32 = 112.0;
/// Distance between the pupils in the canonical frame.
pub const CANONICAL_SPAN: f32 = 35.2;

/// The five points of a face, in image pixels: left eye, right eye, nose tip, left and right mouth corner, where left
/// and right are the image's.
pub type FacePoints = [(f32, f32); 5];

/// A similarity that maps the canonical frame into an image.
///
/// The frame's middle (56, 56) lies at (`x`, `y`); one unit of the frame is `scale` pixels long; `angle` turns the
/// frame clockwise as seen in the image. Units: pixels, radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Column of the frame's middle.
    pub x: f32,
    /// Row of the frame's middle.
    pub y: f32,
    /// Pixels per unit of the frame.
    pub scale: f32,
    /// Clockwise turn.
    pub angle: f32,
}

impl Frame {
    /// Fits the frame to a face's points by least squares (Umeyama 1991).
    pub fn fit(points: &FacePoints) -> Self {
        let mean = |p: &FacePoints| {
            let sum = p.iter().fold((0.0, 0.0), |s, q| (s.0 + q.0, s.1 + q.1));
            (sum.0 / 5.0, sum.1 / 5.0)
        };
        let (from, to) = (mean(&CANONICAL), mean(points));
        let (mut a, mut b, mut square) = (0.0f32, 0.0f32, 0.0f32);
        for (c, p) in CANONICAL.iter().zip(points) {
            let (cx, cy) = (c.0 - from.0, c.1 - from.1);
            let (px, py) = (p.0 - to.0, p.1 - to.1);
            a += cx * px + cy * py;
            b += cx * py - cy * px;
            square += cx * cx + cy * cy;
        }
        let (a, b) = (a / square, b / square);
        let middle = CANONICAL_SIDE / 2.0;
        let (dx, dy) = (middle - from.0, middle - from.1);
        Self { x: to.0 + a * dx - b * dy, y: to.1 + b * dx + a * dy, scale: (a * a + b * b).sqrt(), angle: b.atan2(a) }
    }

    /// Returns the image position of a place in the frame.
    pub fn to_image(&self, u: f32, v: f32) -> (f32, f32) {
        let (sin, cos) = self.angle.sin_cos();
        let (du, dv) = ((u - CANONICAL_SIDE / 2.0) * self.scale, (v - CANONICAL_SIDE / 2.0) * self.scale);
        (self.x + cos * du - sin * dv, self.y + sin * du + cos * dv)
    }

    /// Moves the frame by a correction in its own units: shift as shares of its side, logarithm of scale, angle.
    pub(super) fn corrected(&self, by: [f32; 4]) -> Self {
        let middle = CANONICAL_SIDE / 2.0;
        let (x, y) = self.to_image(middle + by[0] * CANONICAL_SIDE, middle + by[1] * CANONICAL_SIDE);
        Self { x, y, scale: self.scale * by[2].exp(), angle: self.angle + by[3] }
    }

    /// Returns the correction that [`corrected`](Self::corrected) must apply to reach `target`.
    pub(super) fn correction_to(&self, target: &Self) -> [f32; 4] {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = (target.x - self.x, target.y - self.y);
        let unit = self.scale * CANONICAL_SIDE;
        [
            (cos * dx + sin * dy) / unit,
            (cos * dy - sin * dx) / unit,
            (target.scale / self.scale).ln(),
            target.angle - self.angle,
        ]
    }

    /// Cuts the frame out of an image as a square of `side` pixels with `border` more pixels on each side.
    ///
    /// Positions outside the image take its border's grey. Samples are averages over as many image pixels as a pixel
    /// of the square covers, so that shrinking does not alias.
    pub(super) fn crop(&self, image: &Array2<f32>, side: usize, border: usize) -> Array2<f32> {
        let step = CANONICAL_SIDE / side as f32;
        let (sin, cos) = self.angle.sin_cos();
        let pixel = self.scale * step;
        let taps = (pixel.ceil() as usize).clamp(1, 4);
        let whole = side + 2 * border;
        let start = -(border as f32) * step + step / 2.0;
        let origin = self.to_image(start, start);
        let (du, dv) = ((cos * pixel, sin * pixel), (-sin * pixel, cos * pixel));
        let reader = Reader::new(image);
        let offset = |k: usize| (k as f32 + 0.5) / taps as f32 - 0.5;
        let share = 1.0 / (taps * taps) as f32;
        let mut out = Vec::with_capacity(whole * whole);
        for row in 0..whole {
            for column in 0..whole {
                let mut sum = 0.0;
                for j in 0..taps {
                    let v = row as f32 + offset(j);
                    let line = (origin.0 + dv.0 * v, origin.1 + dv.1 * v);
                    for i in 0..taps {
                        let u = column as f32 + offset(i);
                        sum += reader.at(line.0 + du.0 * u, line.1 + du.1 * u);
                    }
                }
                out.push(sum * share);
            }
        }
        Array2::from_shape_vec((whole, whole), out).expect("one value a pixel")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_from_its_own_points_and_corrections_compose() {
        let frame = Frame { x: 80.0, y: 64.0, scale: 0.8, angle: 0.2 };
        let fitted = Frame::fit(&CANONICAL.map(|(u, v)| frame.to_image(u, v)));
        assert!((fitted.x - frame.x).abs() < 1e-3 && (fitted.scale - frame.scale).abs() < 1e-4);
        assert!((fitted.angle - frame.angle).abs() < 1e-4 && (fitted.y - frame.y).abs() < 1e-3);
        let other = Frame { x: 71.0, y: 69.0, scale: 0.95, angle: -0.1 };
        let reached = frame.corrected(frame.correction_to(&other));
        assert!((reached.x - other.x).abs() < 1e-3 && (reached.y - other.y).abs() < 1e-3);
        assert!((reached.scale - other.scale).abs() < 1e-4 && (reached.angle - other.angle).abs() < 1e-4);
    }

    #[test]
    fn a_crop_shows_what_lies_under_it() {
        let image = Array2::from_shape_fn((200, 200), |(y, x)| x as f32 + 0.5 * y as f32);
        let frame = Frame { x: 100.0, y: 90.0, scale: 0.5, angle: 0.0 };
        let crop = frame.crop(&image, 56, 4);
        assert_eq!(crop.dim(), (64, 64));
        // A step of the crop is one pixel; its middle lies at the frame's.
        assert!((crop[[32, 32]] - (100.5 + 0.5 * 90.5)).abs() < 0.3, "{}", crop[[32, 32]]);
        assert!((crop[[32, 33]] - crop[[32, 32]] - 1.0).abs() < 1e-2);
    }
}
