//! From a biometric sample to features, template, derivation scheme and QR payload.
//!
//! ```text
//! Sample ──extract──► features ──► Template ──enrol / derive──► QrPayload ──verify──► ComparisonDecision
//! ```
//!
//! No I/O, no clock, no operating-system randomness: everything here is a pure function of its arguments.

#![warn(clippy::wildcard_enum_match_arm, unreachable_pub)]

// What everything below is made of.
pub mod bits;
pub mod error;
mod learn;
mod named;

// The captured image, and the check for artefacts before anything else is done with it.
pub mod presentation;
pub mod sample;

// From the image to features and a template.
pub mod face;
pub mod fingerprint;
pub mod projection;
pub mod template;

// Every pair of many templates.
pub mod comparison;

// From a template to a QR payload.
pub mod code;
pub mod scheme;

// What an adversary achieves against a scheme.
pub mod attack;

pub use bits::BitString;
pub use error::{AcquisitionFailure, Error};
pub use sample::{Modality, Sample};
pub use scheme::QrPayload;
pub use template::{PlacedMinutia, Template};
