//! The training of the parameters that the extractors ship with, on synthetic samples alone.

pub mod face;
pub mod fingerprint;
