//! Learning: from labelled synthetic captures to the stored parameters.

use super::descriptor::{Descriptor, DescriptorModel, raw_descriptor};
use super::frame::{Flow, Pose};
use super::parameters::{
    BITS, BLOCK_COMPONENTS, DESCRIPTOR_RAW, DESCRIPTORS_MAX, REAL_LENGTH, SAME_ANGLE, SAME_DISTANCE, SHRINKAGE,
};
use super::pooling::{Evidence, POOLED, PoolingModel, block};
use super::reference_point::reference_point;
use super::{Features, FixedLength};
use crate::Error;
use crate::fingerprint::Minutia;
use crate::learn::{Affine, binary_form, discriminants, principal_components, weighted_for_cosine};
use ndarray::{Array1, Array2, s};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::f32::consts::{PI, TAU};

/// Subjects that training needs at least: half as many as the template has dimensions, of which the rest stay zero.
const SUBJECTS_MIN: usize = REAL_LENGTH / 2;

/// One synthetic capture and what is known about it.
#[derive(Clone, Debug)]
pub struct TrainingCapture {
    /// Whose finger it is.
    pub subject: u64,
    /// What the extractor found.
    pub features: Features,
    /// Where the finger truly lies in the image.
    pub pose: Pose,
    /// Where on the undistorted finger each of the features' minutiae lies, in the finger's frame.
    pub minutiae_on_finger: Vec<(f32, f32)>,
}

impl FixedLength {
    /// Learns all parameters from synthetic captures, several of each subject; the same captures in the same order and
    /// the same seed give the same parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] with too few subjects or captures, or minutiae without their places on the finger.
    pub fn train(captures: &[TrainingCapture], seed: u64) -> Result<Self, Error> {
        check(captures)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let flows: Vec<Flow> = captures.iter().map(|c| Flow::new(&c.features)).collect();
        let descriptor = train_descriptor(captures, &flows, &mut rng);
        let described: Vec<Vec<Descriptor>> =
            captures.iter().zip(&flows).map(|(c, flow)| descriptor.describe(&c.features.minutiae, flow)).collect();
        let evidence: Vec<Evidence<'_>> = (0..captures.len())
            .map(|i| Evidence {
                minutiae: &captures[i].features.minutiae,
                descriptors: &described[i],
                flow: &flows[i],
                pose: reference_point(&flows[i]),
            })
            .collect();
        let pooling = PoolingModel::train(&evidence, &mut rng);
        let mut pooled = Array2::zeros((captures.len(), POOLED));
        for (mut row, one) in pooled.rows_mut().into_iter().zip(&evidence) {
            row.assign(&Array1::from_vec(pooling.pool(one)));
        }
        let subjects: Vec<u64> = captures.iter().map(|c| c.subject).collect();
        let real = train_real(&pooled, &subjects, &mut rng);
        let bits = train_bits(&real, &pooled, &subjects, &mut rng);
        Ok(Self { descriptor, pooling, real, bits })
    }
}

fn check(captures: &[TrainingCapture]) -> Result<(), Error> {
    let mut counts = BTreeMap::new();
    captures.iter().for_each(|c| *counts.entry(c.subject).or_insert(0usize) += 1);
    if counts.len() < SUBJECTS_MIN || captures.len() < 3 * counts.len() {
        return Err(Error::Parameter {
            name: "training captures",
            why: "there must be at least 128 subjects with 3 captures each",
        });
    }
    if captures.iter().any(|c| c.minutiae_on_finger.len() != c.features.minutiae.len()) {
        return Err(Error::Parameter { name: "training minutiae", why: "each needs its place on the finger" });
    }
    Ok(())
}

