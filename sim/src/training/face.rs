//! Training of the face extractor on synthetic faces alone.

use crate::Error;
use biopay_biometrics::Sample;
use biopay_biometrics::face::{Extractor, TrainingCapture};
use biopay_datasets::face::{Device, Face, FacePoints, Nuisance, scenery};
use biopay_datasets::fingerprint::{self, CaptureQuality, Finger};
use biopay_datasets::stream::stream;
use rand::{Rng, RngExt};
use rayon::prelude::*;
use std::ops::Range;

/// The training set: synthetic faces, each captured once by every camera with its nuisance, half of the captures
/// cropped tightly.
#[derive(Clone, Debug)]
pub struct FaceTrainingPlan {
    /// The seed of faces and training.
    pub seed: u64,
    /// The number of faces.
    pub subjects: u64,
    /// The cameras, with the nuisance of their captures.
    pub captures: Vec<(Device, Nuisance)>,
}

impl FaceTrainingPlan {
    /// Returns the plan from which the shipped parameters were trained.
    pub fn builtin(seed: u64) -> Self {
        let capture = |(name, nuisance): (&str, f32)| {
            let device = Device::named(name).expect("the table names known cameras");
            (device, Nuisance::new(nuisance).expect("the table's values lie from 0 to 2"))
        };
        Self { seed, subjects: SUBJECTS, captures: CAPTURES.map(capture).to_vec() }
    }

    /// Generates the captures on all cores, and calls `progress` after each.
    pub fn generate(&self, progress: &(dyn Fn() + Sync)) -> Vec<TrainingCapture> {
        let subject = |subject: u64| {
            let face = Face::generate(self.face_seed(), subject);
            let capture = |(number, (device, nuisance)): (u64, &(Device, Nuisance))| {
                let capture = face.capture(device, *nuisance, number);
                progress();
                let capture =
                    TrainingCapture { subject, points: points(&capture.truth.points), sample: capture.sample };
                let is_cut = (subject + number).is_multiple_of(2);
                let rng = &mut stream(self.face_seed(), &format!("face-training/cut/{number}"), subject);
                if is_cut { cut(capture, rng) } else { capture }
            };
            (0..).zip(&self.captures).map(capture).collect::<Vec<_>>()
        };
        (0..self.subjects).into_par_iter().map(subject).collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// Trains the parameters; one plan gives the same bytes on every run.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] if there are too few captures.
    pub fn train(&self, captures: &[TrainingCapture]) -> Result<Extractor, Error> {
        Ok(Extractor::train(captures, &self.without_face(), self.seed)?)
    }

    /// Returns images without a face: scenes, and fingerprints.
    fn without_face(&self) -> Vec<Sample> {
        let device = fingerprint::Device::named("optical").expect("a profile of that name");
        let finger = |n: u64| {
            let finger = Finger::generate(self.face_seed(), n, None);
            Sample::face(finger.capture(&device, CaptureQuality::default(), 0).sample.pixels)
        };
        let mut images: Vec<Sample> = (0..FINGERS).into_par_iter().map(finger).collect();
        images.extend((0..SCENES).map(|n| scenery(self.face_seed(), n)));
        images
    }

    /// Returns the seed of training faces, who are other people than those of the same seed in `biopay dataset face`.
    fn face_seed(&self) -> u64 {
        self.seed ^ TRAINING_FACES
    }
}

/// Crops a region around the face as tightly as collections of faces do: beyond an image's border there is no
/// background as a camera sees it.
fn cut(capture: TrainingCapture, rng: &mut impl Rng) -> TrainingCapture {
    let [left_eye, right_eye, _, left_mouth, right_mouth] = capture.points;
    let span = (right_eye.0 - left_eye.0).hypot(right_eye.1 - left_eye.1);
    let middle = |pick: fn((f32, f32)) -> f32| {
        [left_eye, right_eye, left_mouth, right_mouth].map(pick).iter().sum::<f32>() / 4.0
    };
    let width = span * rng.random_range(CUT_WIDTH);
    let height = width * rng.random_range(CUT_HEIGHT);
    let across = middle(|p| p.0) + span * rng.random_range(-CUT_SHIFT..CUT_SHIFT);
    let down = middle(|p| p.1) + span * rng.random_range(-CUT_SHIFT..CUT_SHIFT);
    let range = |centre: f32, length: f32, limit: usize| {
        let from = (centre - length / 2.0).max(0.0) as usize;
        from..((centre + length / 2.0).max(0.0) as usize).min(limit)
    };
    let (rows, columns) = capture.sample.pixels.dim();
    let (rows, columns) = (range(down, height, rows), range(across, width, columns));
    let points = capture.points.map(|(x, y)| (x - columns.start as f32, y - rows.start as f32));
    let pixels = capture.sample.pixels.slice(ndarray::s![rows, columns]).to_owned();
    TrainingCapture { sample: Sample::face(pixels), points, ..capture }
}

/// Converts the truth's points to the extractor's.
pub fn points(truth: &FacePoints) -> biopay_biometrics::face::FacePoints {
    [truth.left_eye, truth.right_eye, truth.nose, truth.left_mouth, truth.right_mouth].map(|p| (p.x, p.y))
}

const TRAINING_FACES: u64 = 0x5452_4149_4E5F_4641;
const SUBJECTS: u64 = 800;
/// The cameras, with nuisances greater than usual: what is learnt from easy captures carries over less to real faces.
const CAPTURES: [(&str, f32); 6] =
    [("handset", 1.2), ("pc", 1.5), ("handset", 1.8), ("pc", 1.2), ("handset", 1.5), ("pc", 1.8)];
/// The width of a crop in distances between the pupils, its height in widths, and the distance of its middle from the
/// face's, in distances between the pupils.
const CUT_WIDTH: Range<f32> = 2.2..3.4;
const CUT_HEIGHT: Range<f32> = 0.95..1.3;
const CUT_SHIFT: f32 = 0.18;
/// The number of images without a face.
const FINGERS: u64 = 120;
const SCENES: u64 = 600;
