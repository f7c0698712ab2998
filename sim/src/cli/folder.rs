//! The run folders that commands write and read: on this machine, or in an object store through a temporary folder.

use crate::Error;
use crate::cluster::bucket::{Address, Bucket, Place};
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
    pub fn open(out: &Path, overwrite: bool) -> Result<Self, Error> {
        let address = match Place::parse(out)? {
            Place::Here(path) => return Ok(Self::Here(vacant(&path, overwrite)?)),
            Place::Bucket(address) => address,
        };
        let bucket = Box::new(Bucket::open(&address)?);
        if bucket.holds_a_run()? && !overwrite {
            let message = "holds a run already: choose another --out, or replace it with --overwrite";
            return Err(Error::Usage(format!("{address} {message}")));
        }
        Ok(Self::Bucket { bucket, address, staging: temporary()? })
    }

    /// Returns the folder of this machine into which the run is written.
    pub fn folder(&self) -> PathBuf {
        match self {
            Self::Here(path) => path.clone(),
            Self::Bucket { staging, .. } => staging.path().join("run"),
        }
    }

    /// Keeps the temporary folder from now on until it is delivered, even after an error.
    pub fn keep(&mut self) {
        if let Self::Bucket { staging, .. } = self {
            staging.disable_cleanup(true);
        }
    }

    /// Moves the finished run to its destination, and returns the names of the run folder and of its report.
    ///
    /// Errors: those of [`Bucket::upload`]. The run then stays in its temporary folder, which is printed.
    pub fn deliver(self) -> Result<(String, String), Error> {
        let folder = self.folder();
        let Self::Bucket { bucket, address, mut staging } = self else {
            return Ok((folder.display().to_string(), folder.join("report.html").display().to_string()));
        };
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
    pub fn open(place: &Path) -> Result<Self, Error> {
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
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns whether files written into the folder would be lost.
    pub fn is_temporary(&self) -> bool {
        self.downloaded.is_some()
    }
}

fn temporary() -> Result<TempDir, Error> {
    tempfile::Builder::new().prefix("biopay-").tempdir().map_err(Error::file(std::env::temp_dir()))
}

/// Returns a folder into which a run may be written: one without a run, unless the run may be replaced.
///
/// # Errors
///
/// [`Error::Usage`] if there is a run.
pub(super) fn vacant(out: &Path, overwrite: bool) -> Result<PathBuf, Error> {
    if out.join("manifest.json").exists() && !overwrite {
        let message =
            format!("{} holds a run already: choose another --out, or replace it with --overwrite", out.display());
        return Err(Error::Usage(message));
    }
    Ok(out.to_owned())
}
