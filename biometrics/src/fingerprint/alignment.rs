//! One movement of the finger that explains as many minutiae as possible, bent where the skin was.
//!
//! Source: Bazen and Gerez 2003 (elastic deformation as displacements that vary smoothly over the finger).

use super::cylinder::Similarities;
use super::features::Minutia;
use super::parameters::{CLUSTER_FIT_MIN, DIRECTION_LEVER, PAIRING_ANGLE, PAIRING_DISTANCE, PAIRING_ROUNDS, STIFFNESS};
use super::relaxation::{Pair, Relaxed};
use super::template::MinutiaeTemplate;
use std::f32::consts::{PI, TAU};

/// Collects the candidates that fit a seed, and one another, the best supported first; the strength is their support.
pub(super) fn cluster(candidates: &[Pair], relaxed: &Relaxed, order: &[usize], seed: usize) -> (f32, Vec<usize>) {
    let mut members = vec![seed];
    let mut strength = relaxed.support[seed];
    for &i in order {
        let fit = relaxed.fits(seed)[i];
        if fit <= 0.0 {
            continue;
        }
        let agreeing = members.iter().filter(|&&m| relaxed.fits(m)[i] > CLUSTER_FIT_MIN).count();
        let free = |&m: &usize| {
            candidates[m].reference != candidates[i].reference && candidates[m].probe != candidates[i].probe
        };
        if 2 * agreeing >= members.len() && members.iter().all(free) {
            members.push(i);
            strength += relaxed.support[i] * fit;
        }
    }
    (strength, members)
}

/// Grows an alignment from a few pairs to every minutia that lies near its predicted place.
pub(super) fn grow(
    reference: &MinutiaeTemplate,
    probe: &MinutiaeTemplate,
    similarities: &Similarities,
    mut pairs: Vec<Pair>,
) -> Vec<Pair> {
    for _ in 0..PAIRING_ROUNDS {
        pairs = pair_all(reference, probe, similarities, &pairs);
    }
    pairs
}

/// Pairs each reference minutia with the probe minutia nearest to where the known pairs say it should be.
fn pair_all(
    reference: &MinutiaeTemplate,
    probe: &MinutiaeTemplate,
    similarities: &Similarities,
    known: &[Pair],
) -> Vec<Pair> {
    let motion = Motion::fit(reference, probe, known);
    let residuals = motion.residuals(reference, probe, known);
    let mut found: Vec<(f32, Pair)> = Vec::with_capacity(2 * reference.len());
    for (i, minutia) in reference.minutiae.iter().enumerate() {
        let (x, y) = motion.bend(&residuals, minutia);
        for (j, other) in probe.minutiae.iter().enumerate() {
            let squared = (other.x - x) * (other.x - x) + (other.y - y) * (other.y - y);
            if squared > PAIRING_DISTANCE * PAIRING_DISTANCE {
                continue;
            }
            let twist = wrap(minutia.angle + motion.rotation - other.angle).abs();
            if twist < PAIRING_ANGLE {
                let cost = squared.sqrt() / PAIRING_DISTANCE + twist / PAIRING_ANGLE;
                found.push((cost, Pair { reference: i, probe: j, similarity: similarities.row(i)[j] }));
            }
        }
    }
    assign(found, reference.len(), probe.len())
}

/// Gives each minutia at most one partner, the cheapest pairs first.
fn assign(mut found: Vec<(f32, Pair)>, references: usize, probes: usize) -> Vec<Pair> {
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut used, mut used_probe) = (vec![false; references], vec![false; probes]);
    let mut pairs = Vec::with_capacity(found.len());
    for (_, pair) in found {
        if !used[pair.reference] && !used_probe[pair.probe] {
            (used[pair.reference], used_probe[pair.probe]) = (true, true);
            pairs.push(pair);
        }
    }
    pairs
}

/// A rigid movement from reference to probe.
pub(super) struct Motion {
    /// Rotation in radians.
    pub rotation: f32,
    cos: f32,
    sin: f32,
    shift: (f32, f32),
}

/// The distance of a known pair from its rigid place.
struct Residual {
    at: (f32, f32),
    by: (f32, f32),
}

impl Motion {
    /// Fits by least squares. The directions count like points a lever's length away, which matters for few or close pairs.
    pub(super) fn fit(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> Self {
        let count = pairs.len().max(1) as f32;
        let both = || pairs.iter().map(|p| (&reference.minutiae[p.reference], &probe.minutiae[p.probe]));
        let (mut centre, mut target) = ((0.0, 0.0), (0.0, 0.0));
        for (a, b) in both() {
            centre = (centre.0 + a.x / count, centre.1 + a.y / count);
            target = (target.0 + b.x / count, target.1 + b.y / count);
        }
        let (mut dot, mut cross) = (0.0, 0.0);
        for (a, b) in both() {
            let (ax, ay, bx, by) = (a.x - centre.0, a.y - centre.1, b.x - target.0, b.y - target.1);
            let (sin, cos) = (b.angle - a.angle).sin_cos();
            dot += ax * bx + ay * by + DIRECTION_LEVER * DIRECTION_LEVER * cos;
            cross += ax * by - ay * bx + DIRECTION_LEVER * DIRECTION_LEVER * sin;
        }
        let rotation = cross.atan2(dot);
        let (sin, cos) = rotation.sin_cos();
        let shift = (target.0 - centre.0 * cos + centre.1 * sin, target.1 - centre.0 * sin - centre.1 * cos);
        Self { rotation, cos, sin, shift }
    }

    /// Moves a position of the reference into the probe.
    pub(super) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        (x * self.cos - y * self.sin + self.shift.0, x * self.sin + y * self.cos + self.shift.1)
    }

    /// Returns the movement from probe to reference.
    pub(super) fn inverse(&self) -> Self {
        let (x, y) = self.shift;
        let shift = (-x * self.cos - y * self.sin, x * self.sin - y * self.cos);
        Self { rotation: -self.rotation, cos: self.cos, sin: -self.sin, shift }
    }

    fn residuals(&self, reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, known: &[Pair]) -> Vec<Residual> {
        let residual = |pair: &Pair| {
            let (a, b) = (&reference.minutiae[pair.reference], &probe.minutiae[pair.probe]);
            let (x, y) = self.apply(a.x, a.y);
            Residual { at: (a.x, a.y), by: (b.x - x, b.y - y) }
        };
        known.iter().map(residual).collect()
    }

    /// Moves a reference minutia rigidly, then as the known pairs around it were moved.
    fn bend(&self, residuals: &[Residual], minutia: &Minutia) -> (f32, f32) {
        let (mut dx, mut dy, mut total) = (0.0, 0.0, 1.0);
        for residual in residuals {
            let (rx, ry) = (residual.at.0 - minutia.x, residual.at.1 - minutia.y);
            let reach = 1.0 + (rx * rx + ry * ry) / (STIFFNESS * STIFFNESS);
            let weight = 1.0 / (reach * reach);
            dx += weight * residual.by.0;
            dy += weight * residual.by.1;
            total += weight;
        }
        let (x, y) = self.apply(minutia.x, minutia.y);
        (x + dx / total, y + dy / total)
    }
}

/// Wraps an angle into [-π, π).
fn wrap(angle: f32) -> f32 {
    let turns = angle * (1.0 / TAU);
    (turns - (turns + 0.5).floor()) * (2.0 * PI)
}
