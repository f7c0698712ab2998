//! Learning: from labelled synthetic captures, and images without a face, to the stored parameters.

use super::alignment::{self, Aligner, Stage, Verifier};
use super::degradation::degraded;
use super::detection::{self, Detector};
use super::extractor::{Extractor, Locator, Parameters, prepared};
use super::features::{self, BLOCKS};
use super::frame::{FacePoints, Frame};
use super::gabor::Bank;
use super::parameters::{BITS, COMPONENTS, COPIES, REAL_LENGTH, SHRINKAGE, STAGES};
use crate::learn::{Affine, binary_form, discriminants, principal_components, ridge, weighted_for_cosine};
use crate::{Error, Sample};
use ndarray::{Array1, Array2, s};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Subjects that training needs at least: half as many as the template has dimensions.
const SUBJECTS_MIN: usize = REAL_LENGTH / 2;
/// Captures that the locator is learnt from at most, drawn from all.
const LOCATOR_CAPTURES: usize = 2_500;
/// Penalties of the regressions, in mean input variances a row.
const DETECTOR_PENALTY: f64 = 0.05;
const STAGE_PENALTY: f64 = 0.02;
const VERIFIER_PENALTY: f64 = 0.1;
/// Copies of each face that verification learns from: one as it was captured, the others degraded.
const VERIFIER_COPIES: usize = 3;
/// Rounds of a classifier's learning, and how much a row still counts that it tells with room to spare.
const CLASSIFIER_ROUNDS: usize = 5;
const EASY_IMPORTANCE: f32 = 0.05;
/// The threshold of verification lies where this share of training images without an upright face would be accepted, or
/// this share of training faces refused, whichever is lower: real faces score lower than synthetic ones, so that the
/// place must be chosen from places without a face.
const ACCEPTED_SHARE: f64 = 0.05;
const REFUSED_SHARE: f64 = 0.002;

/// One synthetic capture and what is known about it.
#[derive(Clone, Debug)]
pub struct TrainingCapture {
    /// Whose face it is.
    pub subject: u64,
    /// The image.
    pub sample: Sample,
    /// Where the face's points lie.
    pub points: FacePoints,
}

struct Example {
    subject: u64,
    image: Array2<f32>,
    frame: Frame,
}

impl Extractor {
    /// Learns all parameters from synthetic captures, several of each subject, and images without a face; the same
    /// arguments in the same order give the same parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] with too few subjects, captures or images without a face.
    pub fn train(captures: &[TrainingCapture], without_face: &[Sample], seed: u64) -> Result<Self, Error> {
        check(captures, without_face)?;
        let examples: Vec<Example> = captures.par_iter().filter_map(example).collect();
        let empty: Vec<Array2<f32>> = without_face.par_iter().filter_map(|s| prepared(s).ok()).collect();
        let few = drawn(&examples, &mut stream(seed, 0, 0));
        let detector = train_detector(&few, &empty, seed);
        let aligner = train_aligner(&few, seed);
        let verifier = train_verifier(&few, &empty, &detector, &aligner, seed);
        let locator = Locator { detector, aligner, verifier };
        let bank = Arc::new(Bank::new());
        let (rows, subjects) = describe_all(&examples, &locator, &bank);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let real = train_real(&rows, &subjects, rng);
        let bits = train_bits(&real, &rows, &subjects, rng);
        Ok(Self { parameters: Parameters { locator, real, bits }, bank })
    }
}

fn check(captures: &[TrainingCapture], without_face: &[Sample]) -> Result<(), Error> {
    let subjects: BTreeSet<u64> = captures.iter().map(|c| c.subject).collect();
    if subjects.len() < SUBJECTS_MIN || captures.len() < 3 * subjects.len() {
        return Err(Error::Parameter {
            name: "training captures",
            why: "there must be at least 128 subjects with 3 captures each",
        });
    }
    if without_face.is_empty() {
        return Err(Error::Parameter { name: "training images", why: "some must show no face" });
    }
    Ok(())
}

fn example(capture: &TrainingCapture) -> Option<Example> {
    let image = prepared(&capture.sample).ok()?;
    let shrink = capture.sample.columns() as f32 / image.ncols() as f32;
    let points = capture.points.map(|(x, y)| ((x + 0.5) / shrink - 0.5, (y + 0.5) / shrink - 0.5));
    Some(Example { subject: capture.subject, image, frame: Frame::fit(&points) })
}

