//! What a finger's skin has besides ridges: pores, creases, roughness.

use super::ridges::{RidgePattern, STEP};
use crate::math::{Point, gaussian, uniform};
use rand::{Rng, RngExt};
use std::sync::OnceLock;

/// Holds the lasting details of one finger's skin.
#[derive(Clone, Debug)]
pub(crate) struct Skin {
    /// Sweat pores, in finger coordinates.
    pub(crate) pores: Vec<Point>,
    /// Where this finger's roughness lies in the common texture.
    pub(crate) roughness_offset: Point,
    /// The finger's usual moisture: 0 is normal, negative dry, positive wet.
    pub(crate) moisture: f32,
}

impl Skin {
    /// Draws the skin of a finger and presses its creases into the pattern.
    pub(crate) fn draw(pattern: &mut RidgePattern, rng: &mut impl Rng) -> Self {
        for _ in 0..crease_count(rng) {
            press_crease(pattern, rng);
        }
        Self {
            pores: draw_pores(pattern, rng),
            roughness_offset: Point::new(uniform(rng, 0.0, 512.0), uniform(rng, 0.0, 512.0)),
            moisture: MOISTURE_SD * gaussian(rng),
        }
    }
}

/// Draws pores on the crests of ridges, at random places of a jittered grid.
fn draw_pores(pattern: &RidgePattern, rng: &mut impl Rng) -> Vec<Point> {
    let mut pores = Vec::new();
    for row in (8..pattern.rows - 8).step_by(PORE_GRID) {
        for column in (8..pattern.columns - 8).step_by(PORE_GRID) {
            let jitter = Point::new(uniform(rng, 0.0, 4.0), uniform(rng, 0.0, 4.0));
            let at = pattern.origin.plus(Point::new(column as f32, row as f32).plus(jitter).times(STEP));
            if pattern.at(at) > PORE_CREST {
                pores.push(at);
            }
        }
    }
    pores
}

fn crease_count(rng: &mut impl Rng) -> usize {
    let draw: f32 = rng.random();
    CREASE_SHARES.iter().filter(|&&share| draw > share).count()
}

/// Presses one crease: a thin line without ridges, slightly bent, at any angle.
fn press_crease(pattern: &mut RidgePattern, rng: &mut impl Rng) {
    let from = Point::new(uniform(rng, -110.0, 110.0), uniform(rng, -150.0, 190.0));
    let heading = uniform(rng, -1.2, 1.2);
    let length = uniform(rng, 40.0, 150.0);
    let bend = uniform(rng, -0.004, 0.004);
    let width = uniform(rng, 1.0, 2.2);
    let mut at = from;
    for step in 0..(length / STEP) as usize {
        let (sin, cos) = libm::sincosf(heading + bend * step as f32 * STEP);
        at = at.plus(Point::new(cos, sin).times(STEP));
        let taper = (step as f32 * STEP).min(length - step as f32 * STEP).min(20.0) / 20.0;
        press_spot(pattern, at, width * taper);
    }
}

fn press_spot(pattern: &mut RidgePattern, at: Point, width: f32) {
    let centre = at.minus(pattern.origin).times(1.0 / STEP);
    let (column, row) = (centre.x as isize, centre.y as isize);
    for y in row - 2..=row + 3 {
        for x in column - 2..=column + 3 {
            if x < 0 || y < 0 || x >= pattern.columns as isize || y >= pattern.rows as isize {
                continue;
            }
            let distance = Point::new(x as f32, y as f32).minus(centre).length() * STEP;
            let depth = (width + 0.8 - distance).clamp(0.0, 1.0) * 0.7;
            let value = &mut pattern.even[y as usize * pattern.columns + x as usize];
            *value = value.min(1.0 - 1.9 * depth);
        }
    }
}

/// Holds a texture of [`GRAIN_SIDE`] by [`GRAIN_SIDE`] pixels that repeats; unit variance.
pub(crate) struct Grain {
    values: Vec<f32>,
}

