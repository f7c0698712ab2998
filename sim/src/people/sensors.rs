//! The sensors: synthetic samples, and the templates that a handset makes of them.

use crate::Error;
use crate::scenario::{Biometric, Modality, Scenario};
use biopay_biometrics::fingerprint::Extractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::{AcquisitionFailure, Sample, Template, face as face_extraction};
use biopay_datasets::embedding;
use biopay_datasets::face::{self, Face, Nuisance};
use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger};
use biopay_datasets::presentation::{Species, TrainingSamples, gelatine_finger, printed_face, replayed_screen};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The two sensors of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sensor {
    /// The sensor of the enrolled handset.
    Handset,
    /// The sensor of the second device.
    SecondDevice,
}

/// The key of one capture of one subject; the same key gives the same image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaptureKey {
    /// The capture subject.
    pub subject: u32,
    /// The sensor.
    pub sensor: Sensor,
    /// The capture's number.
    pub number: u32,
    /// Whole months since the subject's enrolment.
    pub age_months: u16,
}

/// The result of a capture: a template, or the reason of a failure.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The template, or why the sample was not acquired.
    pub template: Result<Template, AcquisitionFailure>,
    /// The wall-clock time of feature extraction and template, returned once: `None` if the capture was prepared in
    /// advance.
    pub extraction: Option<Duration>,
}

/// The sensors of a scenario, with the captures that were made in advance.
pub struct Sensors {
    seed: u64,
    source: Source,
    device_names: [String; 2],
    quality: f32,
    ageing_per_year: f32,
    ready: BTreeMap<CaptureKey, Captured>,
}

/// The source of samples before the sensors.
enum Source {
    Fingers { devices: [Device; 2], extractor: Extractor },
    Faces { devices: [face::Device; 2] },
    Points { population: Box<embedding::EmbeddingPopulation> },
}

/// One subject before the sensor.
enum Subject {
    Finger(Box<Finger>),
    Face(Box<Face>),
    Point(u64),
}

/// Bits of an embedding's binary form.
const EMBEDDING_BITS: usize = 1_024;

impl Sensors {
    /// Sets up the scenario's sensors.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for an unknown sensor, which a scenario's check has ruled out.
    pub fn new(scenario: &Scenario) -> Result<Self, Error> {
        let biometric = &scenario.biometric;
        Ok(Self {
            seed: scenario.seed,
            source: Source::new(biometric, scenario.seed, u64::from(scenario.subject_count()))?,
            device_names: match biometric.modality {
                Modality::Embedding => ["embedding", "embedding"].map(str::to_owned),
                _ => [biometric.device.clone(), biometric.second_device.clone()],
            },
            quality: biometric.quality,
            ageing_per_year: biometric.ageing_per_year,
            ready: BTreeMap::new(),
        })
    }

    /// Returns a sensor's name.
    pub fn device(&self, sensor: Sensor) -> &str {
        &self.device_names[sensor as usize]
    }

    /// Makes captures in advance on all cores, subject by subject, and calls `progress` after each. Stops early when
    /// `stop` is set, and keeps the captures made so far.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] for anything but a failure to acquire.
    pub fn prepare(
        &mut self,
        keys: &[CaptureKey],
        stop: &AtomicBool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Error> {
        let mut by_subject: BTreeMap<u32, Vec<CaptureKey>> = BTreeMap::new();
        for &key in keys.iter().filter(|k| !self.ready.contains_key(k)) {
            by_subject.entry(key.subject).or_default().push(key);
        }
        let session = |(subject, keys): (u32, Vec<CaptureKey>)| {
            let subject = self.source.subject(self.seed, subject);
            let mut made = Vec::new();
            for key in keys.into_iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
                made.push((key, self.take(&subject, key)?));
                progress(1);
            }
            Ok(made)
        };
        let made: Vec<Vec<_>> = by_subject.into_par_iter().map(session).collect::<Result<_, Error>>()?;
        self.ready.extend(made.into_iter().flatten());
        Ok(())
    }

    /// Returns a capture: a prepared one, or else a new one.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] for anything but a failure to acquire.
    pub fn capture(&self, key: CaptureKey) -> Result<Captured, Error> {
        match self.ready.get(&key) {
            Some(captured) => Ok(Captured { extraction: None, ..captured.clone() }),
            None => self.take(&self.source.subject(self.seed, key.subject), key),
        }
    }

