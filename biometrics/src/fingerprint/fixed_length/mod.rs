//! The fixed-length fingerprint template: compared without alignment.
//!
//! ```text
//! Features ─reference point─► finger's own frame ─describe, pool─► one long vector
//!          ─project─► real-valued form ─project─► bits
//! ```
//! Everything learnt is learnt from synthetic fingers alone (`biopay train fingerprint`) and stored in one file.

mod descriptor;
mod frame;
mod parameters;
mod pooling;
mod reference_point;
mod train;

pub use frame::Pose;
pub use train::TrainingCapture;

use super::{Features, Minutia};
use crate::learn::Affine;
use crate::template::PlacedMinutia;
use crate::{Error, Template};
use descriptor::DescriptorModel;
use frame::Flow;
use parameters::{BITS, REAL_LENGTH};
use pooling::{Evidence, POOLED, PoolingModel};
use reference_point::reference_point;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;
use std::sync::OnceLock;

/// The file format's version, its first byte.
const VERSION: u8 = 2;

/// A maker of fixed-length templates from fingerprint features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedLength {
    descriptor: DescriptorModel,
    pooling: PoolingModel,
    /// `[REAL_LENGTH, POOLED]`.
    real: Affine,
    /// `[BITS, REAL_LENGTH]`, giving margins in within-subject standard deviations.
    bits: Affine,
}

impl FixedLength {
    /// The number of bits of a template's binary form.
    pub const BITS: usize = BITS;
    /// The dimension of a template's real-valued form.
    pub const DIMENSION: usize = REAL_LENGTH;

    /// Returns the parameters that the project ships.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<FixedLength> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let bytes = include_bytes!("builtin.bin");
            Self::from_bytes(bytes).expect("the shipped parameters are read by a test")
        })
    }

    /// Makes the template of one sample.
    ///
    /// Shape: the real-valued form has 256 numbers, the binary form 1024 bits.
    ///
    /// # Errors
    /// None today; a sample that gives features gives a template.
    pub fn template(&self, features: &Features) -> Result<Template, Error> {
        let flow = Flow::new(features);
        let descriptors = self.descriptor.describe(&features.minutiae, &flow);
        let pose = reference_point(&flow);
        let evidence = Evidence { minutiae: &features.minutiae, descriptors: &descriptors, flow: &flow, pose };
        let pooled = self.pooling.pool(&evidence);
        let mut real = vec![0.0; REAL_LENGTH];
        self.real.apply(&pooled, &mut real);
        let margins = self.margins(&real);
        Ok(Template::new(real, margins).with_minutiae(placed(features, pose)))
    }

    /// Returns the margins of a real-valued form of any scale: what anybody can compute who has the program.
    ///
    /// Shape: 256 numbers to 1,024.
    pub fn margins(&self, real: &[f32]) -> Vec<f32> {
        let mut margins = vec![0.0; BITS];
        self.bits.apply(real, &mut margins);
        margins
    }

    /// Writes the parameters: a version byte, then postcard.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("plain vectors always serialise")
    }

    /// Reads parameters that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Malformed`] on another version, or tables of other shapes than this version's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why| Error::Malformed { what: "fixed-length template parameters", why };
        let (&version, rest) = bytes.split_first().ok_or(malformed("they are empty"))?;
        if version != VERSION {
            return Err(malformed("their version is unknown"));
        }
        let model: Self = postcard::from_bytes(rest).map_err(|_| malformed("they are cut short or damaged"))?;
        if model.is_well_formed() { Ok(model) } else { Err(malformed("their tables have other shapes")) }
    }

    fn is_well_formed(&self) -> bool {
        self.descriptor.is_well_formed()
            && self.pooling.is_well_formed()
            && self.real.shape() == (REAL_LENGTH, POOLED)
            && self.bits.shape() == (BITS, REAL_LENGTH)
    }
}

/// Maps minutiae into the finger's own frame.
fn placed(features: &Features, pose: Pose) -> Vec<PlacedMinutia> {
    let place = |minutia: &Minutia| {
        let (x, y) = pose.to_finger(minutia.x, minutia.y);
        let angle = (minutia.angle - pose.angle).rem_euclid(TAU);
        PlacedMinutia { x, y, angle, quality: minutia.quality }
    };
    features.minutiae.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_parameters_are_read_and_written_unchanged() {
        let bytes: &[u8] = include_bytes!("builtin.bin");
        assert_eq!(FixedLength::builtin().to_bytes(), bytes);
        assert!(bytes.len() < 4 << 20, "{} bytes are too many for the repository", bytes.len());
    }

    #[test]
    fn damaged_parameters_are_refused_by_name() {
        let bytes = FixedLength::builtin().to_bytes();
        for damaged in [&bytes[..0], &bytes[..1], &bytes[..bytes.len() / 2], &bytes[1..]] {
            assert!(matches!(FixedLength::from_bytes(damaged), Err(Error::Malformed { .. })));
        }
    }
}
