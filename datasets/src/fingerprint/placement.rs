//! From the image to the finger and back: placement and plastic distortion.

use crate::math::{PI, Point, gaussian, gaussian_within};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Maps image pixels to finger coordinates.
///
/// First rigid: scale to 500 pixels per inch, turn, move. Then the skin's plastic distortion (Cappelli, Maio and
/// Maltoni 2001): inside an ellipse the skin sticks to the glass, outside it is dragged and turned, and in between
/// it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deformation {
    /// Finger pixels (500 per inch) in an image pixel.
    pub scale: f32,
    /// Where the finger's pattern centre would lie without distortion, in image pixels.
    pub centre: Point,
    /// The finger's rotation in the image, in radians from the x axis towards the y axis.
    pub rotation: f32,
    /// The sticking ellipse's centre, in finger coordinates.
    pub stick_centre: Point,
    /// The sticking ellipse's semi-axes, in finger pixels.
    pub stick_axes: Point,
    /// How the skin outside is dragged, in finger pixels.
    pub drag: Point,
    /// How the skin outside is turned about the ellipse's centre, in radians.
    pub torsion: f32,
    /// How far beyond the ellipse the skin gives, as a multiple of its axes.
    pub give: f32,
}

impl Deformation {
    /// Draws the distortion of one capture; `severity` scales it.
    pub(crate) fn draw(scale: f32, centre: Point, rotation: f32, severity: f32, rng: &mut impl Rng) -> Self {
        let axis = |rng: &mut _, mean: f32| gaussian_within(rng, mean, 0.2 * mean, 2.0);
        Self {
            scale,
            centre,
            rotation,
            stick_centre: Point::new(gaussian(rng), gaussian(rng)).times(12.0),
            stick_axes: Point::new(axis(rng, STICK_AXES.x), axis(rng, STICK_AXES.y)),
            drag: Point::new(gaussian_within(rng, 0.0, DRAG_SD, 2.2), gaussian_within(rng, 0.0, DRAG_SD, 2.2))
                .times(severity),
            torsion: gaussian_within(rng, 0.0, TORSION_SD, 2.2) * severity,
            give: GIVE,
        }
    }

    /// Returns where on the finger an image pixel looks.
    pub fn to_finger(&self, pixel: Point) -> Point {
        self.distorted(self.rigid(pixel))
    }

    /// Returns where in the image a point of the finger appears (fixed-point iteration, to a hundredth of a pixel).
    pub fn to_image(&self, finger: Point) -> Point {
        let mut rigid = finger;
        for _ in 0..INVERSION_STEPS {
            rigid = rigid.plus(finger.minus(self.distorted(rigid)));
        }
        self.centre.plus(rigid.turned(self.rotation).times(1.0 / self.scale))
    }

    /// Returns by how much a direction on the finger turns on its way to the image, in radians, at a finger point.
    pub(crate) fn direction_to_image(&self, finger: Point, direction: f32) -> f32 {
        let (sin, cos) = libm::sincosf(direction);
        let tip = self.to_image(finger.plus(Point::new(cos, sin)));
        let tail = self.to_image(finger.minus(Point::new(cos, sin)));
        libm::atan2f(tip.y - tail.y, tip.x - tail.x)
    }

    fn rigid(&self, pixel: Point) -> Point {
        pixel.minus(self.centre).times(self.scale).turned(-self.rotation)
    }

    fn distorted(&self, p: Point) -> Point {
        let from_centre = p.minus(self.stick_centre);
        let scaled = Point::new(from_centre.x / self.stick_axes.x, from_centre.y / self.stick_axes.y);
        let outside = ((scaled.length() - 1.0) / self.give).clamp(0.0, 1.0);
        let brake = 0.5 - 0.5 * libm::cosf(PI * outside);
        let moved = from_centre.turned(self.torsion).minus(from_centre).plus(self.drag);
        p.plus(moved.times(brake))
    }
}

/// The sticking ellipse's mean semi-axes in finger pixels: 2.5 by 3.6 mm.
const STICK_AXES: Point = Point::new(50.0, 70.0);
/// Spread of the drag in finger pixels and of the torsion in radians: Cappelli et al. fit up to 18 pixels and 12
/// degrees to heavily distorted prints.
const DRAG_SD: f32 = 9.0;
const TORSION_SD: f32 = 0.085;
/// The skin gives over one and a half times the ellipse's axes.
const GIVE: f32 = 1.5;
/// The distortion's slope is under a third, so that each step leaves less than a third of the error.
const INVERSION_STEPS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::uniform;
    use crate::stream::stream;

    #[test]
    fn to_image_undoes_to_finger() {
        for capture in 0..50 {
            let mut rng = stream(3, "test", capture);
            let map = Deformation::draw(1.0, Point::new(194.0, 187.0), 0.3, 2.0, &mut rng);
            for _ in 0..50 {
                let pixel = Point::new(uniform(&mut rng, 0.0, 388.0), uniform(&mut rng, 0.0, 374.0));
                let back = map.to_image(map.to_finger(pixel));
                assert!(back.minus(pixel).length() < 0.05, "{pixel:?} came back as {back:?} under {map:?}");
            }
        }
    }

    #[test]
    fn skin_inside_the_ellipse_sticks() {
        let map = Deformation::draw(1.0, Point::new(0.0, 0.0), 0.0, 2.0, &mut stream(3, "test", 0));
        assert_eq!(map.to_finger(map.stick_centre), map.stick_centre);
        assert_ne!(map.to_finger(Point::new(170.0, 0.0)), Point::new(170.0, 0.0));
    }
}
