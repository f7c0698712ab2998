//! How one look at a symbol goes: what shows it, from where, and in which light.

use crate::fingerprint::CaptureQuality;
use crate::math::{Point, gaussian_within, uniform};
use rand::Rng;
use serde::Serialize;

/// The camera's frame, in pixels a side.
pub const FRAME_PIXELS: usize = 640;

biopay_biometrics::named_enum! {
    /// The medium that shows a symbol.
    pub enum Display {
        /// A handset's screen: a pixel grid, a glass front that reflects, black that is not quite dark.
        Screen = "screen",
        /// Paper from an office printer: ink that spreads, a rough surface, light from one side.
        Print = "print",
    }
}

/// The conditions of one look.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Viewing {
    /// What shows the symbol.
    pub display: Display,
    /// The symbol's side with its quiet zone, as a share of the frame's.
    pub fill: f32,
    /// Turn in the image plane. Units: radians.
    pub rotation: f32,
    /// Turns about the image's axes, which make the perspective. Units: radians.
    pub tilt: Point,
    /// Where the symbol's middle lies off the frame's. Units: shares of the frame.
    pub shift: Point,
    /// Standard deviation of the blur by focus and motion. Units: camera pixels.
    pub blur: f32,
    /// Standard deviation of the sensor's noise at full light. Units: grey levels.
    pub noise: f32,
    /// Strength of the reflected lamp, 0 for none; 1 is as bright as white.
    pub glare: f32,
    /// Where the reflection lies on the surface, from -1 to 1.
    pub glare_at: Point,
    /// How much darker the far side of the surface is lit, from 0 to 1.
    pub shade: f32,
    /// How far ink or light spreads over a module's edge. Units: modules.
    pub spread: f32,
}

impl Viewing {
    /// Returns a look head on, in even light, in focus, with `fill` of the frame's side taken.
    pub fn clean(display: Display, fill: f32) -> Self {
        let origin = Point::new(0.0, 0.0);
        Self {
            display,
            fill,
            rotation: 0.0,
            tilt: origin,
            shift: origin,
            blur: 0.0,
            noise: 0.0,
            glare: 0.0,
            glare_at: origin,
            shade: 0.0,
            spread: 0.0,
        }
    }

    /// Draws the conditions of one look; everything that spoils it grows as quality falls.
    pub fn draw(display: Display, quality: CaptureQuality, rng: &mut impl Rng) -> Self {
        let severity = quality.severity();
        let spoil = |rng: &mut _, sd: f32| gaussian_within(rng, 0.0, sd * severity, 2.0);
        Self {
            display,
            fill: uniform(rng, FILL.0, FILL.1),
            rotation: spoil(rng, ROTATION_SD),
            tilt: Point::new(spoil(rng, TILT_SD), spoil(rng, TILT_SD)),
            shift: Point::new(spoil(rng, SHIFT_SD), spoil(rng, SHIFT_SD)),
            blur: BLUR_LEAST + spoil(rng, BLUR_SD).abs(),
            noise: NOISE * severity,
            glare: (spoil(rng, GLARE_SD) - GLARE_FREE).max(0.0),
            glare_at: Point::new(uniform(rng, -1.0, 1.0), uniform(rng, -1.0, 1.0)),
            shade: spoil(rng, SHADE_SD).abs().min(0.9),
            spread: spoil(rng, SPREAD_SD),
        }
    }
}

// Chosen by eye as what a hand-held handset in front of a till's camera does; severity 1 is the default quality.

/// The symbol fills this much of the frame's side: an aiming frame on the screen makes people hold it so.
const FILL: (f32, f32) = (0.55, 0.85);
/// Turn in the plane: 6 degrees.
const ROTATION_SD: f32 = 0.105;
/// Tilt about each axis: 9 degrees.
const TILT_SD: f32 = 0.157;
/// Off the middle by this share of the frame.
const SHIFT_SD: f32 = 0.02;
/// A lens in focus blurs by half a pixel; focus and motion add to it.
const BLUR_LEAST: f32 = 0.5;
const BLUR_SD: f32 = 1.0;
/// Noise of a small sensor indoors. Units: grey levels.
const NOISE: f32 = 5.0;
/// Glare appears beyond one and a half of what is free of it, in about a third of looks at the default quality.
const GLARE_SD: f32 = 0.6;
const GLARE_FREE: f32 = 0.3;
/// Light falls off by this share across the surface.
const SHADE_SD: f32 = 0.25;
/// Ink gains this share of a module on each edge, or loses it.
const SPREAD_SD: f32 = 0.08;
