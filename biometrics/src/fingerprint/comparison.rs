//! The comparison of two sets of minutiae: local neighbourhoods, relaxation, and one alignment that grows.
//!
//! Sources: Cappelli, Ferrara and Maltoni 2010 (cylinders, local similarity with relaxation); Feng 2008 (scoring
//! over the overlap); Bazen and Gerez 2003 (deformation as local displacement).

use super::features::Minutia;
use super::parameters::{
    CANDIDATES, COMPATIBLE_ANGLE, COMPATIBLE_LENGTH, COMPATIBLE_STRETCH, PAIRING_ANGLE, PAIRING_DISTANCE,
    RELAXATION_ROUNDS, ROTATION_MAX, SEEDS, STIFFNESS,
};
use super::template::{Edge, MinutiaeTemplate, to_turns};
use std::f32::consts::{PI, TAU};

/// Says how similar two samples are; larger is more similar, zero when nothing corresponds.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score(pub f32);

/// Holds a supposed correspondence of a reference minutia and a probe minutia.
#[derive(Clone, Copy, Debug)]
struct Pair {
    reference: usize,
    probe: usize,
    similarity: f32,
}

/// Compares a probe with a reference.
///
/// Invariant under rotation (up to a quarter turn) and translation of either; no upper bound, non-mated pairs stay
/// near zero.
pub fn compare(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate) -> Score {
    let candidates = candidates(reference, probe);
    let support = relax(reference, probe, &candidates);
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| support[b].total_cmp(&support[a]));
    let best = order.iter().take(SEEDS).map(|&seed| {
        let pairs = grow(reference, probe, &candidates, &support, seed);
        score(reference, probe, &pairs)
    });
    Score(best.fold(0.0, f32::max))
}

/// Picks the pairs of minutiae whose neighbourhoods are most alike, at most two for each reference minutia.
fn candidates(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(2 * reference.len());
    for (i, cylinder) in reference.cylinders.iter().enumerate() {
        let mut best = [Pair { reference: i, probe: 0, similarity: 0.0 }; 2];
        for (j, other) in probe.cylinders.iter().enumerate() {
            if turn(reference.minutiae[i].angle - probe.minutiae[j].angle).abs() > ROTATION_MAX {
                continue;
            }
            let similarity = cylinder.similarity(other);
            if similarity > best[1].similarity {
                best[1] = Pair { reference: i, probe: j, similarity };
                if best[1].similarity > best[0].similarity {
                    best.swap(0, 1);
                }
            }
        }
        pairs.extend(best.into_iter().filter(|pair| pair.similarity > 0.0));
    }
    pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    pairs.truncate(CANDIDATES);
    pairs
}

