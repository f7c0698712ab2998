//! Image folders: `SUBJECT_IMPRESSION.png` beside a manifest.
//!
//! ```text
//! folder ──list──► samples by name ──read, decode──► Sample: upright, on white, of one resolution
//!            └───► a count of everything else, by reason
//! ```
//! Whatever reads samples from files goes through here, so that one file gives one sample everywhere.

mod decode;
mod jpeg2000;
mod listing;
mod make;
mod manifest;
mod read;
mod resolution;
mod sheet;
mod size;
mod write;
mod wsq;

pub use listing::{Listing, NamedFile, NotTaken, list_images, list_records, not_taken_text};
pub use make::FolderSummary;
pub(crate) use make::make_once;
pub use manifest::{MANIFEST_NAME, Manifest, ManifestFile};
pub use read::{Copies, NamedSample, PixelDigest, read_image, read_images};
pub use sheet::contact_sheet;
pub use size::PIXELS_MAX;
pub use write::write_image;
pub(crate) use write::{encode_colour, encode_image, write_file};
