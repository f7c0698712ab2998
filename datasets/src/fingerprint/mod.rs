//! Synthetic fingerprints.
//!
//! ```text
//! class ─► orientation ─► period ─► ridges ─► minutiae, skin      a Finger: everything that lasts
//!                                     │
//! condition (placement, contact) ─► print ─► sensor ─► Sample     a Capture: everything that differs
//!                  └──────────────────► truth
//! ```
//!
//! Written from the literature on SFinGe (Cappelli, in Maltoni et al., Handbook of Fingerprint Recognition, ch. 6);
//! each stage's file cites its own source.

mod class;
mod orientation;
mod period;
mod ridges;
mod minutiae;
mod skin;
mod finger;
mod device;
mod quality;
mod placement;
mod contact;
mod condition;
mod print;
mod sensor;
mod truth;
mod capture;
mod batch;

pub use crate::math::Point;
pub use batch::{FolderSpec, FolderSummary, TruthFiles, generate_folder};
pub use capture::Capture;
pub use class::{PatternClass, SHARES};
pub use condition::Condition;
pub use device::{Device, Technology};
pub use finger::Finger;
pub use minutiae::{Minutia, MinutiaKind};
pub use orientation::{SingularKind, SingularPoint};
pub use placement::Deformation;
pub use quality::CaptureQuality;
pub use truth::Truth;
