//! What people show: fingers, faces, or points that have no image. Each modality is one file, which says how its people
//! are made, captured and turned into templates, and one line of the list below.

mod embedding;
mod face;
mod face_and_finger;
mod fingerprint;
mod fusion;
pub(crate) mod own_extractor;
mod two_fingers;

use crate::Error;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_biometrics::{AcquisitionFailure, Sample, Template};
use biopay_datasets::presentation::{Species, TrainingSamples};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

macro_rules! modalities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $file:ident;)+) => {
        /// What the people of a run or of an evaluation show.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum ModalityId {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl ModalityId {
            /// Every modality, in the order of reports.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name used in scenarios, commands and records.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns how its people are made and captured.
            pub(crate) fn definition(self) -> &'static Definition {
                match self {
                    $(Self::$variant => &$file::DEFINITION,)+
                }
            }
        }
    };
}

modalities! {
    /// A finger on a sensor.
    #[default]
    Fingerprint = "fingerprint", fingerprint;
    /// A face before a camera.
    Face = "face", face;
    /// No image: points like a face network's embeddings, for populations of many thousands.
    Embedding = "embedding", embedding;
    /// Two fingers on a sensor, one after the other, bound together.
    TwoFingers = "two-fingers", two_fingers;
    /// A face before a camera and a finger on a sensor, bound together.
    FaceAndFinger = "face-and-finger", face_and_finger;
}

/// What there is to know of a modality before anybody is made.
pub(crate) struct Definition {
    /// The sensors or cameras by name; empty where samples have no device.
    pub devices: &'static [&'static str],
    /// The device where none is named.
    pub usual_device: &'static str,
    /// Species of artefacts that can stand before its sensors.
    pub species: &'static [Species],
    /// Whether a capture is one image.
    pub has_images: bool,
    /// Whether its templates carry minutiae, which some schemes need.
    pub has_minutiae: bool,
    /// Computes the margins of a template of so many bits from its real-valued form of any scale, as anybody can who has the
    /// program.
    pub margins: fn(&[f32], usize) -> Vec<f32>,
    /// The schemes' parameters where none are given.
    pub usual_parameters: fn() -> SchemeParameters,
    /// Sets its sensors up.
    pub open: fn(&Setting) -> Result<Box<dyn Modality>, Error>,
}

impl Definition {
    /// Returns an error that names the devices there are, where `device` is none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`], with `key` as what the user wrote.
    pub(crate) fn check_device(&self, key: &str, device: &str) -> Result<(), Error> {
        if self.devices.is_empty() || self.devices.contains(&device) {
            return Ok(());
        }
        Err(Error::Usage(format!("{key} = {device:?} is not a sensor: use one of {}", self.devices.join(", "))))
    }
}

/// What a population is made from.
pub(crate) struct Setting {
    /// The seed that everybody follows from.
    pub seed: u64,
    /// How many people there are.
    pub subjects: u64,
    /// The sensors in use, by name.
    pub devices: Vec<String>,
    /// Bits of a template's binary form, where there are no images.
    pub bits: usize,
}

/// The sensors of one modality, and the people that stand before them.
pub(crate) trait Modality: Send + Sync {
    /// Returns a subject.
    fn person(&self, subject: u32) -> Box<dyn Person + '_>;

    /// Makes what a detector of artefacts before the first device is trained on; `None` where there are no images.
    ///
    /// # Errors
    ///
    /// An invalid quality.
    fn detector_training(&self, subjects: Range<u64>, quality: f32) -> Result<Option<TrainingSamples>, Error>;

    /// Makes a template of an image as a handset would.
    ///
    /// # Errors
    ///
    /// What extraction reports beside a failure to acquire.
    fn template(&self, sample: &Sample) -> Result<Acquired, Error>;
}

/// One subject before the sensors. The same arguments give the same capture, whatever else was captured.
pub(crate) trait Person {
    /// Captures an image; `None` where there are no images. `device` counts the devices of the setting, `quality` goes
    /// from 0 (hardest) to 1 (clean), `number` names the capture.
    ///
    /// # Errors
    ///
    /// An invalid quality.
    fn sample(&self, device: usize, quality: f32, number: u64) -> Result<Option<Sample>, Error>;

    /// Captures a template.
    ///
    /// # Errors
    ///
    /// An invalid quality, and what extraction reports beside a failure to acquire.
    fn capture(&self, device: usize, quality: f32, number: u64) -> Result<Acquired, Error>;

    /// Captures `count` templates on the first device.
    ///
    /// # Errors
    ///
    /// Those of [`capture`](Self::capture).
    fn captures(&self, quality: f32, count: u32) -> Result<Vec<Acquired>, Error> {
        (0..count).map(|number| self.capture(0, quality, number.into())).collect()
    }

    /// Captures an artefact of the subject before the first device; `None` where its modality has no such species.
    ///
    /// # Errors
    ///
    /// An invalid quality.
    fn artefact(&self, species: Species, quality: f32, number: u64) -> Result<Option<Sample>, Error>;
}

/// A template, or why the sample was not acquired.
pub(crate) type Acquired = Result<Template, AcquisitionFailure>;

/// Separates failures to acquire from other errors.
fn acquired(made: Result<Template, biopay_biometrics::Error>) -> Result<Acquired, Error> {
    match made {
        Ok(template) => Ok(Ok(template)),
        Err(biopay_biometrics::Error::FailureToAcquire(reason)) => Ok(Err(reason)),
        Err(other) => Err(other.into()),
    }
}

/// Finds devices by name.
fn devices_named<D>(setting: &Setting, find: fn(&str) -> Option<D>) -> Result<Vec<D>, Error> {
    let unknown = |name: &String| Error::Usage(format!("{name:?} is not a sensor"));
    setting.devices.iter().map(|name| find(name).ok_or_else(|| unknown(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modality_captures_the_same_twice_and_others_differ() {
        for &id in ModalityId::ALL {
            let definition = id.definition();
            let devices = vec![definition.usual_device.to_owned()];
            let setting = Setting { seed: 5, subjects: 9, devices, bits: 512 };
            let modality = (definition.open)(&setting).unwrap();
            let capture = |subject, number| modality.person(subject).capture(0, 0.7, number).unwrap();
            assert_eq!(capture(3, 1), capture(3, 1), "{}", id.name());
            assert_ne!(capture(3, 1), capture(3, 2), "{}", id.name());
            assert_ne!(capture(3, 1), capture(4, 1), "{}", id.name());
        }
    }

    #[test]
    fn names_are_those_of_scenarios_and_each_usual_device_is_one() {
        for &id in ModalityId::ALL {
            assert_eq!(serde_json::to_value(id).unwrap(), id.name());
            let definition = id.definition();
            definition.check_device("device", definition.usual_device).unwrap();
        }
        let unknown = ModalityId::Face.definition().check_device("biometric.device", "optical").unwrap_err();
        assert!(unknown.to_string().contains("kiosk"), "{unknown}");
    }
}
