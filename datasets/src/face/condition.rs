//! How one sitting goes: pose, expression, light, framing, what covers the face.

use super::accessory::Cover;
use super::device::Device;
use super::expression::Expression;
use super::identity::Face;
use super::nuisance::Nuisance;
use crate::math::{gaussian, uniform};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// The conditions that differ between the captures of one face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Turn of the head to the image's right. Units: radians.
    pub yaw: f32,
    /// Nod of the head, positive down. Units: radians.
    pub pitch: f32,
    /// Tilt of the head, positive to the image's left. Units: radians.
    pub roll: f32,
    /// The face's expression.
    pub expression: Expression,
    /// Years since enrolment.
    pub years: f32,
    /// Whether glasses are worn.
    pub glasses: bool,
    /// What covers the lower face.
    pub cover: Cover,
    /// Distance from the camera. Units: millimetres.
    pub distance: f32,
    /// Distance between the pupils as a share of the image's width, seen from the front.
    pub interpupillary: f32,
    /// Shift of the face in the image as a share of the width, right and up.
    pub shift: (f32, f32),
    /// Gloss of the skin, 1 is usual.
    pub oil: f32,
}

impl Condition {
    /// Draws the condition of one capture.
    pub(crate) fn draw(face: &Face, device: &Device, nuisance: Nuisance, cover: Cover, rng: &mut impl Rng) -> Self {
        let n = nuisance.value();
        let turned = |rng: &mut _, sd: f32, most: f32| (sd * n * gaussian(rng)).clamp(-most, most);
        let posed = rng.random::<f32>() < POSED_SHARE;
        let yaw_sd = if posed { YAW_POSED } else { YAW };
        Self {
            yaw: turned(rng, yaw_sd, 0.5),
            pitch: device.pitch * n.min(1.0) + turned(rng, PITCH, 0.3),
            roll: turned(rng, ROLL, 0.3),
            expression: Expression::draw(n, rng),
            years: uniform(rng, 0.0, 3.0) * n,
            glasses: face.glasses.is_some() && rng.random::<f32>() < face.glasses_worn,
            cover,
            distance: uniform(rng, device.distance.0, device.distance.1),
            interpupillary: device.interpupillary * libm::expf(SCALE * n * gaussian(rng).clamp(-2.5, 2.5)),
            shift: (SHIFT * n * gaussian(rng).clamp(-2.5, 2.5), SHIFT * n * gaussian(rng).clamp(-2.5, 2.5)),
            oil: libm::expf(0.45 * n * gaussian(rng).clamp(-2.0, 2.0)),
        }
    }
}

/// Standard deviations of the head's turn; a share of captures is posed to the side, as in real collections.
const POSED_SHARE: f32 = 0.22;
const YAW: f32 = 0.080;
const YAW_POSED: f32 = 0.21;
const PITCH: f32 = 0.06;
const ROLL: f32 = 0.045;
/// Relative spread of the face's size, and spread of its place as a share of the image's width: what a viewfinder's
/// oval, or a detector without eye alignment, leaves.
const SCALE: f32 = 0.036;
const SHIFT: f32 = 0.014;
