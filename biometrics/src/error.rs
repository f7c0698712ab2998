//! The crate's one error enum.

use serde::{Deserialize, Serialize};

/// The reason why a sample could not be acquired (ISO/IEC 19795-1: counted as a failure to acquire, never dropped).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum AcquisitionFailure {
    /// The image has fewer pixels than a comparison needs.
    #[error("the image is too small")]
    TooSmall,
    /// The image has more pixels than the extractor is willing to hold in memory.
    #[error("the image is too large")]
    TooLarge,
    /// The resolution is outside the range that the extractor handles.
    #[error("the resolution is outside 250 to 1000 pixels per inch")]
    Resolution,
    /// The image shows nothing: it has almost no contrast.
    #[error("the image is blank")]
    Blank,
    /// There is contrast, but no characteristic of the expected kind.
    #[error("no finger or face was found in the image")]
    NoSubject,
    /// A characteristic was found, with too few usable features.
    #[error("too few usable features were found")]
    TooFewFeatures,
    /// The user's own extractor made no template.
    #[error("the user's own program made no template of it")]
    OwnProgram,
}

/// Everything that can go wrong in this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The sample could not be turned into features.
    #[error("failure to acquire: {0}")]
    FailureToAcquire(#[from] AcquisitionFailure),
    /// The captures at hand do not give a reference (ISO/IEC 19795-1: a failure to enrol).
    #[error("failure to enrol: {0}")]
    FailureToEnrol(&'static str),
    /// The probe is too far from the reference for an equality scheme to give its payload again.
    #[error("failed to derive a payload from this probe")]
    FailedToDerive,
    /// The enrolment is bound to a device token, and none was given.
    #[error("this enrolment is bound to a device token: derive on the device that holds it")]
    MissingToken,
    /// A payload, record or helper datum does not have the form that the scheme writes.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A parameter is outside the range in which the scheme or code is defined.
    #[error("invalid parameter {name}: {why}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// What is allowed.
        why: &'static str,
    },
}
