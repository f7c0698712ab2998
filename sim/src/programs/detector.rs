//! A detector of presentation attacks of the user's own.

use super::image::Image;
use super::plan::ProgramPlan;
use super::start::start;
use crate::Error;
use biopay_biometrics::Sample;
use biopay_biometrics::presentation::AttackDetector;
use biopay_server::own_program::OwnProgram;
use serde::{Deserialize, Serialize};

/// A program that decides whether a sample is of a living subject. One that fails takes nothing for an attack, and the fault
/// is counted.
pub struct OwnDetector {
    program: OwnProgram,
}

#[derive(Serialize)]
#[serde(tag = "do", rename = "inspect")]
struct Inspect {
    image: Image,
}

#[derive(Deserialize)]
struct Inspected {
    attack: bool,
}

impl OwnDetector {
    /// Starts the program; `None` where none is named.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with what is wrong.
    pub fn start(plan: &ProgramPlan) -> Result<Option<Self>, Error> {
        if plan.is_unset() {
            return Ok(None);
        }
        Ok(Some(Self { program: start(plan, "biometric.detector", "detector")? }))
    }

    /// Lists what went wrong with the program, with how often.
    pub fn faults(&self) -> Vec<(String, u64)> {
        self.program.faults()
    }
}

impl AttackDetector for OwnDetector {
    fn is_attack(&self, sample: &Sample) -> bool {
        let inspected = self.program.ask("inspect", &Inspect { image: Image::of(sample) });
        inspected.is_some_and(|Inspected { attack }| attack)
    }
}
