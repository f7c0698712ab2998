//! Pictures of what a run's handsets captured, and of the symbols made of it.

use crate::error::Error;
use std::fs;
use std::path::Path;

/// The run folder's subfolder of pictures.
pub const FOLDER: &str = "samples";
const PICTURES_MAX: usize = 48;
const BYTES_MAX: u64 = 512 * 1024;

/// A PNG with the caption that its file name gives.
pub(crate) struct Picture {
    /// What it shows.
    pub(crate) caption: String,
    /// The file.
    pub(crate) png: Vec<u8>,
}

/// Reads up to 48 pictures in the order of their names; none where the run has no such folder.
pub(crate) fn read(run: &Path) -> Result<Vec<Picture>, Error> {
    let folder = run.join(FOLDER);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(Error::file(&folder))?;
    let mut paths: Vec<_> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "png")).collect();
    paths.retain(|p| p.metadata().is_ok_and(|m| m.len() <= BYTES_MAX));
    paths.sort();
    paths.into_iter().take(PICTURES_MAX).map(|path| picture(&path)).collect()
}

fn picture(path: &Path) -> Result<Picture, Error> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // What stands before it gives the pictures their order.
    let caption = stem.find("subject_").map_or(stem.as_ref(), |at| &stem[at..]).replace('_', " ");
    Ok(Picture { caption, png: fs::read(path).map_err(Error::file(path))? })
}
