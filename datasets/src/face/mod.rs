//! Synthetic faces.
//!
//! ```text
//! measurements, traits ─► head ─┐
//! complexion ─► skin, eyes ─────┼─► a Face: everything that lasts
//! hair, beard, glasses, ears ───┘        │
//! condition (pose, expression, framing) ─┼─► raster ─► shade (light, shadow) ─► sensor ─► Sample     a Capture
//!                  └─────────────────────┴─► truth
//! ```
//!
//! No third-party model data: the generic head is sculpted from curves, and shaped to sampled anthropometry after
//! DeCarlo, Metaxas and Stone 1998. Coordinates: millimetres, x to the image's right, y up, z towards the camera.

mod accessory;
mod anthropometry;
mod background;
mod batch;
mod beard;
mod body;
mod brow;
mod capture;
pub(crate) mod colour;
mod condition;
mod device;
mod expression;
mod eye;
mod generic;
mod hair;
mod identity;
mod jpeg;
mod landmarks;
mod light;
mod mesh;
mod nuisance;
mod raster;
mod scenery;
pub(crate) mod sensor;
mod shade;
mod shape;
mod skin;
mod truth;
mod vector;
mod warp;

pub use accessory::Cover;
pub use anthropometry::{MEASURES, Measure, Measurements, Sex};
pub use batch::{FolderSpec, Palette, generate_folder};
pub use capture::Capture;
pub use condition::Condition;
pub use device::Device;
pub use expression::Expression;
pub use identity::Face;
pub use nuisance::Nuisance;
pub use scenery::scenery;
pub use truth::{FacePoints, Truth};
