//! How hard captures are.

use crate::Error;
use serde::{Deserialize, Serialize};

/// The quality of captures, from 0 (hardest) to 1 (clean).
///
/// It scales everything that differs between captures of one finger: placement, distortion, moisture, noise, wear.
/// The default, 0.5, is as hard as FVC2002 DB1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct CaptureQuality(f32);

impl CaptureQuality {
    /// Checks a value.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside 0 to 1.
    pub fn new(value: f32) -> Result<Self, Error> {
        if (0.0..=1.0).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::Parameter { name: "quality", why: "it must lie from 0 (hardest) to 1 (clean)" })
    }

    /// Returns the value, from 0 to 1.
    pub fn value(self) -> f32 {
        self.0
    }

    /// Returns the factor on everything that differs between captures: 0 when clean, 1 by default, 2 at the hardest.
    pub(crate) fn severity(self) -> f32 {
        2.0 * (1.0 - self.0)
    }
}

impl Default for CaptureQuality {
    fn default() -> Self {
        Self(0.5)
    }
}

impl TryFrom<f32> for CaptureQuality {
    type Error = Error;

    fn try_from(value: f32) -> Result<Self, Error> {
        Self::new(value)
    }
}

impl From<CaptureQuality> for f32 {
    fn from(quality: CaptureQuality) -> Self {
        quality.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unit_interval_is_accepted() {
        assert!([0.0, 0.5, 1.0].iter().all(|&v| CaptureQuality::new(v).is_ok()));
        assert!([-0.1, 1.1, f32::NAN, f32::INFINITY].iter().all(|&v| CaptureQuality::new(v).is_err()));
    }
}