    /// Iterates over the prepared captures, in the order of their keys.
    pub fn ready(&self) -> impl Iterator<Item = (CaptureKey, &Captured)> {
        self.ready.iter().map(|(&key, captured)| (key, captured))
    }

    /// Finds a prepared capture.
    pub fn find(&self, key: CaptureKey) -> Option<&Captured> {
        self.ready.get(&key)
    }

    /// Returns the image of a capture; `None` for embeddings.
    ///
    /// # Errors
    ///
    /// [`Error::Datasets`] for an invalid quality.
    pub fn sample(&self, key: CaptureKey) -> Result<Option<Sample>, Error> {
        self.image(&self.source.subject(self.seed, key.subject), key)
    }

    /// Returns whether an artefact of a species can be presented to the scenario's sensor.
    pub fn can_imitate(&self, species: Species) -> bool {
        matches!(
            (&self.source, species),
            (Source::Fingers { .. }, Species::GelatineFinger)
                | (Source::Faces { .. }, Species::PrintedFace | Species::ReplayedScreen)
        )
    }

    /// Returns the handset sensor's image of an artefact of a subject; `None` if the sensor has no such artefacts.
    ///
    /// # Errors
    ///
    /// [`Error::Datasets`] for an invalid quality.
    pub fn artefact(&self, species: Species, subject: u32, number: u64) -> Result<Option<Sample>, Error> {
        Ok(match (&self.source, self.source.subject(self.seed, subject), species) {
            (Source::Fingers { devices, .. }, Subject::Finger(finger), Species::GelatineFinger) => {
                Some(gelatine_finger(&finger, &devices[0], CaptureQuality::new(self.quality)?, number))
            }
            (Source::Faces { devices }, Subject::Face(face), Species::PrintedFace) => {
                Some(printed_face(&face, &devices[0], self.nuisance(self.quality)?, number).0)
            }
            (Source::Faces { devices }, Subject::Face(face), Species::ReplayedScreen) => {
                Some(replayed_screen(&face, &devices[0], self.nuisance(self.quality)?, number).0)
            }
            _ => None,
        })
    }

    /// Makes the training set of a detector of artefacts for the handset's sensor; `None` for embeddings.
    ///
    /// # Errors
    ///
    /// [`Error::Datasets`] for an invalid quality.
    pub fn training(&self, subjects: Range<u64>) -> Result<Option<TrainingSamples>, Error> {
        Ok(match &self.source {
            Source::Fingers { devices, .. } => {
                let quality = CaptureQuality::new(self.quality)?;
                Some(TrainingSamples::fingers(self.seed, subjects, &devices[0], quality))
            }
            Source::Faces { devices } => {
                Some(TrainingSamples::faces(self.seed, subjects, &devices[0], self.nuisance(self.quality)?))
            }
            Source::Points { .. } => None,
        })
    }

    /// Makes a template of an image as a handset would.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] for anything but a failure to acquire.
    pub fn template(&self, sample: &Sample) -> Result<Result<Template, AcquisitionFailure>, Error> {
        let made = match &self.source {
            Source::Fingers { extractor, .. } => {
                extractor.extract(sample).and_then(|features| FixedLength::builtin().template(&features))
            }
            _ => face_extraction::Extractor::builtin().template(sample),
        };
        match made {
            Ok(template) => Ok(Ok(template)),
            Err(biopay_biometrics::Error::FailureToAcquire(reason)) => Ok(Err(reason)),
            Err(other) => Err(other.into()),
        }
    }

    /// Converts a quality to a nuisance. Both scales have their default in the middle: a quality of 0.5 is a nuisance
    /// of 1.
    fn nuisance(&self, quality: f32) -> Result<Nuisance, Error> {
        Ok(Nuisance::new(2.0 * (1.0 - quality))?)
    }

    fn image(&self, subject: &Subject, key: CaptureKey) -> Result<Option<Sample>, Error> {
        let quality = self.quality_after(key.age_months);
        Ok(match (&self.source, subject) {
            (Source::Fingers { devices, .. }, Subject::Finger(finger)) => {
                let quality = CaptureQuality::new(quality)?;
                Some(finger.capture(&devices[key.sensor as usize], quality, touch(key)).sample)
            }
            (Source::Faces { devices }, Subject::Face(face)) => {
                Some(face.capture(&devices[key.sensor as usize], self.nuisance(quality)?, touch(key)).sample)
            }
            _ => None,
        })
    }

