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

mod batch;
mod capture;
mod class;
pub(crate) mod condition;
mod contact;
mod device;
mod finger;
mod grain;
mod minutiae;
mod orientation;
mod period;
mod placement;
pub(crate) mod print;
mod quality;
mod ridges;
pub(crate) mod sensor;
mod skin;
mod truth;

pub use crate::math::Point;
pub use batch::{FolderSpec, TruthFiles, generate_folder};
pub use capture::Capture;
pub use class::{PatternClass, SHARES};
pub use condition::Condition;
pub use device::{Device, Technology};
pub use finger::Finger;
pub use minutiae::{Minutia, MinutiaKind};
pub use orientation::{SingularKind, SingularPoint};
pub use placement::{Deformation, Sweep};
pub use quality::CaptureQuality;
pub use truth::Truth;
