//! Facial expressions: smooth displacements of the neutral head, addressed on the generic one.
//!
//! Which muscles move what: the action units of FACS (Ekman and Friesen 1978), named in brackets.

use super::generic::{bump, mouth_line};
use super::vector::Vec3;
use crate::math::{gaussian, smoothstep, uniform};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// The strength of each movement; 0 is at rest, 1 is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// Lip corners pulled up and out, cheeks raised [AU 6 + 12].
    pub smile: f32,
    /// Jaw dropped [AU 26].
    pub open: f32,
    /// Brows raised [AU 1 + 2]; negative lowers them [AU 4].
    pub brows: f32,
    /// Lips pushed forward [AU 18].
    pub pucker: f32,
    /// Lip corners lowered [AU 15].
    pub sad: f32,
    /// How open the eyes are: 1 is usual, 0 closed [AU 43], above 1 widened [AU 5].
    pub eyes: f32,
    /// Shift of gaze in millimetres at the iris, to the image's right and up.
    pub gaze: (f32, f32),
    /// Fuller or leaner cheeks than at enrolment, as years pass.
    pub weight: f32,
    /// One-sidedness of the mouth's movements, from -1 to 1.
    pub lopsided: f32,
}

impl Expression {
    /// At rest, looking into the camera.
    pub const NEUTRAL: Self = Self {
        smile: 0.0,
        open: 0.0,
        brows: 0.0,
        pucker: 0.0,
        sad: 0.0,
        eyes: 1.0,
        gaze: (0.0, 0.0),
        weight: 0.0,
        lopsided: 0.0,
    };

    /// Draws an expression; `strength` scales everything, 1 by default.
    pub(crate) fn draw(strength: f32, rng: &mut impl Rng) -> Self {
        let smiling = rng.random::<f32>() < 0.42;
        let speaking = rng.random::<f32>() < 0.18;
        let blink = rng.random::<f32>() < 0.03 * strength;
        let smile = if smiling { uniform(rng, 0.15, 1.0) } else { uniform(rng, 0.0, 0.15) };
        let teeth = if smiling && smile > 0.5 && rng.random::<bool>() { uniform(rng, 0.06, 0.20) } else { 0.0 };
        let spoken = if speaking { uniform(rng, 0.06, 0.34) } else { 0.0 };
        let closing = 1.12 + 0.08 * strength * gaussian(rng) - 0.18 * smile * strength;
        Self {
            smile: smile * strength,
            open: (teeth + spoken) * strength,
            brows: 0.35 * gaussian(rng) * strength,
            pucker: uniform(rng, -1.6, 0.6).max(0.0) * strength,
            sad: uniform(rng, -1.2, 0.7).max(0.0) * strength,
            eyes: if blink { 0.05 } else { closing.clamp(0.6, 1.25) },
            gaze: (1.1 * gaussian(rng) * strength, 0.6 * gaussian(rng) * strength),
            weight: 0.5 * gaussian(rng) * strength,
            lopsided: (0.35 * gaussian(rng)).clamp(-0.8, 0.8),
        }
    }

    /// Returns how far a place of the generic head moves. Units: millimetres.
    pub(crate) fn displacement(&self, g: Vec3) -> Vec3 {
        if g.y > 60.0 || g.z < -100.0 {
            return Vec3::default();
        }
        let side = if g.x < 0.0 { -1.0 } else { 1.0 };
        let ax = g.x.abs();
        let even = smoothstep(0.0, 6.0, ax);
        let sided = 1.0 + 0.5 * self.lopsided * side * even;
        self.mouth(g, ax, side * even, sided) + self.upper_face(g, ax, side * even)
    }

    fn mouth(&self, g: Vec3, ax: f32, side: f32, sided: f32) -> Vec3 {
        if g.y > -18.0 {
            return Vec3::default();
        }
        let corner = bump(ax, 25.0, 10.0) * bump(g.y, -71.5, 10.0);
        let cheek = bump(ax, 38.0, 12.0) * bump(g.y, -42.0, 13.0);
        let lip = bump(ax, 0.0, 14.0) * bump(g.y, -71.5, 9.0);
        let wing = bump(ax, 16.0, 6.0) * bump(g.y, -44.0, 6.0);
        let s = self.smile * sided;
        let mut d =
            Vec3::new(side * (5.5 * corner + 1.2 * wing) * s, (5.0 * corner + 4.0 * cheek + 0.8 * wing) * s, 0.0);
        d.z += (-2.6 * corner + 2.8 * cheek - 1.2 * lip) * s;
        d = d + Vec3::new(-side * 4.5 * corner, 0.0, 3.2 * lip + 1.5 * corner) * self.pucker;
        d = d + Vec3::new(0.0, -3.6 * corner * sided, -0.6 * corner) * self.sad;
        let leaner = bump(ax, 42.0, 16.0) * bump(g.y, -55.0, 20.0);
        d = d + Vec3::new(side * 2.0, 0.0, 1.4) * (leaner * self.weight);
        d + self.jaw(g, ax)
    }

    fn jaw(&self, g: Vec3, ax: f32) -> Vec3 {
        let line = mouth_line(g.x);
        let drop = JAW_DROP * self.open;
        if g.y > line - 0.2 {
            let raised = 0.10 * drop * bump(ax, 0.0, 14.0) * smoothstep(-55.0, -70.0, g.y);
            return Vec3::new(0.0, raised, 0.0);
        }
        let lips = (1.0 - (ax / 25.5) * (ax / 25.5)).max(0.0).sqrt();
        let below = smoothstep(-72.0, -94.0, g.y) * (1.0 - 0.75 * smoothstep(30.0, 62.0, ax));
        let share = lips.max(below) * smoothstep(-150.0, -122.0, g.y);
        Vec3::new(0.0, -drop * share, -0.22 * drop * share)
    }

    fn upper_face(&self, g: Vec3, ax: f32, side: f32) -> Vec3 {
        if g.y < -20.0 {
            return Vec3::default();
        }
        let brow = bump(ax, 28.0, 19.0) * bump(g.y, 16.0, 9.0);
        let knit = bump(ax, 13.0, 8.0) * bump(g.y, 13.0, 6.0);
        let lowered = (-self.brows).max(0.0);
        let lower_lid = bump(ax, 31.0, 10.0) * bump(g.y, -11.0, 5.0);
        Vec3::new(
            -side * 3.2 * knit * lowered,
            4.6 * brow * self.brows - 1.5 * knit * lowered + 1.8 * lower_lid * self.smile,
            1.2 * knit * lowered + 0.9 * lower_lid * self.smile,
        )
    }
}

/// How far a full jaw drop lowers the lower lip, in millimetres.
pub(crate) const JAW_DROP: f32 = 17.0;
