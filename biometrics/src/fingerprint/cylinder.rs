//! Minutia cylinders: each minutia's neighbourhood as bits that no rotation or shift changes.
//!
//! Source: Cappelli, Ferrara and Maltoni 2010, Minutia Cylinder-Code, in its bit-based form.

use super::features::{Features, Minutia};
use super::filter::bilinear;
use super::orientation::to_cell;
use super::parameters::{
    CYLINDER_NEIGHBOURS_MIN, CYLINDER_RADIUS, CYLINDER_SECTIONS, CYLINDER_SHARED_MIN, CYLINDER_SIDE,
    CYLINDER_SIGMA_ANGLE, CYLINDER_SIGMA_SPACE, CYLINDER_THRESHOLD, ROTATION_MAX,
};
use ndarray::Array2;
use std::f32::consts::{PI, TAU};

/// One minutia's neighbourhood: a word a section, a bit a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cylinder {
    sections: [u64; CYLINDER_SECTIONS],
    valid: u64,
}

impl Cylinder {
    /// Describes the neighbourhood of minutia `index`; a minutia with too few neighbours gives no valid cell.
    pub(super) fn new(index: usize, features: &Features, inside: &Array2<f32>) -> Self {
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
}

/// Eight cylinders side by side, so that one instruction works on all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
struct Block {
    sections: [[u64; LANES]; CYLINDER_SECTIONS],
    valid: [u64; LANES],
    angles: [u16; LANES],
}

const LANES: usize = 8;
const SHARED_MIN: u64 = (CYLINDER_SHARED_MIN * (CYLINDER_SIDE * CYLINDER_SIDE) as f32 * PI / 4.0) as u64;
const ROTATION_MAX_TURNS: u16 = (ROTATION_MAX * 65_536.0 / TAU) as u16;

/// A template's cylinders, each with its minutia's direction in 65,536ths of a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CylinderSet {
    cylinders: Vec<(Cylinder, u16)>,
    blocks: Vec<Block>,
}

/// The similarity of every reference cylinder to every probe cylinder.
pub(super) struct Similarities {
    values: Vec<f32>,
    stride: usize,
}

impl Similarities {
    /// Returns the similarities of one reference minutia to all probe minutiae, padded with zeros.
    pub(super) fn row(&self, reference: usize) -> &[f32] {
        &self.values[reference * self.stride..(reference + 1) * self.stride]
    }
}

impl FromIterator<(Cylinder, u16)> for CylinderSet {
    fn from_iter<I: IntoIterator<Item = (Cylinder, u16)>>(items: I) -> Self {
        let cylinders: Vec<(Cylinder, u16)> = items.into_iter().collect();
        let block = |chunk: &[(Cylinder, u16)]| {
            let lane = |k: usize| chunk.get(k).copied().unwrap_or_default();
            Block {
                sections: std::array::from_fn(|s| std::array::from_fn(|k| lane(k).0.sections[s])),
                valid: std::array::from_fn(|k| lane(k).0.valid),
                angles: std::array::from_fn(|k| lane(k).1),
            }
        };
        let blocks = cylinders.chunks(LANES).map(block).collect();
        Self { cylinders, blocks }
    }
}

impl CylinderSet {
    /// Compares all neighbourhoods with all, where both are known.
    ///
    /// Each similarity is in [0, 1], larger is more similar; 0 when too little is shared, or when the minutiae's
    /// directions are further apart than a finger is turned.
    pub(super) fn similarities(&self, probe: &Self) -> Similarities {
        let stride = probe.blocks.len() * LANES;
        let mut values = vec![0.0; stride * self.cylinders.len()];
        if stride > 0 {
            compare_all()(&self.cylinders, &probe.blocks, &mut values);
        }
        Similarities { values, stride }
    }
}

type CompareAll = fn(&[(Cylinder, u16)], &[Block], &mut [f32]);

/// Picks the widest version of the inner loop that this processor has. Counting bits is exact, and each similarity
/// comes from the same few operations, so all versions give the same bits.
fn compare_all() -> CompareAll {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        // SAFETY (both): the processor has just been found to have what the function asks for.
        if has!("avx512vpopcntdq") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") {
            #[allow(unsafe_code)] // a safe function with a target feature can only be called so
            return |a, b, out| unsafe { compare_all_avx512(a, b, out) };
        }
        if has!("avx2") && has!("popcnt") {
            #[allow(unsafe_code)] // a safe function with a target feature can only be called so
            return |a, b, out| unsafe { compare_all_avx2(a, b, out) };
        }
    }
    compare_all_portable
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn compare_all_avx512(cylinders: &[(Cylinder, u16)], blocks: &[Block], out: &mut [f32]) {
    compare_all_portable(cylinders, blocks, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn compare_all_avx2(cylinders: &[(Cylinder, u16)], blocks: &[Block], out: &mut [f32]) {
    compare_all_portable(cylinders, blocks, out);
}

#[inline(always)]
fn compare_all_portable(cylinders: &[(Cylinder, u16)], blocks: &[Block], out: &mut [f32]) {
    for ((cylinder, angle), row) in cylinders.iter().zip(out.chunks_exact_mut(blocks.len() * LANES)) {
        for (block, similarities) in blocks.iter().zip(row.chunks_exact_mut(LANES)) {
            similarities.copy_from_slice(&compare_block(cylinder, *angle, block));
        }
    }
}

#[inline(always)]
fn compare_block(cylinder: &Cylinder, angle: u16, block: &Block) -> [f32; LANES] {
    let shared: [u64; LANES] = std::array::from_fn(|k| cylinder.valid & block.valid[k]);
    let (mut differing, mut ones, mut other_ones) = ([0u64; LANES], [0u64; LANES], [0u64; LANES]);
    for (&section, others) in cylinder.sections.iter().zip(&block.sections) {
        for k in 0..LANES {
            differing[k] += u64::from(((section ^ others[k]) & shared[k]).count_ones());
            ones[k] += u64::from((section & shared[k]).count_ones());
            other_ones[k] += u64::from((others[k] & shared[k]).count_ones());
        }
    }
    std::array::from_fn(|k| {
        let root = |count: u64| (count as u32 as f32).sqrt();
        let similarity = 1.0 - root(differing[k]) / (root(ones[k]) + root(other_ones[k])).max(1.0);
        let enough = u64::from(shared[k].count_ones()) >= SHARED_MIN;
        let turned = (angle.wrapping_sub(block.angles[k]) as i16).unsigned_abs() > ROTATION_MAX_TURNS;
        if enough && !turned { similarity } else { 0.0 }
    })
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
