//! The pinhole view of a tilted plane.

use super::surface::Surface;
use super::viewing::{FRAME_PIXELS, Viewing};
use crate::math::Point;
use ndarray::Array2;

/// The camera's distance in half sides of the symbol: at arm's length from a symbol of a few centimetres.
const DISTANCE: f32 = 5.0;
/// Rays a pixel, along each axis.
const RAYS: usize = 2;

/// Sees the surface: the light that arrives at every pixel of the frame, in shares of white.
pub(super) fn project(surface: &Surface<'_>, viewing: &Viewing) -> Array2<f32> {
    let plane = Plane::new(viewing);
    let half = FRAME_PIXELS as f32 / 2.0;
    let to_image = 1.0 / (half * viewing.fill);
    let step = 1.0 / RAYS as f32;
    Array2::from_shape_fn((FRAME_PIXELS, FRAME_PIXELS), |(row, column)| {
        let mut sum = 0.0;
        for ray in 0..RAYS * RAYS {
            let (dy, dx) = ((ray / RAYS) as f32 * step + step / 2.0, (ray % RAYS) as f32 * step + step / 2.0);
            let u = (column as f32 + dx - half * (1.0 + 2.0 * viewing.shift.x)) * to_image;
            let v = (row as f32 + dy - half * (1.0 + 2.0 * viewing.shift.y)) * to_image;
            sum += surface.light(plane.place(u, v));
        }
        sum / (RAYS * RAYS) as f32
    })
}

/// The plane's axes as the camera sees them, each (x, y, depth).
struct Plane {
    right: [f32; 3],
    down: [f32; 3],
}

impl Plane {
    /// Turns the image plane about its normal, then about its horizontal and its vertical axis.
    fn new(viewing: &Viewing) -> Self {
        let turned = |x: f32, y: f32| {
            let p = Point::new(x, y).turned(viewing.rotation);
            let (sin_x, cos_x) = libm::sincosf(viewing.tilt.x);
            let (sin_y, cos_y) = libm::sincosf(viewing.tilt.y);
            let (y, depth) = (p.y * cos_x, p.y * sin_x);
            [p.x * cos_y + depth * sin_y, y, depth * cos_y - p.x * sin_y]
        };
        Self { right: turned(1.0, 0.0), down: turned(0.0, 1.0) }
    }

    /// Finds the place on the plane that is seen at (u, v), where the untilted plane would be seen at its own
    /// coordinates: u (D + X r + Y d) = D (X r' + Y d'), with the depths r, d and the other coordinates r', d'.
    fn place(&self, u: f32, v: f32) -> Point {
        let row = |axis: usize, image: f32| {
            (DISTANCE * self.right[axis] - image * self.right[2], DISTANCE * self.down[axis] - image * self.down[2])
        };
        let ((a, b), (c, d)) = (row(0, u), row(1, v));
        let determinant = a * d - b * c;
        let (p, q) = (u * DISTANCE, v * DISTANCE);
        Point::new((p * d - b * q) / determinant, (a * q - p * c) / determinant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Display;

    #[test]
    fn an_untilted_plane_is_seen_as_it_is_and_a_tilted_one_where_geometry_says() {
        let mut viewing = Viewing::clean(Display::Print, 0.5);
        let place = Plane::new(&viewing).place(0.3, -0.7);
        assert!((place.x - 0.3).abs() < 1e-6 && (place.y + 0.7).abs() < 1e-6);
        viewing.tilt = Point::new(0.4, -0.2);
        viewing.rotation = 0.3;
        let plane = Plane::new(&viewing);
        // Forward: (X, Y) = (0.5, -0.25) to the image, and back.
        let along = |axis: usize| 0.5 * plane.right[axis] - 0.25 * plane.down[axis];
        let scale = DISTANCE / (DISTANCE + along(2));
        let place = plane.place(along(0) * scale, along(1) * scale);
        assert!((place.x - 0.5).abs() < 1e-5 && (place.y + 0.25).abs() < 1e-5, "{place:?}");
    }
}
