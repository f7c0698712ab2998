//! Making a folder once: the manifest says whether it is already there.

use super::manifest::{MANIFEST_NAME, Manifest, ManifestFile};
use crate::Error;
use std::path::Path;

/// The result of making a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderSummary {
    /// Images in the folder.
    pub images: usize,
    /// Images that were generated now: 0 when the folder was already there.
    pub generated: usize,
}

/// Makes a folder of `images` images by its recipe, unless the very same folder is already there.
///
/// The manifest is written last, so a folder that was interrupted is made again.
pub(crate) fn make_once(
    recipe: Manifest,
    images: usize,
    out: &Path,
    progress: &(dyn Fn(usize) + Sync),
    generate: impl FnOnce() -> Result<Vec<ManifestFile>, Error>,
) -> Result<FolderSummary, Error> {
    if let Some(found) = Manifest::read(out).filter(|m| m.same_recipe(&recipe) && m.is_complete(out)) {
        debug_assert!(!found.files.is_empty());
        progress(images);
        return Ok(FolderSummary { images, generated: 0 });
    }
    clear_older(out)?;
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    Manifest { files: generate()?, ..recipe }.write(out)?;
    Ok(FolderSummary { images, generated: images })
}

/// Removes what an older manifest lists, so that no image of another recipe stays behind.
fn clear_older(out: &Path) -> Result<(), Error> {
    let Some(older) = Manifest::read(out) else { return Ok(()) };
    let plain = |name: &str| Path::new(name).file_name().is_some_and(|file| file == name);
    let names = older.files.iter().map(|file| file.name.as_str()).chain([MANIFEST_NAME]);
    for path in names.filter(|name| plain(name)).map(|name| out.join(name)) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
