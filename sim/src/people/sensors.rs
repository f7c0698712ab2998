//! The sensors of a run: captures of its people, turned into templates as a handset would.

use crate::Error;
use crate::modality::own_extractor::open_with;
use crate::modality::{Modality, Person, Setting};
use crate::programs::OwnExtractor;
use crate::scenario::Biometric;
use biopay_biometrics::{AcquisitionFailure, Sample, Template};
use biopay_datasets::presentation::{Species, TrainingSamples};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The sensor that captured: one of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Sensor {
    /// The sensor of the enrolled handset.
    Handset,
    /// The sensor of the second device.
    SecondDevice,
}

/// The key of one capture of one subject; the same key gives the same image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

/// The result of a capture: a template, or the reason why there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Captured {
    /// The template, or why the sample was not acquired.
    pub template: Result<Template, AcquisitionFailure>,
    /// The wall-clock time of feature extraction and template, returned once: `None` if the capture was prepared in
    /// advance.
    pub extraction: Option<Duration>,
}

/// The scenario's two sensors, and the captures that were made with them in advance.
pub struct Sensors {
    modality: Box<dyn Modality>,
    extractor: Option<Arc<OwnExtractor>>,
    species: &'static [Species],
    device_names: [String; 2],
    quality: f32,
    ageing_per_year: f32,
    ready: BTreeMap<CaptureKey, Captured>,
}

/// Bits of an embedding's binary form.
const EMBEDDING_BITS: usize = 1_024;

impl Sensors {
    /// Sets up the sensors of a number of subjects.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a sensor that does not exist, which a scenario's check has ruled out.
    pub fn new(biometric: &Biometric, seed: u64, subjects: u32) -> Result<Self, Error> {
        let definition = biometric.modality.definition();
        let device_names = match definition.devices {
            [] => [definition.usual_device; 2].map(str::to_owned),
            [_, ..] => [biometric.device.clone(), biometric.second_device.clone()],
        };
        let setting =
            Setting { seed, subjects: u64::from(subjects), devices: device_names.to_vec(), bits: EMBEDDING_BITS };
        let extractor = OwnExtractor::start(&biometric.extractor)?.map(Arc::new);
        Ok(Self {
            modality: open_with(definition, &setting, extractor.clone())?,
            extractor,
            species: definition.species,
            device_names,
            quality: biometric.quality as f32,
            ageing_per_year: biometric.ageing_per_year as f32,
            ready: BTreeMap::new(),
        })
    }

    /// Returns a sensor's name.
    pub fn device(&self, sensor: Sensor) -> &str {
        &self.device_names[sensor as usize]
    }

    /// Makes captures on all cores, subject by subject, and calls `progress` after each. Stops early when `stop` is set,
    /// and returns the captures made so far.
    ///
    /// # Errors
    ///
    /// What extraction reports beside a failure to acquire.
    pub fn take_all(
        &self,
        keys: &[CaptureKey],
        stop: &AtomicBool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<(CaptureKey, Captured)>, Error> {
        let mut by_subject: BTreeMap<u32, Vec<CaptureKey>> = BTreeMap::new();
        for &key in keys {
            by_subject.entry(key.subject).or_default().push(key);
        }
        let session = |(subject, keys): (u32, Vec<CaptureKey>)| {
            let person = self.modality.person(subject);
            let mut made = Vec::new();
            for key in keys.into_iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
                made.push((key, self.take(person.as_ref(), key)?));
                progress(1);
            }
            Ok(made)
        };
        let made: Vec<Vec<_>> = by_subject.into_par_iter().map(session).collect::<Result<_, Error>>()?;
        Ok(made.into_iter().flatten().collect())
    }

    /// Adds captures that are ready before the run needs them.
    pub fn admit(&mut self, captures: impl IntoIterator<Item = (CaptureKey, Captured)>) {
        self.ready.extend(captures);
    }

