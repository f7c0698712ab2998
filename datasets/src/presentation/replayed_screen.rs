//! A replayed screen: a published portrait on a tablet or monitor, held before the camera.

use super::recapture::{Pose, handed_over, photo_at, photographed, sensor_columns, stolen_photo};
use crate::face::colour::Rgb;
use crate::face::{Device, Face, Nuisance};
use crate::math::{TAU, smoothstep, uniform};
use crate::stream::stream;
use biopay_biometrics::Sample;
use ndarray::Array2;
use rand::Rng;

/// The screen's white, bluer than the room: 7,500 K in linear sRGB (CIE daylight), and what a dark pixel still lets through.
const WHITE: Rgb = Rgb([0.90, 0.98, 1.12]);
const BLACK: f32 = 0.004;
/// Screen pixels to a sensor pixel: a face of 20 cm over 512 sensor pixels has .39 mm to each, and monitors have pixels of .23
/// to .31 mm; a tablet that is held nearer has the same ratio.
const PIXELS_PER_SENSOR_PIXEL: (f32, f32) = (0.75, 1.7);
/// Share of a pixel's height that is black matrix, and how much of the raster is left behind optics and anti-aliasing
/// filter.
const MATRIX: f32 = 0.18;
const RASTER_LEFT: f32 = 0.45;
/// Light of the room that the glass sends back, over the screen's white: a matt glass of 4 % under 300 lx beside 150 cd/m².
const VEIL: (f32, f32) = (0.01, 0.06);
/// Depth of the bands that a backlight's pulses leave under a rolling shutter.
const BANDS: (f32, f32) = (0.0, 0.05);
/// Share of a photo's side that the dark surround on the screen takes before the bezel.
const SURROUND: f32 = 0.02;

/// Presents a face's photo on a screen to a camera. Same arguments, same image.
///
/// Source: Chingovska, Anjos and Marcel 2012, "On the effectiveness of local binary patterns in face anti-spoofing"
/// (Replay-Attack); Patel, Han, Jain and Ott 2015, "Live face video vs. spoof face video: use of moiré patterns".
pub fn replayed_screen(face: &Face, device: &Device, nuisance: Nuisance, number: u64) -> (Sample, Array2<[u8; 3]>) {
    let rng = &mut stream(face.seed, &format!("presentation/replayed-screen/{}/{number}", device.name), face.subject);
    let photo = stolen_photo(face, number);
    let screen = Screen::draw(sensor_columns(device), rng);
    let pose = Pose::draw(rng);
    let light = |x: f32, y: f32| {
        let (u, v) = pose.place(x, y);
        screen.light(&photo, u, v, x, y)
    };
    handed_over(photographed(device, nuisance, light, rng))
}

/// One screen before one camera.
struct Screen {
    pixels: f32,
    veil: f32,
    bands: f32,
    bands_count: f32,
    /// A window or lamp in the glass: middle, half its size, and its light.
    window: [f32; 4],
    window_light: f32,
}

impl Screen {
    fn draw(sensor_columns: f32, rng: &mut impl Rng) -> Self {
        Self {
            pixels: sensor_columns * uniform(rng, PIXELS_PER_SENSOR_PIXEL.0, PIXELS_PER_SENSOR_PIXEL.1),
            veil: uniform(rng, VEIL.0, VEIL.1),
            bands: uniform(rng, BANDS.0, BANDS.1),
            bands_count: uniform(rng, 3.0, 9.0),
            window: [
                uniform(rng, -0.5, 0.5),
                uniform(rng, -0.5, 0.5),
                uniform(rng, 0.06, 0.2),
                uniform(rng, 0.08, 0.25),
            ],
            window_light: uniform(rng, 0.0, 0.16),
        }
    }

    fn light(&self, photo: &Array2<Rgb>, u: f32, v: f32, x: f32, y: f32) -> Rgb {
        let glass = Rgb::grey(self.veil + self.reflected(x, y));
        let inside = |p: f32| (-SURROUND..1.0 + SURROUND).contains(&p);
        if !(inside(u) && inside(v)) {
            return glass.times(0.6);
        }
        let shown = photo_at(photo, u, v).map_or(Rgb::default(), |colour| colour.filtered(WHITE));
        let pulse = 1.0 + self.bands * libm::sinf(TAU * self.bands_count * (y + 0.5));
        shown.plus(Rgb::grey(BLACK)).filtered(self.raster(u, v)).times(pulse).plus(glass)
    }

    /// Returns how much of each primary shines at a place: three stripes to a pixel, under a black matrix.
    fn raster(&self, u: f32, v: f32) -> Rgb {
        let (column, row) = (u * self.pixels, v * self.pixels);
        let (across, down) = (column - libm::floorf(column), row - libm::floorf(row));
        let lit = if down < MATRIX { 0.0 } else { 1.0 / (1.0 - MATRIX) };
        Rgb(std::array::from_fn(|stripe| {
            let is_here = (across * 3.0) as usize == stripe;
            1.0 + RASTER_LEFT * (if is_here { 3.0 * lit } else { 0.0 } - 1.0)
        }))
    }

    fn reflected(&self, x: f32, y: f32) -> f32 {
        let [middle_x, middle_y, half_width, half_height] = self.window;
        let within = |d: f32, half: f32| 1.0 - smoothstep(0.85 * half, 1.15 * half, libm::fabsf(d));
        self.window_light * within(x - middle_x, half_width) * within(y - middle_y, half_height)
    }
}
