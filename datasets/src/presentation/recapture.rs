//! What paper and screens share: the stolen photo, how a flat thing is held before the camera, and the camera.

use crate::face::colour::Rgb;
use crate::face::sensor::{Developed, Settings, develop};
use crate::face::{Device, Face, Nuisance};
use crate::math::{gaussian, uniform};
use biopay_biometrics::Sample;
use ndarray::Array2;
use rand::Rng;

/// The photo that was stolen: larger and cleaner than what a login sees, as people publish their portraits.
const PHOTO: Device = Device {
    name: "stolen-photo",
    columns: 320,
    rows: 320,
    distance: (500.0, 800.0),
    interpupillary: 0.30,
    pitch: 0.0,
    blur: 0.7,
    noise: 1.2,
    jpeg: (85.0, 95.0),
};
/// How unlike a passport photo it is, from 0 to 1.
const PHOTO_NUISANCE: f32 = 0.25;

/// Sensor pixels to a pixel of the image, along either axis: cameras have more than what is kept, and a fine raster beats
/// with theirs before the image is made smaller. That is where moiré comes from.
const SENSOR_PIXELS: usize = 4;
/// Where exposure is metered: the middle part of the image, where a face is expected.
const METERED_PART: f32 = 0.5;

/// Takes the photo that somebody published, in linear light.
pub(super) fn stolen_photo(face: &Face, number: u64) -> Array2<Rgb> {
    let photo = face.capture(&PHOTO, Nuisance::new(PHOTO_NUISANCE).expect("the constant is in range"), number);
    photo.colour.mapv(|pixel| Rgb(pixel.map(|c| linear(f32::from(c) / 255.0))))
}

/// Undoes sRGB's curve (IEC 61966-2-1).
pub(super) fn linear(coded: f32) -> f32 {
    if coded <= 0.040_45 { coded / 12.92 } else { libm::powf((coded + 0.055) / 1.055, 2.4) }
}

/// Reads a photo between its pixels; `None` outside it. Units: `u` and `v` from 0 to 1, rightwards and downwards.
pub(super) fn photo_at(photo: &Array2<Rgb>, u: f32, v: f32) -> Option<Rgb> {
    if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
        return None;
    }
    let (rows, columns) = photo.dim();
    let (x, y) = ((u * columns as f32 - 0.5).max(0.0), (v * rows as f32 - 0.5).max(0.0));
    let (c, r) = ((x as usize).min(columns - 2), (y as usize).min(rows - 2));
    let (fx, fy) = ((x - c as f32).min(1.0), (y - r as f32).min(1.0));
    let top = photo[[r, c]].towards(photo[[r, c + 1]], fx);
    Some(top.towards(photo[[r + 1, c]].towards(photo[[r + 1, c + 1]], fx), fy))
}

/// The pose of a flat object: where a ray through the image meets it.
pub(super) struct Pose {
    scale: f32,
    shift: (f32, f32),
    turn: (f32, f32),
    tilt: (f32, f32),
}

impl Pose {
    /// Draws how an attacker holds it who wants the face where the viewfinder asks for it: in size and place as well as a
    /// living subject manages, a few degrees off square.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        let angle = 0.035 * gaussian(rng).clamp(-2.5, 2.5);
        let (sin, cos) = libm::sincosf(angle);
        Self {
            scale: uniform(rng, 0.90, 1.04),
            shift: (0.012 * gaussian(rng), 0.012 * gaussian(rng)),
            turn: (sin, cos),
            tilt: (0.06 * gaussian(rng).clamp(-2.5, 2.5), 0.06 * gaussian(rng).clamp(-2.5, 2.5)),
        }
    }

    /// Returns where the image's place (`x`, `y`), from -0.5 to 0.5, lies on the thing, from 0 to 1.
    pub(super) fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.turn;
        let (x, y) = (cos * x - sin * y, sin * x + cos * y);
        let depth = self.scale / (1.0 + self.tilt.0 * x + self.tilt.1 * y);
        (0.5 + self.shift.0 + x * depth, 0.5 + self.shift.1 + y * depth)
    }
}

/// Photographs a surface: `light` gives the light from a place of the image, from -0.5 to 0.5 each.
pub(super) fn photographed(
    device: &Device,
    nuisance: Nuisance,
    light: impl Fn(f32, f32) -> Rgb,
    rng: &mut impl Rng,
) -> Developed {
    let (rows, columns) = (device.rows, device.columns);
    let count = SENSOR_PIXELS as f32;
    let pixel = |(row, column): (usize, usize)| {
        let mut sum = Rgb::default();
        for i in 0..SENSOR_PIXELS * SENSOR_PIXELS {
            let (dy, dx) = ((i / SENSOR_PIXELS) as f32 + 0.5, (i % SENSOR_PIXELS) as f32 + 0.5);
            let x = (column as f32 + dx / count) / columns as f32 - 0.5;
            let y = (row as f32 + dy / count) / rows as f32 - 0.5;
            sum = sum.plus(light(x, y));
        }
        sum.times(1.0 / (count * count))
    };
    let image = Array2::from_shape_fn((rows, columns), pixel);
    let margin = |n: usize| ((1.0 - METERED_PART) / 2.0 * n as f32) as usize;
    let middle =
        image.slice(ndarray::s![margin(rows)..rows - margin(rows), margin(columns)..columns - margin(columns)]);
    let metered = middle.iter().map(|c| c.luminance()).sum::<f32>() / middle.len() as f32;
    let settings = Settings::draw(device, nuisance.value(), rng);
    develop(image, metered, &settings, rng)
}

/// Returns what the camera hands over, in grey and in colour.
pub(super) fn handed_over(developed: Developed) -> (Sample, Array2<[u8; 3]>) {
    (Sample::face(developed.grey), developed.colour)
}

/// Counts sensor pixels across the image, which rasters beat with.
pub(super) fn sensor_columns(device: &Device) -> f32 {
    (device.columns * SENSOR_PIXELS) as f32
}