/// Draws what the locator is learnt from, in order; every second capture, say, would always be of the same camera.
fn drawn<'a>(examples: &'a [Example], rng: &mut dyn Rng) -> Vec<&'a Example> {
    let mut open = LOCATOR_CAPTURES.min(examples.len());
    let is_drawn = |(i, example)| {
        let is_drawn = rng.random_range(0..examples.len() - i) < open;
        open -= usize::from(is_drawn);
        is_drawn.then_some(example)
    };
    examples.iter().enumerate().filter_map(is_drawn).collect()
}

/// Opens the stream of one example and purpose.
fn stream(seed: u64, purpose: u64, index: usize) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (purpose << 48) ^ index as u64)
}

/// Draws about a standard normal: the sum of four uniforms, cut at 3.5 deviations by itself.
fn normal(rng: &mut dyn Rng) -> f32 {
    (0..4).map(|_| rng.random_range(-1.0f32..1.0)).sum::<f32>() * 0.866
}

fn perturbed(frame: &Frame, (shift, scale, angle): (f32, f32, f32), rng: &mut dyn Rng) -> Frame {
    frame.corrected([shift * normal(rng), shift * normal(rng), scale * normal(rng), angle * normal(rng)])
}

/// Returns a frame that cuts out no face: beside it, of another size, or turned over.
fn misplaced(frame: &Frame, rng: &mut dyn Rng) -> Frame {
    let kind = rng.random_range(0..4);
    let away = || 0.3f32;
    let mut shift = || {
        let length = away() + rng.random_range(0.0f32..0.5);
        let angle = rng.random_range(0.0..std::f32::consts::TAU);
        (length * angle.cos(), length * angle.sin())
    };
    let (dx, dy) = shift();
    let scale = [0.0, rng.random_range(0.40f32..0.9), rng.random_range(-0.9f32..-0.40), 0.0][kind];
    let turned = if kind == 3 { std::f32::consts::PI } else { 0.0 };
    let near = if kind == 0 { 1.0 } else { 0.3 };
    frame.corrected([dx * near, dy * near, scale, turned])
}

/// Returns a random frame in an image.
fn anywhere(image: &Array2<f32>, rng: &mut dyn Rng) -> Frame {
    let (rows, columns) = image.dim();
    let side = rng.random_range(0.4f32..1.4) * rows.min(columns) as f32;
    let mut place = |length: usize| rng.random_range(0.2f32..0.8) * length as f32;
    Frame { x: place(columns), y: place(rows), scale: side / super::frame::CANONICAL_SIDE, angle: 0.0 }
}

/// Learns a classifier of rows with target 1 or -1, both classes counting alike.
///
/// Least squares at first; then the rows that lie beyond their target nearly stop counting, and so again, which comes
/// close to the squared hinge's solution (Keerthi and DeCoste 2005): what is easy to tell no longer pulls the weights.
fn classifier(positive: &[Vec<f32>], negative: &[Vec<f32>], penalty: f64) -> (Vec<f32>, f32) {
    let length = positive[0].len();
    let all: Vec<&Vec<f32>> = positive.iter().chain(negative).collect();
    let rows = Array2::from_shape_fn((all.len(), length), |(i, j)| all[i][j]);
    let is_positive = |i: usize| i < positive.len();
    let targets = Array2::from_shape_fn((all.len(), 1), |(i, _)| if is_positive(i) { 1.0 } else { -1.0 });
    let share = |i: usize| if is_positive(i) { 1.0 / positive.len() as f32 } else { 1.0 / negative.len() as f32 };
    let mut importance: Vec<f32> = (0..all.len()).map(share).collect();
    let (mut weights, mut offset) = (Vec::new(), 0.0);
    for _ in 0..CLASSIFIER_ROUNDS {
        let found = ridge(rows.view(), targets.view(), &importance, penalty);
        (weights, offset) = (found.weights.iter().copied().collect(), found.offset[0]);
        for (i, (row, importance)) in all.iter().zip(&mut importance).enumerate() {
            let beyond = targets[[i, 0]] * linear(&weights, offset, row) > 1.0;
            *importance = share(i) * if beyond { EASY_IMPORTANCE } else { 1.0 };
        }
    }
    (weights, offset)
}

