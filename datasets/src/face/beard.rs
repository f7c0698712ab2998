//! Beards, moustaches and stubble.

use super::colour::Rgb;
use super::generic::bump;
use super::vector::curve;
use crate::math::{smoothstep, uniform};
use rand::Rng;

/// A person's facial hair; all shares from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beard {
    cheeks: f32,
    moustache: f32,
    chin: f32,
    /// How far the full parts stand out, in millimetres.
    pub(crate) length: f32,
    grey: f32,
}

impl Beard {
    /// No facial hair.
    pub(crate) const NONE: Self = Self { cheeks: 0.0, moustache: 0.0, chin: 0.0, length: 0.0, grey: 0.0 };

    pub(crate) fn draw(masculinity: f32, rng: &mut impl Rng) -> Self {
        let (style, amount) = (uniform(rng, 0.0, 1.0), uniform(rng, 0.0, 1.0));
        let grey = uniform(rng, 0.0, 0.4) * uniform(rng, 0.0, 1.0);
        if masculinity < 0.0 {
            return Self::NONE;
        }
        let shadow = 0.04 + 0.24 * amount;
        match style {
            s if s < 0.56 => Self { cheeks: shadow, moustache: shadow, chin: shadow, length: 0.0, grey },
            s if s < 0.66 => Self { cheeks: 0.45, moustache: 0.5, chin: 0.5, length: 0.6, grey },
            s if s < 0.76 => Self { cheeks: 0.05, moustache: 0.9, chin: 0.05, length: 2.0, grey },
            s if s < 0.84 => Self { cheeks: 0.1, moustache: 0.8, chin: 0.88, length: 3.0, grey },
            _ => Self { cheeks: 0.88, moustache: 0.88, chin: 0.92, length: 3.0 + 7.0 * amount, grey },
        }
    }

    pub(crate) fn colour(&self, hair: Rgb) -> Rgb {
        hair.times(1.1).towards(Rgb::grey(0.4), self.grey)
    }

    /// Returns how much of a place is covered, without the lips; `stroke` is a noise of unit step.
    pub(crate) fn share(&self, ax: f32, x: f32, y: f32, stroke: &impl Fn(f32, f32) -> f32) -> f32 {
        // Raggedness moves the edge by a few millimetres.
        if self.cheeks + self.moustache + self.chin == 0.0 || y > curve(&CHEEK_LINE, ax) + 12.0 {
            return 0.0;
        }
        let ragged = 2.2 * stroke(x * 0.5, y * 0.5 + 90.0);
        let cover = self.cover(ax, y, ragged);
        // Where it is short the skin shows evenly between the hairs; where it is full, in places.
        let hairs = 0.90 + 0.14 * stroke(x * 1.1 + 50.0, y * 0.42) + 0.08 * stroke(x * 0.3, y * 0.2);
        (cover * hairs.clamp(0.4, 1.05)).clamp(0.0, 0.97)
    }

    /// Returns how far a place stands out because of hair, in millimetres.
    pub(crate) fn stands_out(&self, x: f32, y: f32) -> f32 {
        if self.length < 1.0 || y > 0.0 {
            return 0.0;
        }
        let ax = x.abs();
        // It grows out of the cheek gently, is trimmed under the nose, and leaves the lips free.
        let gently = smoothstep(0.0, 24.0, curve(&CHEEK_LINE, ax) - y);
        let trimmed = 0.35 + 0.65 * smoothstep(-66.0, -80.0, y).max(smoothstep(22.0, 34.0, ax));
        let from_lips = ((ax / 26.0) * (ax / 26.0) + ((y + 71.5) / 9.5) * ((y + 71.5) / 9.5)).sqrt();
        self.length * self.cover(ax, y, 0.0) * gently * trimmed * smoothstep(0.9, 1.7, from_lips)
    }

    fn cover(&self, ax: f32, y: f32, ragged: f32) -> f32 {
        let edge = curve(&CHEEK_LINE, ax);
        let below = smoothstep(-3.0, 4.0, edge - y + ragged);
        let neck = smoothstep(-128.0, -118.0, y + ragged);
        let round_mouth = 1.0 - smoothstep(14.0, 20.0, ax + 0.4 * ragged);
        let on_chin = round_mouth * smoothstep(-78.0, -84.0, y);
        let moustache = smoothstep(-52.0, -55.0, y + 0.25 * ax + 0.3 * ragged)
            * smoothstep(-71.5 - 0.25 * (ax - 12.0).max(0.0), -67.5, y)
            * (1.0 - smoothstep(17.0, 29.0, ax + 0.7 * ragged));
        let bare_spot = 1.0 - 0.5 * bump(ax, 10.0, 4.0) * bump(y, -86.0, 3.0);
        let cheeks = self.cheeks * below * (1.0 - 0.4 * bump(ax, 0.0, 5.0) * bump(y, -55.0, 5.0));
        (cheeks.max(self.chin * on_chin * bare_spot).max(self.moustache * moustache) * neck).min(1.0)
    }
}

/// Upper edge of a full beard by distance from the middle.
const CHEEK_LINE: [(f32, f32); 6] =
    [(0.0, -53.0), (14.0, -56.0), (27.0, -64.0), (42.0, -54.0), (56.0, -34.0), (68.0, 4.0)];
