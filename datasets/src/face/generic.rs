//! The generic head: an average surface that measurements are then imposed on.
//!
//! Sculpted from profile and width curves and smooth local features; no scan or model data. Coordinates: millimetres,
//! the nasion at (0, 5, 0), x to the image's right, y up, z towards the camera. Every mesh vertex keeps its place on
//! this generic head as its address for textures, hair and expressions, whatever the person's shape.

use super::vector::{Vec3, curve};
use crate::math::{gaussian, smoothstep};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How strongly a person shows each local trait; 1 is the average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traits {
    pub(crate) brow_ridge: f32,
    pub(crate) socket_depth: f32,
    pub(crate) eye_bulge: f32,
    pub(crate) cheekbone: f32,
    pub(crate) cheek_hollow: f32,
    pub(crate) nasolabial: f32,
    pub(crate) nose_width: f32,
    pub(crate) nose_hump: f32,
    pub(crate) nose_tip: f32,
    pub(crate) alae: f32,
    pub(crate) upper_lip: f32,
    pub(crate) lower_lip: f32,
    pub(crate) philtrum: f32,
    pub(crate) chin: f32,
    pub(crate) cleft: f32,
    pub(crate) jowl: f32,
    pub(crate) fullness: f32,
    pub(crate) jaw_square: f32,
    pub(crate) forehead: f32,
    pub(crate) eye_bags: f32,
}

impl Traits {
    /// Draws traits; `masculinity` from -1 to 1 moves the ones that differ between the sexes.
    pub(crate) fn draw(masculinity: f32, rng: &mut impl Rng) -> Self {
        let mut around = |mean: f32, sd: f32| (mean + sd * gaussian(rng)).clamp(mean - 2.2 * sd, mean + 2.2 * sd);
        Self {
            brow_ridge: around(1.0 + 0.5 * masculinity, 0.5),
            socket_depth: around(1.0, 0.3),
            eye_bulge: around(1.0, 0.25),
            cheekbone: around(1.0, 0.6),
            cheek_hollow: around(0.9, 0.8),
            nasolabial: around(1.0, 0.6),
            nose_width: around(1.0, 0.16),
            nose_hump: around(0.2 * masculinity, 0.8),
            nose_tip: around(1.0, 0.5),
            alae: around(1.0, 0.3),
            upper_lip: around(1.0, 0.35),
            lower_lip: around(1.0, 0.35),
            philtrum: around(1.0, 0.5),
            chin: around(1.0 + 0.3 * masculinity, 0.6),
            cleft: around(0.2, 0.5).max(0.0),
            jowl: around(0.3, 0.7),
            fullness: around(0.0, 1.0),
            jaw_square: around(0.5 * masculinity, 0.8),
            forehead: around(0.0, 1.0),
            eye_bags: around(0.8, 0.6).max(0.0),
        }
    }

    /// The average of both sexes.
    #[cfg(test)]
    pub(crate) fn average() -> Self {
        let mut out = Self::draw(0.0, &mut crate::stream::stream(0, "face/average", 0));
        out.nose_hump = 0.0;
        out
    }
}

/// The address of a point on the head's surface.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Address {
    /// Share of the half width at the row, from -1 to 1; grows to the image's right.
    pub(crate) across: f32,
    /// Height on the generic head.
    pub(crate) y: f32,
    /// Whether the point lies on the back half.
    pub(crate) back: bool,
}

