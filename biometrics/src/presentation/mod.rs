//! Presentation attack detection: whether a sample shows a living subject or an artefact (ISO/IEC 30107-1).
//!
//! ```text
//! Sample ──quality and frequency features──► numbers ──linear──► score, larger is likelier an attack ──threshold──► decision
//! ```
//! A simple detector on one grey image, without motion, depth or colour: it is here so that a scenario can switch one on and
//! read off what it is worth, not to compete. It is trained on what the caller gives it, the same samples giving the same
//! detector up to the last bits of a matrix product.

mod detector;
mod features;

pub use detector::{AttackDetector, Detector, DetectorRates};
