//! Sensors, as named profiles.

use serde::Serialize;

/// The physics of a sensor, which decides how its background and its flaws look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Technology {
    /// Frustrated total internal reflection: white where nothing touches.
    Optical,
    /// A capacitive array: grey background, gain that differs from column to column.
    Capacitive,
    /// A line sensor that the finger is drawn across: the reconstruction stretches and shears.
    Sweep,
}

/// A sensor: its size, resolution and flaws.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// The profile's name.
    pub name: &'static str,
    /// The physics.
    pub technology: Technology,
    /// Image columns, in pixels.
    pub columns: usize,
    /// Image rows, in pixels.
    pub rows: usize,
    /// Resolution, in pixels per inch.
    pub pixels_per_inch: u16,
    /// Grey level where nothing touches.
    pub background: f32,
    /// Grey level of a fully touching ridge.
    pub ridge: f32,
    /// Standard deviation of the optical or electrical blur, in pixels.
    pub blur: f32,
    /// Standard deviation of the pixel noise, in grey levels.
    pub noise: f32,
    /// Standard deviation of where the finger is put, in pixels at 500 per inch: across and along the finger.
    pub placement: (f32, f32),
    /// Standard deviation of the finger's rotation, in radians.
    pub rotation: f32,
}

impl Device {
    /// All profiles' names.
    pub const NAMES: [&'static str; 5] = ["optical", "capacitive", "handset", "sweep", "pc"];

    /// Finds a profile by its name.
    pub fn named(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|device| device.name == name)
    }
}

/// The profiles. Sizes and resolutions: `optical` is FVC2002 DB1's Identix TouchView II and `capacitive` DB3's
/// Precise 100 SC (Maio et al., FVC2002); `handset` a small array under a home button; `sweep` an AuthenTec-like
/// line sensor's stitched image; `pc` a desktop reader of 15 by 18 mm. Noise levels are read off such images.
const PROFILES: [Device; 5] = [
    Device {
        name: "optical",
        technology: Technology::Optical,
        columns: 388,
        rows: 374,
        pixels_per_inch: 500,
        background: 252.0,
        ridge: 28.0,
        blur: 0.6,
        noise: 2.5,
        placement: (29.0, 38.0),
        rotation: 0.16,
    },
    Device {
        name: "capacitive",
        technology: Technology::Capacitive,
        columns: 300,
        rows: 300,
        pixels_per_inch: 500,
        background: 150.0,
        ridge: 35.0,
        blur: 0.5,
        noise: 7.0,
        placement: (20.0, 24.0),
        rotation: 0.14,
    },
    Device {
        name: "handset",
        technology: Technology::Capacitive,
        columns: 160,
        rows: 160,
        pixels_per_inch: 508,
        background: 190.0,
        ridge: 40.0,
        blur: 0.5,
        noise: 6.0,
        placement: (16.0, 18.0),
        rotation: 0.14,
    },
    Device {
        name: "sweep",
        technology: Technology::Sweep,
        columns: 256,
        rows: 400,
        pixels_per_inch: 500,
        background: 225.0,
        ridge: 45.0,
        blur: 0.6,
        noise: 6.0,
        placement: (18.0, 24.0),
        rotation: 0.12,
    },
    Device {
        name: "pc",
        technology: Technology::Optical,
        columns: 300,
        rows: 350,
        pixels_per_inch: 508,
        background: 238.0,
        ridge: 45.0,
        blur: 0.9,
        noise: 5.0,
        placement: (18.0, 20.0),
        rotation: 0.12,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_profile() {
        assert!(Device::NAMES.iter().all(|name| Device::named(name).is_some_and(|device| device.name == *name)));
        assert_eq!(Device::named("camera"), None);
    }
}
