//! Which part of the finger touches the sensor.

use super::condition::Condition;
use crate::math::Point;

/// The region of contact, which tells how deep inside it a point of the finger lies.
pub(crate) struct Contact {
    centre: Point,
    axes: Point,
}

impl Contact {
    pub(crate) fn new(condition: &Condition) -> Self {
        Self { centre: condition.contact_centre, axes: condition.contact_axes }
    }

    /// Returns the depth in finger pixels: positive inside the region, 0 on its border, negative outside.
    ///
    /// The region is a superellipse of exponent 2.5, a little squarer than an ellipse, as fingertips are.
    pub(crate) fn depth(&self, p: Point) -> f32 {
        let x = libm::fabsf(p.x - self.centre.x) / self.axes.x;
        let y = libm::fabsf(p.y - self.centre.y) / self.axes.y;
        let radius = libm::powf(x * x * x.sqrt() + y * y * y.sqrt(), 0.4);
        (1.0 - radius) * self.axes.x
    }
}