/// Learns the descriptor from minutiae that were seen in several captures.
fn train_descriptor(captures: &[TrainingCapture], flows: &[Flow], rng: &mut dyn Rng) -> DescriptorModel {
    let tracks = tracks(captures);
    let total: usize = tracks.iter().map(Vec::len).sum();
    let keep = (DESCRIPTORS_MAX as f64 / total.max(1) as f64).min(1.0);
    let (mut rows, mut owners) = (Vec::new(), Vec::new());
    for (owner, track) in tracks.iter().enumerate() {
        if rng.random::<f64>() >= keep {
            continue;
        }
        for &(capture, minutia) in track {
            rows.extend(raw_descriptor(&captures[capture].features.minutiae, minutia, &flows[capture]));
            owners.push(owner as u64);
        }
    }
    let rows = Array2::from_shape_vec((owners.len(), DESCRIPTOR_RAW), rows).expect("one raw descriptor an owner");
    DescriptorModel::train(&rows, &owners, rng)
}

/// Groups detections of the same minutia of one finger: (capture, minutia) pairs, in at least three captures.
fn tracks(captures: &[TrainingCapture]) -> Vec<Vec<(usize, usize)>> {
    let mut by_subject: BTreeMap<u64, Vec<Track>> = BTreeMap::new();
    for (index, capture) in captures.iter().enumerate() {
        let own = by_subject.entry(capture.subject).or_default();
        for (minutia, &place) in capture.minutiae_on_finger.iter().enumerate() {
            let seen = &capture.features.minutiae[minutia];
            follow(own, place, seen, capture.pose.angle, (index, minutia));
        }
    }
    let all = by_subject.into_values().flatten().map(|track| track.members);
    all.filter(|members| members.len() >= 3).collect()
}

struct Track {
    place: (f32, f32),
    direction: f32,
    members: Vec<(usize, usize)>,
}

fn follow(tracks: &mut Vec<Track>, place: (f32, f32), seen: &Minutia, turn: f32, member: (usize, usize)) {
    let direction = seen.angle - turn;
    let distance = |t: &Track| (t.place.0 - place.0).hypot(t.place.1 - place.1);
    let fits = |t: &&mut Track| {
        let turned = (t.direction - direction + PI).rem_euclid(TAU) - PI;
        let fresh = t.members.last().is_none_or(|last| last.0 != member.0);
        fresh && distance(t) < SAME_DISTANCE && turned.abs() < SAME_ANGLE
    };
    match tracks.iter_mut().filter(fits).min_by(|a, b| distance(a).total_cmp(&distance(b))) {
        Some(track) => track.members.push(member),
        None => tracks.push(Track { place, direction, members: vec![member] }),
    }
}

/// Learns the real-valued form: components of each block, then discriminants of all, weighted for the cosine.
fn train_real(pooled: &Array2<f32>, subjects: &[u64], rng: &mut dyn Rng) -> Affine {
    let components: usize = BLOCK_COMPONENTS.iter().sum();
    let mut reduction = Array2::zeros((components, POOLED));
    let mut mean = Array1::zeros(POOLED);
    let mut row = 0;
    for (index, &count) in BLOCK_COMPONENTS.iter().enumerate() {
        let found = principal_components(pooled.slice(s![.., block(index)]), count, rng);
        let scale = found.variances.iter().sum::<f32>().sqrt().recip();
        let rows = row..row + found.directions.nrows();
        reduction.slice_mut(s![rows.clone(), block(index)]).assign(&(&found.directions * scale));
        mean.slice_mut(s![block(index)]).assign(&found.mean);
        row = rows.end;
    }
    let reduced = (pooled - &mean).dot(&reduction.t());
    let found = discriminants(reduced.view(), subjects, REAL_LENGTH, SHRINKAGE);
    let weighted = weighted_for_cosine(&found);
    Affine::centred(weighted.dot(&reduction), &mean)
}