    /// Returns a capture: a prepared one, or else a new one.
    ///
    /// # Errors
    ///
    /// What extraction reports beside a failure to acquire.
    pub fn capture(&self, key: CaptureKey) -> Result<Captured, Error> {
        match self.ready.get(&key) {
            Some(captured) => Ok(Captured { extraction: None, ..captured.clone() }),
            None => self.take(self.modality.person(key.subject).as_ref(), key),
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
    /// An invalid quality.
    pub fn sample(&self, key: CaptureKey) -> Result<Option<Sample>, Error> {
        self.image(self.modality.person(key.subject).as_ref(), key)
    }

    /// Returns the images of a subject's captures with each sensor, the first of each: making the subject takes as long as
    /// several images.
    ///
    /// # Errors
    ///
    /// An invalid quality.
    pub fn pictures(&self, subject: u32) -> Result<Vec<(Sensor, Sample)>, Error> {
        let person = self.modality.person(subject);
        let picture = |sensor| {
            let key = CaptureKey { subject, sensor, number: 0, age_months: 0 };
            Ok(self.image(person.as_ref(), key)?.map(|sample| (sensor, sample)))
        };
        [Sensor::Handset, Sensor::SecondDevice].into_iter().filter_map(|sensor| picture(sensor).transpose()).collect()
    }

    /// Lists what went wrong with an extractor of the user's own, with how often.
    pub fn faults(&self) -> Vec<(String, u64)> {
        self.extractor.as_ref().map_or_else(Vec::new, |extractor| extractor.faults())
    }

    /// Whether an artefact of a species can stand before the scenario's sensor.
    pub fn can_imitate(&self, species: Species) -> bool {
        self.species.contains(&species)
    }

    /// Returns the image that the handset's sensor takes of an artefact of a subject; `None` where the modality has no
    /// such species.
    ///
    /// # Errors
    ///
    /// An invalid quality.
    pub fn artefact(&self, species: Species, subject: u32, number: u64) -> Result<Option<Sample>, Error> {
        self.modality.person(subject).artefact(species, self.quality, number)
    }

    /// Makes the training set of a detector of artefacts for the handset's sensor; `None` for embeddings.
    ///
    /// # Errors
    ///
    /// An invalid quality.
    pub fn training(&self, subjects: Range<u64>) -> Result<Option<TrainingSamples>, Error> {
        self.modality.detector_training(subjects, self.quality)
    }

    /// Makes a template of an image as a handset would.
    ///
    /// # Errors
    ///
    /// What extraction reports beside a failure to acquire.
    pub fn template(&self, sample: &Sample) -> Result<Result<Template, AcquisitionFailure>, Error> {
        self.modality.template(sample)
    }

    fn image(&self, person: &dyn Person, key: CaptureKey) -> Result<Option<Sample>, Error> {
        person.sample(key.sensor as usize, self.quality_after(key.age_months), touch(key))
    }

    /// Returns the quality of a probe that is taken months after enrolment: probes get worse with time, as scores of real
    /// ones do.
    fn quality_after(&self, months: u16) -> f32 {
        (self.quality - self.ageing_per_year * f32::from(months) / 12.0).max(0.0)
    }

    fn take(&self, person: &dyn Person, key: CaptureKey) -> Result<Captured, Error> {
        let sample = self.image(person, key)?;
        let clock = SystemClock::new();
        let template = match &sample {
            Some(sample) => self.modality.template(sample)?,
            None => person.capture(key.sensor as usize, self.quality_after(key.age_months), touch(key))?,
        };
        Ok(Captured { template, extraction: Some(clock.elapsed()) })
    }
}

/// Returns the number of a touch: the same number on another sensor is another touch.
fn touch(key: CaptureKey) -> u64 {
    u64::from(key.number) << 1 | u64::from(key.sensor == Sensor::SecondDevice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_the_same_template_whether_made_in_advance_or_late() {
        for (modality, device) in [("fingerprint", "optical"), ("face", "handset"), ("embedding", "none")] {
            one_key_one_template(modality, device);
        }
    }

    fn one_key_one_template(modality: &str, device: &str) {
        let biometric = Biometric {
            modality: serde_json::from_value(modality.into()).unwrap(),
            device: device.into(),
            second_device: device.into(),
            ..Biometric::default()
        };
        let key = CaptureKey { subject: 3, sensor: Sensor::SecondDevice, number: 7, age_months: 0 };
        let mut early = Sensors::new(&biometric, 1, 10).unwrap();
        early.admit(early.take_all(&[key], &AtomicBool::new(false), &|_| {}).unwrap());
        let late = Sensors::new(&biometric, 1, 10).unwrap();
        assert_eq!(early.sample(key).unwrap(), late.sample(key).unwrap());
        assert_eq!(early.capture(key).unwrap().template, late.capture(key).unwrap().template);
        let other = late.capture(CaptureKey { number: 8, ..key }).unwrap().template;
        assert_ne!(late.capture(key).unwrap().template, other, "{modality}");
    }

    #[test]
    fn an_old_enrolment_meets_worse_probes() {
        let biometric = Biometric { quality: 0.7, ageing_per_year: 0.1, ..Biometric::default() };
        let sensors = Sensors::new(&biometric, 1, 10).unwrap();
        assert_eq!(sensors.quality_after(0), 0.7);
        assert!((sensors.quality_after(24) - 0.5).abs() < 1e-6 && sensors.quality_after(1_200) == 0.0);
    }
}
