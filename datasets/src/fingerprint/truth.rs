//! What is known about a capture because we made it.

use super::condition::Condition;
use super::contact::Contact;
use super::{CaptureQuality, Device, Finger, Minutia, PatternClass, SingularPoint};
use crate::math::Point;
use serde::{Deserialize, Serialize};

/// The truth behind one image; it never goes where a real system could not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The finger's pattern class.
    pub class: PatternClass,
    /// Cores and deltas inside the image, in image pixels.
    pub singular_points: Vec<SingularPoint>,
    /// Minutiae that touch the sensor, in image pixels; `direction` as it appears in the image.
    pub minutiae: Vec<Minutia>,
    /// The capture's quality parameter.
    pub quality: CaptureQuality,
    /// Placement, distortion, pressure and moisture.
    pub condition: Condition,
}

impl Truth {
    /// Carries the finger's singular points and minutiae over into the image.
    pub(crate) fn tell(finger: &Finger, device: &Device, quality: CaptureQuality, condition: Condition) -> Self {
        let map = &condition.deformation;
        let contact = Contact::new(&condition);
        let inside = |p: Point| {
            p.x >= 0.0 && p.y >= 0.0 && p.x <= (device.columns - 1) as f32 && p.y <= (device.rows - 1) as f32
        };
        let moved = finger.minutiae().iter().filter(|m| contact.depth(m.at) > 0.0).map(|m| Minutia {
            at: map.to_image(m.at),
            direction: map.direction_to_image(m.at, m.direction),
            kind: m.kind,
        });
        let minutiae = moved.filter(|m| inside(m.at)).collect();
        let singular = finger.singular_points().iter().map(|s| SingularPoint { at: map.to_image(s.at), ..*s });
        let singular_points = singular.filter(|s| inside(s.at)).collect();
        Self { class: finger.class(), singular_points, minutiae, quality, condition }
    }
}
