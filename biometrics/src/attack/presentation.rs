//! Presentation attacks: artefacts shown to the sensor, as far as a scheme's acceptance.
//!
//! **Knows.** What the artefact imitates; the handset is the target's own or a borrowed one, so that helper and token are the
//! target's. **Measures.** Of all presentations of one species the share that is acquired, taken for living and accepted:
//! the IAPAR (ISO/IEC 30107-3:2023), of which the highest over the species is reported.
//! **Measured** (`cargo test --release -p biopay-datasets --test presentation -- --nocapture`) on 40 subjects each, four schemes:
//! IAPAR without a detector 34 to 36 of 40 for prints, 33 to 35 for screens, 40 for gelatine (Matsumoto et al. 2002 report 68 to
//! 100 %); with the detector 3, 2 and 0, at a BPCER of 3 of 40 faces and 4 of 40 fingers.
//! Trained on prints alone it misses .175 of the screens.
//! **Control.** Without a detector; the detector alone is measured by its BPCER and APCER ([`crate::presentation`]).

use super::Target;
use crate::presentation::AttackDetector;
use crate::scheme::Scheme;
use crate::{AcquisitionFailure, Sample, Template};

/// The outcome of one presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// No template could be made of it: no response, which counts as not accepted.
    NotAcquired,
    /// The detector took it for an attack.
    Detected,
    /// The scheme refused it.
    Refused,
    /// It was accepted.
    Accepted,
}

/// Presents a sample at a target's enrolment, to a detector first where there is one.
pub fn present(
    scheme: &dyn Scheme,
    target: &Target,
    sample: &Sample,
    template: Result<&Template, AcquisitionFailure>,
    detector: Option<&dyn AttackDetector>,
) -> Presented {
    if detector.is_some_and(|detector| detector.is_attack(sample)) {
        return Presented::Detected;
    }
    let Ok(template) = template else { return Presented::NotAcquired };
    let payload = target.factors().payload(scheme, template);
    if payload.is_ok_and(|payload| target.verify(scheme, &payload).accepted) {
        Presented::Accepted
    } else {
        Presented::Refused
    }
}

/// Returns how many were accepted, and of how many: the IAPAR's two numbers for attacks, and for living subjects those of what
/// is let in.
pub fn accepted(outcomes: &[Presented]) -> (u32, u32) {
    let count = outcomes.iter().filter(|&&outcome| outcome == Presented::Accepted).count();
    (count as u32, outcomes.len() as u32)
}