/// Lets compatible pairs strengthen one another.
fn relax(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> Vec<f32> {
    let count = pairs.len();
    let mut table = vec![0.0; count * count];
    for i in 0..count {
        for j in 0..i {
            let fit = pair_fit(reference, probe, &pairs[i], &pairs[j]);
            table[i * count + j] = fit;
            table[j * count + i] = fit;
        }
    }
    let mut support: Vec<f32> = pairs.iter().map(|pair| pair.similarity).collect();
    for _ in 0..RELAXATION_ROUNDS {
        let previous = support.clone();
        for (i, value) in support.iter_mut().enumerate() {
            let row = &table[i * count..(i + 1) * count];
            let around: f32 = row.iter().zip(&previous).map(|(fit, s)| fit * s).sum();
            *value = 0.5 * previous[i] + 0.5 * around / (count.max(2) - 1) as f32;
        }
    }
    support
}

/// Says how well two pairs fit into one movement of the finger, in [0, 1].
fn pair_fit(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, a: &Pair, b: &Pair) -> f32 {
    if a.reference == b.reference || a.probe == b.probe {
        return 0.0;
    }
    edge_fit(reference.edge(a.reference, b.reference), probe.edge(a.probe, b.probe))
}

fn edge_fit(a: Edge, b: Edge) -> f32 {
    let angle = |x: u16, y: u16| f32::from((x.wrapping_sub(y) as i16).unsigned_abs()) * (TAU / 65_536.0);
    let length = (a.length - b.length).abs() / (COMPATIBLE_LENGTH + COMPATIBLE_STRETCH * a.length);
    // Near minutiae have an uncertain bearing: a pixel's error turns it by 1/length.
    let bearing = angle(a.bearing, b.bearing) / (COMPATIBLE_ANGLE + 3.0 / (a.length + 3.0));
    let turn = angle(a.turn, b.turn) / COMPATIBLE_ANGLE;
    falling(length) * falling(bearing) * falling(turn)
}

/// Falls from one at zero over a half at one to zero at two.
fn falling(x: f32) -> f32 {
    let t = (1.0 - 0.5 * x).max(0.0);
    t * t * (3.0 - 2.0 * t)
}

/// Grows an alignment from one seed: first the candidates that fit it, then every minutia near its predicted place.
fn grow(
    reference: &MinutiaeTemplate,
    probe: &MinutiaeTemplate,
    candidates: &[Pair],
    support: &[f32],
    seed: usize,
) -> Vec<Pair> {
    let mut order: Vec<(usize, f32)> = candidates
        .iter()
        .enumerate()
        .map(|(i, pair)| {
            (i, if i == seed { f32::MAX } else { pair_fit(reference, probe, &candidates[seed], pair) * support[i] })
        })
        .filter(|&(_, fit)| fit > 0.0)
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut pairs: Vec<Pair> = Vec::new();
    for (i, _) in order {
        let pair = candidates[i];
        let agrees = |p: &Pair| pair_fit(reference, probe, p, &pair) > 0.1;
        if 2 * pairs.iter().filter(|p| agrees(p)).count() >= pairs.len()
            && pairs.iter().all(|p| p.reference != pair.reference && p.probe != pair.probe)
        {
            pairs.push(pair);
        }
    }
    for _ in 0..2 {
        pairs = pair_all(reference, probe, &pairs);
    }
    pairs
}

/// Pairs every reference minutia with the probe minutia nearest to where the known pairs say it should be.
fn pair_all(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, known: &[Pair]) -> Vec<Pair> {
    let motion = Motion::fit(reference, probe, known);
    let mut found: Vec<(f32, Pair)> = Vec::new();
    for (i, minutia) in reference.minutiae.iter().enumerate() {
        let (x, y) = motion.predict(reference, probe, known, minutia);
        for (j, other) in probe.minutiae.iter().enumerate() {
            let distance = (other.x - x).hypot(other.y - y);
            if distance > PAIRING_DISTANCE {
                continue;
            }
            let twist = turn(minutia.angle + motion.rotation - other.angle).abs();
            if twist < PAIRING_ANGLE {
                let cost = distance / PAIRING_DISTANCE + twist / PAIRING_ANGLE;
                let similarity = reference.cylinders[i].similarity(&probe.cylinders[j]);
                found.push((cost, Pair { reference: i, probe: j, similarity }));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut used, mut used_probe) = (vec![false; reference.len()], vec![false; probe.len()]);
    found.retain(|(_, pair)| {
        let free = !used[pair.reference] && !used_probe[pair.probe];
        if free {
            (used[pair.reference], used_probe[pair.probe]) = (true, true);
        }
        free
    });
    found.into_iter().map(|(_, pair)| pair).collect()
}

/// Holds the rigid movement from reference to probe that fits a set of pairs best.
struct Motion {
    rotation: f32,
    shift: (f32, f32),
}

impl Motion {
    /// Fits by least squares; a single pair, or none, falls back on the minutiae's own directions.
    fn fit(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> Self {
        let count = pairs.len().max(1) as f32;
        let sum = |f: &dyn Fn(&Minutia, &Minutia) -> f32| -> f32 {
            pairs.iter().map(|p| f(&reference.minutiae[p.reference], &probe.minutiae[p.probe])).sum()
        };
        let centre = (sum(&|a, _| a.x) / count, sum(&|a, _| a.y) / count);
        let target = (sum(&|_, b| b.x) / count, sum(&|_, b| b.y) / count);
        let dot = sum(&|a, b| (a.x - centre.0) * (b.x - target.0) + (a.y - centre.1) * (b.y - target.1));
        let cross = sum(&|a, b| (a.x - centre.0) * (b.y - target.1) - (a.y - centre.1) * (b.x - target.0));
        // The directions count like points 10 pixels away, which matters for few or close pairs only.
        let dot = dot + 100.0 * sum(&|a, b| (b.angle - a.angle).cos());
        let cross = cross + 100.0 * sum(&|a, b| (b.angle - a.angle).sin());
        let rotation = cross.atan2(dot);
        let (sin, cos) = rotation.sin_cos();
        let shift = (target.0 - centre.0 * cos + centre.1 * sin, target.1 - centre.0 * sin - centre.1 * cos);
        Self { rotation, shift }
    }

    fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.rotation.sin_cos();
        (x * cos - y * sin + self.shift.0, x * sin + y * cos + self.shift.1)
    }

    /// Predicts where a reference minutia lies in the probe: the rigid place, moved by the near pairs' residuals.
    fn predict(
        &self,
        reference: &MinutiaeTemplate,
        probe: &MinutiaeTemplate,
        known: &[Pair],
        m: &Minutia,
    ) -> (f32, f32) {
        let (x, y) = self.apply(m.x, m.y);
        let (mut dx, mut dy, mut total) = (0.0, 0.0, 1.0);
        for pair in known {
            let (a, b) = (&reference.minutiae[pair.reference], &probe.minutiae[pair.probe]);
            let squared = (a.x - m.x).powi(2) + (a.y - m.y).powi(2);
            if squared == 0.0 {
                continue;
            }
            let weight = 1.0 / (1.0 + squared / (STIFFNESS * STIFFNESS)).powi(2);
            let (px, py) = self.apply(a.x, a.y);
            dx += weight * (b.x - px);
            dy += weight * (b.y - py);
            total += weight;
        }
        (x + dx / total, y + dy / total)
    }
}

/// Scores an alignment over the area that both samples show.
fn score(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> f32 {
    if pairs.len() < 3 {
        return 0.0;
    }
    let motion = Motion::fit(reference, probe, pairs);
    let inverse = motion.inverse();
    let seen = |t: &MinutiaeTemplate, m: &Minutia, motion: &Motion| {
        let (x, y) = motion.apply(m.x, m.y);
        t.field_at(x, y).is_some()
    };
    let common = reference.minutiae.iter().filter(|m| seen(probe, m, &motion)).count().max(pairs.len());
    let common_probe = probe.minutiae.iter().filter(|m| seen(reference, m, &inverse)).count().max(pairs.len());
    let paired = pairs.len() as f32 / ((common * common_probe) as f32).sqrt();
    let local: f32 = pairs.iter().map(|pair| 0.2 + pair.similarity).sum();
    let agreement = field_agreement(reference, probe, &motion);
    10.0 * local * paired * agreement * agreement
}

impl Motion {
    fn inverse(&self) -> Self {
        let (sin, cos) = self.rotation.sin_cos();
        let (x, y) = self.shift;
        Self { rotation: -self.rotation, shift: (-x * cos - y * sin, x * sin - y * cos) }
    }
}

/// Averages the cosine of twice the angle between the two orientation fields over the overlap; never negative.
fn field_agreement(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, motion: &Motion) -> f32 {
    let turned = i32::from(to_turns(motion.rotation)) / 128;
    let (mut sum, mut count) = (0.0, 0);
    for ((cy, cx), &angle) in reference.field.indexed_iter() {
        if (cx | cy) & 1 == 1 {
            continue;
        }
        let Some(angle) = angle else { continue };
        let (x, y) = motion.apply((cx * 8 + 4) as f32, (cy * 8 + 4) as f32);
        if let Some(other) = probe.field_at(x, y) {
            let difference = (i32::from(angle) + turned - i32::from(other)) as f32 * (PI / 256.0);
            sum += (2.0 * difference).cos();
            count += 1;
        }
    }
    if count < 8 { 0.0 } else { (sum / count as f32).max(0.0) }
}

/// Wraps an angle into [-π, π).
fn turn(angle: f32) -> f32 {
    (angle + PI).rem_euclid(TAU) - PI
}
