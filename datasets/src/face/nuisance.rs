//! How much captures of one face differ.

use crate::Error;
use serde::{Deserialize, Serialize};

/// The difference between captures of one subject, from 0 (a passport photograph each time) over 1 (the default: people
/// holding a handset) to 2.
///
/// It scales pose, expression, light, years between captures, framing and the camera's faults together.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Nuisance(f32);

impl Nuisance {
    /// Checks a value.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside 0 to 2.
    pub fn new(value: f32) -> Result<Self, Error> {
        if (0.0..=2.0).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::Parameter { name: "nuisance", why: "it must lie from 0 (captures alike) to 2" })
    }

    /// Returns the value, from 0 to 2.
    pub fn value(self) -> f32 {
        self.0
    }
}

impl Default for Nuisance {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f32> for Nuisance {
    type Error = Error;

    fn try_from(value: f32) -> Result<Self, Error> {
        Self::new(value)
    }
}

impl From<Nuisance> for f32 {
    fn from(nuisance: Nuisance) -> Self {
        nuisance.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_from_0_to_2_are_accepted() {
        assert!([0.0, 1.0, 2.0].iter().all(|&v| Nuisance::new(v).is_ok()));
        assert!([-0.1, 2.1, f32::NAN].iter().all(|&v| Nuisance::new(v).is_err()));
    }
}