fn linear(weights: &[f32], offset: f32, row: &[f32]) -> f32 {
    offset + weights.iter().zip(row).map(|(w, x)| w * x).sum::<f32>()
}

fn train_detector(few: &[&Example], empty: &[Array2<f32>], seed: u64) -> Detector {
    let near = |(i, e): (usize, &&Example)| {
        let frame = perturbed(&e.frame, (0.03, 0.07, 0.08), &mut stream(seed, 1, i));
        detection::describe(&e.image, &frame)
    };
    let far = |i: usize| {
        let rng = &mut stream(seed, 2, i);
        let e = few[i % few.len()];
        detection::describe(&e.image, &misplaced(&e.frame, rng))
    };
    let none = |i: usize| {
        let image = &empty[i % empty.len()];
        detection::describe(image, &anywhere(image, &mut stream(seed, 3, i)))
    };
    let positive: Vec<_> = few.par_iter().enumerate().map(near).collect();
    let mut negative: Vec<_> = (0..3 * few.len()).into_par_iter().map(far).collect();
    negative.par_extend((0..few.len()).into_par_iter().map(none));
    let (weights, offset) = classifier(&positive, &negative, DETECTOR_PENALTY);
    Detector { weights, offset }
}

fn train_aligner(few: &[&Example], seed: u64) -> Aligner {
    let stage = |(number, spread): (usize, &(f32, f32, f32))| {
        let copy = |i: usize| {
            let e = few[i / COPIES];
            let start = perturbed(&e.frame, *spread, &mut stream(seed, 10 + number as u64, i));
            (alignment::describe(&alignment::crop(&e.image, &start)), start.correction_to(&e.frame))
        };
        let pairs: Vec<_> = (0..few.len() * COPIES).into_par_iter().map(copy).collect();
        let rows = Array2::from_shape_fn((pairs.len(), alignment::LENGTH), |(i, j)| pairs[i].0[j]);
        let targets = Array2::from_shape_fn((pairs.len(), 4), |(i, k)| pairs[i].1[k]);
        let found = ridge(rows.view(), targets.view(), &vec![1.0; pairs.len()], STAGE_PENALTY);
        Stage { weights: found.weights.iter().copied().collect(), offset: std::array::from_fn(|k| found.offset[k]) }
    };
    Aligner { stages: STAGES.iter().enumerate().map(stage).collect() }
}

fn train_verifier(
    few: &[&Example],
    empty: &[Array2<f32>],
    detector: &Detector,
    aligner: &Aligner,
    seed: u64,
) -> Verifier {
    let describe = |image: &Array2<f32>, frame: &Frame| alignment::describe_verified(&alignment::crop(image, frame));
    let face = |i: usize| {
        let (e, rng) = (few[i / VERIFIER_COPIES], &mut stream(seed, 20, i));
        let frame = perturbed(&e.frame, (0.015, 0.03, 0.03), rng);
        if i.is_multiple_of(VERIFIER_COPIES) {
            describe(&e.image, &frame)
        } else {
            describe(&degraded(&e.image, rng), &frame)
        }
    };
    let positive: Vec<_> = (0..few.len() * VERIFIER_COPIES).into_par_iter().map(face).collect();
    // What the locator would settle on where there is no face, or a face that is upside down or a negative.
    let settled = |image: &Array2<f32>| -> Vec<Vec<f32>> {
        let frames = detector.candidates(image).into_iter();
        frames.map(|frame| describe(image, &aligner.align(image, frame))).collect()
    };
    let spoilt = |i: usize| settled(&spoil(&few[i].image, i % 2));
    let wrong = |i: usize| {
        let e = few[i];
        describe(&e.image, &misplaced(&e.frame, &mut stream(seed, 21, i)))
    };
    let mut faceless: Vec<Vec<Vec<f32>>> = empty.par_iter().map(settled).collect();
    faceless.par_extend((0..few.len()).into_par_iter().map(spoilt));
    let mut negative: Vec<Vec<f32>> = faceless.iter().flatten().cloned().collect();
    negative.par_extend((0..few.len()).into_par_iter().map(wrong));
    let (weights, offset) = classifier(&positive, &negative, VERIFIER_PENALTY);
    let best =
        |image: &Vec<Vec<f32>>| image.iter().map(|row| linear(&weights, offset, row)).fold(f32::NEG_INFINITY, f32::max);
    let mut others: Vec<f32> = faceless.iter().map(best).collect();
    let mut faces: Vec<f32> = positive.iter().map(|row| linear(&weights, offset, row)).collect();
    let threshold = quantile(&mut others, 1.0 - ACCEPTED_SHARE).min(quantile(&mut faces, REFUSED_SHARE));
    Verifier { weights, offset, threshold }
}

