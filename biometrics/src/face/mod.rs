//! Faces: from an image to a fixed-length template.
//!
//! ```text
//! Sample ─pyramid─► detection ─► alignment ─► verification (is it a face?)
//!        ─► illumination normalisation ─► Gabor, HOG, LBP, each with its mirror image's ─► projection ─► Template
//! ```
//!
//! Everything learnt is learnt from synthetic faces alone (`biopay train face`) and stored in one file.
//!
//! Coordinates: pixels of the image from its top left corner, y downwards; the canonical frame is 112 by 112 with
//! eyes, nose and mouth at [`frame::CANONICAL`].

pub mod frame;
pub mod parameters;

mod alignment;
mod degradation;
mod detection;
mod features;
mod gabor;
mod hog;
mod illumination;
mod lbp;
mod resample;

mod extractor;
#[cfg(feature = "onnx")]
pub mod onnx;
mod train;

pub use extractor::Extractor;
pub use frame::{FacePoints, Frame};
pub use train::TrainingCapture;