/// Learns the binary form of the real-valued one.
fn train_bits(real: &Affine, pooled: &Array2<f32>, subjects: &[u64], rng: &mut dyn Rng) -> Affine {
    let mut templates = Array2::zeros((pooled.nrows(), REAL_LENGTH));
    for (input, mut output) in pooled.rows().into_iter().zip(templates.rows_mut()) {
        let mut values = vec![0.0; REAL_LENGTH];
        real.apply(&input.to_vec(), &mut values);
        output.assign(&Array1::from_vec(values));
    }
    binary_form(&templates, subjects, BITS, rng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::MinutiaKind;

    const ROWS: usize = 46;
    const COLUMNS: usize = 42;

    /// A loop with the subject's own minutiae; every capture moves by whole cells and jitters them.
    fn capture(subject: u64, number: u64) -> TrainingCapture {
        let mut own = ChaCha8Rng::seed_from_u64(subject);
        let mut noise = ChaCha8Rng::seed_from_u64(1 << 32 | subject << 8 | number);
        let shift = (8 * noise.random_range(-3i32..=3), 8 * noise.random_range(-3i32..=3));
        let pose = Pose { x: 170.0 + shift.0 as f32, y: 180.0 + shift.1 as f32, angle: 0.0 };
        let places: Vec<(f32, f32, f32)> = (0..40)
            .map(|_| (own.random_range(-130f32..130.0), own.random_range(-140f32..140.0), own.random_range(0.0..TAU)))
            .collect();
        let mut jitter = |spread: f32| noise.random_range(-spread..spread);
        let minutia = |&(u, v, angle): &(f32, f32, f32)| Minutia {
            x: pose.x + u + jitter(2.0),
            y: pose.y + v + jitter(2.0),
            angle: (angle + jitter(0.1)).rem_euclid(TAU),
            kind: MinutiaKind::Ending,
            quality: 0.8,
        };
        let minutiae = places.iter().map(minutia).collect();
        let minutiae_on_finger = places.iter().map(|p| (p.0, p.1)).collect();
        TrainingCapture { subject, features: loop_features(pose, minutiae), pose, minutiae_on_finger }
    }

    fn loop_features(pose: Pose, minutiae: Vec<Minutia>) -> Features {
        let orientation = Array2::from_shape_fn((ROWS, COLUMNS), |(row, column)| {
            let (dx, dy) = (column as f32 * 8.0 + 4.0 - pose.x, row as f32 * 8.0 + 4.0 - pose.y);
            ((dy.atan2(dx) + PI / 2.0) / 2.0).rem_euclid(PI)
        });
        let even = |value: f32| Array2::from_elem((ROWS, COLUMNS), value);
        Features {
            columns: 8 * COLUMNS,
            rows: 8 * ROWS,
            minutiae,
            orientation,
            coherence: even(1.0),
            mask: Array2::from_elem((ROWS, COLUMNS), true),
            frequency: even(1.0 / 9.0),
            clarity: even(1.0),
            quality: 0.9,
        }
    }

    fn captures() -> Vec<TrainingCapture> {
        (0..SUBJECTS_MIN as u64).flat_map(|subject| (0..3).map(move |number| capture(subject, number))).collect()
    }

    #[test]
    fn what_is_learnt_tells_unseen_subjects_apart_wherever_they_lie() {
        let model = FixedLength::train(&captures(), 1).unwrap();
        assert_eq!(FixedLength::from_bytes(&model.to_bytes()), Ok(model.clone()));
        let template = |subject, number| model.template(&capture(subject, number).features).unwrap();
        for subject in 1_000..1_010 {
            let reference = template(subject, 0);
            let (mated, other) = (template(subject, 1), template(subject + 500, 0));
            assert!(mated.cosine(&reference) > other.cosine(&reference) + 0.2, "subject {subject}");
            assert!(mated.bit_agreement(&reference) > other.bit_agreement(&reference) + 0.1, "subject {subject}");
        }
    }

    #[test]
    fn too_little_to_learn_from_is_refused() {
        let few = captures().into_iter().skip(3).collect::<Vec<_>>();
        assert!(matches!(FixedLength::train(&few, 1), Err(Error::Parameter { .. })));
        let mut placeless = captures();
        placeless[5].minutiae_on_finger.pop();
        assert!(matches!(FixedLength::train(&placeless, 1), Err(Error::Parameter { .. })));
    }
}
