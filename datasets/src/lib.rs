//! Synthetic fingers, the sensors that capture them, and readers for real image folders.
//!
//! ```text
//! (seed, subject) ──generate──► Finger ──capture(device, quality, n)──► Sample + Truth ──► image folder + manifest
//! (seed, subject) ──generate──► Face ────capture(device, nuisance, n)─► Sample + Truth ──► image folder + manifest
//! ```
//!
//! Everything is a pure function of its arguments: randomness comes from [`stream`]s keyed by what they are for, and
//! transcendental functions from `libm`, so that one seed gives the same bytes on every machine and in every order.

#![warn(clippy::wildcard_enum_match_arm, unreachable_pub)]

// What everything below is made of.
pub mod error;
mod math;
mod noise;
pub mod stream;

// Subjects, and what sensors and cameras capture of them.
pub mod embedding;
pub mod face;
pub mod fingerprint;
pub mod optics;
pub mod presentation;

// Samples in files.
pub mod folder;

pub use error::Error;
