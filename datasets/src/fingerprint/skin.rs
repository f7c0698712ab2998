//! What a finger's skin has besides ridges: pores, creases, roughness.

use super::ridges::{RidgePattern, STEP};
use crate::math::{Point, gaussian, uniform};
use rand::{Rng, RngExt};

/// The lasting details of one finger's skin.
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
    let wide = rng.random::<f32>() < WIDE_CREASE_SHARE;
    let width = if wide { uniform(rng, 2.4, 3.4) } else { uniform(rng, 1.0, 2.2) };
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

/// Spread of fingers' usual moisture.
const MOISTURE_SD: f32 = 0.6;
/// Lattice steps between candidate pores, and the height on a ridge's crest that makes one.
const PORE_GRID: usize = 4;
const PORE_CREST: f32 = 0.8;
/// Cumulative shares of fingers with 0, 1, 2 and 3 creases.
const CREASE_SHARES: [f32; 3] = [0.35, 0.65, 0.85];
/// Share of creases that are old and wide.
const WIDE_CREASE_SHARE: f32 = 0.12;