/// Returns the value that a share of all values lies below; sorts them.
fn quantile(values: &mut [f32], share: f64) -> f32 {
    values.sort_by(f32::total_cmp);
    values[((values.len() as f64 * share) as usize).min(values.len() - 1)]
}

/// Turns an image upside down, or into its negative.
fn spoil(image: &Array2<f32>, kind: usize) -> Array2<f32> {
    if kind == 0 {
        return image.mapv(|grey| 255.0 - grey);
    }
    let mut turned = image.clone();
    turned.invert_axis(ndarray::Axis(0));
    turned.as_standard_layout().into_owned()
}

/// Describes every example as the locator finds it; those that it misses are left out.
fn describe_all(examples: &[Example], locator: &Locator, bank: &Bank) -> (Array2<f32>, Vec<u64>) {
    let one = |e: &Example| {
        let (_, frame) = locator.best(&e.image)?;
        let off = frame.correction_to(&e.frame);
        let found = off[0].abs() < 0.12 && off[1].abs() < 0.12 && off[2].abs() < 0.2;
        found.then(|| (features::describe(&e.image, &frame, bank), e.subject))
    };
    let described: Vec<_> = examples.par_iter().filter_map(one).collect();
    let mut rows = Array2::zeros((described.len(), features::LENGTH));
    for (mut row, (features, _)) in rows.rows_mut().into_iter().zip(&described) {
        row.assign(&Array1::from_iter(features.iter().copied()));
    }
    (rows, described.into_iter().map(|(_, subject)| subject).collect())
}

/// Learns the real-valued form: principal components of all blocks together, then discriminants.
fn train_real(rows: &Array2<f32>, subjects: &[u64], rng: &mut dyn Rng) -> Affine {
    let mut scaled = rows.clone();
    let mut scales = vec![1.0f32; BLOCKS.len()];
    for (block, scale) in BLOCKS.into_iter().zip(scales.iter_mut()) {
        let mut part = scaled.slice_mut(s![.., block]);
        let mean = part.mean_axis(ndarray::Axis(0)).expect("at least one row");
        let variance = part.rows().into_iter().map(|r| (&r - &mean).mapv(|x| x * x).sum()).sum::<f32>();
        *scale = (variance / rows.nrows() as f32).sqrt().recip();
        part *= *scale;
    }
    let components = principal_components(scaled.view(), COMPONENTS, rng);
    let reduced = (&scaled - &components.mean).dot(&components.directions.t());
    let found = discriminants(reduced.view(), subjects, REAL_LENGTH, SHRINKAGE);
    let mut directions = weighted_for_cosine(&found).dot(&components.directions);
    let mut mean = components.mean;
    for (block, scale) in BLOCKS.into_iter().zip(scales) {
        directions.slice_mut(s![.., block.clone()]).mapv_inplace(|w| w * scale);
        mean.slice_mut(s![block]).mapv_inplace(|m| m / scale);
    }
    let mut padded = Array2::zeros((REAL_LENGTH, features::LENGTH));
    padded.slice_mut(s![..directions.nrows(), ..]).assign(&directions);
    Affine::centred(padded, &mean)
}

fn train_bits(real: &Affine, rows: &Array2<f32>, subjects: &[u64], rng: &mut dyn Rng) -> Affine {
    let mut templates = Array2::zeros((rows.nrows(), REAL_LENGTH));
    for (input, mut output) in rows.rows().into_iter().zip(templates.rows_mut()) {
        let mut values = vec![0.0; REAL_LENGTH];
        real.apply(&input.to_vec(), &mut values);
        let norm = values.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
        output.assign(&Array1::from_vec(values.into_iter().map(|x| x / norm).collect()));
    }
    binary_form(&templates, subjects, BITS, rng)
}