/// Returns the generic surface's point at an address.
pub(crate) fn surface(at: Address, traits: &Traits) -> Vec3 {
    let jaw = 2.5 * traits.jaw_square * bump(at.y, -88.0, 14.0) + 2.6 * traits.fullness * bump(at.y, -62.0, 30.0);
    let half_width = curve(&HALF_WIDTH, at.y) + jaw;
    let middle = curve(&MIDDLE, at.y);
    let f = at.across.abs().min(1.0);
    let x = at.across * half_width;
    if at.back {
        let depth = middle - curve(&BACK, at.y);
        return Vec3::new(x, at.y, middle - depth * (1.0 - f * f).max(0.0).sqrt());
    }
    let front = curve(&FRONT, at.y) + traits.forehead * 2.5 * bump(at.y, 55.0, 22.0);
    let depth = front - middle;
    let flat = curve(&FLATNESS, at.y);
    let z = middle + depth * (1.0 - libm::powf(f, flat)).max(0.0).sqrt();
    let fade = 1.0 - smoothstep(0.80, 0.97, f);
    Vec3::new(x, at.y, z + fade * relief(x, at.y, traits) + nose(x, at.y, traits))
}

/// Returns how far the features other than the nose stand out, at generic x and y.
fn relief(x: f32, y: f32, t: &Traits) -> f32 {
    let ax = x.abs();
    let spot = |cx: f32, cy: f32, sx: f32, sy: f32| bump(ax, cx, sx) * bump(y, cy, sy);
    let brow = 1.7 * t.brow_ridge * (spot(20.0, 15.0, 12.0, 5.0) + 0.9 * spot(38.0, 14.0, 9.0, 6.0));
    let socket = -t.socket_depth * (6.0 * spot(18.0, 2.0, 6.0, 8.0) + 7.5 * spot(31.0, 3.0, 12.0, 8.5));
    let eye = t.eye_bulge * 5.5 * spot(31.0, -0.5, 9.5, 6.0);
    let bags = t.eye_bags * (1.0 * spot(29.0, -12.0, 11.0, 3.0) - 1.1 * spot(27.0, -17.0, 13.0, 2.6));
    let cheek = t.cheekbone * 3.0 * spot(45.0, -19.0, 13.0, 10.0);
    let hollow = -t.cheek_hollow * 2.4 * spot(45.0, -52.0, 11.0, 16.0);
    let full = t.fullness * 2.2 * spot(36.0, -48.0, 17.0, 19.0) + t.jowl * 1.6 * spot(34.0, -86.0, 11.0, 11.0);
    brow + socket + eye + bags + cheek + hollow + full + folds(ax, y, t) + lips(x, y, t) + chin(ax, y, t)
}

/// Returns the nasolabial fold: a ridge of cheek outside a line from the ala to beside the mouth.
fn folds(ax: f32, y: f32, t: &Traits) -> f32 {
    let line = 19.0 + (-42.0 - y) * 0.36;
    let along = smoothstep(-36.0, -46.0, y) * (1.0 - smoothstep(-66.0, -82.0, y));
    let off = ax - line;
    t.nasolabial * along * (1.5 * bump(off, 5.0, 5.0) - 1.4 * bump(off, -1.5, 2.6))
}

fn lips(x: f32, y: f32, t: &Traits) -> f32 {
    let ax = x.abs();
    let m = (1.0 - (ax / 25.5) * (ax / 25.5)).max(0.0);
    let line = mouth_line(x);
    let upper = 3.1 * t.upper_lip * m.sqrt() * bump(y, line + 4.2, 2.9) * (1.0 - 0.12 * bump(ax, 0.0, 2.5));
    let lower = 4.2 * t.lower_lip * m * bump(y, line - 4.4, 3.4);
    let groove = -2.6 * m.sqrt() * bump(y, line, 1.3);
    let ridge = bump(ax, 5.8, 2.0) - 1.2 * bump(ax, 0.0, 3.2);
    let philtrum = 0.9 * t.philtrum * ridge * smoothstep(-66.0, -61.0, y) * (1.0 - smoothstep(-55.0, -51.0, y));
    let corner = -1.6 * bump(ax, 26.0, 3.2) * bump(y, -71.5, 3.5);
    upper + lower + groove + philtrum + corner
}

fn chin(ax: f32, y: f32, t: &Traits) -> f32 {
    let pad = 3.0 * t.chin * bump(ax, 0.0, 13.0) * bump(y, -101.0, 7.5);
    let fold = -1.8 * bump(ax, 0.0, 15.0) * bump(y, -88.5, 3.6);
    let cleft = -1.6 * t.cleft * bump(ax, 0.0, 1.8) * bump(y, -102.0, 6.0);
    pad + fold + cleft
}

