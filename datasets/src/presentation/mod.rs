//! Presentation attacks: what a camera or a sensor sees of an artefact that shows somebody else's characteristic.
//!
//! ```text
//! stolen photo ──print────► paper ──┐
//! stolen photo ──display──► screen ─┼──► the same camera as for a living face ──► Sample
//! finger ──mould, cast──► gelatine ────► the same sensor as for a living finger ─► Sample
//! ```
//! Each species (ISO/IEC 30107-3) has a model of its own, whose constants say where they come from. As for living subjects,
//! a presentation is a pure function of who, device and number.

mod gelatine_finger;
mod printed_face;
mod recapture;
mod replayed_screen;
mod training;

pub use gelatine_finger::gelatine_finger;
pub use printed_face::printed_face;
pub use replayed_screen::replayed_screen;
pub use training::TrainingSamples;

use biopay_biometrics::Modality;

biopay_biometrics::named_enum! {
    /// A species of presentation attack instrument.
    pub enum Species {
        /// A face printed on paper.
        PrintedFace = "printed-face",
        /// A face shown on a screen.
        ReplayedScreen = "replayed-screen",
        /// A finger cast in gelatine.
        GelatineFinger = "gelatine-finger",
    }
}

impl Species {
    /// Returns the characteristic that it imitates.
    pub fn modality(self) -> Modality {
        match self {
            Self::PrintedFace | Self::ReplayedScreen => Modality::Face,
            Self::GelatineFinger => Modality::Fingerprint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{face, fingerprint};
    use biopay_biometrics::Sample;

    fn present(species: Species, number: u64) -> Sample {
        let (face, finger) = (face::Face::generate(3, 1), fingerprint::Finger::generate(3, 1, None));
        let (camera, nuisance) = (face::Device::named("pc").unwrap(), face::Nuisance::new(0.3).unwrap());
        let sensor = fingerprint::Device::named("capacitive").unwrap();
        match species {
            Species::PrintedFace => printed_face(&face, &camera, nuisance, number).0,
            Species::ReplayedScreen => replayed_screen(&face, &camera, nuisance, number).0,
            Species::GelatineFinger => {
                gelatine_finger(&finger, &sensor, fingerprint::CaptureQuality::new(0.8).unwrap(), number)
            }
        }
    }

    #[test]
    fn the_same_presentation_has_the_same_bytes_and_another_has_others() {
        for species in Species::ALL {
            let first = present(species, 1);
            assert_eq!(first, present(species, 1), "{}", species.name());
            assert_ne!(first, present(species, 2), "{}", species.name());
            assert_eq!(first.modality, species.modality());
        }
    }
}
