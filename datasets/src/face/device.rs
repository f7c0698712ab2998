//! Cameras, as named profiles.

use serde::Serialize;

/// A camera, and the way in which it is held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Device {
    /// The profile's name.
    pub name: &'static str,
    /// Image columns, in pixels.
    pub columns: usize,
    /// Image rows, in pixels.
    pub rows: usize,
    /// Least and most distance from camera to face, in millimetres.
    pub distance: (f32, f32),
    /// Distance between the pupils as a share of the image's width.
    pub interpupillary: f32,
    /// Mean height of the camera over the eyes as an angle, in radians: a handset is held low.
    pub pitch: f32,
    /// Standard deviation of the lens's blur, in pixels.
    pub blur: f32,
    /// Standard deviation of the noise at mid grey, in grey levels.
    pub noise: f32,
    /// JPEG quality, least and most.
    pub jpeg: (f32, f32),
}

impl Device {
    /// All profiles' names.
    pub const NAMES: [&'static str; 3] = ["handset", "pc", "kiosk"];

    /// Finds a profile by its name.
    pub fn named(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|device| device.name == name)
    }
}

/// The profiles: a handset's front camera at arm's length, a webcam over a desk, a kiosk's camera. Images are the
/// region that a viewfinder's oval frames; ISO/IEC 19794-5's frontal image is the model for the kiosk's framing.
const PROFILES: [Device; 3] = [
    Device {
        name: "handset",
        columns: 128,
        rows: 128,
        distance: (330.0, 560.0),
        interpupillary: 0.315,
        pitch: -0.04,
        blur: 0.5,
        noise: 1.7,
        jpeg: (72.0, 95.0),
    },
    Device {
        name: "pc",
        columns: 112,
        rows: 112,
        distance: (480.0, 850.0),
        interpupillary: 0.29,
        pitch: 0.05,
        blur: 0.6,
        noise: 2.4,
        jpeg: (60.0, 90.0),
    },
    Device {
        name: "kiosk",
        columns: 160,
        rows: 200,
        distance: (600.0, 1200.0),
        interpupillary: 0.30,
        pitch: 0.0,
        blur: 0.6,
        noise: 1.3,
        jpeg: (85.0, 97.0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_profile() {
        assert!(Device::NAMES.iter().all(|name| Device::named(name).is_some_and(|device| device.name == *name)));
        assert_eq!(Device::named("optical"), None);
    }
}
