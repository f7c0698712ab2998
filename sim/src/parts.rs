//! The finished parts of a run that has not ended: a killed run goes on from them.
//!
//! A run is a pure function of scenario, seed and shard, in parts: blocks of captures, the played transactions, each
//! attack, blocks of comparisons. Each part that is whole is a file of the run's own folder, with its SHA-256 before it, so
//! that a torn file is no part. Parts are written when the last ones are [`EVERY`] old, and removed when the run is
//! complete.

use crate::{Error, Scenario, provenance};
use biopay_reports::manifest::Build;
use biopay_reports::run_folder::PARTS;
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The interval at which finished parts are written: what a killed run loses at most, besides the part under way.
pub const EVERY: Duration = Duration::from_secs(10);
/// The file that says what the parts are parts of.
const ORIGIN: &str = "origin.toml";
/// The length of the SHA-256 before a part. Units: bytes.
const SUM_BYTES: usize = 32;

/// What the parts of a run are parts of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The shard, as `i/n`.
    pub shard: String,
    /// The command that began the run.
    pub command: String,
    /// The build that began it: another one may compute otherwise.
    pub build: Build,
    /// The scenario with every default filled in.
    pub scenario: Scenario,
}

impl Origin {
    /// Describes a run of this build.
    pub fn new(scenario: &Scenario, shard: &str, command: &str) -> Self {
        let (shard, command) = (shard.to_owned(), command.to_owned());
        Self { scenario: scenario.clone(), shard, command, build: provenance::build() }
    }

    /// Reads what the parts in a run's folder belong to; `None` where there are none.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where they are another build's or cannot be read.
    pub fn read(run: &Path) -> Result<Option<Self>, Error> {
        let path = run.join(PARTS).join(ORIGIN);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(path)(error)),
        };
        let damaged = |error: toml::de::Error| {
            Error::Usage(format!("{} is damaged ({error}): begin the run again", path.display()))
        };
        // Not JSON, whose reader here rounds the last bit of some numbers otherwise.
        let origin: Self = toml::from_str(&text).map_err(damaged)?;
        if origin.build != provenance::build() {
            return Err(Error::Usage(format!(
                "{} was begun by another build of biopay (commit {}): go on with that one, or begin the run again",
                run.display(),
                origin.build.commit
            )));
        }
        Ok(Some(origin))
    }
}

/// The finished parts of one run. Shared by threads.
pub struct Parts {
    /// Where they are kept, and what they are parts of; `None` for work that is no run.
    kept: Option<(PathBuf, Origin)>,
    clock: SystemClock,
    every: Duration,
    unwritten: Mutex<Unwritten>,
}

/// The parts that are not written yet.
struct Unwritten {
    parts: Vec<(String, Vec<u8>)>,
    last: Duration,
    /// Whether the disk has refused some, which is said once.
    has_failed: bool,
}

impl Parts {
    /// Prepares to keep the parts of a run in its folder, beside those that are there.
    pub fn of(run: &Path, origin: Origin, every: Duration) -> Self {
        Self::new(Some((run.join(PARTS), origin)), every)
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self::new(None, EVERY)
    }

    fn new(kept: Option<(PathBuf, Origin)>, every: Duration) -> Self {
        let clock = SystemClock::new();
        let unwritten = Mutex::new(Unwritten { parts: Vec::new(), last: clock.elapsed(), has_failed: false });
        Self { kept, clock, every, unwritten }
    }

    /// Whether a run's folder has something to go on from.
    pub fn are_in(run: &Path) -> bool {
        run.join(PARTS).join(ORIGIN).exists()
    }

