//! A run folder is written in a folder within itself, and appears whole: the manifest comes last.

use super::contents::Records;
use super::digest;
use super::manifest as manifest_file;
use super::manifest::Manifest;
use crate::error::Error;
use crate::records::tables;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// The file that says that a folder belongs to a run that has not ended. The process that writes the run holds a lock on it.
pub const CLAIM: &str = ".biopay-run";
/// The folder of a run's finished parts, from which it goes on if it is ended early.
pub const PARTS: &str = ".biopay-parts";
/// The beginning of the name of the folder in which the run's files are written.
const STAGING: &str = ".biopay-new-";
/// The files that are written beside a run's artefacts when it ends.
const DERIVED: [&str; 3] = ["report.html", "summary.json", "junit.xml"];

/// A run folder that is being written.
///
/// Files go to a folder within the run's own; [`finish`](Self::finish) moves them into place, the manifest last, so that a
/// reader sees a whole run or none, and a process that is killed leaves nothing outside the run's folder. An earlier run
/// in that place is replaced, anything else is refused.
pub struct RunWriter {
    target: PathBuf,
    is_new: bool,
    staging: Option<tempfile::TempDir>,
    lock: File,
}

impl RunWriter {
    /// Prepares to write to `target`.
    ///
    /// # Errors
    /// [`Error::Occupied`] when something other than a run is there, [`Error::Written`] when another process writes it.
    pub fn create(target: &Path) -> Result<Self, Error> {
        let is_empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        let is_claimed = || target.join(CLAIM).exists();
        if target.exists() && !target.join(manifest_file::FILE).exists() && !is_claimed() && !is_empty() {
            return Err(Error::Occupied(target.to_owned()));
        }
        let is_new = !target.exists();
        fs::create_dir_all(target).map_err(Error::file(target))?;
        let lock = lock(target)?;
        remove_staging(target);
        let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(target).map_err(Error::file(target))?;
        Ok(Self { target: target.to_owned(), is_new, staging: Some(staging), lock })
    }

    /// Takes an empty folder for a run, so that no other run takes it. Returns whether it was free.
    ///
    /// # Errors
    /// [`Error::Occupied`] when something other than a run is there; [`Error::File`].
    pub fn claim(folder: &Path) -> Result<bool, Error> {
        match File::create_new(folder.join(CLAIM)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
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
        self.staging.as_ref().map_or(&self.target, |staging| staging.path())
    }

    /// Writes the tables, the latencies and the manifest, and moves them into place.
    ///
    /// The manifest's digests are filled in here. Returns the run folder.
    pub fn finish(mut self, records: &Records, mut manifest: Manifest) -> Result<PathBuf, Error> {
        let folder = self.staging();
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
        self.move_into_place()?;
        Ok(self.target.clone())
    }

    /// Removes an earlier run's files, and moves the new ones into their place.
    fn move_into_place(&mut self) -> Result<(), Error> {
        let Some(staging) = self.staging.take() else { return Ok(()) };
        remove_run(&self.target)?;
        let mut last = None;
        for entry in fs::read_dir(staging.path()).map_err(Error::file(staging.path()))? {
            let entry = entry.map_err(Error::file(staging.path()))?;
            match entry.file_name() == manifest_file::FILE {
                true => last = Some(entry),
                false => move_entry(&entry, &self.target)?,
            }
        }
        last.map_or(Ok(()), |manifest| move_entry(&manifest, &self.target))?;
        drop(staging);
        fs::remove_file(self.target.join(CLAIM)).map_err(Error::file(&self.target))
    }
}

/// Removes what an unfinished writing has left; the lock goes with the process anyway.
impl Drop for RunWriter {
    fn drop(&mut self) {
        if self.staging.take().is_some() && self.is_new {
            // What another part of the program has put there stays.
            fs::remove_file(self.target.join(CLAIM)).ok();
            fs::remove_dir(&self.target).ok();
        }
        self.lock.unlock().ok();
    }
}

/// Locks a run's folder for this process, as long as the file is open.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(CLAIM);
    let file = File::options().create(true).append(true).open(&path).map_err(Error::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Written(folder.to_owned())),
        // A file system without locks: the claim alone has to do.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Removes the files that a killed process has begun.
fn remove_staging(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let begun = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGING));
    begun.for_each(|entry| drop(fs::remove_dir_all(entry.path())));
}

/// Removes a run's files: what its manifest lists and what is derived from it, and nothing else.
fn remove_run(folder: &Path) -> Result<(), Error> {
    let manifest = folder.join(manifest_file::FILE);
    let Ok(text) = fs::read(&manifest) else { return Ok(()) };
    let listed = serde_json::from_slice::<Manifest>(&text).map(|manifest| manifest.artefacts).unwrap_or_default();
    fs::remove_file(&manifest).map_err(Error::file(&manifest))?;
    // A name that leads out of the folder is no artefact, whoever wrote it there.
    let is_inside = |name: &&str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    for name in listed.keys().map(String::as_str).chain(DERIVED).filter(is_inside) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::file(&path)(error)),
            Ok(()) | Err(_) => {}
        }
        // A folder of pictures goes with its last picture.
        path.parent().filter(|parent| *parent != folder).map(|parent| fs::remove_dir(parent).ok());
    }
    Ok(())
}

/// Moves a file, or the files of a folder, into the run's folder.
fn move_entry(entry: &fs::DirEntry, target: &Path) -> Result<(), Error> {
    let (from, to) = (entry.path(), target.join(entry.file_name()));
    if !to.is_dir() {
        return fs::rename(&from, &to).map_err(Error::file(&to));
    }
    for inner in fs::read_dir(&from).map_err(Error::file(&from))? {
        move_entry(&inner.map_err(Error::file(&from))?, &to)?;
    }
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
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing stays beside the run");
        let hidden = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
        assert_eq!(fs::read_dir(&target).unwrap().flatten().filter(hidden).count(), 0, "nor within it");
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
    fn a_replaced_run_takes_its_own_files_with_it_and_no_others() {
        let target = tempfile::tempdir().unwrap();
        let writer = RunWriter::create(target.path()).unwrap();
        fs::create_dir(writer.staging().join("samples")).unwrap();
        fs::write(writer.staging().join("samples/a.png"), "picture").unwrap();
        writer.finish(&Records::default(), Manifest::example()).unwrap();
        fs::write(target.path().join("notes.txt"), "mine").unwrap();
        RunWriter::create(target.path()).unwrap().finish(&Records::default(), Manifest::example()).unwrap();
        assert!(target.path().join("notes.txt").exists() && !target.path().join("samples").exists());
    }

    #[test]
    fn a_folder_has_one_writer_and_one_that_gave_up_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("run");
        let writer = RunWriter::create(&target).unwrap();
        assert!(matches!(RunWriter::create(&target), Err(Error::Written(_))));
        drop(writer);
        assert!(!target.exists());
        assert!(RunWriter::create(&target).is_ok());
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
