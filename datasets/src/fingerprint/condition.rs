//! How one touch goes: where the finger is put, how hard, how moist.

use super::placement::{Deformation, Placement, Sweep};
use super::{CaptureQuality, Device, Finger, Technology};
use crate::math::{Point, gaussian, gaussian_within};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// The conditions that differ between the touches of one finger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Placement and plastic distortion.
    pub deformation: Deformation,
    /// The contact region's centre, in finger coordinates.
    pub contact_centre: Point,
    /// The contact region's semi-axes, in finger pixels.
    pub contact_axes: Point,
    /// Pressure: 0 is usual, negative light, positive hard; standard deviation 1 at the default quality.
    pub pressure: f32,
    /// Moisture: 0 is usual, negative dry, positive wet.
    pub moisture: f32,
    /// Fresh noise between captures, as a factor on the usual.
    pub roughness: f32,
}

impl Condition {
    /// Draws the condition of one touch.
    pub(crate) fn draw(finger: &Finger, device: &Device, quality: CaptureQuality, rng: &mut impl Rng) -> Self {
        let severity = quality.severity();
        let spread = severity.sqrt();
        let care = Care::draw(severity, rng);
        let pressure = gaussian(rng).clamp(-2.2, 2.2) * spread;
        let moisture = (finger.skin.moisture + TOUCH_MOISTURE * gaussian(rng)).clamp(-2.2, 2.2) * spread;
        let grown = (1.0 + PRESSURE_GROWTH * pressure).clamp(0.6, 1.3);
        let axis = |rng: &mut _, mean: f32| gaussian_within(rng, mean, AXES_SPREAD * mean, 2.0) * grown;
        let rolled = care.astray * spread;
        Self {
            deformation: draw_deformation(device, severity, &care, rng),
            contact_centre: Point::new(
                gaussian_within(rng, 0.0, ROLL.x * rolled, 2.0),
                gaussian_within(rng, CONTACT_ROW, ROLL.y * rolled, 2.0),
            ),
            contact_axes: Point::new(axis(rng, CONTACT_AXES.x), axis(rng, CONTACT_AXES.y)),
            pressure,
            moisture,
            roughness: severity * libm::expf(ROUGHNESS_SD * gaussian(rng).clamp(-2.0, 1.5)),
        }
    }
}

/// The carelessness of a touch, as factors on what is usual.
struct Care {
    astray: f32,
    strained: f32,
}

impl Care {
    fn draw(severity: f32, rng: &mut impl Rng) -> Self {
        if rng.random::<f32>() < CARELESS_SHARE * severity {
            Self { astray: CARELESS_PLACEMENT, strained: CARELESS_STRAIN }
        } else {
            Self { astray: 1.0, strained: 1.0 }
        }
    }
}

fn draw_deformation(device: &Device, severity: f32, care: &Care, rng: &mut impl Rng) -> Deformation {
    let scale = 500.0 / f32::from(device.pixels_per_inch);
    let spread = severity.sqrt();
    let away = |rng: &mut _, sd: f32| (sd * care.astray * spread * gaussian(rng)).clamp(-FARTHEST * sd, FARTHEST * sd);
    let shift = Point::new(away(rng, device.placement.0), away(rng, device.placement.1));
    let rotation = gaussian_within(rng, 0.0, device.rotation * spread * care.strained, 2.2);
    let middle = Point::new(device.columns as f32 / 2.0, device.rows as f32 / 2.0);
    let pattern_centre = Point::new(0.0, -CONTACT_ROW * AIM).turned(rotation);
    let centre = middle.plus(pattern_centre.plus(shift).times(1.0 / scale));
    let sweep = (device.technology == Technology::Sweep).then(|| Sweep::draw(severity, rng));
    Deformation::draw(Placement { scale, centre, rotation }, sweep, severity * care.strained, rng)
}

/// Spread of a finger's moisture from touch to touch.
const TOUCH_MOISTURE: f32 = 0.8;
/// Spread of the logarithm of roughness from touch to touch.
const ROUGHNESS_SD: f32 = 0.40;
/// The contact region grows by this share for each unit of pressure.
const PRESSURE_GROWTH: f32 = 0.10;
/// The contact region's mean centre below the pattern's and its semi-axes in finger pixels: 12 by 17 mm, what
/// FVC2002 DB1's images show of a finger.
const CONTACT_ROW: f32 = 40.0;
const CONTACT_AXES: Point = Point::new(114.0, 188.0);
/// Relative spread of those axes.
const AXES_SPREAD: f32 = 0.07;
/// Spread of the contact's centre on the finger, in finger pixels: the finger rolls and tips.
const ROLL: Point = Point::new(9.0, 14.0);
/// Where between the pattern's centre (0) and the contact's (1) fingers aim at the sensor's middle.
const AIM: f32 = 0.6;
/// How far off a touch can be at most, in the device's standard deviations.
const FARTHEST: f32 = 3.0;
/// Share of careless touches, how much farther off they are, and how much more they turn and strain the skin.
const CARELESS_SHARE: f32 = 0.44;
const CARELESS_PLACEMENT: f32 = 2.8;
const CARELESS_STRAIN: f32 = 2.0;