    /// Removes the parts in a run's folder.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn remove(run: &Path) -> Result<(), Error> {
        let folder = run.join(PARTS);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(folder)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Returns a part that an earlier process of the run has finished, whole.
    pub fn find<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = fs::read(self.kept.as_ref()?.0.join(name)).ok()?;
        let (sum, body) = bytes.split_at_checked(SUM_BYTES)?;
        (Sha256::digest(body).as_slice() == sum).then(|| postcard::from_bytes(body).ok()).flatten()
    }

    /// Keeps a finished part, and writes what has gathered if it is time. A disk without space costs the part and not the
    /// run: the run's own files are still to come.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] for a part that cannot be encoded.
    pub fn keep<T: Serialize>(&self, name: &str, part: &T) -> Result<(), Error> {
        if self.kept.is_none() {
            return Ok(());
        }
        let body = postcard::to_stdvec(part).map_err(|e| Error::InvalidRun(format!("the part {name}: {e}")))?;
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.parts.push((name.to_owned(), body));
        if self.clock.elapsed() >= unwritten.last + self.every {
            self.write(&mut unwritten);
        }
        Ok(())
    }

    /// Returns a part, made now unless an earlier process of the run has finished it. What `make` finishes early, because
    /// the run is being stopped, is no part: `is_whole` says so.
    ///
    /// # Errors
    ///
    /// Those of `make` and of [`keep`](Self::keep).
    pub fn find_or_make<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        is_whole: impl FnOnce(&T) -> bool,
        make: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(part) = self.find(name) {
            return Ok(part);
        }
        let made = make()?;
        if is_whole(&made) {
            self.keep(name, &made)?;
        }
        Ok(made)
    }

    /// Writes what has gathered, before a run that was stopped ends.
    pub fn flush(&self) {
        self.write(&mut self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn write(&self, unwritten: &mut Unwritten) {
        unwritten.last = self.clock.elapsed();
        let parts = std::mem::take(&mut unwritten.parts);
        let Some((folder, origin)) = self.kept.as_ref().filter(|_| !parts.is_empty()) else { return };
        let written = prepare(folder, origin).and_then(|()| {
            // A part that has no room does not keep smaller ones out.
            parts.iter().map(|(name, body)| write(folder, name, body)).fold(Ok(()), std::io::Result::and)
        });
        if let Err(error) = written
            && !std::mem::replace(&mut unwritten.has_failed, true)
        {
            let error = Error::file(folder)(error).in_words();
            eprintln!("warning: {error}; the run goes on without keeping its finished parts");
        }
    }
}

/// Makes the folder of parts with what they are parts of.
fn prepare(folder: &Path, origin: &Origin) -> std::io::Result<()> {
    let path = folder.join(ORIGIN);
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(path.with_extension("new"), toml::to_string(origin).map_err(std::io::Error::other)?)?;
    fs::rename(path.with_extension("new"), path)
}

/// Writes a part with its sum before it, so that it appears whole.
fn write(folder: &Path, name: &str, body: &[u8]) -> std::io::Result<()> {
    let path = folder.join(name);
    let new = path.with_extension("new");
    let written =
        fs::write(&new, [Sha256::digest(body).as_slice(), body].concat()).and_then(|()| fs::rename(&new, path));
    // What a full disk took in part holds space that the next part may need.
    written.inspect_err(|_| drop(fs::remove_file(&new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(run: &Path, every: Duration) -> Parts {
        Parts::of(run, Origin::new(&Scenario::default(), "0/1", "biopay run"), every)
    }

    #[test]
    fn a_part_is_found_again_and_a_torn_one_is_not() {
        let run = tempfile::tempdir().unwrap();
        let kept = parts(run.path(), Duration::ZERO);
        kept.keep("a", &vec![1.5_f64, f64::NAN]).unwrap();
        kept.keep("b", &"whole".to_owned()).unwrap();
        let again = parts(run.path(), EVERY);
        assert!(again.find::<Vec<f64>>("a").unwrap()[1].is_nan());
        let path = run.path().join(PARTS).join("b");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(again.find::<String>("b"), None);
        assert_eq!(again.find::<String>("c"), None);
        assert_eq!(Origin::read(run.path()).unwrap().unwrap().shard, "0/1");
    }

    #[test]
    fn a_short_run_writes_no_parts() {
        let run = tempfile::tempdir().unwrap();
        let kept = parts(run.path(), EVERY);
        let made = kept.find_or_make("a", |_| true, || Ok(7_u32)).unwrap();
        assert_eq!((made, run.path().join(PARTS).exists()), (7, false));
        kept.flush();
        assert_eq!(kept.find_or_make("a", |_| true, || Ok(8_u32)).unwrap(), 7);
        kept.find_or_make("half", |_| false, || Ok(1_u32)).unwrap();
        kept.flush();
        assert_eq!(kept.find::<u32>("half"), None);
    }
}
