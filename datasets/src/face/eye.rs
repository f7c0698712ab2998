//! Eyes as seen through their lids: lids and lashes that last, gaze and blink that do not.

use super::colour::{Rgb, draw_iris};
use super::generic::bump;
use super::vector::Vec3;
use crate::math::{gaussian, smoothstep, uniform};
use rand::Rng;

/// Where the canthi and the eye's centre lie on the generic head.
const INNER: f32 = 16.0;
const OUTER: f32 = 43.5;
const CENTRE: (f32, f32) = (30.8, 0.2);
/// Radii of the eyeball and its iris. Units: millimetres (Bekerman et al. 2014; Ruefer et al. 2005).
const BALL_RADIUS: f32 = 12.0;
const IRIS_RADIUS: f32 = 5.9;

/// The lasting look of a person's eyes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EyeLook {
    iris: Rgb,
    upper: f32,
    lower: f32,
    tilt: f32,
    crease: f32,
    crease_depth: f32,
    lashes: f32,
    liner: f32,
    skew: f32,
    /// Factor on the white: darker with darker skin.
    veiled: f32,
}

/// The state of the eyes at one capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EyeState {
    /// How open the lids are: 1 is usual, 0 closed.
    pub(crate) openness: f32,
    /// Shift of the iris in millimetres, to the image's right and up.
    pub(crate) gaze: (f32, f32),
    /// Pupil radius in millimetres.
    pub(crate) pupil: f32,
}

/// The look of a place near an eye.
pub(crate) enum EyePoint {
    /// The ball: reflectance, normal in the head's frame, and the light that the lids let in.
    Ball { colour: Rgb, normal: Vec3, light: f32 },
    /// Skin of the lids: factor on its reflectance.
    Lid(f32),
}

impl EyeLook {
    pub(crate) fn draw(melanin: f32, masculinity: f32, rng: &mut impl Rng) -> Self {
        Self {
            iris: draw_iris(melanin, rng),
            upper: (5.9 + 0.8 * gaussian(rng) - 0.3 * masculinity).clamp(3.4, 7.4),
            lower: (4.3 + 0.6 * gaussian(rng)).clamp(2.8, 5.8),
            tilt: (1.2 + 1.1 * gaussian(rng)).clamp(-1.5, 4.0),
            crease: (3.2 + 1.1 * gaussian(rng)).clamp(1.2, 6.0),
            crease_depth: uniform(rng, 0.08, 0.42),
            lashes: uniform(rng, 0.55, 0.95) - 0.10 * masculinity,
            liner: if masculinity < 0.0 && uniform(rng, 0.0, 1.0) < 0.45 { uniform(rng, 0.2, 0.8) } else { 0.0 },
            skew: (0.12 * gaussian(rng)).clamp(-0.25, 0.25),
            veiled: 1.0 - 0.45 * melanin,
        }
    }

    /// Returns what a generic place looks like; `None` away from the eyes.
    pub(crate) fn at(&self, x: f32, y: f32, state: &EyeState) -> Option<EyePoint> {
        let ax = x.abs();
        if !(INNER - 5.0..OUTER + 6.0).contains(&ax) || y.abs() > 16.0 {
            return None;
        }
        let s = ((ax - INNER) / (OUTER - INNER)).clamp(0.0, 1.0);
        let line = -2.0 + self.tilt * s;
        let arch = |power: f32, skew: f32| {
            let bent = s + skew * s * (1.0 - s) * 2.0;
            libm::powf((4.0 * bent * (1.0 - bent)).max(0.0), power)
        };
        let open = state.openness.clamp(0.0, 1.3);
        let upper = line + (self.upper * open - self.lower * 0.35 * (1.0 - open)) * arch(0.72, self.skew - 0.12);
        let lower = line - self.lower * (0.75 + 0.25 * open) * arch(0.85, 0.12);
        let within = (INNER..OUTER).contains(&ax) && y < upper && y > lower;
        Some(if within {
            self.ball(x, y, upper, s, state)
        } else {
            self.lid(ax, y, (upper, lower), state, arch(0.6, 0.0))
        })
    }

    fn ball(&self, x: f32, y: f32, upper: f32, s: f32, state: &EyeState) -> EyePoint {
        let side = if x < 0.0 { -1.0 } else { 1.0 };
        let (dx, dy) = (x - side * CENTRE.0, y - CENTRE.1);
        let depth = (BALL_RADIUS * BALL_RADIUS - dx * dx - dy * dy).max(9.0).sqrt();
        let normal = Vec3::new(dx, dy, depth).unit();
        let (ix, iy) = (dx - state.gaze.0, dy - state.gaze.1);
        let radius = (ix * ix + iy * iy).sqrt();
        let sclera = Rgb([0.52, 0.47, 0.45])
            .times(self.veiled)
            .times(1.0 - 0.25 * bump(s, 0.0, 0.12) - 0.2 * bump(s, 1.0, 0.15));
        let caruncle = smoothstep(0.10, 0.03, s);
        let white = sclera.towards(Rgb([0.38, 0.17, 0.15]), 0.7 * caruncle);
        let ring = 1.0 - 0.55 * smoothstep(IRIS_RADIUS * 0.72, IRIS_RADIUS, radius);
        let lower_glow = 1.0 + 0.5 * smoothstep(1.0, -4.0, iy);
        let iris = self.iris.times(ring * lower_glow);
        let colour = white.towards(iris, smoothstep(IRIS_RADIUS + 0.35, IRIS_RADIUS - 0.35, radius));
        let colour = colour.towards(Rgb::grey(0.004), smoothstep(state.pupil + 0.3, state.pupil - 0.3, radius));
        EyePoint::Ball { colour, normal, light: 0.34 + 0.66 * smoothstep(0.0, 3.2, upper - y) }
    }

    fn lid(&self, ax: f32, y: f32, (upper, lower): (f32, f32), state: &EyeState, arch: f32) -> EyePoint {
        let along = smoothstep(INNER - 1.0, INNER + 4.0, ax) * (1.0 - smoothstep(OUTER + 0.5, OUTER + 4.0, ax));
        let above = y - upper;
        let below = lower - y;
        let lash = self.lashes * along * bump(above, 0.2, 0.85 + 0.5 * self.liner) * (0.55 + 0.45 * self.liner + 0.3);
        let lower_lash = 0.3 * self.lashes * along * bump(below, 0.2, 0.6);
        let crease_at = self.crease * arch * (0.5 + 0.5 * state.openness) + 0.8;
        let crease = self.crease_depth * along * bump(above, crease_at, 0.9);
        let bag = 0.08 * along * bump(below, 2.8, 1.1);
        let hollow = 0.10 * bump(ax, INNER + 1.0, 4.0) * bump(y, 0.0, 6.0);
        EyePoint::Lid((1.0 - lash.min(0.95)) * (1.0 - lower_lash) * (1.0 - crease) * (1.0 - bag) * (1.0 - hollow))
    }
}

/// Returns where the cornea mirrors a light: the highlight's strength at a place of the ball.
pub(crate) fn glint(normal: Vec3, half: Vec3) -> f32 {
    let aligned = normal.dot(half).max(0.0);
    let a2 = aligned * aligned;
    let a8 = a2 * a2 * a2 * a2;
    let a64 = a8 * a8 * a8 * a8 * a8 * a8 * a8 * a8;
    a64 * a64 * a64 * a64
}
