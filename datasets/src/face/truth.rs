//! What is known about a capture because we made it.

use super::condition::Condition;
use super::nuisance::Nuisance;
use crate::math::Point;
use serde::{Deserialize, Serialize};

/// The places of some landmarks of the face in the image. Units: pixels from the top left corner.
///
/// Left and right are the image's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacePoints {
    /// The left eye's middle.
    pub left_eye: Point,
    /// The right eye's middle.
    pub right_eye: Point,
    /// The nose's tip.
    pub nose: Point,
    /// The mouth's left corner.
    pub left_mouth: Point,
    /// The mouth's right corner.
    pub right_mouth: Point,
}

/// The truth behind one image; it never goes where a real system could not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Where the face lies.
    pub points: FacePoints,
    /// How much captures differ.
    pub nuisance: Nuisance,
    /// Pose, expression, framing and the rest.
    pub condition: Condition,
}
