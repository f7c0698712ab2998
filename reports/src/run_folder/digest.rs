//! The digests of a run folder's artefacts.

use crate::error::Error;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Digests every file of the folder and of its subfolders, by path with forward slashes.
pub(super) fn of_folder(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut out = BTreeMap::new();
    let mut pending = vec![(folder.to_owned(), String::new())];
    while let Some((current, prefix)) = pending.pop() {
        for entry in fs::read_dir(&current).map_err(Error::file(&current))? {
            let entry = entry.map_err(Error::file(&current))?;
            let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
            if path.is_dir() {
                pending.push((path, format!("{name}/")));
            } else {
                out.insert(name, of_file(&path)?);
            }
        }
    }
    Ok(out)
}

/// Digests the names and digests of a run's artefacts: the digest of the run.
pub(super) fn of_run(artefacts: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (name, digest) in artefacts {
        hasher.update(format!("{name} {digest}\n"));
    }
    hex(&hasher.finalize())
}

/// Checks that every artefact is the one that the manifest names. Pictures may be left out of a copy: no figure needs them.
///
/// # Errors
///
/// [`Error::Altered`] with the first artefact that is missing or differs.
pub(super) fn check(folder: &Path, artefacts: &BTreeMap<String, String>) -> Result<(), Error> {
    for (name, expected) in artefacts {
        let path = folder.join(name);
        let altered = |why| Error::Altered { path: path.clone(), why };
        if !path.is_file() {
            if name.contains('/') {
                continue;
            }
            return Err(altered("is missing, but the manifest names it"));
        }
        if of_file(&path)? != *expected {
            return Err(altered(
                "was altered after the run, or comes from another run: its SHA-256 is not the manifest's",
            ));
        }
    }
    Ok(())
}

fn of_file(path: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(Error::file(path))?;
    io::copy(&mut file, &mut hasher).map_err(Error::file(path))?;
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
