//! From a biometric sample to features, template, derivation scheme and QR payload.
//!
//! ```text
//! Sample ──extract──► features ──► Template ──enrol / derive──► QrPayload ──verify──► Verdict
//! ```
//!
//! No I/O, no clock, no operating-system randomness: everything here is a pure function of its arguments.

pub mod attack;
pub mod bits;
pub mod code;
pub mod comparison;
pub mod error;
pub mod face;
pub mod fingerprint;
mod learn;
pub mod payload;
pub mod presentation;
pub mod projection;
pub mod sample;
pub mod scheme;
pub mod template;

pub use bits::BitString;
pub use error::{AcquisitionFailure, Error};
pub use payload::QrPayload;
pub use sample::{Modality, Sample};
pub use template::Template;
