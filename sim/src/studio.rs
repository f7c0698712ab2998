//! The studio: synthetic samples from sensors, turned into templates as a handset would.

use crate::Error;
use crate::scenario::Scenario;
use biopay_biometrics::fingerprint::Extractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::{AcquisitionFailure, Sample, Template};
use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Names which of the two sensors captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sensor {
    /// The enrolled handset's.
    Handset,
    /// The second device's.
    SecondDevice,
}

/// Names one capture of one subject; the same key gives the same image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaptureKey {
    /// The capture subject.
    pub subject: u32,
    /// The sensor.
    pub sensor: Sensor,
    /// The capture's number.
    pub number: u32,
}

/// Is what came of a capture: a template, or the reason why not.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The template, or why the sample was not acquired.
    pub template: Result<Template, AcquisitionFailure>,
    /// How long features and template took on the wall clock, said once: `None` where the capture was ready before.
    pub extraction: Option<Duration>,
}

/// Makes captures, and keeps those that were made in advance.
pub struct Studio {
    seed: u64,
    devices: [Device; 2],
    quality: CaptureQuality,
    extractor: Extractor,
    ready: BTreeMap<CaptureKey, Captured>,
}

impl Studio {
    /// Sets up the scenario's sensors.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            seed: scenario.seed,
            devices: scenario.devices(),
            quality: scenario.quality(),
            extractor: Extractor::new(),
            ready: BTreeMap::new(),
        }
    }

    /// Returns a sensor's profile.
    pub fn device(&self, sensor: Sensor) -> &Device {
        match sensor {
            Sensor::Handset => &self.devices[0],
            Sensor::SecondDevice => &self.devices[1],
        }
    }

    /// Makes captures in advance, on all cores, a subject at a time; `progress` hears of each. Stops early, keeping
    /// what was made, when `stop` is set.
    ///
    /// Errors: what extraction reports that is no failure to acquire.
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
            let finger = self.finger(subject);
            let mut made = Vec::new();
            for key in keys.into_iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
                made.push((key, self.take(&finger, key)?));
                progress(1);
            }
            Ok(made)
        };
        let made: Vec<Vec<_>> = by_subject.into_par_iter().map(session).collect::<Result<_, Error>>()?;
        self.ready.extend(made.into_iter().flatten());
        Ok(())
    }

    /// Returns a capture, made now unless it is ready.
    ///
    /// Errors: what extraction reports that is no failure to acquire.
    pub fn capture(&self, key: CaptureKey) -> Result<Captured, Error> {
        match self.ready.get(&key) {
            Some(captured) => Ok(Captured { extraction: None, ..captured.clone() }),
            None => self.take(&self.finger(key.subject), key),
        }
    }

    /// Iterates over the captures that are ready, in the order of their keys.
    pub fn ready(&self) -> impl Iterator<Item = (CaptureKey, &Captured)> {
        self.ready.iter().map(|(&key, captured)| (key, captured))
    }

    /// Returns the image of a capture.
    pub fn sample(&self, key: CaptureKey) -> Sample {
        self.image(&self.finger(key.subject), key)
    }

    fn finger(&self, subject: u32) -> Finger {
        Finger::generate(self.seed, u64::from(subject), None)
    }

    fn image(&self, finger: &Finger, key: CaptureKey) -> Sample {
        // One number names one touch; the same number on another sensor is another touch.
        let touch = u64::from(key.number) << 1 | u64::from(key.sensor == Sensor::SecondDevice);
        finger.capture(self.device(key.sensor), self.quality, touch).sample
    }

    fn take(&self, finger: &Finger, key: CaptureKey) -> Result<Captured, Error> {
        let sample = self.image(finger, key);
        let clock = SystemClock::new();
        let template = match self.extractor.extract(&sample).and_then(|f| FixedLength::builtin().template(&f)) {
            Ok(template) => Ok(template),
            Err(biopay_biometrics::Error::FailureToAcquire(reason)) => Err(reason),
            Err(other) => return Err(other.into()),
        };
        Ok(Captured { template, extraction: Some(clock.elapsed()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_the_same_template_whether_made_in_advance_or_late() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        let key = CaptureKey { subject: 3, sensor: Sensor::SecondDevice, number: 7 };
        let mut early = Studio::new(&scenario);
        early.prepare(&[key], &AtomicBool::new(false), &|_| {}).unwrap();
        let late = Studio::new(&scenario);
        assert_eq!(early.sample(key), late.sample(key));
        assert_eq!(early.capture(key).unwrap().template, late.capture(key).unwrap().template);
        let other = late.capture(CaptureKey { number: 8, ..key }).unwrap().template;
        assert_ne!(late.capture(key).unwrap().template, other);
    }
}
