//! Training of the fixed-length fingerprint template on synthetic fingers alone.

use crate::Error;
use biopay_biometrics::fingerprint::Extractor;
use biopay_biometrics::fingerprint::fixed_length::{FixedLength, Pose, TrainingCapture};
use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger, Point};
use rayon::prelude::*;

/// The working resolution of features, in which positions are given.
const WORKING_PIXELS_PER_INCH: f32 = 500.0;

/// The training set: synthetic fingers, each captured once by every sensor at its quality.
#[derive(Clone, Debug)]
pub struct TrainingPlan {
    /// The seed of fingers and training.
    pub seed: u64,
    /// The number of fingers.
    pub subjects: u64,
    /// The sensors, with the quality of their captures.
    pub captures: Vec<(Device, CaptureQuality)>,
}

impl TrainingPlan {
    /// Returns the plan from which the shipped parameters were trained.
    pub fn builtin(seed: u64) -> Self {
        let capture = |(name, quality): (&str, f32)| {
            let device = Device::named(name).expect("the table names known sensors");
            (device, CaptureQuality::new(quality).expect("the table's qualities lie from 0 to 1"))
        };
        Self { seed, subjects: SUBJECTS, captures: CAPTURES.map(capture).to_vec() }
    }

    /// Generates the captures on all cores, and calls `progress` after each. Samples that are not acquired are left
    /// out, because they have no features.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] for anything but a failure to acquire.
    pub fn generate(&self, progress: &(dyn Fn() + Sync)) -> Result<Vec<TrainingCapture>, Error> {
        let extractor = Extractor::new();
        let subject = |subject: u64| {
            let finger = Finger::generate(self.seed, subject, None);
            let mut captures = Vec::new();
            for (number, (device, quality)) in (0..).zip(&self.captures) {
                captures.extend(capture(&finger, subject, device, *quality, number, &extractor)?);
                progress();
            }
            Ok(captures)
        };
        let captures: Vec<Vec<_>> = (0..self.subjects).into_par_iter().map(subject).collect::<Result<_, Error>>()?;
        Ok(captures.into_iter().flatten().collect())
    }

    /// Trains the parameters; one plan gives the same bytes on every run.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] if there are too few captures.
    pub fn train(&self, captures: &[TrainingCapture]) -> Result<FixedLength, Error> {
        Ok(FixedLength::train(captures, self.seed)?)
    }
}

fn capture(
    finger: &Finger,
    subject: u64,
    device: &Device,
    quality: CaptureQuality,
    number: u64,
    extractor: &Extractor,
) -> Result<Option<TrainingCapture>, Error> {
    let capture = finger.capture(device, quality, number);
    let features = match extractor.extract(&capture.sample) {
        Ok(features) => features,
        Err(biopay_biometrics::Error::FailureToAcquire(_)) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    let deformation = &capture.truth.condition.deformation;
    let scale = WORKING_PIXELS_PER_INCH / f32::from(device.pixels_per_inch);
    let pose = Pose { x: deformation.centre.x * scale, y: deformation.centre.y * scale, angle: deformation.rotation };
    let place = |x: f32, y: f32| {
        let on_finger = deformation.to_finger(Point::new(x / scale, y / scale));
        (on_finger.x, on_finger.y)
    };
    let minutiae_on_finger = features.minutiae.iter().map(|m| place(m.x, m.y)).collect();
    Ok(Some(TrainingCapture { subject, features, pose, minutiae_on_finger }))
}

const SUBJECTS: u64 = 1_500;
/// The sensors and qualities, most of them low: what is learnt from easy captures carries over less to real prints.
const CAPTURES: [(&str, f32); 4] = [("optical", 0.2), ("optical", 0.5), ("capacitive", 0.4), ("optical", 0.3)];
