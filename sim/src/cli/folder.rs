//! The run folders that commands write and read: on this machine, or in an object store through a temporary folder.

use crate::Error;
use crate::cluster::bucket::{Address, Bucket, Place};
use crate::parts::Parts;
use biopay_reports::RunWriter;
use biopay_reports::run_folder::CLAIM;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The destination of a command's run.
pub(super) enum Output {
    /// A folder of this machine.
    Here(PathBuf),
    /// A temporary folder, which is uploaded to an object store when the run is finished.
    Bucket { bucket: Box<Bucket>, address: Address, staging: TempDir },
}

impl Output {
    /// Prepares the destination of a run. An object store is contacted now, so that its errors show before the run.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is a run that may not be replaced; the errors of [`Bucket`].
    pub(super) fn open(out: &Path, overwrite: bool) -> Result<Self, Error> {
        let address = match Place::parse(out)? {
            Place::Here(path) => return Ok(Self::Here(vacant(&path, overwrite)?)),
            Place::Bucket(address) => address,
        };
        let bucket = Box::new(Bucket::open(&address)?);
        if bucket.holds_a_run()? && !overwrite {
            let message = "already contains a run: choose another --out, or replace the run with --overwrite";
            return Err(Error::Usage(format!("{address} {message}")));
        }
        Ok(Self::Bucket { bucket, address, staging: temporary()? })
    }

    /// Returns the folder of this machine into which the run is written.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::Here(path) => path.clone(),
            Self::Bucket { staging, .. } => staging.path().join("run"),
        }
    }

    /// Keeps the temporary folder from now on until it is delivered, even after an error.
    pub(super) fn keep(&mut self) {
        if let Self::Bucket { staging, .. } = self {
            staging.disable_cleanup(true);
        }
    }

    /// Moves the finished run to its destination, and returns the names of the run folder and of its report.
    ///
    /// # Errors
    ///
    /// Those of [`Bucket::upload`]. The run then stays in its temporary folder, which is printed.
    pub(super) fn deliver(self) -> Result<(String, String), Error> {
        let folder = self.folder();
        let Self::Bucket { bucket, address, mut staging } = self else {
            return Ok((folder.display().to_string(), folder.join("report.html").display().to_string()));
        };
        // A run in an object store cannot go on.
        Parts::remove(&folder)?;
        if let Err(error) = bucket.upload(&folder) {
            eprintln!("the run is kept in {}", folder.display());
            return Err(error);
        }
        staging.disable_cleanup(false);
        Ok((address.to_string(), format!("{address}/report.html")))
    }
}

/// A run folder to read. A downloaded copy is deleted with this value.
pub(super) struct Input {
    folder: PathBuf,
    downloaded: Option<TempDir>,
}

impl Input {
    /// Opens a run folder, and downloads it if it is in an object store.
    ///
    /// # Errors
    ///
    /// The errors of [`Bucket::download`]. Whether a folder of this machine holds a run shows only when it is read.
    pub(super) fn open(place: &Path) -> Result<Self, Error> {
        let address = match Place::parse(place)? {
            Place::Here(folder) => return Ok(Self { folder, downloaded: None }),
            Place::Bucket(address) => address,
        };
        let bucket = Bucket::open(&address)?;
        let temporary = temporary()?;
        // Errors about the run then name its bucket and prefix as well.
        let folder = temporary.path().join(address.bucket()).join(address.prefix());
        bucket.download(&folder)?;
        Ok(Self { folder, downloaded: Some(temporary) })
    }

    /// Returns the folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns whether files written into the folder would be lost.
    pub(super) fn is_temporary(&self) -> bool {
        self.downloaded.is_some()
    }
}

fn temporary() -> Result<TempDir, Error> {
    tempfile::Builder::new().prefix("biopay-").tempdir().map_err(Error::file(std::env::temp_dir()))
}

/// Claims a folder for this run: a new one, an empty one or, with `overwrite`, one that contains a run.
///
/// # Errors
///
/// [`Error::Usage`] if there is a run, or another run has claimed the folder.
pub(super) fn vacant(out: &Path, overwrite: bool) -> Result<PathBuf, Error> {
    if holds_runs(out) {
        if overwrite {
            return Ok(out.to_owned());
        }
        let message = format!(
            "{} already contains a run: choose another --out, or replace the run with --overwrite",
            out.display()
        );
        return Err(Error::Usage(message));
    }
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
    }
    let is_new = fs::create_dir(out);
    match is_new.map_err(|error| error.kind()) {
        Ok(()) | Err(ErrorKind::AlreadyExists) if RunWriter::claim(out)? => Ok(out.to_owned()),
        // The lock on the claim decides whether that run is still under way.
        Ok(()) | Err(ErrorKind::AlreadyExists) if overwrite => Ok(out.to_owned()),
        Ok(()) | Err(ErrorKind::AlreadyExists) => Err(Error::Usage(format!(
            "{} belongs to another run that has not ended: choose another --out (if that run was killed: biopay run \
             --resume {0}, or remove the folder)",
            out.display()
        ))),
        Err(kind) => Err(Error::file(out)(kind.into())),
    }
}

/// Whether a folder holds a run, or those of a search in folders of their own.
fn holds_runs(folder: &Path) -> bool {
    let inner = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    inner.chain([folder.to_owned()]).any(|folder| folder.join(MANIFEST).exists())
}

/// Claims the first free folder of `runs/NAME-1`, `runs/NAME-2` and so on. Runs that start at the same time get different ones.
///
/// # Errors
///
/// [`Error::Usage`] for a name that would leave the folder, [`Error::File`] where no folder can be made.
pub(super) fn claim_next(name: &str) -> Result<PathBuf, Error> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        return Err(Error::Usage(format!(
            "the scenario's name {name:?} does not make a folder: use letters and dashes, or name the folder with --out"
        )));
    }
    let runs = Path::new("runs");
    fs::create_dir_all(runs).map_err(Error::file(runs))?;
    for number in 1_u32.. {
        let candidate = runs.join(format!("{name}-{number}"));
        match fs::create_dir(&candidate) {
            Ok(()) if RunWriter::claim(&candidate)? => return Ok(candidate),
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::file(candidate)(error)),
        }
    }
    Err(Error::Usage("runs/ has a folder for every number: remove some".into()))
}

/// Releases a claimed folder, and removes it if nothing was written into it. Returns false, and leaves it claimed, if it has
/// parts from which its run can go on.
pub(super) fn release(folder: &Path) -> bool {
    if Parts::are_in(folder) {
        return false;
    }
    // A disk that was full may have taken the folder of parts and nothing else.
    Parts::remove(folder).ok();
    // What cannot be removed is no longer empty, and stays.
    fs::remove_file(folder.join(CLAIM)).ok();
    fs::remove_dir(folder).ok();
    true
}

const MANIFEST: &str = "manifest.json";
