//! Vectors and rotations in space.

use std::ops::{Add, Mul, Neg, Sub};

/// A position or direction: x to the image's right, y up, z towards the camera. Units: millimetres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vec3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

impl Vec3 {
    pub(crate) const fn new(x: f32, y: f32, z: f32) -> Self {
        Self { x, y, z }
    }

    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(crate) fn cross(self, o: Self) -> Self {
        Self::new(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Returns the unit vector of the same direction; zero stays near zero.
    pub(crate) fn unit(self) -> Self {
        self * (1.0 / self.length().max(1e-12))
    }

    pub(crate) fn distance(self, other: Self) -> f32 {
        (self - other).length()
    }

    /// Goes the share `t` of the way to `other`.
    pub(crate) fn towards(self, other: Self, t: f32) -> Self {
        self + (other - self) * t
    }

    /// Reflects at the plane of symmetry of a head, x = 0.
    #[cfg(test)]
    pub(crate) fn mirrored(self) -> Self {
        Self::new(-self.x, self.y, self.z)
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self::new(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self::new(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        Self::new(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

/// A rotation matrix, rows first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rotation([Vec3; 3]);

impl Rotation {
    /// Turns a head by roll, then pitch (positive looks down), then yaw (positive looks to the image's right).
    /// Units: radians.
    pub(crate) fn head(yaw: f32, pitch: f32, roll: f32) -> Self {
        let (sy, cy) = libm::sincosf(yaw);
        let (sp, cp) = libm::sincosf(pitch);
        let (sr, cr) = libm::sincosf(roll);
        let roll = Self([Vec3::new(cr, -sr, 0.0), Vec3::new(sr, cr, 0.0), Vec3::new(0.0, 0.0, 1.0)]);
        let pitch = Self([Vec3::new(1.0, 0.0, 0.0), Vec3::new(0.0, cp, -sp), Vec3::new(0.0, sp, cp)]);
        let yaw = Self([Vec3::new(cy, 0.0, sy), Vec3::new(0.0, 1.0, 0.0), Vec3::new(-sy, 0.0, cy)]);
        roll.after(&yaw.after(&pitch))
    }

    /// Returns the rotation that does `first` and then this one.
    fn after(&self, first: &Self) -> Self {
        let column = |i: usize| {
            let pick = |v: Vec3| [v.x, v.y, v.z][i];
            Vec3::new(pick(first.0[0]), pick(first.0[1]), pick(first.0[2]))
        };
        let [a, b, c] = [column(0), column(1), column(2)];
        Self(self.0.map(|row| Vec3::new(row.dot(a), row.dot(b), row.dot(c))))
    }

    pub(crate) fn apply(&self, v: Vec3) -> Vec3 {
        Vec3::new(self.0[0].dot(v), self.0[1].dot(v), self.0[2].dot(v))
    }
}

/// Draws a smooth curve through points (position, value) of rising position, level beyond its ends: cubic Hermite
/// pieces with the slopes of Fritsch and Carlson 1980, so that it never overshoots.
pub(crate) fn curve(points: &[(f32, f32)], at: f32) -> f32 {
    let last = points.len() - 1;
    if at <= points[0].0 {
        return points[0].1;
    }
    if at >= points[last].0 {
        return points[last].1;
    }
    let i = points.partition_point(|p| p.0 <= at).clamp(1, last) - 1;
    let (a, b) = (points[i], points[i + 1]);
    let width = b.0 - a.0;
    let t = (at - a.0) / width;
    let (slope_a, slope_b) = (slope(points, i), slope(points, i + 1));
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * a.1
        + (t3 - 2.0 * t2 + t) * width * slope_a
        + (3.0 * t2 - 2.0 * t3) * b.1
        + (t3 - t2) * width * slope_b
}

fn slope(points: &[(f32, f32)], i: usize) -> f32 {
    if i == 0 || i == points.len() - 1 {
        return 0.0;
    }
    let secant = |i: usize| (points[i + 1].1 - points[i].1) / (points[i + 1].0 - points[i].0);
    let (before, after) = (secant(i - 1), secant(i));
    if before * after <= 0.0 { 0.0 } else { 2.0 * before * after / (before + after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_keep_lengths_and_turn_the_right_way() {
        let forward = Vec3::new(0.0, 0.0, 1.0);
        assert!(Rotation::head(0.3, 0.0, 0.0).apply(forward).x > 0.29);
        assert!(Rotation::head(0.0, 0.3, 0.0).apply(forward).y < -0.29);
        let v = Vec3::new(3.0, -2.0, 5.0);
        assert!((Rotation::head(0.4, -0.2, 0.1).apply(v).length() - v.length()).abs() < 1e-4);
    }

    #[test]
    fn curves_pass_through_their_points_without_overshoot() {
        let points = [(0.0, 1.0), (1.0, 4.0), (3.0, 4.0), (4.0, 0.0)];
        assert!(points.iter().all(|&(x, y)| (curve(&points, x) - y).abs() < 1e-5));
        assert!((0..400).map(|i| curve(&points, i as f32 * 0.01)).all(|v| (0.0..=4.0001).contains(&v)));
        assert_eq!((curve(&points, -1.0), curve(&points, 9.0)), (1.0, 0.0));
    }
}
