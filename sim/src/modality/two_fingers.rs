//! Two fingers of each person on one sensor, one after the other.

use super::fusion::{Fusion, margins, parameters};
use super::{Definition, Modality, Setting, fingerprint};
use crate::Error;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;

/// Two fingers.
pub(super) const DEFINITION: Definition = Definition {
    devices: fingerprint::DEFINITION.devices,
    usual_device: fingerprint::DEFINITION.usual_device,
    species: &[],
    has_images: false,
    has_minutiae: false,
    margins: |real, _| margins([&fingerprint::DEFINITION; 2], [FixedLength::BITS; 2], real),
    usual_parameters: || parameters(2 * FixedLength::BITS),
    open,
};

/// Opens two populations of fingers: those of one person follow each other.
fn open(setting: &Setting) -> Result<Box<dyn Modality>, Error> {
    let open = || (fingerprint::DEFINITION.open)(setting);
    Ok(Box::new(Fusion { parts: [open()?, open()?], numbers: |subject| [2 * subject, 2 * subject + 1] }))
}
