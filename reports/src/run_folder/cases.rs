//! False accepts, each kept as a case that somebody can look at: both samples, both symbols, every try's score.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The run folder's subfolder of cases: for each, `NAME.json` and `NAME_PICTURE.png`.
pub const FOLDER: &str = "cases";
/// The most bytes of a picture that is read.
const BYTES_MAX: u64 = 512 * 1024;

/// One false accept. The session's events are in the transaction with the same handset and intended start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Subject who enrolled the account.
    pub account_subject: u32,
    /// Subject who was let through.
    pub presenter_subject: u32,
    /// The presenter's handset.
    pub handset: u32,
    /// When the transaction was meant to start. Units: microseconds.
    pub intended_start_us: u64,
    /// Derivation scheme.
    pub scheme: String,
    /// Each try, up to the one that was accepted.
    pub tries: Vec<CaseTry>,
}

/// One try of a false accept, compared again off line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseTry {
    /// Comparison score, larger is more similar; null for an equality scheme or a failure.
    pub score: Option<f32>,
    /// Whether the scheme accepts it.
    pub accepted: bool,
    /// Why there was nothing to compare; null otherwise.
    pub failure: Option<String>,
}

/// A case's pictures with what each shows, in the order in which they are shown.
pub const PICTURES: [(&str, &str); 4] = [
    ("enrolled", "captured at enrolment"),
    ("presented", "captured by the impostor"),
    ("enrolled-qr", "enrolled QR"),
    ("presented-qr", "QR that was accepted"),
];

/// Returns the path of a case's picture.
pub fn picture_path(folder: &Path, name: &str, picture: &str) -> PathBuf {
    folder.join(format!("{name}_{picture}.png"))
}

/// Writes a case's description as `NAME.json`.
pub fn write(folder: &Path, name: &str, case: &Case) -> Result<(), Error> {
    let path = folder.join(name).with_extension("json");
    let text = serde_json::to_vec_pretty(case).map_err(|source| Error::Manifest { path: path.clone(), source })?;
    std::fs::write(&path, text).map_err(Error::file(path))
}

/// A case's pictures in the order of [`PICTURES`], as PNG; `None` for one that is not there.
pub type Pictures = Vec<Option<Vec<u8>>>;

/// Reads the first `most` cases of a run in the order of their names, with their pictures by [`PICTURES`]; a picture
/// that is not there is `None`.
pub fn read(run: &Path, most: usize) -> Result<Vec<(Case, Pictures)>, Error> {
    let folder = run.join(FOLDER);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder).map_err(Error::file(&folder))?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    paths.sort();
    paths.into_iter().take(most).map(|path| read_one(&folder, path)).collect()
}

fn read_one(folder: &Path, path: PathBuf) -> Result<(Case, Pictures), Error> {
    let text = std::fs::read(&path).map_err(Error::file(&path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let case = serde_json::from_slice(&text).map_err(|source| Error::Manifest { path, source })?;
    let picture = |(picture, _): &(&str, &str)| {
        let path = picture_path(folder, &name, picture);
        path.metadata().ok().filter(|m| m.len() <= BYTES_MAX).and_then(|_| std::fs::read(path).ok())
    };
    Ok((case, PICTURES.iter().map(picture).collect()))
}
