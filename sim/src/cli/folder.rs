//! The run folders that commands write and read: here, or in an object store by way of a temporary folder.

use crate::Error;
use crate::cluster::bucket::{Address, Bucket, Place};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Is where a command's run goes.
pub(super) enum Output {
    /// To a folder of this machine.
    Here(PathBuf),
    /// To a temporary folder, and when it is finished from there to an object store.
    Bucket { bucket: Box<Bucket>, address: Address, staging: TempDir },
}

impl Output {
    /// Prepares a place for a run. An object store is reached here, so that what is wrong with it shows before the run.
    ///
    /// Errors: [`Error::Usage`] where a run is already and is not to be replaced; those of [`Bucket`].
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

    /// Returns the folder of this machine that the run is written to.
    pub fn folder(&self) -> PathBuf {
        match self {
            Self::Here(path) => path.clone(),
            Self::Bucket { staging, .. } => staging.path().join("run"),
        }
    }

    /// Keeps what is written from here on until it is delivered, whatever fails.
    pub fn keep(&mut self) {
        if let Self::Bucket { staging, .. } = self {
            staging.disable_cleanup(true);
        }
    }

    /// Brings the finished run to its place, and returns how that is named, with the report's place.
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

/// Is a run folder to read. One from an object store is gone with this.
pub(super) struct Input {
    folder: PathBuf,
    downloaded: Option<TempDir>,
}

impl Input {
    /// Names a run folder, and downloads it where it is in an object store.
    ///
    /// Errors: those of [`Bucket::download`]. That a folder of this machine is no run shows when it is read.
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

    /// Says whether something that is written into the folder would be lost.
    pub fn is_temporary(&self) -> bool {
        self.downloaded.is_some()
    }
}

fn temporary() -> Result<TempDir, Error> {
    tempfile::Builder::new().prefix("biopay-").tempdir().map_err(Error::file(std::env::temp_dir()))
}

/// Returns a folder that may be written to: one without a run, unless that is to be replaced.
///
/// # Errors
///
/// [`Error::Usage`] where a run is already.
pub(super) fn vacant(out: &Path, overwrite: bool) -> Result<PathBuf, Error> {
    if out.join("manifest.json").exists() && !overwrite {
        let message =
            format!("{} holds a run already: choose another --out, or replace it with --overwrite", out.display());
        return Err(Error::Usage(message));
    }
    Ok(out.to_owned())
}