/// Pixels to a side of the texture, a power of two.
const GRAIN_SIDE: usize = 512;

impl Grain {
    /// Returns the fine texture: specks of about 3 pixels.
    pub(crate) fn fine() -> &'static Self {
        static FINE: OnceLock<Grain> = OnceLock::new();
        FINE.get_or_init(|| Self::make(0, 2))
    }

    /// Returns the coarse texture: blotches of about 7 pixels.
    pub(crate) fn coarse() -> &'static Self {
        static COARSE: OnceLock<Grain> = OnceLock::new();
        COARSE.get_or_init(|| Self::make(1, 9))
    }

    /// Returns the value at a position, interpolated.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (libm::floorf(x), libm::floorf(y));
        let (tx, ty) = (x - fx, y - fy);
        let mask = GRAIN_SIDE - 1;
        let (x0, y0) = ((fx as i32 as usize) & mask, (fy as i32 as usize) & mask);
        let (x1, y1) = ((x0 + 1) & mask, (y0 + 1) & mask);
        let value = |x: usize, y: usize| self.values[y * GRAIN_SIDE + x];
        let top = value(x0, y0) * (1.0 - tx) + value(x1, y0) * tx;
        let bottom = value(x0, y1) * (1.0 - tx) + value(x1, y1) * tx;
        top * (1.0 - ty) + bottom * ty
    }

    fn make(which: u64, smoothings: usize) -> Self {
        let mut rng = crate::stream::stream(0, "fingerprint/grain", which);
        let mut bytes = vec![0u8; 4 * GRAIN_SIDE * GRAIN_SIDE];
        rng.fill_bytes(&mut bytes);
        let mut values: Vec<f32> = bytes.chunks_exact(4).map(bell).collect();
        for _ in 0..smoothings {
            values = smoothed(&values);
        }
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        values.iter_mut().for_each(|v| *v /= variance.sqrt());
        Self { values }
    }
}

/// Turns four random bytes into a nearly normal number of mean 0 and variance 1 (their sum's variance is 21845).
pub(crate) fn bell(bytes: &[u8]) -> f32 {
    let sum: i32 = bytes[..4].iter().map(|&b| i32::from(b)).sum();
    (sum - 510) as f32 / 147.8
}

/// Averages each value with its neighbours, binomially, across both edges.
fn smoothed(values: &[f32]) -> Vec<f32> {
    let mask = GRAIN_SIDE - 1;
    let across = |i: usize| {
        let line = i & !mask;
        values[line | ((i + mask) & mask)] * 0.25 + values[i] * 0.5 + values[line | ((i + 1) & mask)] * 0.25
    };
    let lines: Vec<f32> = (0..values.len()).map(across).collect();
    let all = values.len() - 1;
    let down = |i: usize| {
        lines[(i + values.len() - GRAIN_SIDE) & all] * 0.25 + lines[i] * 0.5 + lines[(i + GRAIN_SIDE) & all] * 0.25
    };
    (0..values.len()).map(down).collect()
}

/// Spread of fingers' usual moisture.
const MOISTURE_SD: f32 = 0.6;
/// Lattice steps between candidate pores, and the height on a ridge's crest that makes one.
const PORE_GRID: usize = 4;
const PORE_CREST: f32 = 0.8;
/// Cumulative shares of fingers with 0, 1, 2 and 3 creases.
const CREASE_SHARES: [f32; 3] = [0.35, 0.65, 0.85];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_repeats_and_has_unit_variance() {
        let grain = Grain::fine();
        assert_eq!(grain.at(3.25, 7.5), grain.at(3.25 + 512.0, 7.5 - 512.0));
        let variance = grain.values.iter().map(|v| v * v).sum::<f32>() / grain.values.len() as f32;
        assert!((variance - 1.0).abs() < 1e-2, "variance {variance}");
    }
}