/// Returns how far the nose stands out.
fn nose(x: f32, y: f32, t: &Traits) -> f32 {
    let ax = x.abs();
    if ax > 45.0 || !(-62.0..20.0).contains(&y) {
        return 0.0;
    }
    // Towards the wings the tip rounds upwards, so that it ends as a ball and not as an edge.
    let lifted = y - (0.045 * ax * ax).min(6.0) * smoothstep(-30.0, -43.0, y);
    let height = curve(&NOSE_HEIGHT, lifted) + 1.6 * t.nose_hump * bump(y, -14.0, 7.0);
    let width = curve(&NOSE_WIDTH, y) * t.nose_width;
    let u = ax / width;
    let body = height * libm::expf(-libm::powf(u * 0.84, 1.85));
    let tip = 1.9 * t.nose_tip * bump(ax, 0.0, 5.0) * bump(y, -39.5, 4.5);
    let wing = t.alae * 8.4 * bump(ax, 13.0, 3.1) * bump(y, -44.4, 3.6);
    let groove = -1.6 * bump(ax, 8.6, 1.9) * bump(y, -43.0, 4.0) - 1.2 * bump(ax, 13.5, 3.0) * bump(y, -37.5, 2.5);
    let crease = groove - 1.9 * bump(ax, 18.2, 1.9) * bump(y, -43.5, 4.6);
    body + tip + wing + crease
}

/// Returns the height where the lips meet.
pub(crate) fn mouth_line(x: f32) -> f32 {
    let u = (x.abs() / 25.0).min(1.2);
    -71.5 - 0.8 * bump(x, 0.0, 4.0) + 1.2 * bump(u, 0.45, 0.25) - 0.6 * u * u
}

/// Is nearly the Gaussian bell of height 1, and 0 beyond four deviations: thousands of each face are computed.
pub(crate) fn bump(x: f32, centre: f32, sd: f32) -> f32 {
    let u = (x - centre) / sd;
    if u.abs() > 4.0 { 0.0 } else { decay(0.5 * u * u) }
}

/// Falls from 1 at 0 nearly as e^-x does, to 0 at 16: (1 - x / 16)^16, which it is the limit of.
pub(crate) fn decay(x: f32) -> f32 {
    let a = (1.0 - x * (1.0 / 16.0)).max(0.0);
    let a2 = a * a;
    let a4 = a2 * a2;
    let a8 = a4 * a4;
    a8 * a8
}

/// Depth of the front along the plane of symmetry, without the nose, by height.
const FRONT: [(f32, f32); 28] = [
    (-150.0, -66.0),
    (-132.0, -62.0),
    (-126.0, -44.0),
    (-121.0, -22.0),
    (-116.5, -6.0),
    (-110.0, 1.5),
    (-102.0, 4.0),
    (-95.0, 3.5),
    (-88.0, 3.6),
    (-80.0, 5.6),
    (-71.5, 6.6),
    (-64.5, 7.2),
    (-58.0, 6.6),
    (-50.0, 5.0),
    (-38.0, 2.5),
    (-25.0, 0.0),
    (-10.0, -1.2),
    (2.0, -1.0),
    (8.0, 0.8),
    (18.0, 3.6),
    (30.0, 3.8),
    (45.0, 1.0),
    (62.0, -5.0),
    (78.0, -15.0),
    (92.0, -30.0),
    (104.0, -50.0),
    (112.0, -70.0),
    (118.0, -95.0),
];

