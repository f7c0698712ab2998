//! A run folder is written beside its place and moved there in one step.

use super::contents::Records;
use super::digest;
use super::manifest as manifest_file;
use super::manifest::Manifest;
use crate::error::Error;
use crate::records::tables;
use std::fs;
use std::path::{Path, PathBuf};

/// The file that says that a folder belongs to a run that has not ended.
pub const CLAIM: &str = ".biopay-run";

/// A run folder that is being written.
///
/// Files go to a temporary sibling; [`finish`](Self::finish) moves it into place, so that a reader sees a whole run or
/// none. An earlier run in that place is replaced, anything else is refused.
pub struct RunWriter {
    target: PathBuf,
    staging: tempfile::TempDir,
}

impl RunWriter {
    /// Prepares to write to `target`.
    ///
    /// # Errors
    /// [`Error::Occupied`] when something other than a run is there.
    pub fn create(target: &Path) -> Result<Self, Error> {
        let is_empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        let is_claimed = || target.join(CLAIM).exists();
        if target.exists() && !target.join(manifest_file::FILE).exists() && !is_claimed() && !is_empty() {
            return Err(Error::Occupied(target.to_owned()));
        }
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
        let staging = tempfile::Builder::new().prefix(".run-").tempdir_in(parent).map_err(Error::file(parent))?;
        Ok(Self { target: target.to_owned(), staging })
    }

    /// Takes an empty folder for a run, so that no other run takes it. Returns whether it was free.
    ///
    /// # Errors
    /// [`Error::Occupied`] when something other than a run is there; [`Error::File`].
    pub fn claim(folder: &Path) -> Result<bool, Error> {
        match fs::File::create_new(folder.join(CLAIM)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(Error::file(folder)(error)),
        }
        let others = fs::read_dir(folder).map_err(Error::file(folder))?.count();
        if others > 1 {
            fs::remove_file(folder.join(CLAIM)).map_err(Error::file(folder))?;
            return Err(Error::Occupied(folder.to_owned()));
        }
        Ok(true)
    }

    /// Returns the folder that files of this run may be added to before it is finished.
    pub fn staging(&self) -> &Path {
        self.staging.path()
    }

    /// Writes the tables, the latencies and the manifest, and moves the folder into place.
    ///
    /// The manifest's digests are filled in here. Returns the run folder.
    pub fn finish(self, records: &Records, mut manifest: Manifest) -> Result<PathBuf, Error> {
        let folder = self.staging.path();
        tables::write(folder, &records.comparisons)?;
        tables::write(folder, &records.transactions)?;
        tables::write(folder, &records.attacks)?;
        tables::write(folder, &records.attack_figures)?;
        tables::write(folder, &records.network)?;
        tables::write(folder, &records.server)?;
        records.latency.write_into(folder)?;
        manifest.artefacts = digest::of_folder(folder)?;
        manifest.digest = digest::of_run(&manifest.artefacts);
        let path = folder.join(manifest_file::FILE);
        let text =
            serde_json::to_vec_pretty(&manifest).map_err(|source| Error::Manifest { path: path.clone(), source })?;
        fs::write(&path, text).map_err(Error::file(&path))?;
        self.move_into_place()
    }

    fn move_into_place(self) -> Result<PathBuf, Error> {
        if self.target.exists() {
            fs::remove_dir_all(&self.target).map_err(Error::file(&self.target))?;
        }
        let staged = self.staging.keep();
        set_readable(&staged)?;
        fs::rename(&staged, &self.target).map_err(Error::file(&self.target))?;
        Ok(self.target)
    }
}

/// Opens the folder to other readers: temporary folders are private to their owner.
#[cfg(unix)]
fn set_readable(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(Error::file(folder))
}

#[cfg(not(unix))]
fn set_readable(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_folder::reader::RunReader;

    #[test]
    fn a_run_round_trips_and_replaces_an_earlier_one() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("run");
        for _ in 0..2 {
            RunWriter::create(&target).unwrap().finish(&Records::default(), Manifest::example()).unwrap();
        }
        let reader = RunReader::open(&target).unwrap();
        assert_eq!(reader.manifest().artefacts.len(), 8);
        assert!(reader.records().unwrap().transactions.is_empty());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "no staging folder stays behind");
    }

    #[test]
    fn an_artefact_that_is_not_the_runs_is_refused_by_name() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("run");
        RunWriter::create(&target).unwrap().finish(&Records::default(), Manifest::example()).unwrap();
        let table = target.join("transactions.parquet");
        let whole = fs::read(&table).unwrap();
        fs::write(&table, [&whole[..], b" "].concat()).unwrap();
        let altered = RunReader::open(&target).unwrap_err().to_string();
        assert!(altered.contains("transactions.parquet was altered"), "{altered}");
        fs::remove_file(&table).unwrap();
        let missing = RunReader::open(&target).unwrap_err().to_string();
        assert!(missing.contains("transactions.parquet is missing"), "{missing}");
        fs::write(&table, whole).unwrap();
        assert!(RunReader::open(&target).is_ok());
    }

    #[test]
    fn a_folder_of_something_else_is_never_overwritten() {
        let target = tempfile::tempdir().unwrap();
        fs::write(target.path().join("thesis.tex"), "important").unwrap();
        assert!(matches!(RunWriter::create(target.path()), Err(Error::Occupied(_))));
    }

    #[test]
    fn another_schema_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(manifest_file::FILE), r#"{"schema": 99}"#).unwrap();
        assert!(matches!(RunReader::open(folder.path()), Err(Error::Schema { found: 99, .. })));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(RunReader::open(empty.path()), Err(Error::NotARun(_))));
    }
}