    /// Returns the quality of a probe, which decreases with the time since enrolment, as the scores of real ones do.
    fn quality_after(&self, months: u16) -> f32 {
        (self.quality - self.ageing_per_year * f32::from(months) / 12.0).max(0.0)
    }

    fn take(&self, subject: &Subject, key: CaptureKey) -> Result<Captured, Error> {
        let sample = self.image(subject, key)?;
        let clock = SystemClock::new();
        let template = match (&self.source, subject, sample) {
            (_, _, Some(sample)) => self.template(&sample)?,
            (Source::Points { population }, Subject::Point(subject), None) => Ok(point(population, *subject, key)),
            _ => return Err(Error::Usage("a subject without a sensor".into())),
        };
        Ok(Captured { template, extraction: Some(clock.elapsed()) })
    }
}

impl Source {
    fn new(biometric: &Biometric, seed: u64, subjects: u64) -> Result<Self, Error> {
        let names = [&biometric.device, &biometric.second_device];
        let unknown = |name: &str| Error::Usage(format!("{name:?} is not a sensor"));
        Ok(match biometric.modality {
            Modality::Fingerprint => {
                let [first, second] = names.map(|name| Device::named(name).ok_or_else(|| unknown(name)));
                Self::Fingers { devices: [first?, second?], extractor: Extractor::new() }
            }
            Modality::Face => {
                let [first, second] = names.map(|name| face::Device::named(name).ok_or_else(|| unknown(name)));
                Self::Faces { devices: [first?, second?] }
            }
            Modality::Embedding => {
                Self::Points { population: Box::new(embedding::EmbeddingPopulation::new(seed, subjects)) }
            }
        })
    }

    fn subject(&self, seed: u64, subject: u32) -> Subject {
        match self {
            Self::Fingers { .. } => Subject::Finger(Box::new(Finger::generate(seed, u64::from(subject), None))),
            Self::Faces { .. } => Subject::Face(Box::new(Face::generate(seed, u64::from(subject)))),
            Self::Points { .. } => Subject::Point(u64::from(subject)),
        }
    }
}

/// Returns the number of a touch: the same capture number on another sensor is another touch.
fn touch(key: CaptureKey) -> u64 {
    u64::from(key.number) << 1 | u64::from(key.sensor == Sensor::SecondDevice)
}

/// Draws one embedding, with its binary form.
fn point(population: &embedding::EmbeddingPopulation, subject: u64, key: CaptureKey) -> Template {
    let vector = population.capture_of(subject + 1, touch(key)).vector;
    Template::from_embedding(vector, EMBEDDING_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_the_same_template_whether_made_in_advance_or_late() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        for (modality, device) in [("fingerprint", "optical"), ("face", "handset"), ("embedding", "none")] {
            one_key_one_template(&scenario, modality, device);
        }
    }

    fn one_key_one_template(scenario: &Scenario, modality: &str, device: &str) {
        let mut scenario = scenario.clone();
        scenario.biometric.modality = serde_json::from_value(modality.into()).unwrap();
        scenario.biometric.device = device.into();
        scenario.biometric.second_device = device.into();
        let key = CaptureKey { subject: 3, sensor: Sensor::SecondDevice, number: 7, age_months: 0 };
        let mut early = Sensors::new(&scenario).unwrap();
        early.prepare(&[key], &AtomicBool::new(false), &|_| {}).unwrap();
        let late = Sensors::new(&scenario).unwrap();
        assert_eq!(early.sample(key).unwrap(), late.sample(key).unwrap());
        assert_eq!(early.capture(key).unwrap().template, late.capture(key).unwrap().template);
        let other = late.capture(CaptureKey { number: 8, ..key }).unwrap().template;
        assert_ne!(late.capture(key).unwrap().template, other, "{modality}");
    }

    #[test]
    fn an_old_enrolment_meets_worse_probes() {
        let mut scenario = Scenario::load("quickstart", &[]).unwrap();
        scenario.biometric.ageing_per_year = 0.1;
        let sensors = Sensors::new(&scenario).unwrap();
        assert_eq!(sensors.quality_after(0), 0.7);
        assert!((sensors.quality_after(24) - 0.5).abs() < 1e-6 && sensors.quality_after(1_200) == 0.0);
    }
}