/// Half width of the head, by height.
const HALF_WIDTH: [(f32, f32); 20] = [
    (-150.0, 24.0),
    (-125.0, 20.0),
    (-118.0, 20.0),
    (-112.0, 29.0),
    (-105.0, 36.5),
    (-95.0, 45.0),
    (-85.0, 51.0),
    (-70.0, 57.0),
    (-50.0, 61.5),
    (-30.0, 65.0),
    (-12.0, 66.8),
    (5.0, 70.5),
    (20.0, 73.5),
    (35.0, 75.5),
    (50.0, 75.0),
    (70.0, 71.0),
    (88.0, 62.0),
    (100.0, 51.0),
    (111.0, 34.0),
    (118.0, 3.0),
];

/// Depth of the widest place, by height.
const MIDDLE: [(f32, f32); 10] = [
    (-150.0, -75.0),
    (-125.0, -52.0),
    (-116.0, -42.0),
    (-105.0, -54.0),
    (-95.0, -64.0),
    (-80.0, -73.0),
    (-50.0, -76.0),
    (-10.0, -82.0),
    (20.0, -92.0),
    (118.0, -98.0),
];

/// Depth of the back, by height.
const BACK: [(f32, f32); 13] = [
    (-150.0, -100.0),
    (-120.0, -72.0),
    (-100.0, -85.0),
    (-85.0, -105.0),
    (-70.0, -125.0),
    (-50.0, -142.0),
    (-30.0, -160.0),
    (-10.0, -178.0),
    (35.0, -191.0),
    (60.0, -187.0),
    (85.0, -172.0),
    (108.0, -140.0),
    (118.0, -101.0),
];

/// How flat the front is across, by height: 2 is an ellipse.
const FLATNESS: [(f32, f32); 8] = [
    (-120.0, 2.0),
    (-105.0, 2.15),
    (-75.0, 2.05),
    (-45.0, 2.15),
    (-15.0, 2.3),
    (15.0, 2.45),
    (50.0, 2.35),
    (110.0, 2.0),
];

/// Height of the nose over the face, by height on the head.
const NOSE_HEIGHT: [(f32, f32); 14] = [
    (-51.5, 0.0),
    (-50.0, 1.5),
    (-48.0, 6.0),
    (-46.0, 11.0),
    (-44.0, 14.5),
    (-41.0, 17.6),
    (-38.0, 18.8),
    (-34.0, 17.6),
    (-26.0, 14.2),
    (-15.0, 10.4),
    (-5.0, 6.9),
    (5.0, 3.2),
    (11.0, 1.4),
    (18.0, 0.0),
];

/// Half width of the nose's body, by height.
const NOSE_WIDTH: [(f32, f32); 8] =
    [(-52.0, 7.0), (-46.0, 8.4), (-38.0, 9.6), (-30.0, 9.2), (-20.0, 8.6), (-8.0, 8.2), (5.0, 8.8), (16.0, 12.0)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_head_has_about_the_average_measures_before_they_are_imposed() {
        let at = |across, y| surface(Address { across, y, back: false }, &Traits::average());
        let nose_tip = at(0.0, -38.0);
        assert!((19.0..26.0).contains(&nose_tip.z), "{nose_tip:?}");
        assert!((130.0..140.0).contains(&(2.0 * at(1.0, -12.0).x)));
        assert!((115.0..130.0).contains(&at(0.0, 5.0).distance(at(0.0, -116.5))));
    }

    #[test]
    fn what_falls_by_multiplications_falls_as_an_exponential() {
        let off = |i: usize| (decay(i as f32 * 0.02) - libm::expf(-(i as f32) * 0.02)).abs();
        assert!((0..1_000).map(off).fold(0.0, f32::max) < 0.02);
        assert_eq!((decay(0.0), decay(16.0), decay(90.0)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn the_surface_is_symmetric() {
        let traits = Traits::draw(0.3, &mut crate::stream::stream(3, "test", 1));
        for (across, y) in [(0.2, -40.0), (0.5, 0.0), (0.9, -80.0), (0.3, 60.0)] {
            let [right, left] = [across, -across].map(|across| surface(Address { across, y, back: false }, &traits));
            assert!(right.distance(left.mirrored()) < 1e-4);
        }
    }
}
