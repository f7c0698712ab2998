//! Minutia cylinders: each minutia's neighbourhood as bits that no rotation or shift changes.
//!
//! Source: Cappelli, Ferrara and Maltoni 2010, Minutia Cylinder-Code, in its bit-based form.

use super::features::{Features, Minutia};
use super::filter::bilinear;
use super::orientation::to_cell;
use super::parameters::{
    CYLINDER_NEIGHBOURS_MIN, CYLINDER_RADIUS, CYLINDER_SECTIONS, CYLINDER_SHARED_MIN, CYLINDER_SIDE,
    CYLINDER_SIGMA_ANGLE, CYLINDER_SIGMA_SPACE, CYLINDER_THRESHOLD,
};
use ndarray::Array2;
use std::f32::consts::{PI, TAU};

/// Holds one minutia's neighbourhood: a word a section, a bit a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cylinder {
    sections: [u64; CYLINDER_SECTIONS],
    valid: u64,
}

impl Cylinder {
    /// Describes the neighbourhood of minutia `index`; a minutia with too few neighbours gives no valid cell.
    pub fn new(index: usize, features: &Features, inside: &Array2<f32>) -> Self {
        let centre = &features.minutiae[index];
        let neighbours = neighbours(index, &features.minutiae);
        let mut cylinder = Self::default();
        if neighbours.len() < CYLINDER_NEIGHBOURS_MIN {
            return cylinder;
        }
        let (sin, cos) = centre.angle.sin_cos();
        for cell in 0..CYLINDER_SIDE * CYLINDER_SIDE {
            let Some((u, v)) = cell_offset(cell) else { continue };
            let (x, y) = (centre.x + u * cos - v * sin, centre.y + u * sin + v * cos);
            let on_image = x >= 0.0 && y >= 0.0 && x < features.columns as f32 && y < features.rows as f32;
            if !on_image || bilinear(inside, to_cell(x), to_cell(y)) < 0.3 {
                continue;
            }
            cylinder.valid |= 1 << cell;
            for (word, density) in cylinder.sections.iter_mut().zip(densities(x, y, centre, &neighbours)) {
                *word |= u64::from(density >= CYLINDER_THRESHOLD) << cell;
            }
        }
        cylinder
    }

    /// Compares two neighbourhoods where both are known; in [0, 1], larger is more similar, 0 when too little is shared.
    #[inline(always)]
    pub fn similarity(&self, other: &Self) -> f32 {
        let shared = self.valid & other.valid;
        let cells = (CYLINDER_SIDE * CYLINDER_SIDE) as f32 * PI / 4.0;
        if shared.count_ones() < (CYLINDER_SHARED_MIN * cells) as u32 {
            return 0.0;
        }
        let (mut differing, mut ones, mut other_ones) = (0, 0, 0);
        for (a, b) in self.sections.iter().zip(&other.sections) {
            differing += ((a ^ b) & shared).count_ones();
            ones += (a & shared).count_ones();
            other_ones += (b & shared).count_ones();
        }
        let norms = (ones as f32).sqrt() + (other_ones as f32).sqrt();
        if norms > 0.0 { 1.0 - (differing as f32).sqrt() / norms } else { 0.0 }
    }
}

/// Returns the minutiae that reach into the cylinder of one of them.
fn neighbours(index: usize, minutiae: &[Minutia]) -> Vec<Minutia> {
    let centre = &minutiae[index];
    let reach = CYLINDER_RADIUS + 2.0 * CYLINDER_SIGMA_SPACE;
    let near = |m: &Minutia| (m.x - centre.x).hypot(m.y - centre.y) < reach;
    minutiae.iter().enumerate().filter(|&(i, m)| i != index && near(m)).map(|(_, m)| *m).collect()
}

/// Returns a cell's centre relative to its minutia, or none for the corners outside the circle.
fn cell_offset(cell: usize) -> Option<(f32, f32)> {
    let step = 2.0 * CYLINDER_RADIUS / CYLINDER_SIDE as f32;
    let at = |i: usize| (i as f32 + 0.5) * step - CYLINDER_RADIUS;
    let (u, v) = (at(cell % CYLINDER_SIDE), at(cell / CYLINDER_SIDE));
    (u.hypot(v) <= CYLINDER_RADIUS).then_some((u, v))
}

/// Sums the neighbours' contributions at one position for every section.
fn densities(x: f32, y: f32, centre: &Minutia, neighbours: &[Minutia]) -> [f32; CYLINDER_SECTIONS] {
    let mut out = [0.0; CYLINDER_SECTIONS];
    for minutia in neighbours {
        let squared = (minutia.x - x).powi(2) + (minutia.y - y).powi(2);
        if squared > 9.0 * CYLINDER_SIGMA_SPACE.powi(2) {
            continue;
        }
        let space = (-0.5 * squared / CYLINDER_SIGMA_SPACE.powi(2)).exp() / (CYLINDER_SIGMA_SPACE * TAU.sqrt());
        let turn = centre.angle - minutia.angle;
        for (section, density) in out.iter_mut().enumerate() {
            let middle = (section as f32 + 0.5) * TAU / CYLINDER_SECTIONS as f32 - PI;
            *density += space * section_share((middle - turn + PI).rem_euclid(TAU) - PI);
        }
    }
    out
}

/// Integrates the directional Gaussian over one section whose middle is `offset` away, by Simpson's rule.
fn section_share(offset: f32) -> f32 {
    let half = PI / CYLINDER_SECTIONS as f32;
    let gauss = |a: f32| (-0.5 * (a / CYLINDER_SIGMA_ANGLE).powi(2)).exp() / (CYLINDER_SIGMA_ANGLE * TAU.sqrt());
    2.0 * half * (gauss(offset - half) + 4.0 * gauss(offset) + gauss(offset + half)) / 6.0
}
