//! A printed face: a published portrait on office paper, bent in the hand, under a lamp.

use super::recapture::{Pose, handed_over, photo_at, photographed, sensor_columns, stolen_photo};
use crate::face::colour::Rgb;
use crate::face::{Device, Face, Nuisance};
use crate::math::uniform;
use crate::stream::stream;
use biopay_biometrics::Sample;
use ndarray::Array2;
use rand::Rng;

/// Reflectance of uncoated paper and of all inks over each other: L* of 95 and 30 (ISO 12647-2:2013, paper type 5), warm
/// and a little brown.
const PAPER: Rgb = Rgb([0.88, 0.87, 0.83]);
const INK: Rgb = Rgb([0.066, 0.062, 0.058]);
/// Share of its distance from grey that a colour loses: the gamut of office toner holds about 60 % of sRGB's volume, which is
/// .85 along each axis.
const SATURATION: f32 = 0.85;
/// Screen angles of cyan, magenta and yellow (ISO 12647-2: 15, 75 and 0 degrees).
const ANGLES: [f32; 3] = [0.261_8, 1.309, 0.0];
/// Halftone cells to a sensor pixel: a face of 20 cm over 512 pixels has 2.6 pixels to a millimetre, and laser printers put
/// 71 to 106 lines to the inch, 2.8 to 4.2 to a millimetre.
const CELLS_PER_SENSOR_PIXEL: (f32, f32) = (0.55, 1.4);
/// Width of a dot's edge in units of the threshold: toner spreads.
const DOT_EDGE: f32 = 0.25;
/// How much of the raster is left behind optics and anti-aliasing filter.
const RASTER_LEFT: f32 = 0.4;
/// Share of a photo's side that the white border takes.
const BORDER: f32 = 0.03;

/// Presents a print of a face's photo to a camera. Same arguments, same image.
///
/// Source: Zhang, Yan, Liu, Lei, Yi and Li 2012, "A face antispoofing database with diverse attacks" (warped and flat prints,
/// CASIA-FASD); Ulichney 1987, "Digital halftoning", chapter 5 (clustered dots).
pub fn printed_face(face: &Face, device: &Device, nuisance: Nuisance, number: u64) -> (Sample, Array2<[u8; 3]>) {
    let rng = &mut stream(face.seed, &format!("presentation/printed-face/{}/{number}", device.name), face.subject);
    let photo = stolen_photo(face, number);
    let print = Print::draw(sensor_columns(device), rng);
    let pose = Pose::draw(rng);
    let light = |x: f32, y: f32| {
        let (u, v) = pose.place(print.bent(x), y);
        print.light(&photo, u, v, x, y)
    };
    handed_over(photographed(device, nuisance, light, rng))
}

/// One sheet in one hand.
struct Print {
    cells: f32,
    /// Radians that the sheet turns over the image's width, and how far off the middle its axis is.
    bend: f32,
    axis: f32,
    lamp: f32,
    gloss: f32,
    glare_at: (f32, f32),
    room: Rgb,
}

impl Print {
    fn draw(sensor_columns: f32, rng: &mut impl Rng) -> Self {
        let cells_per_pixel = uniform(rng, CELLS_PER_SENSOR_PIXEL.0, CELLS_PER_SENSOR_PIXEL.1);
        Self {
            cells: sensor_columns * cells_per_pixel,
            bend: uniform(rng, -1.1, 1.1),
            axis: uniform(rng, -0.15, 0.15),
            lamp: uniform(rng, -0.7, 0.7),
            gloss: uniform(rng, 0.0, 0.35),
            glare_at: (uniform(rng, -0.45, 0.45), uniform(rng, -0.5, 0.1)),
            room: Rgb::grey(uniform(rng, 0.02, 0.2)),
        }
    }

    /// Returns where a ray meets the sheet across its width: a bent sheet shows more of itself where it turns away.
    fn bent(&self, x: f32) -> f32 {
        let from_axis = x - self.axis;
        self.axis + from_axis * (1.0 + self.bend * self.bend * from_axis * from_axis / 1.5)
    }

    fn light(&self, photo: &Array2<Rgb>, u: f32, v: f32, x: f32, y: f32) -> Rgb {
        let inside = |p: f32| (-BORDER..1.0 + BORDER).contains(&p);
        if !(inside(u) && inside(v)) {
            return self.room;
        }
        let reflectance = photo_at(photo, u, v).map_or(PAPER, |colour| self.printed(colour, u, v));
        let turned = self.bend * (x - self.axis);
        let lambert = (libm::cosf(turned - self.lamp) / libm::cosf(self.lamp)).max(0.1);
        let (dx, dy) = ((x - self.glare_at.0) / 0.16, (y - self.glare_at.1) / 0.28);
        let glare = self.gloss * libm::expf(-(dx * dx + dy * dy));
        reflectance.times(lambert).plus(Rgb::grey(glare))
    }

    /// Returns what the inks leave of the paper at one place: each covers or does not, cell by cell.
    fn printed(&self, colour: Rgb, u: f32, v: f32) -> Rgb {
        let grey = Rgb::grey(colour.luminance());
        let wanted = grey.towards(colour, SATURATION);
        Rgb(std::array::from_fn(|i| {
            let (sin, cos) = libm::sincosf(ANGLES[i]);
            let height = dot_height(self.cells * (cos * u + sin * v), self.cells * (cos * v - sin * u));
            let covered = 1.0 - wanted.0[i].clamp(0.0, 1.0);
            let reached = covered * (1.0 + DOT_EDGE) - DOT_EDGE / 2.0;
            let dot = ((reached - height) / DOT_EDGE + 0.5).clamp(0.0, 1.0);
            let ink = covered + (dot - covered) * RASTER_LEFT;
            PAPER.0[i] + (INK.0[i] - PAPER.0[i]) * ink
        }))
    }
}

/// Returns the threshold of a clustered dot: 0 in its middle and 1 between dots, every value on the same area, so that
/// covering up to a threshold covers that share.
fn dot_height(x: f32, y: f32) -> f32 {
    let wave = |t: f32| libm::fabsf(2.0 * (t - libm::floorf(t)) - 1.0);
    let sum = (wave(x) + wave(y)) / 2.0;
    if sum < 0.5 { 2.0 * sum * sum } else { 1.0 - 2.0 * (1.0 - sum) * (1.0 - sum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halftone_covers_the_share_that_is_wanted() {
        let heights: Vec<f32> = (0..10_000).map(|i| dot_height(i as f32 * 0.013_7, i as f32 * 0.029_1)).collect();
        for share in [0.1f32, 0.3, 0.5, 0.8] {
            let covered = heights.iter().filter(|&&h| h < share).count() as f32 / heights.len() as f32;
            assert!((covered - share).abs() < 0.03, "{covered} for {share}");
        }
    }
}
