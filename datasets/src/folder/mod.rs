//! Image folders: `SUBJECT_IMPRESSION.png` beside a manifest.

mod manifest;
mod read;
mod sheet;
mod write;

pub use manifest::{MANIFEST_NAME, Manifest, ManifestFile};
pub use read::{NamedSample, PIXELS_MAX, read_image, read_images};
pub use sheet::contact_sheet;
pub use write::write_image;
pub(crate) use write::{encode_image, write_file};
