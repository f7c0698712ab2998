//! Image folders: `SUBJECT_IMPRESSION.png` beside a manifest.

mod make;
mod manifest;
mod read;
mod sheet;
mod write;

pub use make::FolderSummary;
pub(crate) use make::make_once;
pub use manifest::{MANIFEST_NAME, Manifest, ManifestFile};
pub use read::{NamedImage, NamedSample, PIXELS_MAX, list_files, list_images, read_image, read_images};
pub use sheet::contact_sheet;
pub use write::write_image;
pub(crate) use write::{encode_colour, encode_image, write_file};
