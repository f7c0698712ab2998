//! How one touch goes: where the finger is put, how hard, how moist.

use super::placement::{Deformation, Placement, Sweep};
use super::{CaptureQuality, Device, Finger, Technology};
use crate::math::{Point, gaussian, gaussian_within};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Holds what differs between the touches of one finger.
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
        let pressure = gaussian(rng).clamp(-2.2, 2.2) * severity.sqrt();
        let moisture = (finger.skin.moisture + TOUCH_MOISTURE * gaussian(rng)).clamp(-2.2, 2.2) * severity.sqrt();
        let grown = (1.0 + PRESSURE_GROWTH * pressure).clamp(0.6, 1.3);
        Self {
            deformation: draw_deformation(device, severity, rng),
            contact_centre: Point::new(6.0 * gaussian(rng), CONTACT_ROW + 12.0 * gaussian(rng) * severity.sqrt()),
            contact_axes: Point::new(
                gaussian_within(rng, CONTACT_AXES.x, 8.0, 2.0),
                gaussian_within(rng, CONTACT_AXES.y, 14.0, 2.0),
            )
            .times(grown),
            pressure,
            moisture,
            roughness: severity * libm::expf(ROUGHNESS_SD * gaussian(rng).clamp(-2.0, 1.5)),
        }
    }
}

fn draw_deformation(device: &Device, severity: f32, rng: &mut impl Rng) -> Deformation {
    let scale = 500.0 / f32::from(device.pixels_per_inch);
    let spread = severity.sqrt();
    let careless = rng.random::<f32>() < CARELESS_SHARE * severity;
    let (astray, strained) = if careless { (CARELESS_PLACEMENT, CARELESS_STRAIN) } else { (1.0, 1.0) };
    let shift = Point::new(
        device.placement.0 * gaussian(rng).clamp(-2.0, 2.0),
        device.placement.1 * gaussian(rng).clamp(-2.0, 2.0),
    );
    let rotation = gaussian_within(rng, 0.0, device.rotation, 2.2) * spread * strained;
    let middle = Point::new(device.columns as f32 / 2.0, device.rows as f32 / 2.0);
    let pattern_centre = Point::new(0.0, -CONTACT_ROW * 0.6).turned(rotation);
    let centre = middle.plus(pattern_centre.plus(shift.times(spread * astray)).times(1.0 / scale));
    let sweep = (device.technology == Technology::Sweep).then(|| Sweep::draw(severity, rng));
    Deformation::draw(Placement { scale, centre, rotation }, sweep, severity * strained, rng)
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
const CONTACT_AXES: Point = Point::new(112.0, 185.0);
/// Share of careless touches, how much farther off they are, and how much more they turn and strain the skin.
const CARELESS_SHARE: f32 = 0.32;
const CARELESS_PLACEMENT: f32 = 2.6;
const CARELESS_STRAIN: f32 = 2.0;
