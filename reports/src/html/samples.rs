//! The contact sheet: what the run's handsets captured, and the symbols made of it.

use crate::error::Error;
use crate::plot::escape;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fs;
use std::path::Path;

/// The run folder's subfolder of pictures.
pub const FOLDER: &str = "samples";
const PICTURES_MAX: usize = 48;
const BYTES_MAX: u64 = 512 * 1024;

/// Holds one PNG with the caption that its file name gives.
pub struct Picture {
    caption: String,
    png: Vec<u8>,
}

/// Reads up to 48 pictures in the order of their names. A run without pictures has none to show.
pub fn read(run: &Path) -> Result<Vec<Picture>, Error> {
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

/// Writes the sheet.
pub fn section(pictures: &[Picture]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let figures: String = pictures.iter().map(figure).collect();
    format!(
        r#"<p class="note">Synthetic samples as the devices captured them, and real symbols (ISO/IEC 18004) as the handset shows them.</p><div class="samples">{figures}</div>"#
    )
}

fn figure(picture: &Picture) -> String {
    let caption = escape(&picture.caption);
    let data = BASE64_STANDARD.encode(&picture.png);
    format!(
        r#"<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>"#
    )
}
