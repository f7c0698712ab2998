//! From the image to the finger and back: placement and plastic distortion.

use crate::math::{PI, Point, TAU, gaussian, gaussian_within, uniform};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A map of image pixels to finger coordinates.
///
/// First the sensor's own geometry: a sweep sensor's reconstruction stretches and shears. Then rigid: scale to 500
/// pixels per inch, turn, move. Then the skin's plastic distortion (Cappelli, Maio and
/// Maltoni 2001): inside an ellipse the skin sticks to the glass, outside it is dragged and turned, and in between
/// it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deformation {
    /// What a sweep sensor's reconstruction did; `None` for an area sensor.
    pub sweep: Option<Sweep>,
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

/// The errors of a sweep sensor's reconstruction: each line is at `stretch` times its row, and shifted sideways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Finger rows in an image row, relative to the nominal.
    pub stretch: f32,
    /// Columns that the finger drifts sideways for each row.
    pub drift: f32,
    /// Amplitude of the sideways wobble, in pixels.
    pub wobble: f32,
    /// Rows in a full wobble.
    pub wobble_rows: f32,
}

impl Sweep {
    pub(crate) fn draw(severity: f32, rng: &mut impl Rng) -> Self {
        Self {
            stretch: libm::expf(SWEEP_STRETCH_SD * severity * gaussian(rng).clamp(-2.0, 2.0)),
            drift: SWEEP_DRIFT_SD * severity * gaussian(rng).clamp(-2.0, 2.0),
            wobble: SWEEP_WOBBLE_SD * severity * gaussian(rng).clamp(-2.0, 2.0),
            wobble_rows: uniform(rng, 150.0, 400.0),
        }
    }

    fn straighten(&self, pixel: Point) -> Point {
        Point::new(pixel.x + self.sideways(pixel.y), pixel.y * self.stretch)
    }

    fn wobbled(&self, straight: Point) -> Point {
        let row = straight.y / self.stretch;
        Point::new(straight.x - self.sideways(row), row)
    }

    fn sideways(&self, row: f32) -> f32 {
        self.drift * row + self.wobble * libm::sinf(TAU * row / self.wobble_rows)
    }
}

/// Where an area of the finger is put, before any distortion.
pub(crate) struct Placement {
    pub(crate) scale: f32,
    pub(crate) centre: Point,
    pub(crate) rotation: f32,
}

impl Deformation {
    /// Draws the distortion of one capture; `severity` scales it.
    pub(crate) fn draw(placement: Placement, sweep: Option<Sweep>, severity: f32, rng: &mut impl Rng) -> Self {
        let Placement { scale, centre, rotation } = placement;
        let axis = |rng: &mut _, mean: f32| gaussian_within(rng, mean, AXIS_SPREAD * mean, 2.0);
        let stick_centre = Point::new(gaussian(rng), gaussian(rng)).times(STICK_CENTRE_SD);
        let stick_axes = Point::new(axis(rng, STICK_AXES.x), axis(rng, STICK_AXES.y));
        let drag = Point::new(gaussian(rng), gaussian(rng)).times(DRAG_SD * severity);
        let longest = DRAG_SLOPE_MAX * GIVE * stick_axes.x.min(stick_axes.y);
        Self {
            sweep,
            scale,
            centre,
            rotation,
            stick_centre,
            stick_axes,
            drag: drag.times((longest / drag.length().max(longest)).min(1.0)),
            torsion: (TORSION_SD * severity * gaussian(rng)).clamp(-TORSION_MAX, TORSION_MAX),
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
            let missing = finger.minus(self.distorted(rigid));
            rigid = rigid.plus(missing);
            if missing.length() < INVERSION_ERROR {
                break;
            }
        }
        let straight = self.centre.plus(rigid.turned(self.rotation).times(1.0 / self.scale));
        self.sweep.as_ref().map_or(straight, |sweep| sweep.wobbled(straight))
    }

    /// Returns by how much a direction on the finger turns on its way to the image, in radians, at a finger point.
    pub(crate) fn direction_to_image(&self, finger: Point, direction: f32) -> f32 {
        let (sin, cos) = libm::sincosf(direction);
        let tip = self.to_image(finger.plus(Point::new(cos, sin)));
        let tail = self.to_image(finger.minus(Point::new(cos, sin)));
        libm::atan2f(tip.y - tail.y, tip.x - tail.x)
    }

    fn rigid(&self, pixel: Point) -> Point {
        let straight = self.sweep.as_ref().map_or(pixel, |sweep| sweep.straighten(pixel));
        straight.minus(self.centre).times(self.scale).turned(-self.rotation)
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
const DRAG_SD: f32 = 10.5;
const TORSION_SD: f32 = 0.10;
/// What skin can take without folding: the drag's slope and the torsion in radians.
const DRAG_SLOPE_MAX: f32 = 0.3;
const TORSION_MAX: f32 = 0.2;
/// Spread of the ellipse's axes, relative, and of its centre, in finger pixels.
const AXIS_SPREAD: f32 = 0.2;
const STICK_CENTRE_SD: f32 = 12.0;
/// The skin gives over one and a half times the ellipse's axes.
const GIVE: f32 = 1.5;
/// A sweep's errors: relative stretch, sideways drift per row, wobble in pixels.
const SWEEP_STRETCH_SD: f32 = 0.05;
const SWEEP_DRIFT_SD: f32 = 0.03;
const SWEEP_WOBBLE_SD: f32 = 4.0;
/// The distortion's slope stays under two thirds, so that each step leaves less than that of the error.
const INVERSION_STEPS: usize = 30;
const INVERSION_ERROR: f32 = 0.005;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    fn draw(capture: u64, sweeps: bool) -> Deformation {
        let rng = &mut stream(3, "test", capture);
        let sweep = sweeps.then(|| Sweep::draw(2.0, rng));
        let placement = Placement { scale: 1.0, centre: Point::new(194.0, 187.0), rotation: 0.3 };
        Deformation::draw(placement, sweep, 2.0, rng)
    }

    #[test]
    fn to_image_undoes_to_finger() {
        for capture in 0..100 {
            let map = draw(capture, capture % 2 == 1);
            let rng = &mut stream(4, "test", capture);
            for _ in 0..50 {
                let pixel = Point::new(uniform(rng, 0.0, 388.0), uniform(rng, 0.0, 374.0));
                let back = map.to_image(map.to_finger(pixel));
                assert!(back.minus(pixel).length() < 0.05, "{pixel:?} came back as {back:?} under {map:?}");
            }
        }
    }

    #[test]
    fn skin_inside_the_ellipse_sticks() {
        let map = draw(0, false);
        assert_eq!(map.distorted(map.stick_centre), map.stick_centre);
        let outside = Point::new(170.0, 0.0);
        assert_ne!(map.distorted(outside), outside);
    }
}
