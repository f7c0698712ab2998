//! A face before the handset's camera and a finger on its sensor.

use super::fusion::{Fusion, margins, parameters};
use super::{Definition, Modality, Setting, face, fingerprint};
use crate::Error;
use biopay_biometrics::face::Extractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;

/// A face and a finger.
pub(super) const DEFINITION: Definition = Definition {
    devices: &[],
    usual_device: "camera and sensor of a handset",
    species: &[],
    has_images: false,
    has_minutiae: false,
    margins: |real, _| {
        margins([&face::DEFINITION, &fingerprint::DEFINITION], [Extractor::BITS, FixedLength::BITS], real)
    },
    usual_parameters: || parameters(Extractor::BITS + FixedLength::BITS),
    open,
};

/// Opens faces and fingers, each before its own usual device.
fn open(setting: &Setting) -> Result<Box<dyn Modality>, Error> {
    let of = |definition: &Definition| {
        let devices = vec![definition.usual_device.to_owned(); setting.devices.len()];
        (definition.open)(&Setting { devices, ..*setting })
    };
    Ok(Box::new(Fusion {
        parts: [of(&face::DEFINITION)?, of(&fingerprint::DEFINITION)?],
        numbers: |subject| [subject; 2],
    }))
}
