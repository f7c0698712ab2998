//! The comparison of two sets of minutiae: local neighbourhoods, relaxation, and one alignment that grows.
//!
//! Sources: Cappelli, Ferrara and Maltoni 2010 (cylinders, local similarity with relaxation); Feng 2008 (scoring
//! over the overlap).

use super::alignment::{Motion, cluster, grow};
use super::features::Minutia;
use super::parameters::{
    ALIGNMENTS, CELL_PIXELS, FIELD_POWER, NEIGHBOURHOOD_FLOOR, PAIRS_MIN, QUALITY_FLOOR, RIVAL_STRENGTH, SCORE_SCALE,
    SEEDS,
};
use super::relaxation::{Pair, Relaxed, candidates, pair_fit};
use super::template::{MinutiaeTemplate, to_turns};

/// The similarity of two samples; larger is more similar, zero when nothing corresponds.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score(pub f32);

/// Compares a probe with a reference.
///
/// Invariant under rotation (up to a quarter turn) and translation of either; no upper bound, non-mated pairs stay
/// near zero.
pub fn compare(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate) -> Score {
    let similarities = reference.cylinders.similarities(&probe.cylinders);
    let candidates = candidates(&similarities, reference.len());
    if candidates.is_empty() {
        return Score(0.0);
    }
    let relaxed = Relaxed::new(reference, probe, &candidates);
    let best = strongest_clusters(&candidates, &relaxed).into_iter().map(|members| {
        let pairs = members.iter().map(|&i| candidates[i]).collect();
        score(reference, probe, &grow(reference, probe, &similarities, pairs))
    });
    Score(best.fold(0.0, f32::max))
}

/// Returns the strongest clusters of candidates, none of them seeded inside another.
fn strongest_clusters(candidates: &[Pair], relaxed: &Relaxed) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| relaxed.support[b].total_cmp(&relaxed.support[a]));
    let mut clusters: Vec<(f32, Vec<usize>)> = Vec::with_capacity(SEEDS);
    for &seed in order.iter().take(SEEDS) {
        if !clusters.iter().any(|(_, members)| members.contains(&seed)) {
            clusters.push(cluster(candidates, relaxed, &order, seed));
        }
    }
    clusters.sort_by(|a, b| b.0.total_cmp(&a.0));
    let worth_growing = clusters.first().map_or(0.0, |(strongest, _)| RIVAL_STRENGTH * strongest);
    let rivals = clusters.into_iter().take(ALIGNMENTS).filter(|&(strength, _)| strength >= worth_growing);
    rivals.map(|(_, members)| members).collect()
}

/// Scores an alignment: how far its pairs confirm one another, times how alike their neighbourhoods are, times how
/// much of the common area they explain, times how far the ridges agree there.
fn score(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> f32 {
    if pairs.len() < PAIRS_MIN {
        return 0.0;
    }
    let motion = Motion::fit(reference, probe, pairs);
    let count = pairs.len() as f32;
    let explained = explained(reference, probe, pairs, &motion);
    let similarity = pairs.iter().map(|pair| pair.similarity).sum::<f32>() / count;
    // Clear ridges are expected to agree better, so the same agreement of poor ones is worth more.
    let quality = |p: &Pair| (reference.minutiae[p.reference].quality * probe.minutiae[p.probe].quality).sqrt();
    let quality = (pairs.iter().map(quality).sum::<f32>() / count).max(QUALITY_FLOOR);
    let agreement = field_agreement(reference, probe, &motion).powi(FIELD_POWER);
    let evidence = confirmation(reference, probe, pairs) * (NEIGHBOURHOOD_FLOOR + similarity);
    SCORE_SCALE * evidence * explained * agreement / quality
}

/// Sums how well every two pairs fit into one movement, over the number of pairs: it grows with the pairs, and falls
/// when they fit the movement each by itself but not one another.
fn confirmation(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> f32 {
    let mut sum = 0.0;
    for (i, a) in pairs.iter().enumerate() {
        sum += pairs[..i].iter().map(|b| pair_fit(reference, probe, a, b)).sum::<f32>();
    }
    2.0 * sum / pairs.len() as f32
}

/// Returns the weight of the paired minutiae among all that lie where both samples show the finger, in [0, 1].
fn explained(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair], motion: &Motion) -> f32 {
    let paired: f32 = pairs.iter().map(|p| weight(&reference.minutiae[p.reference])).sum();
    let paired_probe: f32 = pairs.iter().map(|p| weight(&probe.minutiae[p.probe])).sum();
    let common = common_weight(&reference.minutiae, probe, motion).max(paired);
    let common_probe = common_weight(&probe.minutiae, reference, &motion.inverse()).max(paired_probe);
    if common > 0.0 && common_probe > 0.0 { (paired * paired_probe / (common * common_probe)).sqrt() } else { 0.0 }
}

/// Returns what a minutia weighs when it is missing from the other sample: a doubtful one may never have been there.
fn weight(minutia: &Minutia) -> f32 {
    minutia.quality * minutia.quality
}

/// Adds up the minutiae that fall on the other sample's foreground.
fn common_weight(minutiae: &[Minutia], other: &MinutiaeTemplate, motion: &Motion) -> f32 {
    let falls_on = |m: &&Minutia| {
        let (x, y) = motion.apply(m.x, m.y);
        other.field_at(x, y).is_some()
    };
    minutiae.iter().filter(falls_on).map(weight).sum()
}

/// Averages the cosine of twice the angle between the two orientation fields over the overlap; never negative.
fn field_agreement(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, motion: &Motion) -> f32 {
    let turned = to_turns(motion.rotation).wrapping_shr(7) as u8;
    let cell = CELL_PIXELS as f32;
    let (mut sum, mut count) = (0.0, 0);
    for cy in (0..reference.field.nrows()).step_by(2) {
        for cx in (0..reference.field.ncols()).step_by(2) {
            let Some(angle) = reference.field[[cy, cx]] else { continue };
            let (x, y) = motion.apply((cx as f32 + 0.5) * cell, (cy as f32 + 0.5) * cell);
            if let Some(other) = probe.field_at(x, y) {
                sum += cosine_of_double(angle.wrapping_add(turned).wrapping_sub(other));
                count += 1;
            }
        }
    }
    if count < 8 { 0.0 } else { (sum / count as f32).max(0.0) }
}

/// Returns the cosine of twice an angle in 256ths of π, by Bhaskara's approximation (error under 0.002).
fn cosine_of_double(angle: u8) -> f32 {
    let away = f32::from(i16::from(angle as i8).unsigned_abs());
    let quarter = |t: f32| (1.0 - 4.0 * t * t) / (1.0 + t * t);
    let t = away / 128.0;
    if t <= 0.5 { quarter(t) } else { -quarter(1.0 - t) }
}
